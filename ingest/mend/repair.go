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
	ReadRange(ctx context.Context, partition int32, first, end int64, f func(block.Record) error) error
}

// RepairStore is what Repair needs of a store.
type RepairStore interface {
	block.Store
	Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error)
	Rollups() []aggregate.Rollup
	WriteDays(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, missing store.Days) error
	DayBlocks(ctx context.Context, days []int64) ([]block.LedgerRow, error)
	EachStored(ctx context.Context, r aggregate.Rollup, day int64, f func(minute uint32, name string, requests uint64)) error
}

// Repair finishes the partial blocks of a topic whose tokens the store may
// have forgotten (Run), and inserts rows again that the store has lost (Lost).
//
// It does not guess and deletes nothing: it looks. An INSERT is atomic within
// a table partition, and with all writers stopped the ledger says what every
// rollup holds on every day without the partial blocks. A day's surplus over
// that must be the sum of what some of the blocks add to it: those are there
// already, and the others' rows of that table and day are inserted. When no
// choice of blocks gives the surplus, or more than one does, it is refused
// with the numbers, and so is a block whose records the log does not have any
// more: then the days concerned have to be restored from a backup. Afterwards
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
}

// RepairReport says what Run did.
type RepairReport struct {
	Blocks   []block.ID
	Inserted []TableDay // rows that were missing
	Present  []TableDay // rows that were there
}

// TableDay is what a block adds to one rollup on one event day.
type TableDay struct {
	Partition int32
	Table     schema.Table
	Day       string // 2006-01-02
	Responses uint64
}

// ErrNothingToRepair: the topic has no partial block that is older than the
// token window.
var ErrNothingToRepair = errors.New("nothing to repair")

// partial is a block that may be partly inserted.
type partial struct {
	row      *block.LedgerRow
	contents *block.Contents
	missing  store.Days
}

// Run repairs the given partitions' partial blocks, all at once, since their
// rows are in the same tables. Every writer of the database has to be stopped.
func (r *Repair) Run(ctx context.Context, partitions []int32) (*RepairReport, error) {
	parts, err := r.find(ctx, partitions)
	if err != nil {
		return nil, fmt.Errorf("repair %s: %w", r.Block.Topic, err)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("repair %s: %w: no block is partial and older than the token window", r.Block.Topic, ErrNothingToRepair)
	}
	report := &RepairReport{}
	for _, p := range parts {
		if err := r.read(ctx, p); err != nil {
			return nil, fmt.Errorf("repair block %s: %w", p.row.ID, err)
		}
		report.Blocks = append(report.Blocks, p.row.ID)
	}
	if err := r.decide(ctx, parts, report); err != nil {
		return report, fmt.Errorf("repair %s: %w", r.Block.Topic, err)
	}
	for _, p := range parts {
		if err := r.Store.WriteDays(ctx, p.row.ID, "repair", p.contents, p.missing); err != nil {
			return report, fmt.Errorf("repair block %s: %w", p.row.ID, err)
		}
	}
	if err := r.verify(ctx, parts); err != nil {
		return report, fmt.Errorf("repair %s: %w", r.Block.Topic, err)
	}
	for _, p := range parts {
		if err := r.Store.WriteLedger(ctx, r.ledgerRow(p), nofence); err != nil {
			return report, err
		}
	}
	return report, nil
}

func nofence() error { return nil }

// find looks for partial blocks; a young one is the daemon's.
func (r *Repair) find(ctx context.Context, partitions []int32) (parts []*partial, err error) {
	for _, p := range partitions {
		known, err := r.Store.Ledger(ctx, r.Block.Cluster, r.Block.Topic, p)
		if err != nil {
			return nil, err
		}
		if known.Pending == nil {
			continue
		}
		if age := time.Since(known.Pending.WrittenAt); age <= r.Block.Tokens.Age && known.BlocksSince <= r.Block.Tokens.Blocks {
			return nil, fmt.Errorf("%w: block [%d,%d) of partition %d was declared %s ago; the daemon finishes it",
				ErrNothingToRepair, known.Pending.First, known.Pending.End, p, age.Round(time.Second))
		}
		parts = append(parts, &partial{row: known.Pending, missing: store.Days{}})
	}
	if len(parts) > maxPartial {
		return nil, fmt.Errorf("got %d partial blocks; want at most %d at a time", len(parts), maxPartial)
	}
	return parts, nil
}

