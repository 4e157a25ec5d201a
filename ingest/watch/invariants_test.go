package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
	"statline/ingest/traffic"
)

// arrival is a row of evidence and when it reaches the store, in seconds of
// event time.
type arrival struct {
	at  int64
	put func(*memory)
}

// scene is a few days of services, keys, clients and a broken contract, cut
// into small rows that can arrive in any order.
func scene(t *testing.T, seed uint64, days int, late func(r *rand.Rand) int64) (rows []arrival, first,
	last detect.Minute) {
	t.Helper()
	w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed, Services: 4, Days: days,
		WarmUp: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, delays := rand.New(rand.NewPCG(seed, 77)), rand.New(rand.NewPCG(seed, 78))
	add := func(minute int64, put func(*memory)) {
		at := minute + r.Int64N(60)
		rows = append(rows, arrival{at + late(delays), put})
	}
	start := w.Config().Start.Unix()
	first, last = detect.MinuteOf(start), detect.MinuteOf(start)+detect.Minute(days*1440)-1
	for i := range 4 {
		for _, row := range w.Service(i).Rows {
			const parts = 3 // a minute comes in several blocks
			for p := range uint64(parts) {
				cut := func(x uint64) uint64 { return x*(p+1)/parts - x*p/parts }
				add(row.Minute, func(m *memory) {
					m.addService(ServiceRow{detect.MinuteOf(row.Minute), row.Service, detect.Counts{
						N: cut(row.N), Timeout: cut(row.Timeout), Offline: cut(row.Offline),
						Bad: cut(row.Timeout) + cut(row.Offline) + cut(row.Internal) + cut(row.ServerErr),
					}})
				})
			}
		}
	}
	minute := func() detect.Minute { return first + detect.Minute(r.IntN(days*1440-600)) }
	for k := range 12 {
		id, from := fmt.Sprintf("key%023d", k), minute()
		for i := range detect.Minute(10 + r.IntN(60)) {
			for slot := range 6 {
				if r.IntN(4) > 0 {
					add((from + i).Unix(), func(m *memory) {
						m.addKey(KeyRow{id, "api", detect.KeyMinute{Minute: from + i, Requests: 12, Success: 2,
							RateLimited: 10, Slots: 1 << slot, SlotSeconds: 10}})
					})
				}
			}
		}
	}
	for k := range 6 {
		id, from := fmt.Sprintf("dead%022d", k), minute()
		for i := range detect.Minute(8) {
			at := from + i*detect.Minute(5+10*k)
			add(at.Unix(), func(m *memory) {
				m.addKey(KeyRow{id, "api", detect.KeyMinute{Minute: at, Requests: 1, Dead: 1, DeadCode: 10}})
			})
		}
		if k%2 == 0 {
			back := from + 500
			add(back.Unix(),
				func(
					m *memory) {
					m.addKey(KeyRow{id, "api", detect.KeyMinute{Minute: back, Requests: 1, Success: 1}})
				})
		}
	}
	for c := range 4 {
		ip, from := fmt.Sprintf("192.0.2.%d", c+1), minute()
		for i := range detect.Minute(120) {
			add((from + i).Unix(), func(m *memory) {
				m.addClient(ClientRow{ip, detect.ClientMinute{Minute: from + i, Requests: 3, Invalid: 2,
					InvalidKeys: []uint64{uint64(2 * i), uint64(2*i + 1)}}})
			})
		}
	}
	from := minute()
	for i := range detect.Minute(100) {
		add((from + i).Unix(), func(m *memory) {
			m.addContract(ContractRow{Pair{"svc-001", 24, 500, detect.WrongStatus, 504},
				detect.ContractMinute{Minute: from + i, Count: 2, Total: 3}})
		})
	}
	slices.SortStableFunc(rows, func(a, b arrival) int { return int(a.at - b.at) })
	return rows, first, last
}

func inOrder(*rand.Rand) int64 { return 0 }

func tenMinutes(r *rand.Rand) int64 { return r.Int64N(600) }

func testWatch(t testing.TB, m *memory) *Watch {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Logger = slog.New(slog.DiscardHandler)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return New(cfg, m, m)
}

