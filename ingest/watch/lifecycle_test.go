package watch

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
)

// told is one notice, and how many minutes after the start it came.
type told struct {
	at int
	Notice
}

// what is a notice in words: the part of its dedup id after the incident's.
func (n told) what() string {
	_, what, _ := strings.Cut(n.DedupID, "/")
	return string(n.Kind) + " " + what
}

// shape runs the service api with the counts of f, beside one that is well,
// through a watch and its notifier, a round each step minutes, and returns what
// was told.
func shape(t *testing.T, minutes, step int, f func(m int) detect.Counts) (list []told, m *memory) {
	t.Helper()
	m = newMemory()
	w := testWatch(t, m)
	n, r := testNotifier(t, m, "a")
	first := monday
	seen := 0
	for i := range minutes {
		at := first + detect.Minute(i)
		m.addService(ServiceRow{at, "well", detect.Counts{N: 300}})
		if c := f(i); c.N > 0 {
			m.addService(ServiceRow{at, "api", c})
		}
		if i%step != 0 {
			continue
		}
		now := at.Time().Add(time.Minute)
		m.mark = now
		w.now, n.now = func() time.Time { return now }, func() time.Time { return now }
		if err := w.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		bodies := r.bodies["/hook"]
		for ; seen < len(bodies); seen++ {
			x := told{at: i}
			if err := json.Unmarshal(bodies[seen], &x.Notice); err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
		}
	}
	return list, m
}

// timingOut makes traffic of 600 requests a minute with a share of timeouts that
// f says, over a base of 0.02 %.
func timingOut(f func(m int) float64) func(int) detect.Counts {
	r := rand.New(rand.NewPCG(1, 2))
	return func(m int) detect.Counts {
		c := detect.Counts{N: uint64(580 + r.IntN(40))}
		share := f(m)
		for range c.N {
			if p := r.Float64(); p < share || p < 0.0002 {
				c.Timeout++
			}
		}
		c.Bad = c.Timeout
		return c
	}
}

// during is a share while m lies in [from, from+length), else 0.
func during(m, from, length int, share float64) float64 {
	if m >= from && m < from+length {
		return share
	}
	return 0
}

func lines(list []told) string {
	var b strings.Builder
	for _, n := range list {
		fmt.Fprintf(&b, "%d %s: %s\n", n.at, n.what(), n.Summary)
	}
	return b.String()
}

func whats(list []told) (out []string) {
	for _, n := range list {
		out = append(out, n.what())
	}
	return out
}

const (
	dayOf  = 1440
	monday = detect.Minute(29_005_920) // 00:00
)

// An outage of five hours is one page until it ends, and the rises after it, on
// the same day and the two after, are pages of their own.
func TestOutageAndWhatFollows(t *testing.T) {
	const at = 2 * dayOf
	starts := []int{at, at + 480, at + 1740, at + 3180}
	list, _ := shape(t, at+3300, 3, timingOut(func(m int) float64 {
		return max(during(m, starts[0], 300, 1), during(m, starts[1], 30, 0.6), during(m, starts[2], 30, 0.3),
			during(m, starts[3], 30, 0.3))
	}))
	want := []string{
		"timeout_spike open/page", "timeout_spike open/page/4h", "timeout_spike closed",
		"timeout_spike open/page", "timeout_spike closed", "timeout_spike open/page", "timeout_spike closed",
		"timeout_spike open/page", "timeout_spike closed",
	}
	if !slices.Equal(whats(list), want) {
		t.Fatalf("told:\n%swant %q", lines(list), want)
	}
	opened := 0
	for _, n := range list {
		switch {
		case strings.HasSuffix(n.DedupID, "open/page"):
			if d := n.at - starts[opened]; d < 0 || d > 8 {
				t.Errorf("rise %d told after %d min", opened, d)
			}
			opened++
		case n.State == detect.Closed && n.at < starts[0]+300:
			t.Errorf("closed at %d while all requests fail", n.at)
		}
	}
}

