package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest/block"
	"statline/ingest/fold/foldtest"
	"statline/ingest/retry"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// condition is the condition of a name that holds, nil when it does not.
func (st Status) condition(name ConditionName) *Condition {
	for i := range st.Conditions {
		if st.Conditions[i].Name == name {
			return &st.Conditions[i]
		}
	}
	return nil
}

// at runs a pipeline over tp and s in a bubble until f returns.
func at(t *testing.T, cfg Config, tp *topic, s *memory, f func(p *Pipeline)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, done := begin(t, ctx, cfg, tp, s)
		time.Sleep(10 * time.Second)
		f(p)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// stamped is n lines that Kafka takes now.
func stamped(t *testing.T, n int) []block.Record {
	t.Helper()
	rs := foldtest.Lines(t, traffic.Mixed, n)
	for i := range rs {
		rs[i].UnixMilli = time.Now().UnixMilli()
	}
	return rs
}

// Promise: a server that goes away is known within 15 seconds, also when nothing
// arrives, and so is that it is back.
func TestReadyWhenNothingArrives(t *testing.T) {
	away := errors.New("connection refused")
	for name, set := range map[ConditionName]func(*topic, *memory, error){
		StoreAway: func(_ *topic, s *memory, err error) { s.mu.Lock(); defer s.mu.Unlock(); s.away = err },
		KafkaAway: func(tp *topic, _ *memory, err error) { tp.mu.Lock(); defer tp.mu.Unlock(); tp.away = err },
	} {
		tp, s := newTopic(2), newMemory()
		at(t, testConfig(), tp, s, func(p *Pipeline) {
			if st := p.Status(); !st.Ready || st.Conditions != nil {
				t.Fatalf("%s: all is well: got %+v", name, st)
			}
			set(tp, s, away)
			time.Sleep(15 * time.Second)
			if st := p.Status(); st.Ready || st.condition(name) == nil ||
				!strings.Contains(st.condition(name).Detail, "refused") {
				t.Errorf("%s: got %+v; want red with the reason", name, st)
			}
			set(tp, s, nil)
			time.Sleep(15 * time.Second)
			if st := p.Status(); !st.Ready || st.Conditions != nil {
				t.Errorf("%s: it is back: got %+v", name, st)
			}
		})
	}
}

// Promise: what an open transaction holds back is told apart from what can be
// read, with the transaction's age; it is named after half a minute and turns
// readiness red when it is older than it may be.
func TestOpenTransaction(t *testing.T) {
	tp, s := newTopic(2), newMemory()
	tp.produce(foldtest.Lines(t, traffic.Mixed, 100))
	open := func(n int64) {
		tp.mu.Lock()
		defer tp.mu.Unlock()
		tp.open = map[int32]int64{1: n}
	}
	cfg := testConfig()
	cfg.TransactionAge = 2 * time.Minute
	at(t, cfg, tp, s, func(p *Pipeline) {
		open(5010)
		time.Sleep(20 * time.Second)
		st := p.Status()
		if q := st.Partitions[1]; !st.Ready || st.Conditions != nil || q.LagRecords != 0 || q.LagSeconds != 0 ||
			q.LagHighWatermark != 5010 ||
			q.TransactionSeconds < 14 || q.TransactionSeconds > 20 {
			t.Errorf("a young one: got %+v", st)
		}
		time.Sleep(time.Minute)
		st = p.Status()
		if c := st.condition(OpenTransaction); !st.Ready || c == nil || c.Red ||
			!strings.Contains(c.Detail, "partition 1") || !strings.Contains(c.Detail, "5010 offsets from 50 on") {
			t.Errorf("after a minute: got %+v; want a note", st)
		}
		time.Sleep(time.Minute)
		if c := p.Status().condition(OpenTransaction); p.Status().Ready || !c.Red || c.Since.IsZero() {
			t.Errorf("after its age: got %+v; want red", p.Status())
		}
		open(0)
		time.Sleep(10 * time.Second)
		if st := p.Status(); !st.Ready || st.Conditions != nil || st.Partitions[1].TransactionSeconds != 0 {
			t.Errorf("it has ended: got %+v", st)
		}
	})
}

// Promise: the lag in seconds is the age of the oldest record that is not
// stored, however old the last stored one is, and 0 when all are.
func TestLagOfASparsePartition(t *testing.T) {
	tp, s := newTopic(1), newMemory()
	at(t, testConfig(), tp, s, func(p *Pipeline) {
		tp.produce(stamped(t, 1))
		time.Sleep(141 * time.Second)
		if q := p.Status().Partitions[0]; q.Records != 1 || q.LagSeconds != 0 {
			t.Fatalf("all is stored: got %+v", q)
		}
		s.mu.Lock()
		s.fail = func(block.ID, *block.Contents) error { return errors.New("connection refused") }
		s.mu.Unlock()
		tp.produce(stamped(t, 1))
		time.Sleep(1500 * time.Millisecond)
		if q := p.Status().Partitions[0]; q.LagRecords != 1 || q.LagSeconds < 1 || q.LagSeconds > 2 {
			t.Errorf("one record of 1.5 s: got %+v", q)
		}
		time.Sleep(time.Minute)
		tp.produce(stamped(t, 1))
		time.Sleep(3 * time.Second)
		if q := p.Status().Partitions[0]; q.LagRecords != 2 || q.LagSeconds < 64 || q.LagSeconds > 65 {
			t.Errorf("the oldest counts: got %+v", q)
		}
		s.mu.Lock()
		s.fail = nil
		s.mu.Unlock()
		time.Sleep(time.Minute)
		if q := p.Status().Partitions[0]; q.LagRecords != 0 || q.LagSeconds != 0 {
			t.Errorf("all is stored again: got %+v", q)
		}
	})
}

// Promise: a store that has lost what the group committed, as after a restored
// backup, turns readiness red while the daemon runs, with the partition, the
// offsets and what mends it; the lag counts those records; --until-caught-up
// does not end with success; and resume-at=ledger stores them again.
// Long because it is one story, told in its order.
func TestRestoredStore(t *testing.T) {
	t.Run("compared before a partition resumed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newTracker(0)
			b.partitions[1] = &entry{owned: true}
			found := []Missing{{Missing: block.Missing{Partition: 1, First: 974, End: 1500}}}
			began := time.Now()
			b.event(1, block.Event{Kind: block.Resumed, Next: 974})
			if moving := b.miss(found, began); moving != nil {
				t.Errorf("got %v; it had gone back to the ledger's end meanwhile", moving)
			}
			time.Sleep(time.Second)
			if moving := b.miss(found, time.Now()); len(moving) != 1 {
				t.Errorf("got %v; want the partition that goes on", moving)
			}
		})
	})

	lines := foldtest.Lines(t, traffic.Mixed, 3000)
	for i := range lines {
		lines[i].UnixMilli = 946_684_800_000 // when a bubble begins
	}
	store := func(t *testing.T) (*topic, *memory) {
		tp, s := newTopic(2), newMemory()
		tp.produce(lines)
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		cfg.Block.Limits.Records = 500
		synctest.Test(t, func(t *testing.T) {
			if _, done := begin(t, t.Context(), cfg, tp, s); <-done != nil {
				t.Fatal("the first run failed")
			}
		})
		return tp, s
	}
	t.Run("while it runs", func(t *testing.T) {
		tp, s := store(t)
		at(t, testConfig(), tp, s, func(p *Pipeline) {
			left := s.restore(1, 1000)
			time.Sleep(15 * time.Second)
			st := p.Status()
			c := st.condition(RowsMissing)
			if st.Ready || c == nil || !strings.Contains(c.Detail, fmt.Sprintf("access/1: the records [%d,1500)",
				left)) || !strings.Contains(c.Detail, "--resume-at=ledger") {
				t.Fatalf("got %+v; want red with the offsets", st)
			}
			if q := st.Partitions[1]; q.MissingRecords != 1500-left || q.LagRecords != 1500-left || q.LagSeconds == 0 ||
				!strings.Contains(q.LastError, "the ledger") {
				t.Errorf("got %+v; want %d records missing", q, 1500-left)
			}
			if q := st.Partitions[0]; q.MissingRecords != 0 || q.Stalled {
				t.Errorf("the other partition: got %+v", q)
			}
			tp.produce(foldtest.Lines(t, traffic.Mixed, 100))
			time.Sleep(2 * time.Minute)
			if end := s.end(1); end != left {
				t.Errorf("it went on beyond what is missing: the ledger ends at %d; want %d", end, left)
			}
		})
	})
	t.Run("while a block waits for it", func(t *testing.T) {
		tp, s := store(t)
		for _, resume := range []block.ResumeAt{block.Refuse, block.AtLedger} {
			cfg := testConfig()
			cfg.Block.ResumeAt = resume
			// before anybody compares
			cfg.Block.Retry = retry.Pause{Initial: 50 * time.Millisecond, Max: 50 * time.Millisecond}
			at(t, cfg, tp, s, func(p *Pipeline) {
				s.mu.Lock()
				s.fail = func(block.ID, *block.Contents) error { return errors.New("connection refused") }
				s.mu.Unlock()
				tp.produce(foldtest.Lines(t, traffic.Mixed, 100))
				time.Sleep(10 * time.Second)
				left := s.restore(1, 1000)
				s.mu.Lock()
				s.fail = nil
				s.mu.Unlock()
				time.Sleep(2 * time.Minute)
				end := s.end(1)
				if ready := p.Status().Ready; resume == block.Refuse && (ready || end != left) ||
					resume == block.AtLedger && (!ready || end <= 1500) {
					t.Errorf("resume-at %q: ready %t, the ledger ends at %d after %d", resume, ready, end, left)
				}
				ends, err := s.Ends(t.Context(), "", "")
				if err != nil || ends[1].Uncovered != 0 {
					t.Errorf("resume-at %q: it left a hole: %+v, %v", resume, ends[1], err)
				}
			})
		}
	})
	t.Run("until caught up", func(t *testing.T) {
		tp, s := store(t)
		left := s.restore(1, 1000)
		cfg := testConfig()
		cfg.UntilCaughtUp = true
		synctest.Test(t, func(t *testing.T) {
			_, done := begin(t, t.Context(), cfg, tp, s)
			if err := <-done; !errors.Is(err, block.ErrRowsMissing) ||
				!strings.Contains(err.Error(), fmt.Sprint(left)) {
				t.Errorf("got %v; want what is missing", err)
			}
			cfg.Block.ResumeAt = block.AtLedger
			if _, done := begin(t, t.Context(), cfg, tp, s); <-done != nil {
				t.Error("resume-at=ledger: got an error")
			}
			if end := s.end(1); end != 1500 {
				t.Errorf("resume-at=ledger: the ledger ends at %d; want all of it", end)
			}
		})
	})
	t.Run("restored while it runs with resume-at=ledger", func(t *testing.T) {
		tp, s := store(t)
		cfg := testConfig()
		cfg.Block.ResumeAt = block.AtLedger
		at(t, cfg, tp, s, func(p *Pipeline) {
			s.restore(1, 1000)
			time.Sleep(30 * time.Second)
			if end := s.end(1); end != 1500 {
				t.Errorf("the ledger ends at %d; want all of it", end)
			}
			if st := p.Status(); !st.Ready || st.Conditions != nil {
				t.Errorf("got %+v; want green", st)
			}
		})
	})
}

