package report_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/dashboards/report"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/store/storetest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// An empty store is a report of nothing, over all time and over a window.
func TestReadNothing(t *testing.T) {
	s := storetest.Open(t)
	if _, stored, err := report.Stored(t.Context(), s); stored || err != nil {
		t.Errorf("stored: got %t (%v); want nothing", stored, err)
	}
	for _, w := range []report.TimeRange{report.Everything(), {From: time.Now().Add(-time.Hour), To: time.Now()}} {
		for _, f := range []report.Filter{{}, {Service: `movies\`}, {Key: "k7f3'"}} {
			r, err := report.Read(t.Context(), s, w, f)
			if err != nil || r.ByOutcome.Total() != 0 || r.Records != 0 || len(r.Incidents) != 0 {
				t.Errorf("window %v, filter %v: got %+v (%v); want nothing", w, f, r, err)
			}
		}
	}
}

// Whoever reads while blocks are written sees the figures of one moment: every
// way to add the responses up gives the same sum.
func TestReadIsOfOneMoment(t *testing.T) {
	s := storetest.Open(t)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = s.Exec(context.WithoutCancel(ctx), "INSERT INTO "+s.Database()+`.responses (minute, service, outcome, code, http_status, requests)
SELECT toDateTime('2026-03-01 00:00:00', 'UTC'), concat('s', toString(number)), if(number % 2 = 0, 'timeout', 'success'), 24 * (1 - number % 2), 504 - 304 * (number % 2), 10 FROM numbers(7)`)
		}
		written <- err
	}()
	seen := map[uint64]bool{}
	for len(seen) < 20 {
		r, err := report.Read(t.Context(), s, report.Everything(), report.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var inServices, failed uint64
		for _, service := range r.Services {
			inServices += service.Requests
		}
		for _, w := range r.Why {
			failed += w.Requests
		}
		all := r.ByOutcome.Total()
		if all != r.ByCode.Total() || all != r.ByHTTPStatus.Total() || all != r.ByService.Total() ||
			all != inServices ||
			failed != r.ByOutcome.Failures().Total() {
			t.Fatalf("outcomes %d, codes %d, statuses %d, services %d and %d; failed %d of %d", all, r.ByCode.Total(),
				r.ByHTTPStatus.Total(),
				r.ByService.Total(), inServices, failed, r.ByOutcome.Failures().Total())
		}
		seen[all] = true
	}
	stop()
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// A report is of one key, found by the beginning of its id, and of a service
// that there is; anything else is an error that says what there is.
func TestFilterResolves(t *testing.T) {
	s := storetest.Open(t)
	for _, text := range []string{
		".keys (minute, key_id, service, outcome, code, requests) SELECT toDateTime('2026-03-01 00:00:00', 'UTC'), " +
			"arrayJoin(['abcd', 'abce', 'xyz']), 'movies', 'rate_limited', 25, 5",
		".services (minute, service, outcome, requests) VALUES ('2026-03-01 00:00:00', 'movies', 'rate_limited', 15)",
		".key_labels (key_id, name, revision) VALUES ('abcd', 'ACME', 1)",
	} {
		storetest.Exec(t, s, "INSERT INTO "+s.Database()+text)
	}
	for _, c := range []struct {
		filter report.Filter
		key    string
		want   string
	}{
		{report.Filter{Key: "x"}, "xyz", ""},
		{report.Filter{Key: "abcd", Service: "movies"}, "abcd", ""},
		{report.Filter{Key: "abc"}, "", "abcd ACME, abce; give more of the id"},
		{report.Filter{Key: "q"}, "", "no stored key begins so or is called so"},
		{report.Filter{Service: "movie"}, "", `got "movie", of which nothing is stored; did you mean "movies"?`},
	} {
		got, err := c.filter.Resolve(t.Context(), s, func(string, []string) string { return `did you mean "movies"?` })
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: got %v; want %q", c.filter, err, c.want)
			}
		case err != nil || got.Key != c.key:
			t.Errorf("%+v: got %+v, %v; want key %s", c.filter, got, err, c.key)
		}
	}
	r, err := report.Read(t.Context(), s, report.Everything(), report.Filter{Key: "xyz"})
	if err != nil || r.ByOutcome.Total() != 5 || len(r.ByHTTPStatus) != 0 || len(r.Why) != 1 || len(r.Services) != 0 {
		t.Errorf("got %+v (%v); want the five of one key", r, err)
	}
}

// What Tab offers are the keys of the newest week, the busiest first, with their names.
func TestNewestKeys(t *testing.T) {
	s := storetest.Open(t)
	for _, text := range []string{
		".keys_hour (minute, key_id, service, outcome, requests) VALUES ('2026-03-01 00:00:00', 'old', 'a', 'success', 1000), " +
			"('2026-03-20 00:00:00', 'few', 'a', 'success', 5), ('2026-03-20 00:00:00', 'many', 'a', 'success', 4), " +
			"('2026-03-19 00:00:00', 'many', 'b', 'timeout', 4), ('2026-03-20 00:00:00', '__other__', 'a', 'success', 9), " +
			"('2026-03-20 00:00:00', '', 'a', 'success', 9)",
		".key_labels (key_id, name, revision) VALUES ('many', 'ACME', 1)",
	} {
		storetest.Exec(t, s, "INSERT INTO "+s.Database()+text)
	}
	got, err := report.NewestKeys(t.Context(), s)
	if want := []report.NamedKey{{ID: "many", Name: "ACME"}, {ID: "few"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v); want %v", got, err, want)
	}
}

// Samples are counted by everything that they can be chosen by, all of them, beside
// those of an earlier span; incidents by kind and service.
func TestCountsBeside(t *testing.T) {
	s := storetest.Open(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now, then := report.TimeRange{From: at, To: at.Add(time.Hour)}, report.TimeRange{From: at.Add(-time.Hour), To: at}
	for _, text := range []string{
		".samples (minute, ts, service, outcome, code, path) SELECT toDateTime('2026-03-01 12:00:00', 'UTC') + 60 * (number % 50), " +
			"toDateTime64('2026-03-01 12:00:00', 3, 'UTC') + number, if(number < 50, 'movies', 'tv'), 'timeout', 24, '/' FROM numbers(90)",
		".samples (minute, ts, service, outcome, code, path) SELECT toDateTime('2026-03-01 11:00:00', 'UTC'), " +
			"toDateTime64('2026-03-01 11:00:00', 3, 'UTC') + number, 'people', 'timeout', 24, '/' FROM numbers(1)",
		".incidents (id, kind, entity, service, state, opened_at, closed_at) VALUES ('a', 'timeout_spike', 'tv', 'tv', 'closed', '2026-03-01 11:10:00', '2026-03-01 11:20:00'), " +
			"('b', 'offender', 'k', '', 'closed', '2026-03-01 12:10:00', '2026-03-01 12:20:00')",
	} {
		storetest.Exec(t, s, "INSERT INTO "+s.Database()+text)
	}
	count := func(got report.Tallies, err error, before report.Tallies, errBefore error) report.Tallies {
		t.Helper()
		if err != nil || errBefore != nil {
			t.Fatal(err, errBefore)
		}
		got.Beside(before)
		return got
	}
	all, err := report.CountSamples(t.Context(), s, now, report.Filter{})
	before, errBefore := report.CountSamples(t.Context(), s, then, report.Filter{})
	samples := count(all, err, before, errBefore)
	all, err = report.CountIncidents(t.Context(), s, now, report.Filter{}, false)
	before, errBefore = report.CountIncidents(t.Context(), s, then, report.Filter{}, false)
	incidents := count(all, err, before, errBefore)
	for _, c := range []struct {
		of   report.Tallies
		by   string
		want string
	}{
		{samples, "service", "movies 50 0, tv 40 0, people 0 1"},
		{samples, "outcome", "timeout 90 1"},
		{samples, "code", "24 90 1"},
		{incidents, "kind", "offender 1 0, timeout_spike 0 1"},
		{incidents, "service", " 1 0, tv 0 1"},
	} {
		var got []string
		for _, n := range c.of[c.by] {
			got = append(got, fmt.Sprint(n.Name, " ", n.N, " ", *n.Before))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("by %s: got %q; want %q", c.by, got, c.want)
		}
	}
}

// Open incidents are listed however many closed ones came before them.
func TestOpenIncidentsAreNotPushedOut(t *testing.T) {
	s := storetest.Open(t)
	storetest.Exec(t, s, "INSERT INTO "+s.Database()+`.incidents (id, kind, entity, severity, state, opened_at, closed_at)
SELECT toString(number), 'offender', 'k', 'ticket', if(number = 999, 'open', 'closed'), toDateTime('2026-03-01 00:00:00', 'UTC') + number, toDateTime('2026-03-01 01:00:00', 'UTC') FROM numbers(1000)`)
	list, err := report.Incidents(t.Context(), s, report.Everything(), report.Filter{}, true)
	if err != nil || len(list) != 1 || list[0].ID != "999" {
		t.Errorf("got %d incidents (%v); want the open one", len(list), err)
	}
}

// A difference is named with both numbers, in whichever direction it lies.
func TestDifferences(t *testing.T) {
	got := &report.Report{Records: 3, ByOutcome: report.Counts{"success": 2, "timeout": 1}}
	if d := got.Differences(got); len(d) != 0 {
		t.Errorf("a report differs from itself: %v", d)
	}
	d := got.Differences(&report.Report{Records: 3, ByOutcome: report.Counts{"success": 2, "offline": 1}})
	if len(d) != 2 || d[0] != "outcome offline: stored 0; want 1" || d[1] != "outcome timeout: stored 1; want 0" {
		t.Errorf("got %q", d)
	}
}