// A dead service is not calm: a page until traffic returns, without reminders
// after a day, and gone after a week.
func TestOutageThenSilence(t *testing.T) {
	const at = 2*dayOf + 600
	r := timingOut(func(m int) float64 { return during(m, at, 3, 0.9) })
	list, _ := shape(t, at+8*dayOf, 5, func(m int) detect.Counts {
		if m >= at+3 {
			return detect.Counts{}
		}
		return r(m)
	})
	got := strings.Join(whats(list), ", ")
	for _, n := range list {
		if n.State == detect.Closed && n.at < at+7*dayOf {
			t.Errorf("closed at +%d min while dead: %s", n.at-at, n.Summary)
		}
		if after := n.at - at; after > dayOf+30 && n.Severity == detect.Page {
			t.Errorf("a page at +%d min of silence", after)
		}
	}
	if !strings.HasPrefix(got, "timeout_spike open/page, timeout_spike open/page/4h") ||
		!strings.HasSuffix(got, "timeout_spike open/ticket/gone, timeout_spike closed") {
		t.Errorf("told:\n%s", lines(list))
	}
	last := list[len(list)-1]
	if last.ClosedAs != detect.ClosedGone || !strings.Contains(last.Summary, "no traffic since") {
		t.Errorf("the end is told as %q: %s", last.ClosedAs, last.Summary)
	}
}

// Errors on top of a share that the budget has burned at for ever are a page of
// their own.
func TestErrorsOverABurningBudget(t *testing.T) {
	const at = 3 * dayOf
	r := rand.New(rand.NewPCG(4, 4))
	list, _ := shape(t, at+200, 5, func(m int) detect.Counts {
		c := detect.Counts{N: 600}
		share := max(0.01, during(m, at, 60, 0.6))
		for range c.N {
			if r.Float64() < share {
				c.Bad++
			}
		}
		return c
	})
	i := slices.IndexFunc(list, func(n told) bool { return n.Kind == detect.ErrorSpike && n.State == detect.Open })
	if i < 0 || list[i].Severity != detect.Page || list[i].at > at+10 {
		t.Fatalf("told:\n%swant an error_spike page", lines(list))
	}
	for _, n := range list[:i] {
		if n.Kind != detect.SLOBurn {
			t.Errorf("told before: %s", n.what())
		}
	}
}

// A share of failures at the objective is one ticket at the most.
func TestShareAtTheObjective(t *testing.T) {
	for _, share := range []float64{0.0005, 0.0009, 0.001, 0.0011, 0.002} {
		r := rand.New(rand.NewPCG(5, uint64(share*1e5)))
		list, _ := shape(t, 14*dayOf, 10, func(int) detect.Counts {
			c := detect.Counts{N: 60}
			for range c.N {
				if r.Float64() < share {
					c.Bad++
				}
			}
			return c
		})
		if len(list) > 1 {
			t.Errorf("share %g: %d notices:\n%s", share, len(list), lines(list))
		}
	}
}

// What burns for twenty minutes and is calm for twenty, for hours, is one
// incident.
func TestFlapping(t *testing.T) {
	const at = 2 * dayOf
	list, m := shape(t, at+900, 1, timingOut(func(m int) float64 {
		if m >= at && m < at+480 && (m-at)%40 < 20 {
			return 0.1
		}
		return 0
	}))
	if len(list) > 2 || len(list) == 0 || list[0].Kind != detect.TimeoutSpike {
		t.Errorf("%d notices:\n%s", len(list), lines(list))
	}
	for _, s := range m.incidents {
		if s.Kind == detect.TimeoutSpike && s.Evidence.Episodes != 12 {
			t.Errorf("got %d episodes; want 12", s.Evidence.Episodes)
		}
	}
}

// A service that always has requests and has none is a page within three
// minutes, once a week is known.
func TestSilence(t *testing.T) {
	const at = 9*dayOf + 700
	list, _ := shape(t, at+60, 1, func(m int) detect.Counts {
		if m >= at {
			return detect.Counts{}
		}
		return detect.Counts{N: 600}
	})
	if len(list) != 1 || list[0].what() != "traffic_drop open/page" || list[0].at-at > 4 {
		t.Errorf("told:\n%swant a page by minute %d", lines(list), at+4)
	}
}