// live lets rows arrive and runs rounds while they do: who says which watches
// run a round when the watermark is at a minute.
func live(t *testing.T, m *memory, rows []arrival, until detect.Minute, who func(minute detect.Minute) []*Watch) {
	t.Helper()
	i := 0
	for at := detect.MinuteOf(rows[0].at); at <= until+30; at++ {
		for i < len(rows) && rows[i].at < at.Unix() {
			rows[i].put(m)
			i++
		}
		m.mark = at.Time()
		for _, w := range who(at) {
			if err := w.Round(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// brief is what must be the same of an incident however it was found.
func brief(m *memory, until detect.Minute) (list []string) {
	for _, r := range m.incidents {
		if r.State != detect.Withdrawn && r.OpenedAt <= until {
			closed := "open"
			if r.ClosedAt > 0 {
				closed = r.ClosedAt.Time().Format("02T15:04")
			}
			list = append(list, fmt.Sprintf("%s %s %s %s %s %s %s", r.OpenedAt.Time().Format("02T15:04"), closed,
				r.Kind, r.Entity, r.Severity, r.ClosedAs, r.ID))
		}
	}
	slices.Sort(list)
	return list
}

// The incidents are the same: id, opening, closing, kind. In order or shuffled
// within ten minutes, one instance or three, one that is killed and starts
// again, live or evaluated when everything is there.
func TestIncidentsDoNotDependOnDelivery(t *testing.T) {
	const days = 2
	for seed := range uint64(2) {
		rows, first, last := scene(t, seed, days, inOrder)
		settled := last - 60 // what closes later depends on when the traffic ends
		plain := newMemory()
		w := testWatch(t, plain)
		live(t, plain, rows, last, func(detect.Minute) []*Watch { return []*Watch{w} })
		want := brief(plain, settled)
		if len(want) < 20 {
			t.Fatalf("seed %d: only %d incidents: the scene is too quiet", seed, len(want))
		}
		check := func(name string, got []string) {
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("seed %d, %s: incidents differ (-in order, one instance):\n%s", seed, name, d)
			}
		}

		shuffled, _, _ := scene(t, seed, days, tenMinutes)
		m := newMemory()
		w = testWatch(t, m)
		live(t, m, shuffled, last, func(detect.Minute) []*Watch { return []*Watch{w} })
		check("shuffled within ten minutes", brief(m, settled))

		m = newMemory()
		three := []*Watch{testWatch(t, m), testWatch(t, m), testWatch(t, m)}
		r := rand.New(rand.NewPCG(seed, 5))
		live(t, m, rows, last, func(at detect.Minute) (run []*Watch) {
			for _, w := range three { // each looks when it likes
				if r.IntN(4) == 0 || at > last {
					run = append(run, w)
				}
			}
			return run
		})
		check("three instances", brief(m, settled))

		m = newMemory()
		w = testWatch(t, m)
		live(t, m, rows, last, func(at detect.Minute) []*Watch {
			if r.IntN(200) == 0 {
				w = testWatch(t, m) // killed: only the tables remain
			}
			return []*Watch{w}
		})
		check("killed now and then", brief(m, settled))

		m = newMemory()
		w = testWatch(t, m)
		live(t, m, shuffled, last, func(at detect.Minute) []*Watch {
			if r.IntN(300) == 0 {
				w = testWatch(t, m)
			}
			return []*Watch{w}
		})
		check("shuffled and killed", brief(m, settled))

		all, err := Evaluate(context.Background(), &w.cfg.Detectors, plain, Range{first, first, last + 28})
		if err != nil {
			t.Fatal(err)
		}
		m = newMemory()
		for _, inc := range all {
			m.incidents[inc.ID] = Stored{Incident: inc}
		}
		check("evaluated at once", brief(m, settled))
	}
}

// Reading offsets again adds nothing to the sums (that is the blocks' business)
// and deciding the same minutes again writes no second incident.
func TestRestartDoesNotAlertAgain(t *testing.T) {
	rows, _, last := scene(t, 9, 2, inOrder)
	m := newMemory()
	w := testWatch(t, m)
	live(t, m, rows, last, func(detect.Minute) []*Watch { return []*Watch{w} })
	before := brief(m, last)
	kinds := map[detect.Kind]bool{}
	for _, r := range m.incidents {
		kinds[r.Kind] = true
	}
	if opened := w.Stats().Opened.Load(); opened != int64(len(m.incidents)) || len(kinds) < 3 {
		t.Errorf("counted %d incidents opened; the table has %d, of %d kinds", opened, len(m.incidents), len(kinds))
	}
	for range 3 {
		w = testWatch(t, m)
		if err := w.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
		if opened := w.Stats().Opened.Load(); opened != 0 {
			t.Errorf("a restart counts %d incidents opened again", opened)
		}
	}
	if d := cmp.Diff(before, brief(m, last)); d != "" {
		t.Errorf("a restart changes incidents:\n%s", d)
	}
}

// What late rows take back is withdrawn, not deleted.
func TestWithdrawn(t *testing.T) {
	m := newMemory()
	first := detect.MinuteOf(1780272000)
	for at := first; at < first+600; at++ {
		m.addService(ServiceRow{at, "api", detect.Counts{N: 100}})
	}
	w := testWatch(t, m)
	round := func(at detect.Minute) {
		t.Helper()
		m.mark = at.Time()
		if err := w.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	round(first + 500)
	// Only the timeouts of a minute are here, its successes are late.
	at := first + 499
	m.services[at]["api"] = detect.Counts{N: 20, Timeout: 12, Bad: 12}
	round(at + 3)
	if len(m.incidents) == 0 {
		t.Fatal("twelve timeouts of twenty requests are no incident")
	}
	m.services[at]["api"] = detect.Counts{N: 20000, Timeout: 12, Bad: 12}
	round(at + 9)
	round(at + 20)
	for _, r := range m.incidents {
		if r.Kind == detect.TimeoutSpike && r.State != detect.Withdrawn {
			t.Errorf("twelve of 20000: got %s; want withdrawn", r.State)
		}
	}
}

// A write that fails is repeated before anything else; nothing is lost.
func TestFailedWritesAreRepeated(t *testing.T) {
	survives(t, func(m *memory, err error) { m.fail = err })
}

// A read that breaks off leaves some rows of a key behind; what it did not
// bring is read again, also when it is older than what any other read looks at.
func TestBrokenReadsAreRepeated(t *testing.T) {
	m := newMemory()
	w := testWatch(t, m)
	const first = detect.Minute(29_000_000)
	refused, broken := 0, 0
	for at := first; at <= first+51; at++ { // not until the minutes are read again anyway
		m.addService(ServiceRow{at, "api", detect.Counts{N: 100}})
		if (at-first)%12 == 0 {
			refused++
			m.addKey(KeyRow{"key", "api", detect.KeyMinute{Minute: at, Requests: 1, Invalid: 1}})
		}
		m.mark = (at + 2).Time()
		if m.breakOff = nil; refused == 5 && broken == 0 {
			m.breakOff = errors.New("the store is away")
		}
		if err := w.Round(t.Context()); errors.Is(err, m.breakOff) && err != nil {
			broken++
		} else if err != nil {
			t.Fatalf("minute %d: %v", at-first, err)
		}
	}
	if len(m.incidents) != 1 || broken != 1 {
		t.Errorf("got %d incidents after %d broken reads; want the key's after one", len(m.incidents), broken)
	}
}

// While the store is away, rounds come at growing intervals, and with them the
// log lines.
func TestRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.addService(ServiceRow{29_000_000, "api", detect.Counts{N: 100}})
		m.mark = detect.Minute(29_000_010).Time()
		m.fail = errors.New("the store is away")
		w := testWatch(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(20 * time.Minute)
		if n := w.Stats().Errors.Load(); n < 20 || n > 100 {
			t.Errorf("%d tries in 20 min; want some, with growing pauses", n)
		}
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		time.Sleep(time.Minute)
		if w.Stats().Evaluations.Load() == 0 {
			t.Error("nothing was decided after the store came back")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// survives compares a watch whose store fails in one minute of three with one
// whose store does not.
func survives(t *testing.T, set func(m *memory, err error)) {
	t.Helper()
	rows, _, last := scene(t, 4, 2, inOrder)
	want := newMemory()
	w := testWatch(t, want)
	live(t, want, rows, last, func(detect.Minute) []*Watch { return []*Watch{w} })

	m := newMemory()
	w = testWatch(t, m)
	i, failures := 0, 0
	r := rand.New(rand.NewPCG(1, 1))
	for at := detect.MinuteOf(rows[0].at); at <= last+30; at++ {
		for i < len(rows) && rows[i].at < at.Unix() {
			rows[i].put(m)
			i++
		}
		m.mark = at.Time()
		if set(m, nil); r.IntN(3) == 0 && at < last+20 {
			set(m, fmt.Errorf("the store is away"))
		}
		if err := w.Round(context.Background()); err != nil {
			if !strings.Contains(err.Error(), "away") {
				t.Fatal(err)
			}
			failures++
		}
	}
	if failures == 0 {
		t.Fatal("nothing failed")
	}
	if d := cmp.Diff(brief(want, last-60), brief(m, last-60)); d != "" {
		t.Errorf("after %d failures incidents differ:\n%s", failures, d)
	}
}

// Minute t is decided when the watermark has passed its end by the lag.
func TestWatermark(t *testing.T) {
	w := testWatch(t, newMemory())
	mark := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for add, want := range map[time.Duration]int{0: -3, 29 * time.Second: -3, 30 * time.Second: -2,
		89 * time.Second: -2, 90 * time.Second: -1} {
		if got := int(w.target(mark.Add(add)) - detect.MinuteOf(mark.Unix())); got != want {
			t.Errorf("watermark 12:00 + %s: decides minute %d; want %d", add, got, want)
		}
	}
}
