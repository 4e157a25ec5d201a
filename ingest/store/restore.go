package store

import (
	"context"
	"fmt"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// Restore inserts again what the tables have lost of a block that a killed
// process had declared. On tables that are not replicated the engine writes an
// insert's token before it commits the rows: killed in between, it drops the
// repetition as well.
//
// The rows of the block have just been written again, the ledger does not say
// stored yet, and nobody else writes. So the block is the only thing that a
// table can hold besides what the ledger has: a day that lacks exactly the
// responses of one of its INSERTs lacks that. Others that may be there or not,
// of this block and of unfinished ones, can blur it; then, and when a day differs
// in any other way, nothing is inserted and the block is Unproven.
//
// It may be repeated after another kill: what was inserted is not missing any
// more, and each try has tokens of its own, as those of an earlier one may stand
// for lost rows too. Samples, names of keys and rejects replace themselves and
// are inserted again without a question.
func (s *Store) Restore(ctx context.Context, id block.ID, c *block.Contents) (block.Restoration, error) {
	r := &restore{audit: audit{s: s, ledger: s.Table(schema.Ledger)}, id: id}
	if err := r.find(ctx, c); err != nil {
		return block.Restoration{}, fmt.Errorf("look for lost rows of block %s: %w", id, err)
	}
	kind := block.Kind(fmt.Sprintf("restored-%d", time.Now().UnixMilli()))
	if err := s.write(ctx, id, kind, append(r.lost, replacingJobs(id, c)...), nofence); err != nil {
		return block.Restoration{}, fmt.Errorf("restore lost rows: %w", err)
	}
	return r.found, nil
}

type restore struct {
	audit
	id block.ID
	// unsure are other blocks whose rows may or may not be there; certain are the sums
	// of those that are.
	unsure  []block.LedgerRow
	certain map[int32]aggregate.DayCount
	lost    []job
	found   block.Restoration
}

// find compares what the tables hold with what the blocks add, on each day of
// the block.
func (r *restore) find(ctx context.Context, c *block.Contents) (err error) {
	if r.o.TTL, err = schema.StoredTTL(ctx, r.s.Conn(), r.s.Database()); err != nil {
		return err
	}
	r.o.Now = time.Now()
	if r.since, err = schema.WholeSince(ctx, r.s.Conn(), r.s.Database()); err != nil {
		return err
	}
	if err := r.others(ctx, c); err != nil {
		return err
	}
	for _, rollup := range r.s.rollups {
		table := schema.Table(rollup.Name)
		stored, err := r.tableDays(ctx, table)
		if err != nil {
			return err
		}
		parts := partsOf(rollup, c)
		for _, d := range c.Rows.Days {
			if expired, incomplete := r.unjudged(rollup, d.Day); len(parts[d.Day]) > 0 && !expired && !incomplete {
				more := int64(stored[d.Day]) - int64(rollup.Sum.Of(r.certain[d.Day]))
				r.judge(rollup, d.Day, parts[d.Day], more)
			}
		}
	}
	return nil
}

// part is what one INSERT has of a day. Each day is either there or not: it is in one
// partition of the table.
type part struct {
	job
	responses int64
}

// partsOf splits the INSERTs of a block into a table by day.
func partsOf(rollup aggregate.Rollup, c *block.Contents) map[int32][]part {
	rows, parts := rollup.Of(&c.Rows), map[int32][]part{}
	dayOf := func(i int) int32 { return int32(rows.Minute(i) / daySeconds) }
	for _, j := range rollupJobs(rollup, rows) {
		for end := j.to; j.from < end; j.from = j.to {
			day, p := dayOf(j.from), part{}
			for j.to = j.from; j.to < end && dayOf(j.to) == day; j.to++ {
				p.responses += int64(rows.Requests(j.to))
			}
			p.job = j
			parts[day] = append(parts[day], p)
		}
	}
	return parts
}

// maxParts bounds the parts that are told apart, maxSums the sums that other
// blocks can add up to. Beyond them nothing is proven.
const (
	maxParts = 10
	maxSums  = 1 << 12
)

// judge finds the parts that a table lacks of a day: it holds more responses
// than those of the blocks that are certain. Only one choice may explain it.
func (r *restore) judge(rollup aggregate.Rollup, day int32, parts []part, more int64) {
	others := r.sums(rollup.Sum, day)
	if len(parts) > maxParts || len(others) > maxSums {
		r.found.Unproven = true
		return
	}
	choices, lost := 0, 0
	for absent := range 1 << len(parts) {
		rest := more
		for i, p := range parts {
			if absent>>i&1 == 0 {
				rest -= p.responses
			}
		}
		if others[rest] {
			choices++
			lost = absent
		}
	}
	if choices != 1 {
		r.found.Unproven = true
		return
	}
	restored := block.RestoredDay{Table: rollup.Name, Day: dayStart(day).Format(time.DateOnly)}
	for i, p := range parts {
		if lost>>i&1 == 1 {
			p.chunk = len(r.lost) // a token of its own
			r.lost = append(r.lost, p.job)
			restored.Responses += uint64(p.responses)
		}
	}
	if lost != 0 {
		r.found.Days = append(r.found.Days, restored)
	}
}

// sums are the possible sums of a day over any choice of the unsure blocks.
func (r *restore) sums(sum aggregate.Sum, day int32) map[int64]bool {
	sums := map[int64]bool{0: true}
	for _, row := range r.unsure {
		for _, d := range row.Days {
			if d.Day != day || len(sums) > maxSums {
				continue
			}
			with := make(map[int64]bool, 2*len(sums))
			for n := range sums {
				with[n], with[n+int64(sum.Of(d))] = true, true
			}
			sums = with
		}
	}
	return sums
}

// others reads what the ledger says of the other blocks.
func (r *restore) others(ctx context.Context, c *block.Contents) (err error) {
	if r.certain, err = r.ledgerDays(ctx); err != nil {
		return err
	}
	days := make([]int64, len(c.Rows.Days))
	for i, d := range c.Rows.Days {
		days[i] = int64(d.Day)
	}
	const identity = "(cluster, topic, epoch, partition, first, end)"
	rows, err := r.s.ledgerRows(ctx, "kind = 'block'"+
		" AND hasAny(arrayMap(d -> toInt64(toUInt16(d)), days.day), ?)"+
		" AND (state = 'stored' AND note = ? OR state = 'declared' AND "+identity+
		" NOT IN (SELECT "+identity+" FROM "+r.ledger+" WHERE kind = 'block' AND state = 'stored'))",
		days, block.NoteUnproven)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == r.id {
			continue
		}
		r.unsure = append(r.unsure, row)
		if row.State != block.Stored {
			continue
		}
		for _, d := range row.Days {
			sum := r.certain[d.Day]
			sum.Responses -= d.Responses
			sum.Keyed -= d.Keyed
			sum.Addressed -= d.Addressed
			sum.Agented -= d.Agented
			r.certain[d.Day] = sum
		}
	}
	return nil
}
