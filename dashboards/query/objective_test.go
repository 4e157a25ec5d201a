package query_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"statline/dashboards/query"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// sloWindows are the windows of the tests, in minutes.
var sloWindows = []int{60, 360, 1440, 4320}

// spending is a service that answers once a second for so long before the end of the
// screen, and fails so often in single minutes before that end.
type spending struct {
	name     string
	known    time.Duration
	failures map[time.Duration]int
}

func spenders() []spending {
	const day = 24 * time.Hour
	return []spending{
		{"movie", 40 * day, map[time.Duration]int{35 * day: 5000, 10 * day: 900, 2 * day: 300, 12 * time.Hour: 72, 3 * time.Hour: 36, 20 * time.Minute: 18}},
		{"search", 40 * day, map[time.Duration]int{29 * day: 1}}, // nothing of late
		{"young", 25 * time.Hour, map[time.Duration]int{5 * time.Hour: 4000, 30 * time.Minute: 400}},
	}
}

// store writes the hours of a service, and its minutes from a time on.
func (s spending) store(t *testing.T, in *store.Store, to, minutes time.Time) {
	t.Helper()
	minute := func(before time.Duration) string {
		return fmt.Sprintf("toDateTime(%d, 'UTC')", to.Add(-before).Truncate(time.Minute).Unix())
	}
	exec(t, in,
		"CREATE OR REPLACE TABLE {db}.told (minute DateTime('UTC'), outcome String, requests UInt64) ENGINE = Memory")
	exec(t, in, fmt.Sprintf("INSERT INTO {db}.told SELECT %s - 60 * number, 'success', 60 FROM numbers(%d)", minute(0),
		int(s.known/time.Minute)))
	for before, n := range s.failures {
		exec(t, in, fmt.Sprintf("INSERT INTO {db}.told VALUES (%s, 'timeout', %d)", minute(before), n))
	}
	exec(t, in,
		"INSERT INTO {db}.services_hour (minute, service, outcome, requests) SELECT toStartOfHour(minute) AS h, '"+s.name+"', outcome, sum(requests) FROM {db}.told GROUP BY h, outcome")
	exec(t, in,
		fmt.Sprintf("INSERT INTO {db}.services (minute, service, outcome, requests) SELECT minute, '%s', outcome, sum(requests) FROM {db}.told WHERE minute >= toDateTime(%d) GROUP BY minute, outcome", s.name, minutes.Unix()))
}

// burn is how fast the budget burned from a time on, and the responses.
func (s spending) burn(to, from time.Time, budget float64) (burn, n, bad float64) {
	for m := to; !m.Before(from) && to.Sub(m) < s.known; m = m.Add(-time.Minute) {
		n += 60
	}
	for before, k := range s.failures {
		if !to.Add(-before).Before(from) {
			n, bad = n+float64(k), bad+float64(k)
		}
	}
	return bad / n / budget, n, bad
}

func near(got any, want float64) bool {
	p, ok := got.(*float64)
	return ok && p != nil && math.Abs(*p-want) <= 1e-9*max(1, math.Abs(want))
}

// Each service has its own objective; what is left of thirty days' budget, the burn
// over each window and the time until nothing is left are those of the responses, from
// minutes and hours together: where minutes of the day are kept, where only some are,
// and where all are gone.
func TestBudgets(t *testing.T) {
	goals := query.Objectives{Usual: 0.999, Services: map[string]float64{"search": 0.95}}
	to := time.Now().UTC().Truncate(time.Hour).Add(-31 * time.Minute) // the last minute but one of half an hour
	for name, kept := range map[string]time.Duration{"two days of minutes": 48 * time.Hour,
		"seven hours of minutes": 7*time.Hour + 13*time.Minute, "no minutes": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			exec(t, s,
				fmt.Sprintf("INSERT INTO {db}.responses_hour (minute, service, outcome, requests) VALUES (%d, 'movie', 'success', 1)", to.Add(-40*24*time.Hour).Unix()))
			for _, service := range spenders() {
				service.store(t, s, to, to.Add(-kept))
			}
			p := query.Params{From: to.Add(-6 * time.Hour), To: to, Step: time.Minute}
			rows := table(t, s, query.Budgets(goals, sloWindows), p)
			if len(rows) != len(spenders()) {
				t.Fatalf("%d services; want %d", len(rows), len(spenders()))
			}
			byName := map[string]map[string]any{}
			for _, r := range rows {
				byName[*r["Service"].(*string)] = r
			}
			least := math.Inf(1)
			for _, service := range spenders() {
				least = min(least, checkBudget(t, service, byName[service.name], to, kept))
			}
			if one := table(t, s, query.LeastBudget(goals, sloWindows), p); len(one) != 1 ||
				!near(one[0]["left"], least) {
				t.Errorf("least: got %v; want %v", one, least)
			}
		})
	}
}

