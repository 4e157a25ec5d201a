package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Reject is one line that could not become a response, and where it came from.
type Reject struct {
	Cluster string
	Topic   string
	Epoch   uint32
	block.RejectRow
}

// rejectLate is how long after a block's declaration its rejects still have that
// time as the one when they were stored.
const rejectLate = time.Hour

// storedAt is when the rejects of a block count as stored, which is what they
// live from and what names their table partition. Tokens count by partition, so
// it is the declaration's time, which a repetition has too, on whichever side of
// midnight: the same INSERT goes to the same partition and is dropped there. A
// block that is stored much later, after an outage or by a repair, has the
// present time: its rejects are to live as long as any others. A repetition of
// that can leave them in two partitions; whoever reads them takes each once.
func storedAt(c *block.Contents, now time.Time) time.Time {
	if at := time.Unix(c.DeclaredUnix, 0); now.Sub(at).Abs() <= rejectLate {
		return at
	}
	return now
}

// rejects is the subquery of all rejects.
func (s *Store) rejects() string { return schema.RejectsOf("`" + s.database + "`") }

// RejectFilter narrows a listing; zero values and nil narrow nothing.
type RejectFilter struct {
	Cluster, Topic, Reason string
	Epoch                  *uint32
	Partition              *int32
	Offset                 *int64
	// First and End narrow to the offsets [First, End), when End is over 0.
	First, End int64
	// Limit bounds the listing; 0 takes 1000.
	Limit int
}

const defaultRejects = 1000

type rejectScan struct {
	Cluster        string `ch:"cluster"`
	Topic          string `ch:"topic"`
	Epoch          uint32 `ch:"epoch"`
	Partition      int32  `ch:"partition"`
	Offset         int64  `ch:"offset"`
	Index          uint32 `ch:"idx"`
	RecordMS       int64  `ch:"record_ms"` // a timestamp may be beyond what a DateTime64 is read as
	Reason         string `ch:"reason"`
	Detail         string `ch:"detail"`
	Format         string `ch:"format"`
	DecoderVersion uint32 `ch:"decoder_version"`
	Raw            string `ch:"raw"`
}

// Rejects lists rejects in the order of cluster, topic, epoch, partition,
// offset and index, each once.
func (s *Store) Rejects(ctx context.Context, f RejectFilter) ([]Reject, error) {
	where, args := f.where()
	limit := f.Limit
	if limit <= 0 {
		limit = defaultRejects
	}
	scans, err := Select[rejectScan](ctx, s,
		"SELECT cluster, topic, epoch, partition, offset, idx, toUnixTimestamp64Milli(record_ts) AS record_ms, reason, detail, format, decoder_version, raw FROM "+
			s.rejects()+where+
			fmt.Sprintf(" ORDER BY cluster, topic, epoch, partition, offset, idx LIMIT %d", limit), args...)
	if err != nil {
		return nil, fmt.Errorf("list rejects: %w", err)
	}
	list := make([]Reject, len(scans))
	for i, r := range scans {
		list[i] = Reject{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, RejectRow: block.RejectRow{
			Partition: r.Partition, Offset: r.Offset, Index: r.Index, RecordUnixMilli: r.RecordMS,
			Reason: r.Reason, Detail: r.Detail, Format: r.Format, DecoderVersion: r.DecoderVersion, Raw: r.Raw,
		}}
	}
	return list, nil
}

// RejectCount is how many rejects of a topic have a reason.
type RejectCount struct {
	Topic   string    `ch:"topic"`
	Reason  string    `ch:"reason"`
	Rejects uint64    `ch:"rejects"`
	First   time.Time `ch:"first"` // when they were stored
	Last    time.Time `ch:"last"`
}

// CountRejects counts what Rejects would list, without its limit, by topic and reason,
// the most frequent first.
func (s *Store) CountRejects(ctx context.Context, f RejectFilter) ([]RejectCount, error) {
	where, args := f.where()
	list, err := Select[RejectCount](ctx, s,
		"SELECT topic, reason, count() AS rejects, min(stored_at) AS first, max(stored_at) AS last FROM "+
			s.rejects()+where+" GROUP BY topic, reason ORDER BY rejects DESC, topic, reason", args...)
	if err != nil {
		return nil, fmt.Errorf("count rejects: %w", err)
	}
	return list, nil
}

func (f RejectFilter) where() (string, []any) {
	var terms []string
	var args []any
	add := func(term string, arg any) {
		terms, args = append(terms, term), append(args, arg)
	}
	if f.Cluster != "" {
		add("cluster = ?", f.Cluster)
	}
	if f.Topic != "" {
		add("topic = ?", f.Topic)
	}
	if f.Reason != "" {
		add("reason = ?", f.Reason)
	}
	if f.Epoch != nil {
		add("epoch = ?", *f.Epoch)
	}
	if f.Partition != nil {
		add("partition = ?", *f.Partition)
	}
	if f.Offset != nil {
		add("offset = ?", *f.Offset)
	}
	if f.End > 0 {
		add("offset >= ?", f.First)
		add("offset < ?", f.End)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}
