package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"statline/classify"
)

// Promise: a version that takes over and stays is a deploy, once, of the minute in which
// it came; so is the one before when it comes back and stays. A canary, instances that
// take turns, two versions side by side and the first version ever seen are none.
func TestVersions(t *testing.T) {
	for name, c := range map[string]struct {
		share func(m int) float64 // of version 2 in minute m; the others are of version 1
		rate  uint64              // requests a minute, 100 when 0
		want  string              // version@minute, known minute
	}{
		"at once":            {share: after(300), want: "2@300/304"},
		"a rollout":          {share: func(m int) float64 { return float64(m-299) / 20 }, want: "2@300/319"},
		"nearly all":         {share: func(m int) float64 { return 0.85 * after(300)(m) }, want: "2@300/304"},
		"not enough":         {share: func(m int) float64 { return 0.75 * after(300)(m) }},
		"a canary":           {share: func(m int) float64 { return 0.1 * after(200)(m) }},
		"a canary that goes": {share: func(m int) float64 { return 0.1*after(200)(m) + 0.9*after(420)(m) }, want: "2@420/424"},
		"a rollback":         {share: between(300, 330), want: "2@300/304 1@330/344"},
		"hours later":        {share: between(300, 900), want: "2@300/304 1@900/904"},
		"for four minutes":   {share: between(300, 304)},
		"by turns":           {share: turns(300, 360, 3), want: "2@360/364"},
		"by long turns":      {share: turns(300, 400, 10), want: "2@300/304"},
		"half and half":      {share: func(m int) float64 { return 0.5 * after(300)(m) }},
		"few requests":       {share: after(300), rate: 1, want: "2@300/319"},
	} {
		rate := max(c.rate, 1)
		if c.rate == 0 {
			rate = 100
		}
		var v Versions
		var rows []VersionMinute
		var got []string
		for m := range 1000 {
			two := uint64(min(1, max(0, c.share(m))) * float64(rate))
			for version, n := range map[string]uint64{"1": rate - two, "2": two} {
				if n > 0 {
					rows = append(rows, VersionMinute{Minute(m), version, n})
				}
			}
			slices.SortFunc(rows[max(0, len(rows)-2):], func(a, b VersionMinute) int { // a map has no order
				return cmp.Or(int(a.Minute-b.Minute), strings.Compare(a.Version, b.Version))
			})
			if d, ok := v.Step("movies", rows, Minute(m)); ok && d.First {
				if d.Version != "1" || d.Service != "movies" {
					t.Errorf("%s: got %+v as the first", name, d)
				}
			} else if ok {
				got = append(got, fmt.Sprintf("%s@%d/%d", d.Version, d.At, d.Known))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got deploys %v; want %s", name, got, c.want)
		}
	}
}

// Versions beyond the budget take part in the sum, and are no version.
func TestOtherVersions(t *testing.T) {
	var v Versions
	var rows []VersionMinute
	for m := range Minute(20) {
		rows = append(rows, VersionMinute{m, "1", 3}, VersionMinute{m, classify.Other, 97})
		if d, ok := v.Step("movies", rows, m); ok {
			t.Fatalf("got %+v; want no version of a service whose versions are not told apart", d)
		}
	}
}

func after(minute int) func(int) float64 {
	return func(m int) float64 {
		if m >= minute {
			return 1
		}
		return 0
	}
}

func between(from, to int) func(int) float64 {
	return func(m int) float64 { return after(from)(m) - after(to)(m) }
}

// turns is version 2 and version 1 in turns of so many minutes, then version 2.
func turns(from, to, long int) func(int) float64 {
	return func(m int) float64 {
		if m >= to || m >= from && (m-from)/long%2 == 0 {
			return 1
		}
		return 0
	}
}