// Office hours are no incident: nights and weekends have a twentieth.
func TestOfficeHours(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	list, _ := shape(t, 22*dayOf, 5, func(m int) detect.Counts {
		day, minute := m/dayOf%7, m%dayOf
		mean := 12.0
		if day < 5 && minute >= 8*60 && minute < 18*60 {
			mean = 240
		}
		return detect.Counts{N: uint64(max(0, mean+5*r.NormFloat64()))}
	})
	if len(list) != 0 {
		t.Errorf("told:\n%s", lines(list))
	}
}

// Traffic that comes in bursts, as a small load balancer's does, drops all the
// time and tells nobody; a steady service that loses three quarters does.
func TestDropsOfUnsteadyTraffic(t *testing.T) {
	const days, seeds = 14, 4
	bursts := func(seed uint64, mean, sigma float64) func(int) detect.Counts {
		r := rand.New(rand.NewPCG(8, seed))
		var now float64
		return func(m int) detect.Counts {
			if m%5 == 0 {
				daily := 1 + 0.5*math.Sin(2*math.Pi*float64(m)/dayOf)
				now = mean * daily * math.Exp(sigma*r.NormFloat64()-sigma*sigma/2)
			}
			return detect.Counts{N: uint64(max(0, math.Round(now+math.Sqrt(now)*r.NormFloat64())))}
		}
	}
	drops := 0
	for seed := range uint64(seeds) {
		list, _ := shape(t, days*dayOf, 5, bursts(seed, 12, 1))
		drops += len(list)
	}
	if drops > days*seeds/10 {
		t.Errorf("told %d times in %d days", drops, days*seeds)
	}
	const at = 12*dayOf + 600
	steady := bursts(1, 120, 0.1)
	list, _ := shape(t, at+120, 5, func(m int) detect.Counts {
		c := steady(m)
		if m >= at {
			c.N /= 4
		}
		return c
	})
	if len(list) != 1 || list[0].what() != "traffic_drop open/ticket" || list[0].at > at+20 {
		t.Errorf("told:\n%swant a ticket by minute %d", lines(list), at+20)
	}
}

// Five times the usual traffic for an hour is one ticket; so is a level that stays,
// which is the new normal after a day.
func TestSurge(t *testing.T) {
	const at = 9*dayOf + 600
	for name, c := range map[string]struct {
		minutes int
		want    []string
	}{
		"an hour":  {60, []string{"traffic_surge open/ticket", "traffic_surge closed"}},
		"for good": {3 * dayOf, []string{"traffic_surge open/ticket", "traffic_surge closed"}},
	} {
		r := rand.New(rand.NewPCG(9, 9))
		list, _ := shape(t, at+3*dayOf, 5, func(m int) detect.Counts {
			mean := 100 + 50*math.Sin(2*math.Pi*float64(m)/dayOf)
			if m >= at && m < at+c.minutes {
				mean *= 5
			}
			return detect.Counts{N: uint64(max(0, mean+math.Sqrt(mean)*r.NormFloat64()))}
		})
		if !slices.Equal(whats(list), c.want) || list[0].at > at+20 {
			t.Errorf("%s: told:\n%swant %q, the first by minute %d", name, lines(list), c.want, at+20)
		} else if shifted := list[1].ClosedAs == detect.ClosedShifted; shifted != (name == "for good") {
			t.Errorf("%s: closed as %s: %s", name, list[1].ClosedAs, list[1].Summary)
		}
	}
}

