package report

import (
	"cmp"
	"slices"
	"time"
)

// Before is the time range that a report is compared with, and what was different.
type Before struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Changes []Change  `json:"changes"`
}

// Change is a number of responses in both time ranges, of all ("", "all") or by one
// way of counting.
type Change struct {
	By       string `json:"by"`
	Name     string `json:"name"`
	Requests uint64 `json:"requests"`
	Before   uint64 `json:"requests_before"`
	// Share is the share of all responses in its time range.
	Share       float64 `json:"share"`
	ShareBefore float64 `json:"share_before"`
	// Samples is the command that shows the stored lines behind it; "" when nobody can ask.
	Samples string `json:"samples_command,omitempty"`
}

// Compare lists outcomes, codes and services that are in either time range, the
// largest differences of share first.
func (r *Report) Compare(before *Report) []Change {
	now, then := r.ByOutcome.Total(), before.ByOutcome.Total()
	list := []Change{}
	for _, by := range []struct {
		name      string
		now, then Counts
	}{{"outcome", r.ByOutcome, before.ByOutcome}, {"code", r.ByCode, before.ByCode},
		{"service", r.ByService, before.ByService}} {
		names := map[string]bool{}
		for _, counts := range []Counts{by.now, by.then} {
			for name := range counts {
				names[name] = true
			}
		}
		for name := range names {
			c := Change{By: by.name, Name: name, Requests: by.now[name], Before: by.then[name]}
			c.Share, c.ShareBefore = share(c.Requests, now), share(c.Before, then)
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.moved(), a.moved()), cmp.Compare(a.By, b.By), cmp.Compare(a.Name, b.Name))
	})
	return append([]Change{{By: "", Name: "all", Requests: now, Before: then, Share: share(now, now),
		ShareBefore: share(then, then)}}, list...)
}

func (c Change) moved() float64 {
	if c.Share > c.ShareBefore {
		return c.Share - c.ShareBefore
	}
	return c.ShareBefore - c.Share
}

func share(part, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}
