package block

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/retry"
)

// harness runs one machine on a world without faults.
type harness struct {
	w      *world
	cfg    Config
	env    Env
	pool   *countPool
	stop   chan struct{}
	events []Event
	ended  chan error
}

func newHarness(records int) *harness {
	w := newWorld(1)
	w.append(records)
	h := &harness{w: w, cfg: DefaultConfig(), pool: &countPool{}, stop: make(chan struct{}),
		ended: make(chan error, 1)}
	h.cfg.Cluster, h.cfg.Topic, h.cfg.Group, h.cfg.Instance, h.cfg.ConfigHash = "c", "access", "statline", "i", "h"
	h.cfg.Pipelined = false
	h.restart()
	return h
}

// restart gives the partition to a new process.
func (h *harness) restart() *proc {
	h.w.generation++
	p := &proc{w: h.w, generation: h.w.generation, beating: true, kill: func() {}}
	h.env = Env{Partition: p, Store: p, Pool: h.pool, Alive: p.Alive,
		Observe: func(e Event) { h.w.mu.Lock(); defer h.w.mu.Unlock(); h.events = append(h.events, e) }}
	h.stop = make(chan struct{})
	return p
}

// run starts the machine and lets it work until it has nothing left to do.
func (h *harness) run(ctx context.Context) {
	go func() { h.ended <- Run(ctx, h.cfg, h.env, h.stop) }()
	time.Sleep(time.Minute)
}

// end waits for the machine to end by itself, for an hour of the bubble's time.
func (h *harness) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-h.ended:
		return err
	case <-time.After(time.Hour):
		close(h.stop)
		t.Fatalf("it goes on; asked to stop, it ended with %v", <-h.ended)
		return nil
	}
}

// finish stops the machine.
func (h *harness) finish(t *testing.T) {
	t.Helper()
	close(h.stop)
	if err := <-h.ended; err != nil {
		t.Error(err)
	}
}

// Promise: the range is declared in the group and in the ledger before any
// row is inserted; the ledger says stored after the last insert; the commit
// of the end comes last.
func TestOrderOfEffects(t *testing.T) {
	for _, pipelined := range []bool{false, true} {
		t.Run(fmt.Sprintf("pipelined=%t", pipelined), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(50)
				h.cfg.Pipelined = pipelined
				h.cfg.Limits.Records = 30
				h.run(t.Context())
				h.finish(t)
				end := h.w.logEnd
				var want []string
				want = append(want, "commit 0 v1:0:start:topic-0", "ledger gap stored [0,0)")
				for _, r := range [][2]int64{{0, 30}, {30, end}} {
					id := ID{Cluster: "c", Topic: "access", First: r[0], End: r[1]}
					want = append(want, fmt.Sprintf("commit %d v1:0:%d-%d:h@topic-0:T", r[0], r[0], r[1]),
						fmt.Sprintf("ledger block declared [%d,%d)", r[0], r[1]))
					for _, table := range modelTables {
						want = append(want, "insert "+id.Token(table, 0))
					}
					want = append(want, fmt.Sprintf("ledger block stored [%d,%d)", r[0], r[1]),
						fmt.Sprintf("commit %d v1:0:done:topic-0", r[1]))
				}
				got := slices.Clone(h.w.ops)
				for i, op := range got {
					if strings.HasPrefix(op, "commit") && strings.Count(op, ":") == 4 {
						got[i] = op[:strings.LastIndex(op, ":")] + ":T"
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("effects (-want +got):\n%s", diff)
				}
				if err := h.w.check(0); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// faultyStore fails WriteRows as it is told.
type faultyStore struct {
	Store
	fail func(id ID, fence func() error) error
}

func (s *faultyStore) WriteRows(ctx context.Context, id ID, c *Contents, fence func() error) error {
	if err := s.fail(id, fence); err != nil {
		return err
	}
	return s.Store.WriteRows(ctx, id, c, fence)
}

// Promise: a declared block is retried unchanged, and only the next one is
// smaller when the store asks to wait.
func TestWaitShrinksTheNextBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(10_000)
		h.cfg.Limits.Records, h.cfg.Limits.MaxAge = 4_000, time.Hour
		var tried []ID
		h.env.Store = &faultyStore{h.env.Store, func(id ID, _ func() error) error {
			tried = append(tried, id)
			if len(tried) <= 2 {
				return fmt.Errorf("too many parts: %w", retry.ErrWaiting)
			}
			return nil
		}}
		h.run(t.Context())
		time.Sleep(time.Hour)
		h.finish(t)
		for i, want := range []int64{4_000, 4_000, 4_000, 2_000} {
			if got := tried[i].End - tried[i].First; got != want {
				t.Errorf("try %d: got a block of %d offsets; want %d", i, got, want)
			}
		}
		if tried[0] != tried[1] || tried[1] != tried[2] {
			t.Errorf("a declared block changed between tries: %v", tried[:3])
		}
		if err := h.w.check(0); err != nil {
			t.Error(err)
		}
	})
}

// Promise: an error that no retry can help stops the partition, with nothing
// committed beyond what is stored; after the cause is gone a new run finishes
// the block.
func TestPermanentErrorStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		inner := h.env.Store
		h.env.Store = &faultyStore{inner, func(ID, func() error) error {
			return fmt.Errorf("no such column: %w", retry.ErrPermanent)
		}}
		err := Run(t.Context(), h.cfg, h.env, h.stop)
		if !errors.Is(err, retry.ErrPermanent) || !strings.Contains(err.Error(), "insert block [0,") {
			t.Fatalf("got error %v; want a permanent one that names the block", err)
		}
		if h.w.commit.Offset != 0 {
			t.Errorf("committed %d; want 0", h.w.commit.Offset)
		}
		h.env.Store = inner
		h.run(t.Context())
		h.finish(t)
		if err := h.w.check(0); err != nil {
			t.Error(err)
		}
	})
}