// Promise: instances that store under another configuration are named in
// readiness, which stays green, and counted.
func TestMixedConfigurations(t *testing.T) {
	tp, s := newTopic(1), newMemory()
	at(t, testConfig(), tp, s, func(p *Pipeline) {
		s.mu.Lock()
		s.writers = []store.Writer{{Instance: "other", ConfigHash: "c0ffee", Version: "v1", At: time.Now()},
			{Instance: "test", ConfigHash: "mine, before a reload"}}
		s.mu.Unlock()
		time.Sleep(10 * time.Second)
		st := p.Status()
		if c := st.condition(MixedConfigurations); !st.Ready || c == nil || c.Red ||
			!strings.Contains(c.Detail, "other stores blocks under c0ffee (version v1") ||
			!strings.Contains(c.Detail, p.ConfigHash()) || strings.Contains(c.Detail, "reload,") {
			t.Errorf("got %+v; want a note", st)
		}
		for name, want := range map[string]float64{"statline_configurations": 2,
			"statline_condition/mixed_configurations": 1, "statline_condition/store_away": 0} {
			if got := gathered(t, p)[name]; got != want {
				t.Errorf("%s: got %v; want %v", name, got, want)
			}
		}
	})
}

// gathered is the pipeline's gauges by name and label.
func gathered(t *testing.T, p *Pipeline) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(p.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue()
		}
	}
	return got
}