// checkBudget compares a row with what the service did, and returns what is left.
func checkBudget(t *testing.T, s spending, row map[string]any, to time.Time, kept time.Duration) (left float64) {
	t.Helper()
	objective := 0.999
	if s.name == "search" {
		objective = 0.95
	}
	budget := 1 - objective
	// A window that begins among the hours begins with one.
	start := func(w time.Duration) time.Time {
		if kept >= w && w <= 24*time.Hour {
			return to.Add(-w)
		}
		return to.Add(-w).Truncate(time.Hour)
	}
	month, n, bad := s.burn(to, start(30*24*time.Hour), budget)
	known := min(1, max(60, to.Sub(firstOf(s, to, kept)).Seconds())/2592000)
	left = 1 - month*known
	want := map[string]float64{"Objective": objective, "Budget left": left, "30 d": month}
	for _, w := range sloWindows {
		burn, _, _ := s.burn(to, start(time.Duration(w)*time.Minute), budget)
		want[query.WindowName(w)] = burn
	}
	if burn := want["6 h"]; burn > 0 {
		want["Exhausted in"] = max(0, left) * 2592000 / burn
	} else if got, _ := row["Exhausted in"].(*float64); got != nil {
		t.Errorf("%s: exhausted in %v; want never", s.name, *got)
	}
	for column, value := range want {
		if !near(row[column], value) {
			got, _ := row[column].(*float64)
			t.Errorf("%s: %s: got %v; want %v", s.name, column, *got, value)
		}
	}
	for column, value := range map[string]float64{"Responses": n, "Failed": bad} {
		if got, ok := row[column].(*uint64); !ok || float64(*got) != value {
			t.Errorf("%s: %s: got %v; want %v", s.name, column, row[column], value)
		}
	}
	return left
}

// firstOf is the first row of a service in the thirty days: an hour's, unless all of it
// is among the minutes.
func firstOf(s spending, to time.Time, kept time.Duration) time.Time {
	first := to.Add(-min(s.known-time.Minute, 31*24*time.Hour))
	if border := to.Add(-24 * time.Hour).Truncate(time.Hour); kept >= 24*time.Hour && !first.Before(border) {
		return first
	}
	return first.Truncate(time.Hour)
}

// What was spent at an hour is of the thirty days before it, not of the time on screen.
func TestBudgetSpent(t *testing.T) {
	to := time.Now().UTC().Truncate(time.Hour).Add(-time.Minute)
	s := storetest.Open(t)
	movie := spenders()[0]
	movie.known = 70 * 24 * time.Hour
	movie.store(t, s, to, to)
	seen := 0
	for _, point := range series(t, s, query.BudgetSpent(query.Objectives{Usual: 0.999}),
		query.Params{From: to.Add(-30 * 24 * time.Hour), To: to, Step: time.Hour}) {
		if point.value == nil {
			continue
		}
		seen++
		end := point.at.Add(59 * time.Minute)
		var n, bad float64
		for before, k := range movie.failures {
			if at := to.Add(-before); !at.After(end) && at.After(end.Add(-30*24*time.Hour)) {
				n, bad = n+float64(k), bad+float64(k)
			}
		}
		if want := bad / (n + 30*24*3600) / 0.001; math.Abs(*point.value-want) > 1e-9 {
			t.Errorf("%s; want %.4g", point, want)
		}
	}
	if seen < 719 {
		t.Errorf("%d hours have a value; want thirty days of them", seen)
	}
}
