package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/retry"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

func testConfig() Config {
	c := DefaultConfig()
	c.Block.Topic, c.Block.Group, c.Block.Instance = "access", "statline", "test"
	return c
}

// begin starts a pipeline over t and s inside a synctest bubble.
func begin(t *testing.T, ctx context.Context, cfg Config, tp *topic, s *memory) (*Pipeline, <-chan error) {
	t.Helper()
	pool, err := fold.NewPool(foldConfig(), 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(cfg, Parts{Source: tp, Store: s, Rules: pool})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, done
}

func wholeOf(t *testing.T, rs []block.Record) foldtest.Totals {
	t.Helper()
	f := newBuilder(t, foldConfig())
	f.Add(rs)
	var want foldtest.Totals
	want.Add(f.Contents())
	return want
}

// sums leaves out what depends on offsets, which a topic of several
// partitions gives again.
func sums(s foldtest.Totals) foldtest.Totals {
	out := foldtest.Totals{Records: s.Records, Responses: s.Responses, Rejected: s.Rejected, Sums: map[string]uint64{}}
	for k, v := range s.Sums {
		if !strings.HasPrefix(k, "reject/") {
			out.Sums[k] = v
		}
	}
	return out
}

// Promise: until caught up, everything that was there at the start is stored
// once, over rebalances, and Run ends by itself.
func TestUntilCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := foldtest.Lines(t, traffic.Mixed, 30_000)
		tp, s := newTopic(3), newMemory()
		tp.down = 3
		tp.produce(rs)
		calls := 0
		s.fail = func(block.ID, *block.Contents) error {
			if calls++; calls%3 == 0 {
				go tp.rebalance()
				return errors.New("connection reset")
			}
			return nil
		}
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		cfg.Block.Limits.Records = 1000
		p, done := begin(t, t.Context(), cfg, tp, s)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sums(wholeOf(t, rs)), sums(s.sum)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		if tp.generation < 3 {
			t.Errorf("got %d generations; want some", tp.generation)
		}
		if used := p.bounds.used(); used != 0 {
			t.Errorf("%d bytes still accounted for at the end", used)
		}
	})
}