// maxPartial bounds the choices that have to be looked at.
const maxPartial = 20

// read folds exactly the block's records.
func (r *Repair) read(ctx context.Context, p *partial) error {
	id := p.row.ID
	starts, err := r.Log.StartOffsets(ctx)
	if err != nil {
		return err
	}
	if start := starts[id.Partition]; start > id.First {
		return fmt.Errorf("offsets [%d,%d) are no longer in the log", id.First, min(start, id.End))
	}
	f, err := fold.New(r.Fold, id.Partition)
	if err != nil {
		return err
	}
	err = r.Log.ReadRange(ctx, id.Partition, id.First, id.End, func(rec block.Record) error {
		f.Add([]block.Record{rec})
		return nil
	})
	if err != nil {
		return err
	}
	p.contents = f.Contents()
	p.contents.Holes = uint64(id.End-id.First) - p.contents.Records
	return nil
}

// decide finds out which rows are there, table by table and day by day.
func (r *Repair) decide(ctx context.Context, parts []*partial, report *RepairReport) error {
	have, err := r.surplus(ctx, len(parts))
	if err != nil {
		return err
	}
	for _, at := range r.daysOf(parts) {
		got := have[at.tableDay()]
		if got.unjudged {
			continue
		}
		present, choices := subset(at.adds, got.surplus)
		if choices != 1 {
			return fmt.Errorf("%s has %d responses on %s beyond the ledger's; %d choices of blocks, which add %v, explain that; want one",
				at.table, got.surplus, dayName(at.day), choices, at.adds)
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

// subset finds the blocks whose additions make up the surplus, as a bit mask,
// and how many such choices there are (counted up to 2).
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

// verify wants every rollup at the ledger's sum plus all blocks.
func (r *Repair) verify(ctx context.Context, parts []*partial) error {
	have, err := r.surplus(ctx, len(parts))
	if err != nil {
		return err
	}
	for _, at := range r.daysOf(parts) {
		want := int64(0)
		for _, n := range at.adds {
			want += int64(n)
		}
		if got := have[at.tableDay()]; !got.unjudged && got.surplus != want {
			return fmt.Errorf("%s has %d responses on %s beyond the ledger's after the insert; want %d: is another writer at work?", at.table, got.surplus, dayName(at.day), want)
		}
	}
	return nil
}

type tableDay struct {
	table schema.Table
	day   string
}

type surplus struct {
	surplus int64
	// unjudged: nobody can say what the table has to hold of the day.
	unjudged bool
}

// surplus is what the rollups hold beyond the ledger, by day.
func (r *Repair) surplus(ctx context.Context, partials int) (map[tableDay]surplus, error) {
	report, err := r.Store.Audit(ctx, store.AuditOptions{TTL: r.TTL, Now: time.Now()})
	if err != nil {
		return nil, err
	}
	if report.Pending != uint64(partials) {
		return nil, fmt.Errorf("got %d partitions with an unfinished block in the database; want these %d only: let the daemon finish the others, then stop it", report.Pending, partials)
	}
	m := map[tableDay]surplus{}
	for _, d := range report.Days {
		m[tableDay{d.Table, d.Day}] = surplus{int64(d.Got) - int64(d.Expected), d.Expired || d.Incomplete}
	}
	return m, nil
}

func (r *Repair) ledgerRow(p *partial) block.LedgerRow {
	hash, c := store.ConfigHash(r.Fold.Hash()), p.contents
	return block.LedgerRow{
		ID: p.row.ID, Kind: block.KindBlock, State: block.Stored,
		Group: r.Block.Group, Instance: r.Block.Instance, ConfigHash: hash, Version: r.Block.Version,
		Records: c.Records, Responses: c.Responses, Rejected: c.Rejected, Holes: c.Holes, Days: c.Rows.Days,
		MinEventUnixMilli: c.Rows.MinUnixMilli, MaxEventUnixMilli: c.Rows.MaxUnixMilli, LastRecordUnixMilli: c.LastRecordUnixMilli,
		Mixed: hash != p.row.ConfigHash, Note: "repaired", WrittenAt: time.Now(),
	}
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
	slices.SortFunc(list, func(a, b blockDay) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.day, b.day)) })
	return list
}

const daySeconds = 86_400

func dayName(day int64) string { return time.Unix(day*daySeconds, 0).UTC().Format(time.DateOnly) }
