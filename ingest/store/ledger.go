package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// WriteLedger implements block.Store. The row is on disk when it returns: the
// table syncs every insert.
func (s *Store) WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error {
	token := row.ID.String() + "/" + string(schema.Ledger) + "/" + string(row.Kind) + "/" + string(row.State)
	if row.Kind == block.KindReplay || row.Kind == block.KindDiscard {
		// Several rows of one range differ by the rejects in their note.
		sum := sha256.Sum256([]byte(row.Note))
		token += "/" + hex.EncodeToString(sum[:8])
	}
	if row.Kind == block.KindForget {
		token += "/" + strconv.FormatInt(row.WrittenAt.UnixMilli(), 10) // each is one
	}
	if row.Cluster == block.FileCluster {
		// A file has one writer, which reads the ledger first. A row that it does not
		// find there is to be written, even when an engine that was killed has lost
		// it and kept its token.
		token += "/" + strconv.FormatInt(row.WrittenAt.UnixMilli(), 10)
	}
	j := job{table: schema.Ledger, columns: ledgerColumns([]block.LedgerRow{row}), to: 1}
	if err := s.insert(ctx, j, token, fence); err != nil {
		return fmt.Errorf("insert block %s into ledger as %s: %w", row.ID, row.State, Classify(err))
	}
	return nil
}

func ledgerDays(name schema.Column, read reader[[]aggregate.DayCount]) insertColumn {
	return insertColumn{
		name: name,
		wire: "Array(Tuple(day Date, responses UInt64, keyed UInt64, addressed UInt64))",
		put: func(w *wire, _ *scratch, from, to int) {
			days, end := read(nil, from, to), uint64(0)
			for _, list := range days {
				end += uint64(len(list))
				w.u64(end)
			}
			for _, list := range days {
				for _, d := range list {
					w.u16s([]uint16{uint16(d.Day)})
				}
			}
			for _, sum := range []aggregate.Sum{aggregate.Responded, aggregate.Keyed, aggregate.Addressed} {
				for _, list := range days {
					for _, d := range list {
						w.u64(sum.Of(d))
					}
				}
			}
		},
	}
}

// ledgerAgented is parallel to ledgerDays: a column that is newer than the tuple of
// the others.
func ledgerAgented(name schema.Column, read reader[[]aggregate.DayCount]) insertColumn {
	return insertColumn{
		name: name,
		wire: "Array(UInt64)",
		put: func(w *wire, _ *scratch, from, to int) {
			days, end := read(nil, from, to), uint64(0)
			for _, list := range days {
				end += uint64(len(list))
				w.u64(end)
			}
			for _, list := range days {
				for _, d := range list {
					w.u64(d.Agented)
				}
			}
		},
	}
}

// ledgerSelect reads rows as ledgerScan takes them.
const ledgerSelect = "cluster, topic, epoch, partition, first, end, kind, state, `group`, instance, config_hash, version," +
	" records, responses, rejected, holes, arrayMap(d -> toInt32(toUInt16(d)), days.day) AS day, days.responses AS day_responses," +
	" days.keyed AS day_keyed, days.addressed AS day_addressed, arrayResize(day_agented, length(days)) AS agented, min_event, max_event, toUnixTimestamp64Milli(last_record_ts) AS last_record_ms, mixed, inserts, topic_id, note, written_at, toInt64(toUnixTimestamp(declared_at)) AS declared_unix"

