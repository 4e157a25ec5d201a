package ingest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// underRoute is a configuration of its own.
func underRoute(n int) fold.Config {
	c := foldConfig()
	c.Decode.Routes = []decode.RouteRule{{Pattern: "/3/**", Route: "/reload/" + string(rune('a'+n))}}
	return c
}

func poolOf(t *testing.T, c fold.Config) *fold.Pool {
	t.Helper()
	pool, err := fold.NewPool(c, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// blocksOf checks that the stored blocks leave nothing out and that each one's
// rows are what its own configuration makes of its records. It returns the
// hashes in the ledger.
func blocksOf(t *testing.T, tp *topic, s *memory, contents map[string]foldtest.Totals,
	by map[string]fold.Config) map[string]int {
	t.Helper()
	hashes := map[string]int{}
	for p, rows := range s.ledger {
		next := int64(0)
		for _, row := range rows {
			if row.State != block.Stored || row.Kind != block.KindBlock {
				continue
			}
			if row.First != next {
				t.Errorf("partition %d: a block begins at %d; want %d", p, row.First, next)
			}
			next = row.End
			hashes[row.ConfigHash]++
			c, ok := by[row.ConfigHash]
			if !ok {
				t.Fatalf("%v is under %s, which nobody configured", row.ID, row.ConfigHash)
			}
			f := newBuilder(t, c)
			for _, r := range tp.logs[p] {
				if r.Offset >= row.First && r.Offset < row.End {
					f.Add([]block.Record{r})
				}
			}
			var want foldtest.Totals
			want.Add(f.Contents())
			if d := cmp.Diff(sums(want), sums(contents[row.ID.String()])); d != "" {
				t.Fatalf("%v under %s is not what that makes of its records (-want +got):\n%s", row.ID, row.ConfigHash,
					d)
			}
		}
		if want := tp.offsets(true)[p]; next != want {
			t.Errorf("partition %d is stored up to %d; want %d", p, next, want)
		}
	}
	return hashes
}

// Promise: a configuration that changes while the pipeline runs, over failing
// inserts and rebalances, holds from the boundary of a block on: nothing is
// lost or doubled, and each block is what the configuration in its ledger row
// makes of its records.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp, s := newTopic(3), newMemory()
		tp.produce(foldtest.Lines(t, traffic.Mixed, 20_000))
		by := map[string]fold.Config{store.ConfigHash(foldConfig().Hash()): foldConfig()}
		contents := map[string]foldtest.Totals{}
		begun := make(chan *Pipeline, 1)
		calls := 0
		s.fail = func(id block.ID, c *block.Contents) error {
			calls++
			if calls%7 == 0 {
				next := underRoute(calls % 5)
				go func() {
					p := <-begun
					begun <- p
					if err := p.Reload(t.Context(), poolOf(t, next)); err != nil {
						t.Error(err)
					}
				}()
			}
			if calls%11 == 0 {
				go tp.rebalance()
				return errors.New("connection reset")
			}
			if _, known := contents[id.String()]; !known {
				var sum foldtest.Totals
				sum.Add(c)
				contents[id.String()] = sum
			}
			return nil
		}
		for n := range 5 {
			by[store.ConfigHash(underRoute(n).Hash())] = underRoute(n)
		}
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		cfg.Block.Limits.Records = 200
		p, done := begin(t, t.Context(), cfg, tp, s)
		begun <- p
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		hashes := blocksOf(t, tp, s, contents, by)
		if len(hashes) < 4 {
			t.Errorf("got blocks under %v; want several configurations", hashes)
		}
		for hash := range hashes {
			if s.configs[hash].Body == nil {
				t.Errorf("configuration %s is not kept", hash)
			}
		}
	})
}

// deaf is a store that cannot keep a configuration.
type deaf struct{ *memory }

func (deaf) WriteConfig(context.Context, store.StoredConfig) error { return errors.New("read only") }

// A configuration that cannot be kept changes nothing: its blocks could not be
// folded again.
func TestReloadThatCannotBeKept(t *testing.T) {
	p, err := New(testConfig(), Parts{Source: newTopic(1), Store: deaf{newMemory()}, Rules: poolOf(t, foldConfig())})
	if err != nil {
		t.Fatal(err)
	}
	before := p.ConfigHash()
	if err := p.Reload(t.Context(), poolOf(t, underRoute(1))); err == nil || p.ConfigHash() != before {
		t.Errorf("got %v and %s; want an error and the old configuration", err, p.ConfigHash())
	}
	if err := p.Reload(t.Context(), poolOf(t, foldConfig())); err != nil {
		t.Errorf("the same configuration again: %v", err)
	}
}
