package mend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Lost inserts blocks' rows again that ClickHouse has lost while it kept their
// token. A server that is killed in the middle of an INSERT can do that on
// tables that are not replicated: the block is repeated, its token drops the
// repetition, and the ledger says stored. An audit then finds a rollup that
// holds less than the ledger says on some day.
//
// It does not guess. It reads every block of that day again, checks that each
// gives what the ledger says, and so knows what the table has to hold, row by
// row. What is missing has to be exactly the rows of some blocks, whole, and
// of no other choice of blocks; these rows are inserted under tokens of their own,
// and an audit has to find the sums right afterwards. It refuses a day of a
// table with the numbers when the log does not have a block of that day any
// more, when one gives other rows under the rules that this binary has, when
// there is a replay, or when what is missing is no set of whole blocks: then the
// day has to be restored from a backup. The other days are mended all the same; the
// error tells of all that are not.
//
// Every writer of the database has to be stopped, and no block may be
// unfinished (see Run for those). Repeating it is safe: what an earlier try
// inserted is not missing any more.
func (r *Repair) Lost(ctx context.Context) (*RepairReport, error) {
	report, err := r.lost(ctx)
	if err != nil {
		return report, fmt.Errorf("repair %s: lost rows: %w", r.Block.Topic, err)
	}
	return report, nil
}

func (r *Repair) lost(ctx context.Context) (*RepairReport, error) {
	short, err := r.shortDays(ctx)
	if err != nil {
		return nil, err
	}
	if len(short) == 0 {
		return nil, fmt.Errorf("%w: every table holds what the ledger says", ErrNothingToRepair)
	}
	report := &RepairReport{}
	for some := range slices.Chunk(short, maxShort) {
		if err := r.mendDays(ctx, some, report); err != nil {
			return report, err
		}
	}
	var refused []error
	for _, s := range short {
		if s.refused != nil {
			refused = append(refused, s.refused)
		}
	}
	if len(report.Blocks) > 0 {
		refused = append(refused, r.checkMended(ctx, short))
	}
	return report, errors.Join(refused...)
}

// maxShort bounds the memory of Lost: how many days are mended at a time.
const maxShort = 64

// mendDays inserts the missing rows of the days for which it can prove them; other
// days are refused.
func (r *Repair) mendDays(ctx context.Context, short []*shortDay, report *RepairReport) error {
	for _, s := range short {
		s.deficit = make([]int64, lostBuckets)
		defer func() { s.deficit = nil }()
	}
	blocks, err := r.blocksOf(ctx, short)
	if err != nil {
		return err
	}
	if err := r.expect(ctx, short, blocks); err != nil {
		return err
	}
	for _, s := range short {
		if s.refused != nil {
			continue
		}
		if err := s.subtractStored(ctx, r.Store); err != nil {
			return err
		}
	}
	lost, err := r.choose(ctx, short, blocks)
	if err != nil {
		return err
	}
	// A token of an earlier try may stand for rows that were lost too.
	kind := block.Kind(fmt.Sprintf("lost-%d", time.Now().UnixMilli()))
	for _, p := range lost {
		if err := r.read(ctx, p); err != nil {
			return fmt.Errorf("block %s: %w", p.row.ID, err)
		}
		if err := r.Store.WriteDays(ctx, p.row.ID, kind, p.contents, p.missing); err != nil {
			return fmt.Errorf("block %s: %w", p.row.ID, err)
		}
		if !slices.Contains(report.Blocks, p.row.ID) {
			report.Blocks = append(report.Blocks, p.row.ID)
		}
		for _, rollup := range r.Store.Rollups() {
			table, days := schema.Table(rollup.Name), rollup.Of(&p.contents.Rows).Days()
			for _, day := range slices.Sorted(maps.Keys(p.missing[table])) {
				report.Inserted = append(report.Inserted, TableDay{p.row.Partition, table, dayName(day), days[day]})
			}
		}
		p.contents = nil // free its memory
	}
	return nil
}

// checkMended requires that an audit finds nothing wrong with the mended days.
func (r *Repair) checkMended(ctx context.Context, mended []*shortDay) error {
	left, err := r.shortDays(ctx)
	if err != nil {
		return fmt.Errorf("after the insert: %w", err)
	}
	for _, l := range left {
		for _, s := range mended {
			if s.refused == nil && s.rollup.Name == l.rollup.Name && s.day == l.day {
				return fmt.Errorf("after the insert %s still differs by %d responses on %s: is another writer at work?",
					l.rollup.Name, l.missing, dayName(l.day))
			}
		}
	}
	return nil
}

// lostBuckets is how finely rows are told apart. Rows in the same bucket only make a
// refusal more likely: sums of buckets add up as sums of rows do.
const lostBuckets = 1 << 18

// shortDay is a day of which a table has too little.
type shortDay struct {
	rollup  aggregate.Rollup
	day     int64
	missing uint64
	seed    maphash.Seed
	// refused is why nothing is inserted; nil as long as nothing speaks against it.
	refused error
	// deficit is, by bucket, what the blocks add to the table; later what the table
	// lacks of it.
	deficit []int64
}

