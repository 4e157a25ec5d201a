package report

import (
	"cmp"
	"fmt"
	"slices"

	"statline/classify"
)

// Counts are numbers of responses by name.
type Counts map[string]uint64

// Count is one of them.
type Count struct {
	Name string `json:"name"`
	N    uint64 `json:"requests"`
	// Samples is the command that shows the stored lines behind it; "" when nobody can ask.
	Samples string `json:"samples_command,omitempty"`
}

// Total adds them up.
func (c Counts) Total() (n uint64) {
	for _, v := range c {
		n += v
	}
	return n
}

// Ranked sorts them by falling number, then by name.
func (c Counts) Ranked() []Count {
	all := make([]Count, 0, len(c))
	for name, n := range c {
		all = append(all, Count{Name: name, N: n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Failures are the counts of outcomes that are failures.
func (c Counts) Failures() Counts {
	f := make(Counts, len(c))
	for name, n := range c {
		if classify.Failed.HasName(name) {
			f[name] = n
		}
	}
	return f
}

// Differences lists every count of r that is not that of want, as a sentence
// each; none means that every count agrees.
func (r *Report) Differences(want *Report) []string {
	d := []string{}
	one := func(name string, got, want uint64) {
		if got != want {
			d = append(d, fmt.Sprintf("%s: stored %d; want %d", name, got, want))
		}
	}
	one("records", r.Records, want.Records)
	one("responses", r.Responses, want.Responses)
	one("rejected", r.Rejected, want.Rejected)
	for _, m := range []struct {
		name      string
		got, want Counts
	}{
		{"http status", r.ByHTTPStatus, want.ByHTTPStatus}, {"code", r.ByCode, want.ByCode},
		{"outcome", r.ByOutcome, want.ByOutcome}, {"service", r.ByService, want.ByService},
	} {
		for _, c := range m.want.Ranked() {
			one(m.name+" "+c.Name, m.got[c.Name], c.N)
		}
		for _, c := range m.got.Ranked() {
			if _, ok := m.want[c.Name]; !ok {
				one(m.name+" "+c.Name, c.N, 0)
			}
		}
	}
	return d
}
