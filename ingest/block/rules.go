package block

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"statline/classify/aggregate"
)

// underRules sets the pool for a block that was declared earlier: that of the
// configuration it was declared under, so that its rows are those that were declared,
// whatever has been configured since. When this binary has no such rules, asDeclared
// is false and the pool is this binary's own.
func (m *machine) underRules(ctx context.Context, w *work) (asDeclared bool, err error) {
	hash := w.declared.ConfigHash
	w.pool = m.env.Pool
	if hash == m.cfg.ConfigHash {
		return true, nil
	}
	if m.env.Rules == nil {
		return false, nil
	}
	var pool Pool
	var none error
	err = m.retry(ctx, readRules, func(ctx context.Context) (err error) {
		pool, err = m.env.Rules(ctx, hash)
		if errors.Is(err, ErrOtherRules) {
			none, err = err, nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read the configuration of block [%d,%d): %w", w.id.First, w.id.End, err)
	}
	if none != nil {
		m.log.Warn("a declared block cannot be folded with the configuration it was declared under", "first", w.id.First, "end", w.id.End, "err",
			none)
		return false, nil
	}
	w.pool, w.rules = pool, hash
	return true, nil
}

// otherRules decides whether a block can be finished that is folded under this
// binary's own rules and not as it was declared.
func (m *machine) otherRules(w *work) error {
	if !w.inLedger {
		// None of its rows is stored, so the range stays and is declared again.
		w.declared.ConfigHash = m.cfg.ConfigHash
		return nil
	}
	declared := *m.redone.inserted
	if m.redone.lost > 0 {
		declared.count(w.contents) // the sums cannot be the same, and the operator knows
	}
	if err := SameInserts(&declared, w.contents, m.inserts(w), w.bytes); err != nil {
		return fmt.Errorf("%w [%d,%d) was declared under other rules (%s; this binary and configuration: %s): %w; run repair",
			ErrPartialBlock, w.id.First, w.id.End, w.declared.ConfigHash, m.cfg.ConfigHash, err)
	}
	w.mixed = true
	return nil
}

// For a block whose declaration does not tell how many INSERTs it takes: a response
// needs some bytes of its record, and its time lies within a month of the record's. So
// a block of fewer bytes and days takes one INSERT a table (of 200,000 rows, of 90
// days) under any rules.
const (
	sureBytes = 200_000 * leastResponse
	sureSpan  = 28 * 24 * time.Hour

	leastResponse = 16
)

// SameDays reports whether a block has the sums by day that its ledger row tells. A
// row without user agents (from before schema 14, or under other rules) does not tell
// how many there are, because none was stored.
func SameDays(told, got []aggregate.DayCount) bool {
	if slices.ContainsFunc(told, func(d aggregate.DayCount) bool { return d.Agented > 0 }) {
		return slices.Equal(told, got)
	}
	return slices.EqualFunc(told, got, func(a, b aggregate.DayCount) bool {
		b.Agented = 0
		return a == b
	})
}

// SameInserts returns nil when a block that may be partly inserted can be finished
// under other rules than declared says, and the reason when it cannot. c is what the
// block holds under the other rules, inserts the most INSERTs of one table of c, bytes
// the size of the text that c was made of. An INSERT is stored or not, so with one
// INSERT a table each table is either finished or not begun, under both rules. With
// more, a token would stand for other rows under other rules, and rows would be lost
// or doubled. The sums must be the same too; otherwise tables that were finished would
// differ from the ledger.
func SameInserts(declared *LedgerRow, c *Contents, inserts, bytes int) error {
	span := time.Duration(c.Rows.MaxUnixMilli-c.Rows.MinUnixMilli) * time.Millisecond
	switch {
	case inserts > 1:
		return fmt.Errorf("a table takes %d inserts, which hold other rows under other rules", inserts)
	case declared.Inserts > 1:
		return fmt.Errorf("a table took %d inserts, which held other rows", declared.Inserts)
	case declared.Inserts == 1:
		same := c.Records == declared.Records && c.Responses == declared.Responses && c.Rejected == declared.Rejected
		if !same || !SameDays(declared.Days, c.Rows.Days) {
			return fmt.Errorf("it had %d responses and %d rejects of %d records, and has %d and %d of %d now, or on other days",
				declared.Responses, declared.Rejected, declared.Records, c.Responses, c.Rejected, c.Records)
		}
	case bytes > sureBytes || span > sureSpan:
		return fmt.Errorf("its declaration does not tell how many inserts its tables took; its %d bytes over %s may be more than one",
			bytes, span.Round(time.Hour))
	}
	return nil
}
