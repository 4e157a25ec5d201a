package main

import (
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/dashboards/report"
)

// Reports of keys know no HTTP status: none is shown, and never 0.
func TestNoStatusIsShownAsNone(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sum := &report.Report{ByOutcome: report.Counts{"rate_limited": 5}, First: &at, Last: &at,
		Why: []report.Why{{Outcome: "rate_limited", Code: 25, Requests: 5, Services: 1, WorstService: "movies",
			Since: at, Until: at}}}
	var b strings.Builder
	printWhy(&b, style{}, sum, classify.Builtin(), 10, nil)
	if got := strings.Fields(b.String()); !strings.Contains(strings.Join(got, " "), "25 - 12:00 movies") {
		t.Errorf("got\n%s", b.String())
	}
}

// Promise: what an incident causes stands right below it, also when it began before it
// or others began between; what is caused by one that is not listed stands for itself.
func TestIncidentsStandBelowTheirCause(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one := func(id, parent, kind string) report.Incident {
		return report.Incident{ID: id, Parent: parent, Kind: kind, Severity: "ticket", State: "open", Opened: at}
	}
	var b strings.Builder
	printIncidents(&b, style{}, "Incidents", []report.Incident{one("b", "a", "burn"), one("c", "z", "alone"),
		one("a", "", "outage"),
		one("d", "", "flood"), one("e", "a", "errors"), one("f", "e", "drop"), one("g", "h", "egg"),
		one("h", "g", "hen")}, false, true)
	var got []string
	for line := range strings.Lines(b.String()) {
		if _, kind, ok := strings.Cut(strings.TrimRight(line, "\n"), "ticket    "); ok {
			got = append(got, kind)
		}
	}
	if want := "alone|outage|└ burn|└ errors|  └ drop|flood|egg|└ hen"; strings.Join(got, "|") != want {
		t.Errorf("got %s; want %s", strings.Join(got, "|"), want)
	}
}

// How long a file will still take is shown while that can be known: never less
// than nothing.
func TestTimeLeft(t *testing.T) {
	for _, c := range []struct {
		done, size int64
		want       string
	}{
		{0, 100, ""}, {50, 100, ", 10s left"}, {100, 100, ""}, {110, 100, ""}, {5, 0, ""},
	} {
		if got := timeLeft(10*time.Second, c.done, c.size); got != c.want {
			t.Errorf("%d of %d bytes: got %q; want %q", c.done, c.size, got, c.want)
		}
	}
}
