package watch

import (
	"encoding/json"
	"fmt"
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
	first := detect.Minute(29_000_160) // a Monday, 00:00
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

const dayOf = 1440

// An outage of five hours is one page until it ends, and the rises after it, on
// the same day and the two after, are pages of their own.
func TestLongOutageAndWhatFollows(t *testing.T) {
	const at = 2 * dayOf
	starts := []int{at, at + 480, at + 1740, at + 3180}
	list, _ := shape(t, at+3300, 3, timingOut(func(m int) float64 {
		return max(during(m, starts[0], 300, 1), during(m, starts[1], 30, 0.6), during(m, starts[2], 30, 0.3), during(m, starts[3], 30, 0.3))
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