// Promise: a daemon whose servers are away, however they are, is healthy for as
// long as that lasts.
func TestHealthyWhileServersAreAway(t *testing.T) {
	for name, fail := range map[string]func(*topic, *memory){
		"the store refuses": func(_ *topic, s *memory) {
			s.fail = func(block.ID, *block.Contents) error { return errors.New("connection refused") }
			s.away = errors.New("connection refused")
		},
		"the store hangs": func(_ *topic, s *memory) {
			s.hang = true
		},
		"the ledger cannot be read": func(tp *topic, s *memory) {
			s.unread = errors.New("connection refused")
			tp.end()
		},
		"the group cannot be joined": func(tp *topic, _ *memory) {
			tp.unjoined, tp.away = errors.New("connection refused"), errors.New("connection refused")
			tp.end()
		},
		"a partition is stopped": func(_ *topic, s *memory) {
			s.fail = func(id block.ID, _ *block.Contents) error {
				return fmt.Errorf("%w: no such column", retry.ErrPermanent)
			}
		},
	} {
		tp, s := newTopic(2), newMemory()
		at(t, testConfig(), tp, s, func(p *Pipeline) {
			tp.mu.Lock()
			s.mu.Lock()
			fail(tp, s)
			s.mu.Unlock()
			tp.mu.Unlock()
			tp.produce(foldtest.Lines(t, traffic.Mixed, 5000))
			for range 3 * 60 {
				time.Sleep(time.Minute)
				if err := p.Healthy(); err != nil {
					t.Errorf("%s: %v", name, err)
					break
				}
			}
			s.mu.Lock()
			s.hang, s.fail, s.unread = false, nil, nil
			s.mu.Unlock()
		})
	}
}

