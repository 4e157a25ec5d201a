package traffic

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// timeline is what a detector would know of a run, indexed for questions.
type timeline struct {
	truth *Truth
	lines []logged
}

func runScenario(t *testing.T, scenario string, rate float64, minutes int) timeline {
	t.Helper()
	g, err := New(Config{Seed: 31, Scenario: scenario, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	var tl timeline
	end := g.start + int64(minutes)*60_000
	for line, at, _, _ := g.Next(nil); at < end; line, at, _, _ = g.Next(line[:0]) {
		l, ok := read(string(line))
		if !ok {
			t.Fatalf("unreadable: %s", line)
		}
		tl.lines = append(tl.lines, l)
	}
	tl.truth = g.Truth()
	return tl
}

// slots returns the different ten-second windows in which lines between two
// times satisfy f, and the number of those lines.
func (tl timeline) slots(from, to time.Time, f func(*logged) bool) (slots, lines int) {
	seen := map[int64]bool{}
	for i := range tl.lines {
		if l := &tl.lines[i]; !l.TS.Before(from) && l.TS.Before(to) && f(l) {
			seen[l.TS.Unix()/10] = true
			lines++
		}
	}
	return len(seen), lines
}

// Every planted event can be recognised by its due time at the demo's low
// event rate, by the plainest rule for its kind.
func TestPlantedEventsAreRecognisable(t *testing.T) {
	kinds := map[string]bool{}
	for _, scenario := range []string{Offender, Suspended, TimeoutSpike, Mixed} {
		tl := runScenario(t, scenario, 33, 25)
		for _, p := range tl.truth.Planted {
			kinds[p.Kind] = true
			var slots, lines, wantSlots, wantLines int
			from := p.Start
			switch p.Kind {
			case "offender", "flood", "throttled":
				from = slices.MaxFunc([]time.Time{p.Start, p.Due.Add(-5 * time.Minute)}, time.Time.Compare)
				slots, lines = tl.slots(from, p.Due, func(l *logged) bool { return l.Key == p.Entity && l.Code == 25 })
				wantSlots, wantLines = 12, 12
			case "dead_key":
				slots, lines = tl.slots(from, p.Due,
					func(l *logged) bool { return l.Key == p.Entity && (l.Code == 10 || l.Code == 31) })
				wantSlots, wantLines = 2, 3
			case "invalid_key":
				slots, lines = tl.slots(from, p.Due, func(l *logged) bool { return l.Key == p.Entity && l.Code == 7 })
				wantSlots, wantLines = 15, 15
			case "key_scanning":
				slots, lines = tl.slots(from, p.Due, func(l *logged) bool { return l.IP == p.Entity && l.Code == 7 })
				wantSlots, wantLines = 10, 50
			case "credential_stuffing":
				slots, lines = tl.slots(from, p.Due, func(l *logged) bool { return l.IP == p.Entity && l.Code == 30 })
				wantSlots, wantLines = 10, 50
			case "timeout_spike":
				slots, lines = tl.slots(from, p.Due,
					func(l *logged) bool { return l.Service == p.Entity && l.Code == 24 })
				wantSlots, wantLines = 10, 30
			case "outage":
				slots, lines = tl.slots(from, p.Due,
					func(l *logged) bool { return l.Service == p.Entity && l.Code == 9 })
				wantSlots, wantLines = 10, 30
			case "contract_drift", "unknown_code":
				slots, lines = tl.slots(from, p.Due, func(l *logged) bool { return contractEntity(l) == p.Entity })
				wantSlots, wantLines = 10, 20
			}
			if slots < wantSlots || lines < wantLines || wantLines == 0 {
				t.Errorf("%s: %s of %s: %d lines in %d windows by its due time; want %d in %d",
					scenario, p.Kind, p.Note, lines, slots, wantLines, wantSlots)
			}
			if _, happened := tl.slots(p.Start.Add(-time.Minute), p.Start.Add(-maxSkew*time.Millisecond),
				func(l *logged) bool { return l.Key == p.Entity }); happened > 0 {
				t.Errorf("%s: %s begins before its start", scenario, p.Kind)
			}
		}
	}
	for _, kind := range []string{"offender", "flood", "throttled", "dead_key", "invalid_key", "key_scanning",
		"credential_stuffing", "timeout_spike", "outage", "contract_drift", "unknown_code"} {
		if !kinds[kind] {
			t.Errorf("no scenario plants %s", kind)
		}
	}
}

func contractEntity(l *logged) string {
	return l.Service + "/" + strconv.Itoa(int(l.Code)) + "/" + strconv.Itoa(l.Status)
}

// What is not planted gives no detector a reason, at a low rate and at a high
// one: keys refused in few windows, dead and invalid keys used once, next to
// no failures of the services, no broken contract.
func TestTheBackgroundIsQuiet(t *testing.T) {
	for _, rate := range []float64{33, 200} {
		tl := runScenario(t, Mixed, rate, 10)
		quiet := runScenario(t, Quiet, rate, 10)
		for name, run := range map[string]timeline{"mixed": tl, "quiet": quiet} {
			planted := map[string]bool{}
			for _, p := range run.truth.Planted {
				planted[p.Entity] = true
			}
			refused, dead, bad, all := map[string]map[int64]bool{}, map[string]int{}, map[string]int{}, map[string]int{}
			for i := range run.lines {
				l := &run.lines[i]
				all[l.Service]++
				if planted[l.Key] || planted[l.IP] || planted[l.Service] || planted[contractEntity(l)] {
					continue
				}
				switch l.Code {
				case 25:
					if refused[l.Key] == nil {
						refused[l.Key] = map[int64]bool{}
					}
					refused[l.Key][l.TS.Unix()/10] = true
				case 7, 10, 31:
					dead[l.Key]++
				case 9, 11, 15, 24:
					bad[l.Service]++
				}
				if l.Code != 0 && (int(l.Code) >= len(statuses) || int(statuses[l.Code].http) != l.Status) {
					t.Errorf("%s: contract broken by %s", name, contractEntity(l))
				}
			}
			for key, slots := range refused {
				if len(slots) >= 24 { // 12 in any 5 of the 10 min is the least that may count
					t.Errorf("%s at %g/s: unplanted key %s refused in %d windows", name, rate, key, len(slots))
				}
			}
			for key, n := range dead {
				if n > 1 {
					t.Errorf("%s at %g/s: unplanted key %s refused %d times as dead or invalid", name, rate, key, n)
				}
			}
			for service, n := range bad {
				if n >= 6 && float64(n) > 0.001*float64(all[service]) {
					t.Errorf("%s at %g/s: %s fails %d times of %d", name, rate, service, n, all[service])
				}
			}
		}
	}
}

// A long demo goes on having events.
func TestMixedGoesOn(t *testing.T) {
	g, err := New(Config{Seed: 1, Scenario: Mixed, Rate: 5, Count: 250_000})
	if err != nil {
		t.Fatal(err)
	}
	for line, _, _, ok := g.Next(nil); ok; line, _, _, ok = g.Next(line[:0]) {
	}
	hours := map[string]bool{}
	for _, p := range g.Truth().Planted {
		if p.Kind == "timeout_spike" {
			hours[p.Start.Format("15")+" "+p.Entity] = true
		}
	}
	if len(hours) < 2 {
		t.Errorf("got spikes %v until %s; want one in every two hours", hours, g.Truth().Last)
	}
}
