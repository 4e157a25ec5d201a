package watch

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// The scale that one live evaluation must stand.
const (
	scaleServices = 1000
	scaleKeys     = 50_000
	scaleDays     = 30
)

// fill writes a month of rows with SQL: every service in every minute with
// successes, and every tenth minute with some timeouts; every key with some
// requests and refusals an hour, and refusals in most of the last twenty
// minutes; a row of responses and of clients to go with them.
func fill(b *testing.B, s *store.Store, end time.Time) {
	b.Helper()
	exec := func(query string) {
		b.Helper()
		if err := s.Exec(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
	for day := range scaleDays {
		from := end.Add(-time.Duration(scaleDays-day) * 24 * time.Hour).Unix()
		minute := fmt.Sprintf("toDateTime(%d + intDiv(number, %d) * 60, 'UTC')", from, scaleServices)
		exec(fmt.Sprintf(`INSERT INTO %s (minute, service, outcome, requests)
			SELECT %s, concat('svc-', toString(number %% %d)), 'success', 100 + cityHash64(number) %% 50 FROM numbers(%d)`,
			s.Table(schema.Services), minute, scaleServices, scaleServices*1440))
		exec(fmt.Sprintf(`INSERT INTO %s (minute, service, outcome, requests)
			SELECT %s, concat('svc-', toString(number %% %d)), 'timeout', 1 FROM numbers(%d) WHERE cityHash64(number) %% 10 = 0`,
			s.Table(schema.Services), minute, scaleServices, scaleServices*1440))
		exec(fmt.Sprintf(`INSERT INTO %s (minute, key_id, service, outcome, code, requests, slots, slot_seconds)
			SELECT toDateTime(%d + intDiv(number, %d) * 3600 + cityHash64(number) %% 60 * 60, 'UTC'), lpad(toString(number %% %d), 26, 'k'),
				concat('svc-', toString(number %% 50)), if(number %% 3 = 0, 'rate_limited', 'success'), if(number %% 3 = 0, 25, 0), 10, if(number %% 3 = 0, 3, 0), 10
			FROM numbers(%d)`, s.Table(schema.Keys), from, scaleKeys, scaleKeys, scaleKeys*24))
	}
	exec(fmt.Sprintf(`INSERT INTO %s (minute, key_id, service, outcome, code, requests, slots, slot_seconds)
		SELECT toDateTime(%d - intDiv(number, %d) * 60, 'UTC'), lpad(toString(number %% %d), 26, 'k'), 'svc-1',
			if(cityHash64(number) %% 2 = 0, 'rate_limited', 'success'), if(cityHash64(number) %% 2 = 0, 25, 0), 10, if(cityHash64(number) %% 2 = 0, 3, 0), 10
		FROM numbers(%d)`, s.Table(schema.Keys), end.Unix()-60, scaleKeys, scaleKeys, scaleKeys*20))
	exec(fmt.Sprintf(`INSERT INTO %s (minute, client_ip, outcome, code, requests)
		SELECT toDateTime(%d - intDiv(number, %d) * 60, 'UTC'), toIPv6(IPv4NumToString(toUInt32(number %% %d))), 'rate_limited', 25, 10
		FROM numbers(%d)`, s.Table(schema.Clients), end.Unix()-60, scaleKeys, scaleKeys, scaleKeys*20))
	exec(fmt.Sprintf(`INSERT INTO %s (minute, service, route, method, http_status, code, outcome, requests)
		SELECT toDateTime(%d + intDiv(number, %d) * 60, 'UTC'), concat('svc-', toString(number %% %d)), '/3/movie/{id}', 'GET', 200, 0, 'success', 100
		FROM numbers(%d)`, s.Table(schema.Responses), end.Add(-24*time.Hour).Unix(), scaleServices, scaleServices, scaleServices*1440))
	exec(fmt.Sprintf(`INSERT INTO %s (cluster, topic, state, kind, responses, max_event, written_at)
		VALUES ('c', 'access', 'stored', 'block', 1, toDateTime(%d, 'UTC'), now64(3))`, s.Table(schema.Ledger), end.Unix()))
}

// cpu is the processor time that this process has used, the engine included:
// on a busy machine it says more than the wall clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// One live evaluation over 1,000 services and 50,000 refused keys with 30 days
// of history: the queries, the decisions and the writes. The first round after
// a start, which reads the past, is measured apart.
func BenchmarkEvaluation(b *testing.B) {
	s := storetest.Open(b)
	end := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	fill(b, s, end)
	q := testSQL(s)
	// As if an instance had decided everything up to half an hour ago.
	if err := q.Write(b.Context(), nil, []ScoreRow{{Minute: minuteOf(end) - 30, Service: "svc-1"}}, 1); err != nil {
		b.Fatal(err)
	}
	w := New(testConfig(), q, q)
	begin, used := time.Now(), cpu(b)
	if err := w.Round(b.Context()); err != nil {
		b.Fatal(err)
	}
	start, startCPU := time.Since(begin), cpu(b)-used
	mark := end
	var spent time.Duration
	for b.Loop() {
		mark = mark.Add(time.Minute)
		b.StopTimer()
		if err := s.Exec(b.Context(), fmt.Sprintf(`INSERT INTO %s (cluster, topic, state, kind, responses, max_event, written_at)
			VALUES ('c', 'access', 'stored', 'block', 1, toDateTime(%d, 'UTC'), now64(3))`, s.Table(schema.Ledger), mark.Unix())); err != nil {
			b.Fatal(err)
		}
		for _, insert := range []string{
			fmt.Sprintf(`INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC'), concat('svc-', toString(number)), 'success', 120 FROM numbers(%d)`,
				s.Table(schema.Services), mark.Unix()-60, scaleServices),
			fmt.Sprintf(`INSERT INTO %s (minute, key_id, service, outcome, code, requests, slots, slot_seconds)
				SELECT toDateTime(%d, 'UTC'), lpad(toString(number), 26, 'k'), 'svc-1', 'rate_limited', 25, 10, 3, 10 FROM numbers(%d)`,
				s.Table(schema.Keys), mark.Unix()-60, scaleKeys),
		} {
			if err := s.Exec(b.Context(), insert); err != nil {
				b.Fatal(err)
			}
		}
		used := cpu(b)
		b.StartTimer()
		if err := w.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
		spent += cpu(b) - used
	}
	b.ReportMetric(start.Seconds(), "s/start")
	b.ReportMetric(startCPU.Seconds(), "cpu-s/start")
	b.ReportMetric(spent.Seconds()/float64(b.N), "cpu-s/op")
	if got := w.Stats().EvaluatedTo.Load(); got < mark.Unix()-5*60 {
		b.Fatalf("evaluated to %s; want near %s", time.Unix(got, 0).UTC(), mark)
	}
}
