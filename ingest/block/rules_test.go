package block

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"statline/classify/aggregate"
)

// Promise: a block that was declared under another configuration is folded as
// it was declared, when that can be; else it is finished under these rules when
// none of its rows is stored, or when each table is one INSERT, and it says so;
// else it is refused for repair, and nothing more is inserted.
func TestDeclaredUnderOtherRules(t *testing.T) {
	gone := func(Pool) (Pool, error) { return nil, fmt.Errorf("of tomorrow: %w", ErrOtherRules) }
	known := func(f Pool) (Pool, error) { return f, nil }
	for name, c := range map[string]struct {
		dies    string // the step
		inserts int
		rules   func(known Pool) (Pool, error) // nil: nobody knows any
		want    LedgerRow
		refused bool
	}{
		"none is stored": {dies: "declared", inserts: 3, want: LedgerRow{ConfigHash: "another"}},
		"one insert a table": {dies: "inserted", inserts: 1,
			want: LedgerRow{ConfigHash: "another", Mixed: true}},
		"several inserts":              {dies: "inserted", inserts: 2, refused: true},
		"several, declared rules gone": {dies: "inserted", inserts: 2, refused: true, rules: gone},
		"several, declared rules":      {dies: "inserted", inserts: 2, rules: known, want: LedgerRow{ConfigHash: "h"}},
		"none is stored, rules":        {dies: "declared", inserts: 2, rules: known, want: LedgerRow{ConfigHash: "h"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(100)
				h.w.inserts = c.inserts
				ctx, kill := context.WithCancel(t.Context())
				h.env.At = func(step string) {
					if step == c.dies {
						kill()
					}
				}
				h.run(ctx)
				if err := <-h.ended; !errors.Is(err, context.Canceled) {
					t.Fatalf("got error %v; want the context's", err)
				}
				h.restart()
				h.cfg.ConfigHash = "another"
				declared := &countPool{}
				if c.rules != nil {
					h.env.Rules = func(_ context.Context, hash string) (Pool, error) {
						if hash != "h" {
							t.Errorf("asked for the rules %q; want those of the declaration", hash)
						}
						return c.rules(declared)
					}
				}
				before := len(h.w.ops)
				h.run(t.Context())
				if c.refused {
					err := h.end(t)
					if !errors.Is(err, ErrPartialBlock) || !strings.Contains(err.Error(), "run repair") ||
						!strings.Contains(err.Error(), "h;") {
						t.Errorf("got error %v; want ErrPartialBlock with both rules and what to do", err)
					}
					if did := h.w.ops[before:]; len(did) > 0 {
						t.Errorf("a refused block did %v", did)
					}
				} else {
					h.finish(t)
					last := h.w.ledger[len(h.w.ledger)-1]
					if last.State != Stored || last.Mixed != c.want.Mixed || last.ConfigHash != c.want.ConfigHash ||
						last.Inserts != uint32(c.inserts) {
						t.Errorf("got ledger row %+v; want %+v", last, c.want)
					}
					if err := h.w.check(0); err != nil {
						t.Error(err)
					}
				}
				if h.pool.lent != 0 || declared.lent != 0 {
					t.Errorf("%d builders and %d of the declared rules were not given back", h.pool.lent,
						declared.lent)
				}
			})
		})
	}
}

// A declaration says what its block holds, so that other rules can be compared.
func TestDeclaredRowCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		h.w.inserts = 4
		h.run(t.Context())
		h.finish(t)
		for _, row := range h.w.ledger {
			if row.State == Declared && (row.Inserts != 4 || row.Responses == 0 || row.Records == 0) {
				t.Errorf("got %+v; want what it holds and 4 inserts", row)
			}
		}
	})
}

func TestSameInserts(t *testing.T) {
	day := func(day int32, n uint64) aggregate.DayCount { return aggregate.DayCount{Day: day, Responses: n} }
	contents := func(responses uint64, span time.Duration, days ...aggregate.DayCount) *Contents {
		return &Contents{Records: 10, Responses: responses, Rejected: 1,
			Rows: aggregate.Rows{Days: days, MaxUnixMilli: span.Milliseconds()}}
	}
	row := func(inserts uint32, c *Contents) *LedgerRow {
		r := &LedgerRow{Inserts: inserts}
		r.count(c)
		return r
	}
	same := contents(9, 0, day(1, 9))
	for name, c := range map[string]struct {
		declared *LedgerRow
		now      *Contents
		inserts  int
		bytes    int
		ok       bool
	}{
		"one and one":                         {row(1, same), same, 1, 1 << 30, true},
		"two now":                             {row(1, same), same, 2, 100, false},
		"two then":                            {row(2, same), same, 1, 100, false},
		"one response less":                   {row(1, same), contents(8, 0, day(1, 8)), 1, 100, false},
		"on another day":                      {row(1, same), contents(9, 0, day(2, 9)), 1, 100, false},
		"an older binary's, small":            {&LedgerRow{}, same, 1, sureBytes, true},
		"an older binary's, large":            {&LedgerRow{}, same, 1, sureBytes + 1, false},
		"an older binary's, small, two now":   {&LedgerRow{}, same, 2, 100, false},
		"an older binary's, over many months": {&LedgerRow{}, contents(9, 90*24*time.Hour, day(1, 9)), 1, 100, false},
	} {
		if err := SameInserts(c.declared, c.now, c.inserts, c.bytes); (err == nil) != c.ok {
			t.Errorf("%s: got %v; want ok %v", name, err, c.ok)
		}
	}
}