type ledgerScan struct {
	Cluster      string    `ch:"cluster"`
	Topic        string    `ch:"topic"`
	Epoch        uint32    `ch:"epoch"`
	Partition    int32     `ch:"partition"`
	First        int64     `ch:"first"`
	End          int64     `ch:"end"`
	Kind         string    `ch:"kind"`
	State        string    `ch:"state"`
	Group        string    `ch:"group"`
	Instance     string    `ch:"instance"`
	ConfigHash   string    `ch:"config_hash"`
	Version      string    `ch:"version"`
	Records      uint64    `ch:"records"`
	Responses    uint64    `ch:"responses"`
	Rejected     uint64    `ch:"rejected"`
	Holes        uint64    `ch:"holes"`
	Day          []int32   `ch:"day"`
	DayResponses []uint64  `ch:"day_responses"`
	DayKeyed     []uint64  `ch:"day_keyed"`
	DayAddressed []uint64  `ch:"day_addressed"`
	DayAgented   []uint64  `ch:"agented"`
	MinEvent     time.Time `ch:"min_event"`
	MaxEvent     time.Time `ch:"max_event"`
	LastRecordMS int64     `ch:"last_record_ms"` // a timestamp may be beyond what a DateTime64 is read as
	Mixed        uint8     `ch:"mixed"`
	Inserts      uint32    `ch:"inserts"`
	TopicID      string    `ch:"topic_id"`
	Note         string    `ch:"note"`
	WrittenAt    time.Time `ch:"written_at"`
	DeclaredUnix int64     `ch:"declared_unix"`
}

func (l *ledgerScan) row() block.LedgerRow {
	r := block.LedgerRow{
		ID: block.ID{Cluster: l.Cluster, Topic: l.Topic, Epoch: l.Epoch, Partition: l.Partition, First: l.First,
			End: l.End},
		TopicID: l.TopicID, Kind: block.Kind(l.Kind), State: block.State(l.State), Group: l.Group, Instance: l.Instance,
		ConfigHash: l.ConfigHash, Version: l.Version,
		Records: l.Records, Responses: l.Responses, Rejected: l.Rejected, Holes: l.Holes,
		MinEventUnixMilli: l.MinEvent.UnixMilli(), MaxEventUnixMilli: l.MaxEvent.UnixMilli(),
		LastRecordUnixMilli: l.LastRecordMS,
		Mixed:               l.Mixed != 0, Inserts: l.Inserts, Note: l.Note, WrittenAt: l.WrittenAt.UTC(),
		DeclaredUnix: l.DeclaredUnix,
	}
	for i, day := range l.Day {
		r.Days = append(r.Days, aggregate.DayCount{Day: day, Responses: l.DayResponses[i], Keyed: l.DayKeyed[i],
			Addressed: l.DayAddressed[i], Agented: l.DayAgented[i]})
	}
	return r
}

// Ledger implements block.Store. Pending is looked for from Last's end on: what lies
// below is stored. BlocksSince counts in the unit of the token window: a block
// that touches n days takes n places in it, and one more for every maxRows
// responses.
func (s *Store) Ledger(ctx context.Context, cluster, topic string, partition int32) (block.Ledger, error) {
	l, err := s.ledger(ctx, cluster, topic, partition)
	if err != nil {
		return block.Ledger{}, fmt.Errorf("read ledger of %s/%d: %w", topic, partition, err)
	}
	return l, nil
}

