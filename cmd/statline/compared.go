package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"statline/dashboards/report"
)

// comparedWith is the time range that counts are compared with.
type comparedWith struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// count counts in a time range and, if asked to compare, in the other one too.
func (a *asking) count(w report.TimeRange, count func(report.TimeRange) (report.Tallies, error)) (report.Tallies,
	*comparedWith, error) {
	now, err := count(w)
	then, ok := a.before(w)
	if err != nil || !ok {
		return now, nil, err
	}
	before, err := count(then)
	if err != nil {
		return nil, nil, err
	}
	now.Beside(before)
	return now, &comparedWith{then.From.UTC(), then.To.UTC()}, nil
}

// printTallies prints the counts of these names, each list in full or up to most rows.
func printTallies(w io.Writer, counted report.Tallies, before *comparedWith, most int, names ...string) {
	rows := [][]string{{"", "", "now"}}
	if before != nil {
		newStyle(w).heading(w, fmt.Sprintf("Compared with %s to %s UTC", stamp(before.From), stamp(before.To)))
		rows[0] = append(rows[0], "before")
	}
	for _, by := range names {
		for _, t := range firstOf(counted[by], most) {
			row := []string{by, cmp.Or(printable(t.Name), "(none)"), count(t.N)}
			if t.Before != nil {
				row = append(row, count(*t.Before))
			}
			rows = append(rows, row)
		}
	}
	table(w, "  ", "llrr", rows)
}
