// Package mend puts right what the daemon cannot: partial blocks that are too
// old to be finished under their tokens and rows that the store has lost
// (Repair), and rejects that are responses after a fix (Rejects).
//
// Its guarantee is that of package block: afterwards every record counts
// exactly once, or the mending is refused with the numbers and nothing is
// written. It needs the records, so the log has to have them still.
package mend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// RecordReader reads records again, without a consumer group.
type RecordReader interface {
	StartOffsets(ctx context.Context) (map[int32]int64, error)
	// TopicID is the id of the topic as it is now, "" where there is none.
	TopicID(ctx context.Context) (string, error)
	ReadRange(ctx context.Context, partition int32, first, end int64, f func(block.Record) error) error
}

// RepairStore is what Repair needs of a store.
type RepairStore interface {
	block.Store
	Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error)
	Rollups() []aggregate.Rollup
	WriteDays(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, missing store.Days) error
	DayBlocks(ctx context.Context, days []int64) ([]block.LedgerRow, error)
	ReadConfig(ctx context.Context, hash string) ([]byte, error)
	Forgotten(ctx context.Context) ([]string, error)
	DeleteSpans(ctx context.Context, spans []store.Span) error
	DeleteRejects(ctx context.Context, id block.ID) error
	WriteSpans(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, spans []store.Span) error
	EachStored(ctx context.Context, r aggregate.Rollup, day int64,
		f func(minute uint32, name string, requests uint64)) error
}

// Repair finishes the partial blocks of a topic that the daemon refuses (Run):
// whose tokens the store may have forgotten, or that were declared under rules
// which cut them otherwise. And it inserts rows again that the store has lost
// (Lost). Each block is folded under the configuration that it was declared or
// stored under; under the current one when that is not to be had, and then it
// has to be what the ledger says all the same.
//
// It does not guess: it looks. An INSERT is atomic within
// a table partition, and with all writers stopped the ledger says what every
// rollup holds on every day without the partial blocks. A day's surplus over
// that must be the sum of what some of the blocks add to it: those are there
// already, and the others' rows of that table and day are inserted. When no
// choice of blocks gives the surplus, or more than one does, it is refused
// with the numbers, and so is a block whose records the log does not have any
// more: then the days concerned have to be restored from a backup. A block whose
// tables may be there in part, or hold rows of other rules, is not told from
// what is there: then the hours that it touches are made again (see rebuild),
// which is all that Repair ever deletes. Afterwards
// an audit has to find every rollup at the ledger's sum plus the blocks, and
// only then the ledger says that they are stored. Repeating a repair that was
// cut is safe.
type Repair struct {
	Store RepairStore
	Log   RecordReader
	Fold  fold.Config
	// Block names cluster, topic, group, instance and version, and the token
	// window: a younger block is the daemon's to finish.
	Block block.Config
	TTL   schema.TTL
	// Others are further topics of the database, by name: their rows are in the same
	// tables, so what is made again needs their records too.
	Others map[string]Topic

	logs      topicLogs
	forgotten *forgotten
}

// RepairReport says what Run did.
type RepairReport struct {
	Blocks   []block.ID
	Inserted []TableDay // rows that were missing
	Present  []TableDay // rows that were there
	// Unknown are days that a table has not whole, since it came to be later: what
	// it holds of them cannot be told, and is left as it is.
	Unknown []TableDay
	// Rebuilt are the spans that were made again, from so many blocks.
	Rebuilt []store.Span
	From    int
}

// TableDay is what a block adds to one rollup on one event day.
type TableDay struct {
	Partition int32
	Table     schema.Table
	Day       string // 2006-01-02
	Responses uint64
}

// ErrNothingToRepair: the topic has no partial block that the daemon refuses.
var ErrNothingToRepair = errors.New("nothing to repair")

// partial is a block that may be partly inserted.
type partial struct {
	row      *block.LedgerRow
	rules    rules // that contents are folded under
	contents *block.Contents
	bytes    int // of its records' values
	missing  store.Days
}

// asDeclared says that contents are what was declared, row by row.
func (p *partial) asDeclared() bool { return p.rules.hash == p.row.ConfigHash }

