package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Reject is one line that could not become a response, with where it came from.
type Reject struct {
	Cluster string
	Topic   string
	Epoch   uint32
	block.RejectRow
}

// RejectFilter narrows a listing; zero values and nil narrow nothing.
type RejectFilter struct {
	Cluster, Topic, Reason string
	Epoch                  *uint32
	Partition              *int32
	Offset                 *int64
	// First and End narrow to the offsets [First, End), when End is over 0.
	First, End int64
	// Since and Until bound Kafka's record timestamp: [Since, Until).
	Since, Until time.Time
	// Limit bounds the listing; 0 takes 1000.
	Limit int
}

const defaultRejects = 1000

type rejectScan struct {
	Cluster        string    `ch:"cluster"`
	Topic          string    `ch:"topic"`
	Epoch          uint32    `ch:"epoch"`
	Partition      int32     `ch:"partition"`
	Offset         int64     `ch:"offset"`
	Index          uint32    `ch:"idx"`
	RecordTS       time.Time `ch:"record_ts"`
	Reason         string    `ch:"reason"`
	Detail         string    `ch:"detail"`
	Format         string    `ch:"format"`
	DecoderVersion uint32    `ch:"decoder_version"`
	Raw            string    `ch:"raw"`
}

// Rejects lists rejects in the order of cluster, topic, epoch, partition,
// offset and index, each once.
func (s *Store) Rejects(ctx context.Context, f RejectFilter) ([]Reject, error) {
	where, args := f.where()
	limit := f.Limit
	if limit <= 0 {
		limit = defaultRejects
	}
	scans, err := Select[rejectScan](ctx, s, "SELECT cluster, topic, epoch, partition, offset, idx, record_ts, reason, detail, format, decoder_version, raw FROM "+
		s.Table(schema.Rejects)+" FINAL"+where+
		fmt.Sprintf(" ORDER BY cluster, topic, epoch, partition, offset, idx LIMIT %d", limit), args...)
	if err != nil {
		return nil, fmt.Errorf("list rejects: %w", err)
	}
	list := make([]Reject, len(scans))
	for i, r := range scans {
		list[i] = Reject{Cluster: r.Cluster, Topic: r.Topic, Epoch: r.Epoch, RejectRow: block.RejectRow{
			Partition: r.Partition, Offset: r.Offset, Index: r.Index, RecordUnixMilli: r.RecordTS.UnixMilli(),
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
	First   time.Time `ch:"first"` // Kafka's record timestamps
	Last    time.Time `ch:"last"`
}

// CountRejects counts what Rejects would list, without its limit, by topic and
// reason, the most frequent first.
func (s *Store) CountRejects(ctx context.Context, f RejectFilter) ([]RejectCount, error) {
	where, args := f.where()
	list, err := Select[RejectCount](ctx, s, "SELECT topic, reason, count() AS rejects, min(record_ts) AS first, max(record_ts) AS last FROM "+
		s.Table(schema.Rejects)+" FINAL"+where+" GROUP BY topic, reason ORDER BY rejects DESC, topic, reason", args...)
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
	if !f.Since.IsZero() {
		add("record_ts >= fromUnixTimestamp64Milli(?)", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("record_ts < fromUnixTimestamp64Milli(?)", f.Until.UnixMilli())
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}