func (s *shortDay) bucket(minute uint32, name string) int {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(name) // never fails
	var b [4]byte
	for i := range b {
		b[i] = byte(minute >> (8 * i))
	}
	_, _ = h.Write(b[:])
	return int(h.Sum64() % lostBuckets)
}

// adds is what a block adds to the day, by bucket.
func (s *shortDay) adds(c *block.Contents) map[int]int64 {
	adds := map[int]int64{}
	store.EachRow(s.rollup, s.rollup.Of(&c.Rows), func(minute uint32, name string, n uint64) {
		if int64(minute)/daySeconds == s.day {
			adds[s.bucket(minute, name)] += int64(n)
		}
	})
	return adds
}

// count is how many responses of a block the ledger counts for the day.
func (s *shortDay) count(row *block.LedgerRow) uint64 {
	for _, d := range row.Days {
		if int64(d.Day) == s.day {
			return s.rollup.Sum.Of(d)
		}
	}
	return 0
}

// refuse records the first reason.
func (s *shortDay) refuse(format string, args ...any) {
	if s.refused == nil {
		s.refused = fmt.Errorf("%s on %s: "+format, append([]any{s.rollup.Name, dayName(s.day)}, args...)...)
	}
}

// subtractStored subtracts what the table has from the deficit.
func (s *shortDay) subtractStored(ctx context.Context, from RepairStore) error {
	err := from.EachStored(ctx, s.rollup, s.day, func(minute uint32, name string, n uint64) {
		s.deficit[s.bucket(minute, name)] -= int64(n)
	})
	if err != nil {
		return err
	}
	total := int64(0)
	for _, n := range s.deficit {
		if total += n; n < 0 {
			s.refuse("the table holds rows that no block of the ledger has")
		}
	}
	if total != int64(s.missing) {
		s.refuse("the table lacks %d responses by its rows, %d by the ledger", total, s.missing)
	}
	return nil
}

// shortDays audits, and returns the days of tables with less than the ledger says;
// days with more are refused. What the audit finds against the ledger itself is not
// mended here.
func (r *Repair) shortDays(ctx context.Context) (short []*shortDay, err error) {
	report, err := r.Store.Audit(ctx, store.AuditOptions{TTL: r.TTL, Now: time.Now(), CaughtUp: true})
	if err != nil {
		return nil, err
	}
	rollups := r.Store.Rollups()
	for _, d := range report.Differences {
		if d.Kind == store.RejectSum {
			continue
		}
		if d.Kind != store.Sum {
			return nil, fmt.Errorf("only missing rows can be inserted again, and the audit finds %s", d)
		}
		at, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			return nil, err
		}
		rollup := rollups[slices.IndexFunc(rollups, func(r aggregate.Rollup) bool { return r.Name == string(d.Table) })]
		s := &shortDay{rollup: rollup, day: at.Unix() / daySeconds, seed: maphash.MakeSeed()}
		if s.missing = d.Expected - d.Got; d.Got > d.Expected {
			s.missing = d.Got - d.Expected
			s.refuse("only missing rows can be inserted again, and the table holds %d responses too many", s.missing)
		}
		short = append(short, s)
	}
	if len(short) > 0 && report.Pending > 0 {
		return nil, fmt.Errorf("%d partitions have an unfinished block: let the daemon finish them, then stop it",
			report.Pending)
	}
	slices.SortStableFunc(short, func(a, b *shortDay) int { return cmp.Compare(a.day, b.day) })
	return short, nil
}

// blocksOf lists the blocks of the short days. Days with blocks that cannot be read
// again are refused.
func (r *Repair) blocksOf(ctx context.Context, short []*shortDay) ([]block.LedgerRow, error) {
	var days []int64
	for _, s := range short {
		days = append(days, s.day)
	}
	slices.Sort(days)
	rows, err := r.Store.DayBlocks(ctx, slices.Compact(days))
	if err != nil {
		return nil, err
	}
	return rows, r.canRead(ctx, rows, func(row *block.LedgerRow, why error) error {
		refuseDays(short, row, why)
		return nil
	})
}

// refuseDays refuses the days that a block adds to.
func refuseDays(short []*shortDay, row *block.LedgerRow, why error) {
	for _, s := range short {
		if s.count(row) > 0 {
			s.refuse("%w", why)
		}
	}
}

// waits reports that a block adds to a day that is not refused.
func waits(short []*shortDay, row *block.LedgerRow) bool {
	return slices.ContainsFunc(short, func(s *shortDay) bool { return s.refused == nil && s.count(row) > 0 })
}