// Run repairs the partial blocks of the given partitions and of Others', all at
// once, since their rows are in the same tables. Every writer of the database has to be stopped.
func (r *Repair) Run(ctx context.Context, partitions []int32) (*RepairReport, error) {
	parts, err := r.find(ctx, partitions)
	if err != nil {
		return nil, fmt.Errorf("repair %s: %w", r.Block.Topic, err)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("repair %s: %w: no block is partial that the daemon does not finish", r.Block.Topic,
			ErrNothingToRepair)
	}
	report := &RepairReport{}
	for _, p := range parts {
		report.Blocks = append(report.Blocks, p.row.ID)
	}
	if err := r.finish(ctx, parts, report); err != nil {
		return report, fmt.Errorf("repair %s: %w", r.Block.Topic, err)
	}
	for _, p := range parts {
		if err := r.Store.WriteLedger(ctx, r.ledgerRow(p), nofence); err != nil {
			return report, err
		}
	}
	return report, nil
}

// finish brings the blocks' rows into the tables, each once.
func (r *Repair) finish(ctx context.Context, parts []*partial, report *RepairReport) error {
	whole := true // each table's day has all of a block's rows or none
	for _, p := range parts {
		if !p.asDeclared() {
			return r.rebuild(ctx, parts, report)
		}
		whole = whole && r.Store.Inserts(p.row.ID, p.contents) <= 1
	}
	err := r.decide(ctx, parts, report)
	if errors.Is(err, errUnexplained) && !whole {
		report.Inserted, report.Present = nil, nil
		return r.rebuild(ctx, parts, report)
	}
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := r.Store.WriteDays(ctx, p.row.ID, "repair", p.contents, p.missing); err != nil {
			return fmt.Errorf("block %s: %w", p.row.ID, err)
		}
	}
	return r.verify(ctx, parts, nil)
}

func nofence() error { return nil }

