package report_test

import (
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
	if _, stored, err := report.Newest(t.Context(), s, time.Hour); stored || err != nil {
		t.Errorf("stored: got %t (%v); want nothing", stored, err)
	}
	for _, w := range []report.Window{report.Everything(), {From: time.Now().Add(-time.Hour), To: time.Now()}} {
		for _, f := range []report.Filter{{}, {Service: `movies\`}, {Key: "k7f3'"}} {
			r, err := report.Read(t.Context(), s, w, f)
			if err != nil || r.ByOutcome.Total() != 0 || r.Records != 0 || len(r.Incidents) != 0 {
				t.Errorf("window %v, filter %v: got %+v (%v); want nothing", w, f, r, err)
			}
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