// Promise: before every INSERT the session must be alive; without a heartbeat
// nothing is inserted and the generation is over.
func TestFenceBeforeInsert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		var alive atomic.Bool
		alive.Store(true)
		h.env.Alive = func() error {
			if !alive.Load() {
				return errors.New("no heartbeat for 10s")
			}
			return nil
		}
		h.env.At = func(step string) {
			if step == "insert" {
				alive.Store(false)
			}
		}
		err := Run(t.Context(), h.cfg, h.env, h.stop)
		if !errors.Is(err, ErrFenced) {
			t.Fatalf("got error %v; want ErrFenced", err)
		}
		if len(h.w.tables) != 0 {
			t.Errorf("rows were inserted without a heartbeat: %v", h.w.tables)
		}
	})
}

// Promise: a stop finishes the declared block and declares no other.
func TestStopFinishesTheDeclaredBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(1000)
		h.cfg.Limits.Records = 100
		h.cfg.Pipelined = true
		var once atomic.Bool
		h.env.At = func(step string) {
			if step == "declared" && once.CompareAndSwap(false, true) {
				close(h.stop)
			}
		}
		if err := Run(t.Context(), h.cfg, h.env, h.stop); err != nil {
			t.Fatal(err)
		}
		if got := h.w.commit; got.Offset != 100 || got.Metadata != "v1:0:done:topic-0" {
			t.Errorf("got commit %+v; want 100, done", got)
		}
		if h.pool.lent != 0 {
			t.Errorf("%d builders were not given back", h.pool.lent)
		}
	})
}

// Promise: a stop does not wait forever for a store that is away.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		h.env.Store = &faultyStore{h.env.Store,
			func(ID, func() error) error { return errors.New("connection refused") }}
		h.run(t.Context())
		close(h.stop)
		asked := time.Now()
		if err := <-h.ended; !errors.Is(err, errStopTimeout) {
			t.Errorf("got error %v; want errStopTimeout", err)
		}
		if took := time.Since(asked); took > h.cfg.StopTimeout+time.Second {
			t.Errorf("stopped after %s; want %s", took, h.cfg.StopTimeout)
		}
	})
}

// Promise: records that retention deletes before they were read are never
// skipped silently: the partition stops, or the ledger has a gap row.
func TestGapWhileRunning(t *testing.T) {
	for _, on := range []OnGap{Fail, Skip} {
		t.Run(string(on), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(100)
				h.cfg.OnGap = on
				h.run(t.Context())
				h.w.mu.Lock()
				stored := h.w.logEnd
				h.w.mu.Unlock()
				h.finish(t)
				h.restart()
				h.w.append(100)
				cut := h.w.logEnd - 20
				h.w.logStart = cut
				h.w.log = slices.DeleteFunc(h.w.log, func(r Record) bool { return r.Offset < cut })
				h.run(t.Context())
				if on == Fail {
					if err := h.end(t); !errors.Is(err, ErrGap) {
						t.Errorf("got error %v; want ErrGap", err)
					}
					return
				}
				h.finish(t)
				i := slices.IndexFunc(h.w.ledger,
					func(r LedgerRow) bool { return r.Kind == KindGap && r.First == stored })
				if i < 0 {
					t.Fatalf("the ledger has no gap row from %d on", stored)
				}
				for _, e := range h.events {
					if (e.Kind == Located || e.Kind == Resumed) && e.Next == cut {
						t.Errorf("%v says %d before the gap is in the ledger; the group has committed %d", e.Kind,
							e.Next, stored)
					}
				}
				gap := h.w.ledger[i]
				if gap.End != cut || gap.Holes != uint64(cut-stored) || gap.Note == "" {
					t.Errorf("got gap %+v; want [%d,%d) with its holes and a note", gap, stored, cut)
				}
				if h.w.commit.Offset != h.w.logEnd {
					t.Errorf("committed %d; want %d", h.w.commit.Offset, h.w.logEnd)
				}
			})
		})
	}
}