// find finds and reads the partial blocks, without those that the daemon can finish.
func (r *Repair) find(ctx context.Context, partitions []int32) (parts []*partial, err error) {
	if parts, err = r.findIn(ctx, r.Block.Topic, partitions); err != nil {
		return nil, err
	}
	for _, name := range r.topics().names() {
		more, err := r.findIn(ctx, name, r.Others[name].Partitions)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	if len(parts) > maxPartial {
		return nil, fmt.Errorf("got %d partial blocks; want at most %d at a time", len(parts), maxPartial)
	}
	return parts, nil
}

// findIn is find in one topic.
func (r *Repair) findIn(ctx context.Context, topic string, partitions []int32) (parts []*partial, err error) {
	for _, partition := range partitions {
		known, err := r.Store.Ledger(ctx, r.Block.Cluster, topic, partition)
		if err != nil {
			return nil, err
		}
		if known.Pending == nil {
			continue
		}
		p := &partial{row: known.Pending, missing: store.Days{}}
		if p.rules, err = r.topics()[topic].book.nearest(ctx, p.row.ConfigHash); err != nil {
			return nil, err
		}
		age := time.Since(p.row.WrittenAt)
		young := age <= r.Block.Tokens.Age && known.BlocksSince <= r.Block.Tokens.Blocks
		if !young || !p.asDeclared() {
			if err := r.read(ctx, p); err != nil {
				return nil, fmt.Errorf("block %s: %w", p.row.ID, err)
			}
		}
		if young && (p.asDeclared() || r.sameInserts(p) == nil) {
			return nil,
				fmt.Errorf("%w: block [%d,%d) of partition %d of %s was declared %s ago; the daemon finishes it",
					ErrNothingToRepair, p.row.First, p.row.End, partition, topic, age.Round(time.Second))
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// sameInserts is why the daemon refuses to finish p under its own rules.
func (r *Repair) sameInserts(p *partial) error {
	return block.SameInserts(p.row, p.contents, r.Store.Inserts(p.row.ID, p.contents), p.bytes)
}

// topics are those whose blocks are read.
func (r *Repair) topics() topicLogs {
	if r.logs == nil {
		r.logs = newTopicLogs(r.Block.Topic, Topic{Log: r.Log, Fold: r.Fold}, r.Others, r.Store.ReadConfig)
	}
	return r.logs
}

// maxPartial bounds the choices to be tried.
const maxPartial = 20

// read folds exactly the block's records, under the nearest rules to its own when p
// has none.
func (r *Repair) read(ctx context.Context, p *partial) (err error) {
	id := p.row.ID
	of := r.topics()[id.Topic]
	if p.rules.hash == "" {
		if p.rules, err = of.book.nearest(ctx, p.row.ConfigHash); err != nil {
			return err
		}
	}
	starts, err := of.log.StartOffsets(ctx)
	if err != nil {
		return err
	}
	if start := starts[id.Partition]; start > id.First {
		return fmt.Errorf("offsets [%d,%d) are no longer in the log", id.First, min(start, id.End))
	}
	f, err := fold.New(p.rules.fold, id.Partition)
	if err != nil {
		return err
	}
	f.Declared(p.row.DeclaredAt())
	err = of.log.ReadRange(ctx, id.Partition, id.First, id.End, func(rec block.Record) error {
		f.Add([]block.Record{rec})
		p.bytes += len(rec.Value)
		return nil
	})
	if err != nil {
		return err
	}
	// Asked after the last record: if the id is the block's now, it was so all the
	// time.
	now, err := of.log.TopicID(ctx)
	if err != nil {
		return err
	}
	if r.forgotten == nil {
		if r.forgotten, err = readForgotten(ctx, r.Store, r.Fold.Decode.Secret); err != nil {
			return err
		}
	}
	p.contents = r.forgotten.without(f.Contents())
	if err := recreated(p.row, now); err != nil {
		return err
	}
	if was, is := p.row.LastRecordUnixMilli, p.contents.LastRecordUnixMilli; was > 0 && was != is {
		return fmt.Errorf("%w: its last record had the timestamp %d and has %d", block.ErrRecreated, was, is)
	}
	p.contents.Holes = uint64(id.End-id.First) - p.contents.Records
	return nil
}

// recreated reports that the topic is no longer the one that a block was read from.
func recreated(row *block.LedgerRow, now string) error {
	if row.TopicID == "" || now == "" || row.TopicID == now {
		return nil
	}
	return fmt.Errorf("%w: its id is %s, the block was read of %s", block.ErrRecreated, now, row.TopicID)
}

// errUnexplained: what is stored is no set of whole days of the blocks.
var errUnexplained = errors.New("what is stored is not clear")

// decide finds out which rows are there, by table and day.
func (r *Repair) decide(ctx context.Context, parts []*partial, report *RepairReport) error {
	have, err := r.surplus(ctx, len(parts))
	if err != nil {
		return err
	}
	for _, at := range r.daysOf(parts) {
		got := have[at.tableDay()]
		if got.expired {
			continue
		}
		if got.incomplete {
			for i, n := range at.adds {
				if n > 0 {
					report.Unknown = append(report.Unknown, TableDay{parts[i].row.Partition, at.table, dayName(at.day),
						n})
				}
			}
			continue
		}
		present, choices := subset(at.adds, got.surplus)
		if choices != 1 {
			return fmt.Errorf("%w: %s has %d responses on %s beyond the ledger's; %d choices of blocks, which add %v, explain that; want one",
				errUnexplained, at.table, got.surplus, dayName(at.day), choices, at.adds)
		}
		for i, n := range at.adds {
			if n == 0 {
				continue
			}
			what := TableDay{Partition: parts[i].row.Partition, Table: at.table, Day: dayName(at.day), Responses: n}
			if present&(1<<i) != 0 {
				report.Present = append(report.Present, what)
				continue
			}
			report.Inserted = append(report.Inserted, what)
			parts[i].missing.Add(at.table, at.day)
		}
	}
	return nil
}

// subset finds the blocks that add up to the surplus, as a bit mask, and counts such
// choices up to 2.
func subset(adds []uint64, surplus int64) (mask uint, choices int) {
	relevant := uint(0)
	for i, n := range adds {
		if n > 0 {
			relevant |= 1 << i
		}
	}
	for m := relevant; ; m = (m - 1) & relevant {
		sum := int64(0)
		for i, n := range adds {
			if m&(1<<i) != 0 {
				sum += int64(n)
			}
		}
		if sum == surplus {
			if choices++; choices == 2 {
				return 0, choices
			}
			mask = m
		}
		if m == 0 {
			return mask, choices
		}
	}
}

// verify requires that every rollup holds the ledger's sum plus all blocks, on the
// blocks' days and on the days of the spans.
func (r *Repair) verify(ctx context.Context, parts []*partial, spans []store.Span) error {
	have, err := r.surplus(ctx, len(parts))
	if err != nil {
		return err
	}
	want := map[tableDay]int64{}
	for _, day := range daysIn(spans) {
		for _, rollup := range r.Store.Rollups() {
			want[tableDay{schema.Table(rollup.Name), dayName(day)}] = 0
		}
	}
	for _, at := range r.daysOf(parts) {
		for _, n := range at.adds {
			want[at.tableDay()] += int64(n)
		}
	}
	for at, n := range want {
		if got := have[at]; !got.unjudged() && got.surplus != n {
			return fmt.Errorf("%s has %d responses on %s beyond the ledger's after the insert; want %d: is another writer at work?",
				at.table, got.surplus, at.day, n)
		}
	}
	return nil
}

type tableDay struct {
	table schema.Table
	day   string
}

type surplus struct {
	surplus             int64
	expired, incomplete bool
}

// unjudged reports that it is unknown what the table should hold of the day.
func (s surplus) unjudged() bool { return s.expired || s.incomplete }

// surplus is what the rollups hold beyond the ledger, by day.
func (r *Repair) surplus(ctx context.Context, partials int) (map[tableDay]surplus, error) {
	report, err := r.Store.Audit(ctx, store.AuditOptions{TTL: r.TTL, Now: time.Now(), CaughtUp: true})
	if err != nil {
		return nil, err
	}
	if report.Pending != uint64(partials) {
		return nil,
			fmt.Errorf("got %d partitions with an unfinished block in the database; want these %d only: let the daemon finish the others, then stop it", report.Pending, partials)
	}
	m := map[tableDay]surplus{}
	for _, d := range report.Days {
		m[tableDay{d.Table, d.Day}] = surplus{int64(d.Got) - int64(d.Expected), d.Expired, d.Incomplete}
	}
	return m, nil
}

func (r *Repair) ledgerRow(p *partial) block.LedgerRow {
	row := block.LedgerRow{
		ID: p.row.ID, Kind: block.KindBlock,
		Group: r.Block.Group, Instance: r.Block.Instance, ConfigHash: p.rules.hash, Version: r.Block.Version,
		Note:         "repaired",
		DeclaredUnix: p.row.DeclaredAt(),
	}
	return row.Counted(p.contents, r.Store.Inserts(p.row.ID, p.contents)).Stored(p.contents, time.Now())
}

// blockDay is what each of several blocks adds to one table on one day.
type blockDay struct {
	table schema.Table
	day   int64
	adds  []uint64
}

func (d blockDay) tableDay() tableDay { return tableDay{d.table, dayName(d.day)} }

// daysOf lists every table and day that the blocks touch.
func (r *Repair) daysOf(parts []*partial) (list []blockDay) {
	type key struct {
		table schema.Table
		day   int64
	}
	at := map[key]int{}
	for i, p := range parts {
		for _, rollup := range r.Store.Rollups() {
			for day, n := range rollup.Of(&p.contents.Rows).Days() {
				k := key{schema.Table(rollup.Name), day}
				if _, ok := at[k]; !ok {
					at[k] = len(list)
					list = append(list, blockDay{k.table, day, make([]uint64, len(parts))})
				}
				list[at[k]].adds[i] += n
			}
		}
	}
	slices.SortFunc(list,
		func(a, b blockDay) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.day, b.day)) })
	return list
}

const daySeconds = 86_400

func dayName(day int64) string { return time.Unix(day*daySeconds, 0).UTC().Format(time.DateOnly) }
