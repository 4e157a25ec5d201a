package ingest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/traffic"
)

// Promise: readiness says why the group cannot be joined.
func TestReadySaysWhyNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp := newTopic(2)
		ctx, cancel := context.WithCancel(t.Context())
		p, done := begin(t, ctx, testConfig(), tp, newMemory())
		time.Sleep(10 * time.Second)
		if st := p.Status(); !st.Ready {
			t.Errorf("joined: got %+v", st)
		}
		tp.mu.Lock()
		tp.unjoined = errors.New("connection refused")
		tp.mu.Unlock()
		tp.rebalance()
		time.Sleep(10 * time.Second)
		if st := p.Status(); st.Ready || !strings.HasSuffix(st.Waiting, ": connection refused") ||
			st.Partitions == nil {
			t.Errorf("broker away: got %+v; want red with the reason, and no null", st)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Promise: an outage is told at a bounded rate, however many partitions there
// are.
func TestOutageIsToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp, s := newTopic(64), newMemory()
		tp.produce(foldtest.Lines(t, traffic.Mixed, 6400))
		s.fail = func(block.ID, *block.Contents) error { return errors.New("connection refused") }
		pool, err := fold.NewPool(foldConfig(), 16<<20)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder // written before the bubble's end only
		p, err := New(testConfig(), Parts{Source: tp, Store: s, Rules: pool,
			Log: slog.New(slog.NewTextHandler(&out, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		// Three minutes, and the 15 s that declared blocks have after a stop.
		if n := strings.Count(out.String(), "msg=retrying"); n < 9 || n > 20 {
			t.Errorf("got %d lines in 195 s; want one in ten seconds", n)
		}
	})
}

// Promise: a server that is away is one line in ten seconds, whatever its
// partitions ask it for: the store inserts and, of those that resume meanwhile,
// ledgers; Kafka fetches and commits.
func TestOutageIsOneLineWhateverIsAsked(t *testing.T) {
	away := errors.New("connection refused")
	for name, outage := range map[string]func(tp *topic, s *memory, release func()){
		"store": func(tp *topic, s *memory, release func()) {
			s.mu.Lock()
			s.fail, s.unread = func(block.ID, *block.Contents) error { return away }, away
			s.mu.Unlock()
			release()
			time.Sleep(35 * time.Second)
			tp.rebalance()
		},
		"Kafka": func(tp *topic, _ *memory, release func()) {
			tp.mu.Lock()
			tp.broken = away
			tp.mu.Unlock()
			release() // these commit, the others fetch
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tp, s := newTopic(12), newMemory()
				held := make(chan struct{})
				s.block = func(block.ID) { <-held }
				pool, err := fold.NewPool(foldConfig(), 16<<20)
				if err != nil {
					t.Fatal(err)
				}
				var out strings.Builder // read after the run
				cfg := testConfig()
				cfg.Block.StopTimeout = 4 * time.Second
				p, err := New(cfg, Parts{Source: tp, Store: s, Rules: pool,
					Log: slog.New(slog.NewTextHandler(&out, nil))})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- p.Run(ctx) }()
				time.Sleep(5 * time.Second)
				tp.produce(foldtest.Lines(t, traffic.Mixed, 6)) // half the partitions
				time.Sleep(5 * time.Second)
				outage(tp, s, func() { close(held) })
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				asked, last := map[string]bool{}, time.Time{}
				for line := range strings.Lines(out.String()) {
					if !strings.Contains(line, "msg=retrying") {
						continue
					}
					stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
					at, err := time.Parse(time.RFC3339, stamp)
					if err != nil {
						t.Fatal(err)
					}
					if at.Sub(last) < 10*time.Second {
						t.Errorf("%s after another line:\n%s", at.Sub(last), line)
					}
					last = at
					asked[line[strings.Index(line, "what="):strings.Index(line, " class=")]] = true
				}
				t.Logf("lines about %v", slices.Sorted(maps.Keys(asked)))
				if last.IsZero() {
					t.Error("got no line about the outage")
				}
			})
		})
	}
}

// Promise: a block that the store does not take in time while the group
// rebalances is left to the next owner. That is no stop that needs an operator.
func TestHandoverIsNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := foldtest.Lines(t, traffic.Mixed, 3000)
		tp, s := newTopic(3), newMemory()
		tp.produce(rs)
		broken := true
		s.fail = func(id block.ID, _ *block.Contents) error {
			if broken && id.Partition == 1 {
				return errors.New("connection refused")
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		cfg := testConfig()
		cfg.Block.StopTimeout = 4 * time.Second
		p, done := begin(t, ctx, cfg, tp, s)
		time.Sleep(10 * time.Second)
		tp.rebalance()
		time.Sleep(10 * time.Second)
		s.mu.Lock()
		broken = false
		s.mu.Unlock()
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sums(wholeOf(t, rs)), sums(s.sum)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(p.Collector())
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "statline_partition_stops_total" && f.GetMetric()[0].GetCounter().GetValue() != 0 {
				t.Errorf("got %v partition stops; want none", f.GetMetric()[0].GetCounter().GetValue())
			}
		}
		if tp.generation != 2 {
			t.Errorf("got %d generations; want 2", tp.generation)
		}
	})
}