// The rows of a service that come up to 16 minutes late: nobody hears of an end
// without a beginning.
func TestLateSource(t *testing.T) {
	const at = 2 * dayOf
	r := timingOut(func(m int) float64 { return during(m, at, 40, 0.5) })
	m := newMemory()
	w := testWatch(t, m)
	n, rec := testNotifier(t, m, "a")
	first := monday
	delay := rand.New(rand.NewPCG(7, 7))
	pending := map[detect.Minute][]ServiceRow{}
	for i := range at + 300 {
		minute := first + detect.Minute(i)
		m.addService(ServiceRow{minute, "well", detect.Counts{N: 300}})
		late := minute + detect.Minute(8+delay.IntN(9))
		pending[late] = append(pending[late], ServiceRow{minute, "api", r(i)})
		for _, row := range pending[minute] {
			m.addService(row)
		}
		now := minute.Time().Add(time.Minute)
		m.mark = now
		w.now, n.now = func() time.Time { return now }, func() time.Time { return now }
		if i%2 == 0 {
			if err := w.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := n.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	opened := map[string]bool{}
	pages := 0
	for _, id := range rec.notices(t) {
		incident, what, _ := strings.Cut(id, "/")
		if strings.HasPrefix(what, "closed") && !opened[incident] {
			t.Errorf("%s was told, and never that it opened", id)
		}
		opened[incident] = true
		if strings.HasPrefix(what, "open/page") || what == "over" {
			pages++
		}
	}
	if pages != 1 {
		t.Errorf("told %q; want one page", rec.notices(t))
	}
	for _, s := range m.incidents {
		if s.Kind == detect.TrafficDrop && s.State != detect.Withdrawn {
			t.Errorf("late rows are taken for silence: %s", s.Summary)
		}
	}
}

// Acknowledged, an incident reminds no more until it is worse; muted, it says
// nothing; both say who.
func TestNotesSilence(t *testing.T) {
	inc := spikeOf("x", 29_000_000).Incident
	at := inc.OpenedAt + 60
	h := hush{}
	h.say([]Note{{Incident: "x", Action: Ack, Severity: detect.Ticket, Author: "ann"}})
	if got := h.why(&inc, &inc, nil, at); got != "acknowledged by ann" {
		t.Errorf("got %q", got)
	}
	worse := inc
	worse.Severity = detect.Page
	if got := h.why(&worse, &inc, nil, at); got != "" {
		t.Errorf("a page after the ack of a ticket: got %q", got)
	}
	until := (at + 10).Time()
	h.say([]Note{{Incident: "x", Action: Mute, Until: until}})
	if h.why(&worse, &inc, nil, at) == "" || h.why(&worse, &inc, nil, at+10) != "" {
		t.Error("a mute does not hold exactly until its time")
	}
	h.say([]Note{{Incident: "x", Action: Mute, Until: until}, {Incident: "x", Action: Ack, Severity: detect.Page},
		{Incident: "x", Action: Reopen},
		{Incident: "x", Action: Public, Text: "it is back"}})
	if got := h.why(&inc, &inc, nil, at); got != "" {
		t.Errorf("reopened: got %q", got)
	}
	h.oldest = inc.OpenedAt + 1
	if h.say(nil); h.why(&inc, nil, nil, at) != tooOld || h.why(&inc, &inc, nil, at) != "" {
		t.Error("only what is seen for the first time is too old to tell")
	}
}

// A job that fails at the same time is told twice, named the third time, and
// then known: by the night, and by the hour.
func TestRecurringJobs(t *testing.T) {
	nightly := func(m int) float64 {
		return during(m%dayOf, 120, 20, 0.3)
	}
	hourly := func(m int) float64 {
		if m < dayOf {
			return 0
		}
		return during(m%60, 0, 3, 0.3)
	}
	for name, c := range map[string]struct {
		days, step int
		f          func(m int) float64
	}{"every night": {28, 5, nightly}, "every hour": {5, 1, hourly}} {
		list, _ := shape(t, c.days*dayOf, c.step, timingOut(c.f))
		pages, named := 0, false
		for _, n := range list {
			if strings.Contains(n.what(), "open/page") {
				pages++
			}
			named = named || strings.Contains(n.Summary, "recurring: ") && n.Severity == detect.Ticket
		}
		if pages > 3 || !named || len(list) > 8 {
			t.Errorf("%s: %d pages, named %t:\n%s", name, pages, named, lines(list))
		}
	}
}
