package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// An error that a service has never answered with is told once, with its keys and
// its route, and so is one that comes after a deploy and did not in the week before;
// what is known, what one key brings upon itself, and what a service does that nobody
// knows yet is not.
func TestNewErrors(t *testing.T) {
	s := storetest.Open(t)
	q := testSQL(s)
	day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
	first := detect.MinuteOf(day.Unix())
	exec := func(format string, args ...any) {
		t.Helper()
		if err := s.Exec(t.Context(), fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	for service, hours := range map[string]int{"movies": 240, "young": 60} {
		exec(`INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC') + 3600 * number, '%s', 'success', 6000 FROM numbers(%d)`,
			s.Table(schema.ServicesHour), day.Add(-time.Duration(hours)*time.Hour).Unix(), service, hours+24)
		exec(`INSERT INTO %s (minute, service, route, outcome, error_type, requests) SELECT toDateTime(%d, 'UTC') + 3600 * number, '%s', '/a', 'not_found', 'known', 60 FROM numbers(%d)`,
			s.Table(schema.ResponsesHour), day.Add(-time.Duration(hours)*time.Hour).Unix(), service, hours+24)
	}
	// answers adds one error of each of some keys (0: none is known) a minute.
	answers := func(service, name, outcome, route string, from, to, n, keys int) {
		t.Helper()
		exec(`INSERT INTO %s (minute, service, route, method, http_status, outcome, error_type, requests)
			SELECT toDateTime(%d, 'UTC') + 60 * number, '%s', '%s', 'GET', 400, '%s', '%s', %d FROM numbers(%d)`,
			s.Table(schema.Responses), (first + detect.Minute(from)).Unix(), service, route, outcome, name, n, to-from)
		if keys > 0 {
			exec(`INSERT INTO %s (minute, key_id, service, outcome, error_type, requests)
				SELECT toDateTime(%d, 'UTC') + 60 * intDiv(number, %d), concat('key', toString(number %% %d)), '%s', '%s', '%s', 1 FROM numbers(%d)`,
				s.Table(schema.Keys), (first + detect.Minute(from)).Unix(), keys, keys, service, outcome, name,
				(to-from)*keys)
		}
	}
	const last = 1200
	exec(`INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC') + 60 * intDiv(number, 2), ['movies', 'young'][1 + number %% 2], 'success', 500 FROM numbers(%d)`,
		s.Table(schema.Services), first.Unix(), 2*last)
	answers("movies", "known", "not_found", "/a", 0, last, 20, 10)
	answers("movies", "late_shard", "internal_error", "/b", 300, 340, 3, 2)
	answers("movies", "late_shard", "internal_error", "/c", 300, 340, 1, 0)
	answers("movies", "late_shard", "internal_error", "/b", 600, 640, 3, 2) // known by now
	answers("movies", "odd_page", "invalid_request", "/b", 300, 340, 5, 1)  // one caller's own
	answers("young", "anything", "internal_error", "/b", 300, 340, 5, 5)    // nobody knows what is usual
	const deployed = 730
	answers("young", "just_before", "internal_error", "/b", deployed-5, deployed+30, 5, 5)
	answers("young", "regressed", "invalid_request", "/d", deployed+10, deployed+30, 2, 4)
	for i, d := range []Deploy{
		{At: day.Add(deployed * time.Minute), Service: "young", Version: "1.8.0", Author: "ci"},
		{At: day.Add(deployed * time.Minute), Service: "other", Version: "7"},
		{At: day.Add((deployed + 2000) * time.Minute), Service: "young", Version: "1.9.0"},
	} {
		if err := q.Mark(t.Context(), d); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := q.Mark(t.Context(), Deploy{Service: "young"}); err == nil {
		t.Error("a deploy without a version is taken")
	}

	cfg := DefaultConfig()
	list, err := Evaluate(t.Context(), &cfg.Detectors, q, Range{first, first, first + last - 1})
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(i detect.Incident) bool { return i.Kind != detect.NewError })
	if len(list) != 2 {
		t.Fatalf("got %v; want two incidents", list)
	}
	a, b := &list[0], &list[1]
	if a.Entity != "movies/late_shard" || a.Service != "movies" || a.OpenedAt != first+302 ||
		a.ClosedAt != first+339+60 || a.Affected != 160 ||
		a.Evidence.Keys != 2 || !strings.HasSuffix(a.Summary, "it was not seen in the 9 days before") ||
		a.Evidence.Route != "/b" || a.Severity != detect.Ticket || a.ClosedAs != detect.ClosedCalm {
		t.Errorf("got %+v", a)
	}
	if b.Entity != "young/regressed" || b.OpenedAt != first+deployed+14 || b.Evidence.Version != "1.8.0" ||
		b.Evidence.Keys != 4 || b.Evidence.Route != "/d" ||
		!strings.HasSuffix(b.Summary, "most on /d; it came after version 1.8.0 was deployed") {
		t.Errorf("got %+v", b)
	}
	restoredAlike(t, s, list[:1], first+320)
	restoredAlike(t, s, list[1:], first+deployed+20)
}