// Promise: a store that is away costs one log line and one block, not memory:
// the fillers wait, and everything is stored when it is back.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(10_000)
		h.cfg.Pipelined = true
		h.cfg.Limits.Records = 500
		h.env.Budget = NewBudget(1<<10, 4<<10, 1)
		var down atomic.Bool
		down.Store(true)
		h.env.Store = &faultyStore{h.env.Store, func(ID, func() error) error {
			if down.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		h.run(t.Context())
		time.Sleep(time.Hour)
		if h.pool.lent > 2 {
			t.Errorf("%d builders in use during an outage; want at most 2", h.pool.lent)
		}
		if used := h.env.Budget.Used(); used > 6<<10 {
			t.Errorf("%d bytes in flight; want at most one large and one small block", used)
		}
		down.Store(false)
		time.Sleep(time.Hour)
		h.finish(t)
		if err := h.w.check(0); err != nil {
			t.Error(err)
		}
		if used := h.env.Budget.Used(); used != 0 {
			t.Errorf("%d bytes still accounted for at the end", used)
		}
	})
}

// Promise: a declaration is read back as it was written, and nothing else is
// taken for one.
func TestDeclaration(t *testing.T) {
	d := Declaration{Epoch: 3, First: 100, End: 200, ConfigHash: "abc", UnixSeconds: 1_700_000_000}
	if got, ok := ParseDeclaration(d.Metadata()); !ok || got != d {
		t.Errorf("got %+v, %t; want %+v", got, ok, d)
	}
	for _, s := range []string{"", "v1:1:done", "v1:1:start", "v2:3:100-200:abc:1", "v1:3:200-200:abc:1",
		"v1:3:-1-200:abc:1", "v1:x:1-2:abc:1", "v1:3:1-2:abc:", "a note"} {
		if got, ok := ParseDeclaration(s); ok {
			t.Errorf("%q: got %+v; want none", s, got)
		}
	}
}

// Promise: a record that is not Stamped is folded beside a time that is at most a
// minute before it was read, however long its block waits for the store, and that
// time is declared and in both of the block's ledger rows.
func TestUnstampedRecordsHaveTheTimeOfTheirBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(0)
		h.cfg.Pipelined = true
		h.cfg.Limits.MaxAge = time.Hour
		since := time.Now()
		h.env.Store = &faultyStore{h.env.Store, func(ID, func() error) error {
			if time.Since(since) < 30*time.Minute {
				return fmt.Errorf("too many parts: %w", retry.ErrWaiting)
			}
			return nil
		}}
		read := map[int64]time.Time{} // when a record came
		go func() { h.ended <- Run(t.Context(), h.cfg, h.env, h.stop) }()
		for range 60 {
			h.w.append(5)
			for _, r := range h.w.log {
				if _, ok := read[r.Offset]; !ok {
					read[r.Offset] = time.Now()
				}
			}
			time.Sleep(20 * time.Second)
		}
		time.Sleep(time.Hour)
		h.finish(t)
		if err := h.w.check(0); err != nil {
			t.Error(err)
		}
		unstamped, declared := 0, map[ID]int64{}
		for _, row := range h.w.ledger {
			if row.Kind != KindBlock {
				continue
			}
			if row.State == Declared {
				declared[row.ID] = row.DeclaredUnix
			} else if row.DeclaredUnix != declared[row.ID] || row.DeclaredUnix == 0 {
				t.Errorf("block %s was declared at %d and says %d when it is stored", row.ID, declared[row.ID],
					row.DeclaredUnix)
			}
			for _, r := range h.w.log {
				if r.Offset < row.First || r.Offset >= row.End || Stamped(r.UnixMilli) || row.State != Declared {
					continue
				}
				unstamped++
				// It waits in the log while no block takes it.
				if ahead := read[r.Offset].Sub(time.Unix(row.DeclaredUnix, 0)); ahead > time.Minute {
					t.Errorf("record %d came %s after the time of its block %s", r.Offset, ahead, row.ID)
				}
			}
		}
		if unstamped < 10 || len(declared) < 3 {
			t.Errorf("got %d records in %d blocks; this test shows nothing", unstamped, len(declared))
		}
	})
}