// Promise: a loop that neither moves nor waits for a server is found out, and
// named.
func TestStuckLoop(t *testing.T) {
	tp, s := newTopic(3), newMemory()
	at(t, testConfig(), tp, s, func(p *Pipeline) {
		stuck := make(chan struct{})
		if err := p.Healthy(); err != nil {
			t.Errorf("all is well: %v", err)
		}
		s.mu.Lock()
		s.block = func(id block.ID) {
			if id.Partition == 1 {
				<-stuck // planted: nothing ends it
			}
		}
		s.mu.Unlock()
		tp.produce(foldtest.Lines(t, traffic.Mixed, 300))
		time.Sleep(4 * time.Minute)
		if err := p.Healthy(); err != nil {
			t.Errorf("too early: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := p.Healthy(); err == nil || !strings.Contains(err.Error(), "partition 1 has given no sign of life") ||
			strings.Contains(err.Error(), "partition 0") {
			t.Errorf("got %v; want partition 1 named", err)
		}
		close(stuck)
		time.Sleep(10 * time.Second)
		if err := p.Healthy(); err != nil {
			t.Errorf("it moves again: %v", err)
		}
	})
}

// beside are detectors whose rounds do as they are told.
type beside struct {
	since, moved time.Time
	err, stopped error
}

func (d *beside) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (d *beside) Round(context.Context) error   { return nil }
func (d *beside) Stopped() error                { return d.stopped }
func (d *beside) Failing() (time.Time, error)   { return d.since, d.err }
func (d *beside) Moved() time.Time              { return d.moved }

// Promise: detectors whose queries fail while the store takes blocks are named,
// and turn readiness red after a minute; detectors that are silent for half an
// hour are not healthy.
func TestDetectorsFailing(t *testing.T) {
	at(t, testConfig(), newTopic(1), newMemory(), func(p *Pipeline) {
		detectors := &beside{moved: time.Now()}
		d := &Daemon{Pipeline: p, Detectors: detectors}
		look := func() (bool, Status) {
			ok, detail := d.Ready()
			st, _ := detail.(Status)
			return ok, st
		}
		if ok, st := look(); !ok || st.Conditions != nil {
			t.Errorf("all is well: got %+v", st)
		}
		detectors.since, detectors.err = time.Now(), errors.New("not enough privileges")
		time.Sleep(20 * time.Second)
		if ok, st := look(); !ok || st.condition(DetectorsFailing) == nil || st.condition(DetectorsFailing).
			Detail != "not enough privileges" {
			t.Errorf("after 20 s: got %+v; want a note", st)
		}
		time.Sleep(time.Minute)
		if ok, st := look(); ok || !st.condition(DetectorsFailing).Red {
			t.Errorf("after a minute: got %+v; want red", st)
		}
		if err := d.Healthy(); err != nil {
			t.Errorf("they move: %v", err)
		}
		time.Sleep(30 * time.Minute)
		if err := d.Healthy(); err == nil || !strings.Contains(err.Error(), "the detectors") {
			t.Errorf("silent for half an hour: got %v", err)
		}
	})
}