// expect reads every block again and adds up what the tables should have.
func (r *Repair) expect(ctx context.Context, short []*shortDay, blocks []block.LedgerRow) error {
	for i := range blocks {
		if !waits(short, &blocks[i]) {
			continue
		}
		p, err := r.again(ctx, &blocks[i])
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			refuseDays(short, &blocks[i], err)
			continue
		}
		for _, s := range short {
			if s.count(&blocks[i]) == 0 {
				continue // a block from before the table, which never had its rows
			}
			for bucket, n := range s.adds(p.contents) {
				s.deficit[bucket] += n
			}
		}
	}
	return nil
}

// again reads a block again and requires that it is what the ledger says.
func (r *Repair) again(ctx context.Context, row *block.LedgerRow) (*partial, error) {
	p := &partial{row: row}
	if err := r.read(ctx, p); err != nil {
		return nil, fmt.Errorf("block %s: %w", row.ID, err)
	}
	c := p.contents
	if c.Records != row.Records || c.Responses != row.Responses || c.Rejected != row.Rejected ||
		!block.SameDays(row.Days, c.Rows.Days) {
		return nil,
			fmt.Errorf("block %s, read again, has %d records, %d responses and %d rejects by day %v; the ledger says %d, %d and %d by day %v",
				row.ID, c.Records, c.Responses, c.Rejected, c.Rows.Days, row.Records, row.Responses, row.Rejected,
				row.Days)
	}
	return p, nil
}

// choose finds the missing blocks, day by day.
func (r *Repair) choose(ctx context.Context, short []*shortDay, blocks []block.LedgerRow) (lost []*partial, err error) {
	could := make([][]candidate, len(short))
	for i := range blocks {
		p := &partial{row: &blocks[i]}
		for j, s := range short {
			if n := s.count(p.row); s.refused != nil || n == 0 || n > s.missing {
				continue
			}
			if p.contents == nil {
				if err := r.read(ctx, p); err != nil {
					return nil, fmt.Errorf("block %s: %w", p.row.ID, err)
				}
			}
			if adds := s.adds(p.contents); s.fits(adds) {
				could[j] = append(could[j], candidate{block: i, count: s.count(p.row), adds: adds})
			}
		}
	}
	missing := map[int]*partial{}
	for j, s := range short {
		if s.refused != nil {
			continue
		}
		chosen, choices := explain(s.deficit, could[j])
		if choices != 1 {
			s.refuse("the table lacks %d responses; of %d blocks that could be missing %d choices are exactly that; want one",
				s.missing, len(could[j]), choices)
			continue
		}
		for _, i := range chosen {
			p := missing[i]
			if p == nil {
				p = &partial{row: &blocks[i], missing: store.Days{}}
				missing[i], lost = p, append(lost, p)
			}
			p.missing.Add(schema.Table(s.rollup.Name), s.day)
		}
	}
	return lost, nil
}

// fits reports whether a block can be missing: then its rows are missing in every
// bucket.
func (s *shortDay) fits(adds map[int]int64) bool {
	for bucket, n := range adds {
		if s.deficit[bucket] < n {
			return false
		}
	}
	return true
}

// candidate is a block that fits into a deficit.
type candidate struct {
	block int
	count uint64
	adds  map[int]int64
}

// explain finds the candidates that add up to the deficit in every bucket, and counts
// such choices up to 2. A search that takes too long counts as two: it proves nothing.
func explain(deficit []int64, could []candidate) (chosen []int, choices int) {
	slices.SortFunc(could, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.block, b.block))
	})
	e := &explanation{could: could, rest: slices.Clone(deficit), left: make([]int64, len(deficit)), steps: maxSteps}
	for _, c := range could {
		for bucket, n := range c.adds {
			e.left[bucket] += n
		}
	}
	for bucket, n := range e.rest {
		if n > e.left[bucket] {
			return nil, 0
		}
	}
	e.search(0)
	if e.steps <= 0 {
		return nil, 2
	}
	return e.found, e.choices
}

// maxSteps bounds a search, in rows compared.
const maxSteps = 200_000_000

// explanation is a running search: what is left to explain, what the undecided
// candidates add, and the blocks taken. rest never exceeds left, so that in the end
// everything is explained.
type explanation struct {
	could      []candidate
	rest, left []int64
	taken      []int
	found      []int
	choices    int
	steps      int
}

func (e *explanation) search(i int) {
	if i == len(e.could) {
		e.choices++
		e.found = slices.Clone(e.taken)
		return
	}
	c := e.could[i]
	if e.steps -= 4 * len(c.adds); e.steps <= 0 {
		return
	}
	take, leave := true, true
	for bucket, n := range c.adds {
		e.left[bucket] -= n
		take = take && e.rest[bucket] >= n
		leave = leave && e.rest[bucket] <= e.left[bucket]
	}
	if take {
		for bucket, n := range c.adds {
			e.rest[bucket] -= n
		}
		e.taken = append(e.taken, c.block)
		e.search(i + 1)
		e.taken = e.taken[:len(e.taken)-1]
		for bucket, n := range c.adds {
			e.rest[bucket] += n
		}
	}
	if leave && e.choices < 2 {
		e.search(i + 1)
	}
	for bucket, n := range c.adds {
		e.left[bucket] += n
	}
}