// Promise: a partition that cannot go on leaves the others at work, turns
// readiness red, and goes on when the cause is gone.
func TestOnePartitionStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := foldtest.Lines(t, traffic.Mixed, 3000)
		tp, s := newTopic(3), newMemory()
		tp.produce(rs)
		broken := true
		s.fail = func(id block.ID, _ *block.Contents) error {
			if broken && id.Partition == 1 {
				return fmt.Errorf("no such column: %w", retry.ErrPermanent)
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		p, done := begin(t, ctx, testConfig(), tp, s)
		time.Sleep(30 * time.Second)
		st := p.Status()
		if st.Ready || !st.Partitions[1].Stalled || !strings.Contains(st.Partitions[1].LastError, "no such column") {
			t.Errorf("got ready %t, %+v; want red with the reason", st.Ready, st.Partitions[1])
		}
		for _, i := range []int{0, 2} {
			if q := st.Partitions[i]; q.LagRecords != 0 || q.Records != 1000 || q.Stalled {
				t.Errorf("partition %d: got %+v; want all of it stored", i, q)
			}
		}
		s.mu.Lock()
		broken = false
		s.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if st := p.Status(); !st.Ready {
			t.Errorf("still not ready: %+v", st)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(sums(wholeOf(t, rs)), sums(s.sum)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

// Promise: a process that starts while the store is away knows how far behind
// it is by the group, not by the whole log, and since when by the log; when the
// ledger can be read, it knows its last record before it has stored anything
// itself.
func TestLagAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := foldtest.Lines(t, traffic.Mixed, 3000)
		for i := range rs {
			rs[i].UnixMilli = time.Now().UnixMilli()
		}
		tp, s := newTopic(1), newMemory()
		tp.produce(rs[:2000])
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		if _, done := begin(t, t.Context(), cfg, tp, s); <-done != nil {
			t.Fatal("the first process failed")
		}
		last := time.UnixMilli(rs[1999].UnixMilli)

		away := errors.New("connection refused")
		set := func(unread error, fail func(block.ID, *block.Contents) error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.unread, s.fail = unread, fail
		}
		set(away, func(block.ID, *block.Contents) error { return away })
		ctx, cancel := context.WithCancel(t.Context())
		p, done := begin(t, ctx, testConfig(), tp, s)
		time.Sleep(2 * time.Minute)
		if st := p.Status(); st.Ready || st.Partitions[0].LagRecords != 0 || st.Partitions[0].LastError == "" {
			t.Errorf("nothing new, ledger away: got %+v; want no lag, and red", st)
		}
		tp.produce(rs[2000:])
		time.Sleep(time.Minute)
		if q := p.Status().Partitions[0]; q.LagRecords != 1000 || q.LagSeconds != time.Since(last).Seconds() {
			t.Errorf("ledger away: got %+v; want 1000 records behind since %s", q, last)
		}
		set(nil, s.fail)
		time.Sleep(time.Minute)
		if q := p.Status().Partitions[0]; !q.Stalled || q.LagRecords != 1000 || !q.LastRecord.Equal(last) ||
			q.LagSeconds != time.Since(last).Seconds() {
			t.Errorf("inserts fail: got %+v; want 1000 records behind since %s", q, last)
		}
		set(nil, nil)
		time.Sleep(time.Minute)
		if st := p.Status(); !st.Ready || st.Partitions[0].LagRecords != 0 || st.Partitions[0].LagSeconds != 0 {
			t.Errorf("all is well: got %+v", st)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Promise: once caught up, a record is queryable within three seconds for up
// to 12 partitions, and beyond that a table gets at most 4 inserts a second.
func TestFlushInterval(t *testing.T) {
	for _, partitions := range []int{1, 4, 12, 13, 48} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tp, s := newTopic(partitions), newMemory()
				blocks := 0
				worst := time.Duration(0)
				s.fail = func(_ block.ID, c *block.Contents) error {
					blocks++
					worst = max(worst, time.Since(time.UnixMilli(c.Rows.MinUnixMilli)))
					return nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				_, done := begin(t, ctx, testConfig(), tp, s)
				time.Sleep(time.Second)
				const seconds = 60
				for range seconds * 4 {
					at := time.Now().UnixMilli()
					rs := make([]block.Record, partitions)
					for j := range rs {
						rs[j] = block.Record{UnixMilli: at,
							Value: fmt.Appendf(nil, `{"ts":%d,"status":200,"path":"/x"}`, at)}
					}
					tp.produce(rs)
					time.Sleep(250 * time.Millisecond)
				}
				cancel()
				<-done
				t.Logf("%d partitions: oldest record %s, %.1f inserts a second", partitions, worst,
					float64(blocks)/seconds)
				if partitions <= 12 && worst > 3*time.Second {
					t.Errorf("a record was inserted %s after its event; want at most 3 s", worst)
				}
				if rate := float64(blocks) / seconds; partitions > 12 && rate > 4.2 {
					t.Errorf("got %.1f inserts a second; want 4", rate)
				}
			})
		})
	}
}

// Promise: who says that nothing more comes waits for no flush.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp, s := newTopic(3), newMemory()
		cfg := testConfig()
		cfg.FlushInterval = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		p, done := begin(t, ctx, cfg, tp, s)
		rs := foldtest.Lines(t, traffic.Mixed, 600)
		tp.produce(rs[:300])
		time.Sleep(2 * time.Minute)
		tp.produce(rs[300:])
		time.Sleep(5 * time.Second)
		stored := func() uint64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.sum.Records
		}
		if got := stored(); got != 300 {
			t.Errorf("%d records stored; want the 300 whose flush has come", got)
		}
		p.Hurry()
		time.Sleep(300 * time.Millisecond)
		if got := stored(); got != 600 {
			t.Errorf("%d of 600 records stored 300 ms after the hurry", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Promise: everything that moves has a counter.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := foldtest.Lines(t, traffic.Mixed, 5000)
		tp, s := newTopic(2), newMemory()
		tp.produce(rs)
		failed := false
		s.fail = func(block.ID, *block.Contents) error {
			if !failed {
				failed = true
				return errors.New("connection reset")
			}
			return nil
		}
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		p, done := begin(t, t.Context(), cfg, tp, s)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(p.Collector())
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
				got[f.GetName()] += v
				for _, l := range m.GetLabel() {
					got[f.GetName()+"/"+l.GetValue()] += v
				}
			}
		}
		want := wholeOf(t, rs)
		for name, v := range map[string]float64{
			"statline_records_total":             float64(want.Records),
			"statline_responses_total":           float64(want.Responses),
			"statline_rejected_total":            float64(want.Rejected),
			"statline_retries_total/transient":   1,
			"statline_generations_total":         1,
			"statline_memory_budget_bytes/limit": float64(cfg.MemoryBudget),
			"statline_memory_budget_bytes/used":  0,
		} {
			if got[name] != v {
				t.Errorf("%s: got %v; want %v", name, got[name], v)
			}
		}
		for _, name := range []string{"statline_blocks_total/declared", "statline_blocks_total/stored",
			"statline_blocks_total/committed", "statline_block_seconds"} {
			if got[name] == 0 {
				t.Errorf("%s: got 0; want some", name)
			}
		}
	})
}

