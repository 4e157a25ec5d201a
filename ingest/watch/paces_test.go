package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// A service whose requests slow down is compared with its own week: one whose
// slowest hours are as slow every night is not told of, and one that is not known
// for long enough says nothing.
func TestLatencyShift(t *testing.T) {
	s := storetest.Open(t)
	start := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	const days, shift = 9, 600 // day of the shift, and its minute
	exec := func(format string, args ...any) {
		t.Helper()
		if err := s.Exec(t.Context(), fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		service string
		slow    string // of 6000 requests an hour, by the number of the hour
		hours   int
	}{{"steady", "30", days * 24}, {"nightly", "if(number % 24 = 2, 1800, 10)", days * 24}, {"young", "30", 30}} {
		exec(`INSERT INTO %s (minute, service, outcome, requests, latency)
			SELECT toDateTime(%d, 'UTC') + 3600 * number, '%s', 'success', 6000, tuple([100, 700], [toUInt64(6000 - %s), toUInt64(%s)]) FROM numbers(%d)`,
			s.Table(schema.ServicesHour), start.Add((days*24-time.Duration(x.hours))*time.Hour).Unix(), x.service,
			x.slow, x.slow, x.hours)
	}
	first := detect.MinuteOf(start.Unix()) + days*dayMinutes
	for _, service := range []string{"steady", "nightly", "young"} {
		exec(`INSERT INTO %s (minute, service, outcome, requests, latency)
			SELECT toDateTime(%d, 'UTC') + 60 * number, '%s', 'success', 100, tuple([100, 700], [toUInt64(100 - slow), toUInt64(slow)])
			FROM (SELECT number, if(number BETWEEN %d AND %d, 31, 1) AS slow FROM numbers(%d))`,
			s.Table(schema.Responses), first.Unix(), service, shift, shift+39, shift+120)
	}
	cfg := DefaultConfig()
	list, err := Evaluate(t.Context(), &cfg.Detectors, testSQL(s), Range{first, first, first + shift + 119})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("got %v; want one incident", list)
	}
	i := list[0]
	if i.Kind != detect.LatencyShift || i.Entity != "steady" || i.Severity != detect.Ticket ||
		i.ClosedAs != detect.ClosedCalm ||
		i.OpenedAt != first+shift+2 || i.ClosedAt != first+shift+39+15 || i.Affected != 38*31 {
		t.Errorf("got %+v; want steady's, from minute %d", i, first+shift+2)
	}
	if want := "31 % of 500 requests in 5 min took longer than 0.1 ms"; !strings.Contains(i.Summary, want) {
		t.Errorf("got %q; want it to contain %q", i.Summary, want)
	}
	restoredAlike(t, s, list, first+shift+20)
}

// restoredAlike restores an evaluator in the middle of the incidents and compares.
func restoredAlike(t *testing.T, s *store.Store, want []detect.Incident, through detect.Minute) {
	t.Helper()
	cfg := DefaultConfig()
	e := NewEvaluator(&cfg.Detectors, testSQL(s))
	e.Start(through - 60)
	res, _, err := e.Advance(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Stored
	for _, i := range res.Tentative {
		rows = append(rows, Stored{Incident: i, Version: uint64(through.Unix())})
	}
	if len(rows) != len(want) {
		t.Fatalf("got %d open at %s; want %d", len(rows), through.Time(), len(want))
	}
	again := NewEvaluator(&cfg.Detectors, testSQL(s))
	if err := again.Restore(t.Context(), through, rows); err != nil {
		t.Fatal(err)
	}
	if res, _, err = again.Advance(t.Context(), want[0].ClosedAt+detect.SettleMinutes); err != nil {
		t.Fatal(err)
	}
	if len(res.Final) != 1 || res.Final[0].ID != want[0].ID || res.Final[0].Affected != want[0].Affected ||
		res.Final[0].Requests != want[0].Requests {
		t.Errorf("restored: got %+v; want %+v", res.Final, want)
	}
}
