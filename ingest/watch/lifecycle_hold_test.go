package watch

import (
	"math/rand/v2"
	"testing"
	"time"

	"statline/classify/detect"
)

// At night there is little to see of it, and it is one incident still: what comes and
// goes is no level.
func TestFlappingAtNight(t *testing.T) {
	const at = 2 * dayOf
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 12))
		list, _ := shape(t, at+600, 1, func(m int) detect.Counts {
			c := detect.Counts{N: 25}
			for range c.N {
				if m >= at && (m-at)%40 < 20 && r.Float64() < 0.1 {
					c.Timeout++
				}
			}
			c.Bad = c.Timeout
			return c
		})
		for _, n := range list {
			if n.State == detect.Closed {
				t.Errorf("seed %d: told as over (%s) while it goes on:\n%s", seed, n.ClosedAs, lines(list))
			}
		}
	}
}

// Silence is not over while it lasts, at whatever minute of a block it begins, though
// there was more traffic than usual before it.
func TestSilenceStaysOpen(t *testing.T) {
	for phase := range 5 {
		at := 9*dayOf + 700 + phase
		list, _ := shape(t, at+60, 5, func(m int) detect.Counts {
			switch {
			case m >= at:
				return detect.Counts{}
			case m >= at-20:
				return detect.Counts{N: 720}
			}
			return detect.Counts{N: 600}
		})
		if len(list) != 1 {
			t.Errorf("silent from minute %d of a block: told:\n%s", phase, lines(list))
		}
	}
}

// A gap in the whole log is no drop of traffic: what is missing is missing for all.
func TestGapIsNoDrop(t *testing.T) {
	const at = 9*dayOf + 700
	m := newMemory()
	w := testWatch(t, m)
	for i := range at + 60 {
		minute := monday + detect.Minute(i)
		if i < at || i >= at+11 {
			m.addService(ServiceRow{minute, "well", detect.Counts{N: 300}})
			m.addService(ServiceRow{minute, "api", detect.Counts{N: 100}})
		}
		if m.mark = minute.Time().Add(time.Minute); i%5 == 0 {
			if err := w.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range m.incidents {
		if s.Kind == detect.TrafficDrop && s.State != detect.Withdrawn {
			t.Errorf("%s: %s", s.State, s.Summary)
		}
	}
}