// Promise: the table pipeline has a row per minute and partition, whose last
// version counts what the minute stored and says what an audit found.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp, s := newTopic(2), newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		cfg := testConfig()
		cfg.AuditEvery = 90 * time.Second
		p, done := begin(t, ctx, cfg, tp, s)
		for range 5 * 60 {
			tp.produce(foldtest.Lines(t, traffic.Quiet, 4))
			time.Sleep(time.Second)
		}
		cancel()
		<-done
		last := map[string]store.PipelineRow{}
		for _, row := range s.status {
			last[fmt.Sprint(row.Partition, "/", row.Minute)] = row
		}
		sum, audited := uint64(0), 0
		for key, row := range last {
			if row.Records > 125 || row.Minute%60 != 0 || row.AuditDifferences != -1 && row.Partition != 0 ||
				row.Stalled {
				t.Errorf("%s: got %+v; want about 120 records", key, row)
			}
			sum += row.Records
			if row.AuditDifferences == 2 {
				audited++
			}
		}
		if st := p.Status(); audited == 0 || st.Audit == nil || st.Audit.Differences != 2 {
			t.Errorf("got %d audited minutes and %+v; want what the audits found", audited, st.Audit)
		}
		if len(last) < 8 || sum < 1000 || sum > s.sum.Records {
			t.Errorf("got %d rows with %d records; %d were stored", len(last), sum, s.sum.Records)
		}
	})
}

// Promise: a compacted topic is refused unless allowed.
func TestCompactedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp := newTopic(1)
		tp.compacted = true
		_, done := begin(t, t.Context(), testConfig(), tp, newMemory())
		if err := <-done; err == nil || !strings.Contains(err.Error(), "compacted") {
			t.Errorf("got error %v; want one about compaction", err)
		}
	})
}

// Promise: bad values are named, with what is wanted.
func TestConfigValidate(t *testing.T) {
	for says, change := range map[string]func(*Config){
		"topic":         func(c *Config) { c.Block.Topic = "" },
		"group":         func(c *Config) { c.Block.Group = "" },
		"memory-budget": func(c *Config) { c.MemoryBudget = 1 },
		"from":          func(c *Config) { c.Block.From = "middle" },
		"on-gap":        func(c *Config) { c.Block.OnGap = "ignore" },
		"resume-at":     func(c *Config) { c.Block.ResumeAt = "end" },
	} {
		c := testConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got error %v", says, err)
		}
	}
}
