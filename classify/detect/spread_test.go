package detect

import (
	"math/rand/v2"
	"testing"
)

// The unsteadiness of a share is learnt for each window: what jumps from minute to
// minute is steady over an hour, what stays for half an hour is not.
func TestSpreadOfWindows(t *testing.T) {
	for name, c := range map[string]struct {
		every int // minutes for which the share stays at 0.4 % or 1.6 %
		check func(minute, five, hour float64) bool
	}{
		"minutes": {1,
			func(minute, five, hour float64) bool { return minute > 0.25 && five < 0.15 && hour <= leastSpread[3] }},
		"half hours": {30, func(minute, five, hour float64) bool { return minute > 0.25 && five > 0.25 && hour > 0.1 }},
		"steady": {0, func(minute, five, hour float64) bool {
			return minute == usualSpread && five == leastSpread[1] && hour == leastSpread[3]
		}},
	} {
		r := rand.New(rand.NewPCG(1, 8))
		share := 0.01
		var counts []Counts
		for m := range 3 * day {
			if c.every > 0 && m%c.every == 0 {
				share = 0.004 + 0.012*float64(r.IntN(2))
			}
			counts = append(counts, steady(r, 1, 3000, share)...)
		}
		cfg := testConfig(t, "default")
		_, s := run(cfg, counts, nil)
		st := spikeState{}
		cfg.Spike.refresh(s.History, &st, seriesTimeout, s.Settled.At)
		minute := st.spread(s.History, seriesTimeout, 1)
		if five, hour := st.base.over(5), st.base.over(60); !c.check(minute, five, hour) {
			t.Errorf("%s: learnt %.3f over a minute, %.3f over five, %.3f over an hour", name, minute, five, hour)
		}
		if two := st.base.over(2); two > 1.001*max(minute, st.base.over(5)) ||
			two < 0.999*min(minute, st.base.over(5)) {
			t.Errorf("%s: two minutes lie outside one and five: %.3f", name, two)
		}
	}
}

// The baseline is the same from whichever minute of its block it is asked, and after
// previews have asked before: what closes in the middle of one meets no other.
func TestBaselineIsOfTheBlock(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 8))
	cfg := testConfig(t, "default")
	_, s := run(cfg, steady(r, 3*day, 600, 0.01), nil)
	at := s.Settled.At - s.Settled.At%blockMinutes
	var want baseline
	for i := range Minute(blockMinutes) {
		h := *s.History
		h.usual = [seriesCount][4]remembered{}
		st := spikeState{}
		cfg.Spike.refresh(&h, &st, seriesTimeout, at-1+i)
		if i == 0 {
			want = st.base
		} else if st.base != want {
			t.Errorf("minute %d of the block: got %+v; want %+v", i, st.base, want)
		}
	}
}

// The shares of failures that a night without traffic leaves do not end a burn of the
// days before: it is one ticket.
func TestBurnOverQuietNights(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 8))
	var counts []Counts
	for m := range 10 * day {
		mean, share := 600.0, 0.0016
		if hour := m % day / 60; hour < 8 {
			mean, share = 60, 0.0002
		}
		counts = append(counts, steady(r, 1, mean, share)...)
	}
	list, _ := run(testConfig(t, "default"), counts, nil)
	if list = only(list, SLOBurn); len(list) != 1 || list[0].State != Open {
		t.Errorf("got %d burns; want one that goes on: %+v", len(list), list)
	}
}

// Two failures after an incident are no page of their own, though the hour that holds
// it burns.
func TestExplainedFailuresBurnNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 8))
	counts := steady(r, 2*day+600, 15, 0)
	add(r, counts, 2*day+120, 2*day+140, 0.3, seriesTimeout)
	for _, m := range []int{199, 200} {
		c := &counts[2*day+m]
		c.Timeout, c.Bad = c.Timeout+1, c.Bad+1
	}
	list, _ := run(testConfig(t, "default"), counts, nil)
	for _, i := range only(list, SLOBurn) {
		if i.OpenedAt > origin+2*day+150 {
			t.Errorf("opened at +%d: %s", i.OpenedAt-origin-2*day, i.Summary)
		}
	}
}

// A rise pages the burn that was open as a ticket already; when it is over, what is
// left of the burn is a ticket again, and not a page for the hours that the window of
// pages still reaches back over it.
func TestBurnAfterARiseIsATicket(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 8))
	counts := steady(r, 6*day+600, 20, 0.0025) // two and a half times the budget
	const from, to = 6*day + 120, 6*day + 140
	add(r, counts, from, to, 0.3, seriesTimeout)
	s := NewService("api", testConfig(t, "default"))
	var paged, closed bool
	for i, c := range counts {
		at := origin + Minute(i)
		s.History.Set(at, c)
		for _, ended := range s.Settle(at, true, nil) {
			closed = closed || ended.Kind == TimeoutSpike && i > from
		}
		for _, b := range only(s.Settled.Open(nil), SLOBurn) {
			if i < from && b.Severity != Ticket {
				t.Fatalf("before the rise, at +%d: got a %s; want a ticket", i, b.Severity)
			}
			paged = paged || b.Severity == Page && i >= from
			if closed && b.Severity != Ticket {
				t.Fatalf("at +%d, after the rise: got a %s; want a ticket: %s", i-to, b.Severity, b.Summary)
			}
		}
	}
	if !paged || !closed {
		t.Errorf("paged %v, closed %v; want the rise to page the burn, and to close", paged, closed)
	}
}

// A service that falls silent is worth a page at once, though it was silent at this time
// in one of the three weeks that are known; in two of them, it is not.
func TestOneSilentWeekSaysNothing(t *testing.T) {
	for silentWeeks, want := range []Minute{0: 2, 1: 2, 2: -1} {
		r := rand.New(rand.NewPCG(4, 8))
		const at = 22*day + 600
		counts := steady(r, at+4, 450, 0)
		for w := range silentWeeks {
			for m := at - (w+1)*7*day; m < at-(w+1)*7*day+30; m++ {
				counts[m] = Counts{}
			}
		}
		for m := at; m < len(counts); m++ {
			counts[m] = Counts{}
		}
		list, _ := run(testConfig(t, "default"), counts, nil)
		opened := Minute(-1)
		for _, i := range only(list, TrafficDrop) {
			if i.OpenedAt >= origin+at {
				opened = i.OpenedAt - origin - at
				if i.Severity != Page {
					t.Errorf("%d silent weeks: got a %s; want a page", silentWeeks, i.Severity)
				}
			}
		}
		if (opened < 0) != (want < 0) || opened > want {
			t.Errorf("%d silent weeks: opened after %d minutes; want at most %d, -1 for never", silentWeeks, opened,
				want)
		}
	}
}
