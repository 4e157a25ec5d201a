package report

import (
	"context"
	"slices"

	"statline/dashboards/query"
)

// Tally counts what is listed under one name.
type Tally struct {
	Name string `json:"name"`
	N    uint64 `json:"count"`
	// Before is the count in the time range that is compared with.
	Before *uint64 `json:"count_before" help:"null without --compare"`
}

// Tallies are lists of them, by what is counted: kind, service, outcome, route or
// code. Each has the largest number first.
type Tallies map[string][]Tally

// CountIncidents counts the incidents that touch a time range, or only the open ones,
// by kind and service. It counts all of them, even where Incidents stops.
func CountIncidents(ctx context.Context, s Store, w TimeRange, f Filter, open bool) (Tallies, error) {
	return tallies(ctx, s, query.CountIncidents(open), params(w, f))
}

// CountResponses counts the responses of a time range by outcome, service, route, code
// and error.
func CountResponses(ctx context.Context, s Store, w TimeRange) (Tallies, error) {
	return tallies(ctx, s, query.CountResponses(), params(w, Filter{}))
}

// CountSamples counts the samples of a time range by outcome, service, route and code.
// Without an outcome it counts failures.
func CountSamples(ctx context.Context, s Store, w TimeRange, f Filter) (Tallies, error) {
	return tallies(ctx, s, query.CountSamples(), sampleParams(w, f))
}

func tallies(ctx context.Context, s Store, text query.Text, p query.Params) (Tallies, error) {
	all := Tallies{}
	_, err := Collect(ctx, s, "the counts", text, p, func(scan Scan) (t Tally, err error) {
		var by string
		err = scan(&by, &t.Name, &t.N)
		all[by] = append(all[by], t)
		return t, err
	})
	return all, err
}

// Beside gives every name its count in an earlier time range, and adds the names that
// were only there.
func (now Tallies) Beside(before Tallies) {
	for by, then := range before {
		for _, t := range then {
			if !slices.ContainsFunc(now[by], func(n Tally) bool { return n.Name == t.Name }) {
				now[by] = append(now[by], Tally{Name: t.Name})
			}
		}
	}
	for by, list := range now {
		was := map[string]uint64{}
		for _, t := range before[by] {
			was[t.Name] = t.N
		}
		for i := range list {
			n := was[list[i].Name]
			list[i].Before = &n
		}
	}
}