func (s *Store) ledger(ctx context.Context, cluster, topic string, partition int32) (block.Ledger, error) {
	// With a lagging replica a stored block would seem to be unfinished.
	if err := s.syncReplica(ctx, schema.Ledger); err != nil {
		return block.Ledger{}, err
	}
	table := s.Table(schema.Ledger)
	// Of several rows of an epoch, one that names its topic counts, and the latest.
	const latest = "topic_id, (epoch, topic_id != '', written_at)"
	lives, err := Select[struct {
		Newest  uint32 `ch:"newest"`
		TopicID string `ch:"newest_topic"`
		Own     uint32 `ch:"own"`
		OwnID   string `ch:"own_topic"`
		Rows    uint64 `ch:"rows"`
	}](ctx, s, "SELECT max(epoch) AS newest, argMax("+latest+") AS newest_topic,"+
		" maxIf(epoch, partition = ?) AS own, argMaxIf("+latest+", partition = ?) AS own_topic, count() AS rows"+
		" FROM "+table+" WHERE cluster = ? AND topic = ?", partition, partition, cluster, topic)
	if err != nil || len(lives) == 0 || lives[0].Rows == 0 {
		return block.Ledger{}, err
	}
	l := block.Ledger{Epoch: lives[0].Newest, TopicID: lives[0].TopicID, Own: lives[0].Own, OwnTopicID: lives[0].OwnID}
	const own = "cluster = ? AND topic = ? AND epoch = ? AND partition = ? "
	last, err := s.ledgerRows(ctx, own+"AND state = 'stored' AND kind IN ('block', 'gap') ORDER BY first DESC, end DESC LIMIT 1", cluster, topic,
		l.Own, partition)
	if err != nil {
		return block.Ledger{}, err
	}
	from := int64(0)
	if len(last) > 0 {
		l.Last, from = &last[0], last[0].End
	}
	pending, err := s.ledgerRows(ctx, own+"AND state = 'declared' AND kind = 'block' AND first >= ? ORDER BY written_at DESC, first DESC LIMIT 1",
		cluster, topic, l.Own, partition, from)
	if err != nil || len(pending) == 0 {
		return l, err
	}
	l.Pending = &pending[0]
	since, err := Select[struct {
		Blocks uint64 `ch:"blocks"`
	}](ctx, s, "SELECT sum(greatest(length(days), 1) + intDiv(responses, ?)) AS blocks FROM "+table+
		" WHERE state = 'stored' AND written_at >= fromUnixTimestamp64Milli(?)", maxRows, l.Pending.WrittenAt.UnixMilli())
	if err != nil {
		return block.Ledger{}, err
	}
	if len(since) > 0 {
		l.BlocksSince = since[0].Blocks
	}
	return l, nil
}

// Blocks lists the ledger's rows of kind block of a cluster, declared and
// stored.
func (s *Store) Blocks(ctx context.Context, cluster string) ([]block.LedgerRow, error) {
	rows, err := s.ledgerRows(ctx, "cluster = ? AND kind = 'block' ORDER BY topic, first, end, state", cluster)
	if err != nil {
		return nil, fmt.Errorf("list the blocks of cluster %s: %w", cluster, err)
	}
	return rows, nil
}

// DeclaredRange is when the block of some offsets was declared, in Unix seconds.
type DeclaredRange struct {
	First int64 `ch:"first"`
	End   int64 `ch:"end"`
	Unix  int64 `ch:"unix"`
}

// DeclaredIn lists the stored blocks that have offsets of id's range. Those of
// before schema 9 have the time when they were stored, as LedgerRow.DeclaredAt.
func (s *Store) DeclaredIn(ctx context.Context, id block.ID) ([]DeclaredRange, error) {
	list, err := Select[DeclaredRange](ctx, s,
		"SELECT first, end, toInt64(toUnixTimestamp(if(declared_at > toDateTime(0), declared_at, toDateTime(written_at)))) AS unix FROM "+
			s.Table(schema.Ledger)+" WHERE state = 'stored' AND kind = 'block' AND cluster = ? AND topic = ? AND epoch = ? AND partition = ? AND first < ? AND end > ? ORDER BY first",
		id.Cluster, id.Topic, id.Epoch, id.Partition, id.End, id.First)
	if err != nil {
		return nil, fmt.Errorf("list when the blocks of %s were declared: %w", id, err)
	}
	return list, nil
}

// ledgerRows reads the rows of the ledger that a condition selects.
func (s *Store) ledgerRows(ctx context.Context, where string, args ...any) ([]block.LedgerRow, error) {
	scans, err := Select[ledgerScan](ctx, s, "SELECT "+ledgerSelect+" FROM "+s.Table(schema.Ledger)+" WHERE "+where,
		args...)
	rows := make([]block.LedgerRow, len(scans))
	for i := range scans {
		rows[i] = scans[i].row()
	}
	return rows, err
}

// Settlements lists the ledger's rows of kind replay and discard of a topic,
// oldest first.
func (s *Store) Settlements(ctx context.Context, cluster, topic string) ([]block.LedgerRow, error) {
	rows, err := s.ledgerRows(ctx, "cluster = ? AND topic = ? AND kind IN ('replay', 'discard')"+
		" ORDER BY written_at, epoch, partition, first", cluster, topic)
	if err != nil {
		return nil, fmt.Errorf("list replays and discards of %s: %w", topic, err)
	}
	return rows, nil
}
