package limits_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"statline/classify/limit"
	"statline/dashboards/limits"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// BenchmarkSimulate tries limits on days (STATLINE_BENCH_DAYS, 2 by default) of 10,000
// keys: the first sends 300 requests a minute, the r-th an r-th of that, and each now
// and then ten times as many. Of thirty days that is 58 million rows of minutes and 7
// million of hours.
func BenchmarkSimulate(b *testing.B) {
	days, err := strconv.Atoi(os.Getenv("STATLINE_BENCH_DAYS"))
	if err != nil {
		days = 2
	}
	s := storetest.Open(b)
	fillDays(b, s, days)
	for _, text := range []string{"600/1m", "60/1m", "20/1m", "60/1m,2000/1h", "50000/1d"} {
		b.Run(text, func(b *testing.B) {
			parsed, err := limit.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				w, err := newest(b, s, days)
				if err != nil {
					b.Fatal(err)
				}
				q := limits.Question{Trial: limit.Trial{Limits: parsed}}
				if q.TimeRange, err = limits.Span(b.Context(), s, w, &q); err != nil {
					b.Fatal(err)
				}
				a, err := limits.Simulate(b.Context(), s, q)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(a.KeysRefused.High), "keys-refused")
				b.ReportMetric(float64(a.Keys), "keys")
			}
		})
	}
}

func fillDays(b *testing.B, s *store.Store, days int) {
	b.Helper()
	begin := time.Now()
	first := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for d := range days {
		at := first.AddDate(0, 0, d).Unix()
		storetest.Exec(b, s, fmt.Sprintf(`INSERT INTO %s (minute, key_id, service, outcome, requests)
			SELECT toDateTime(%d + 60 * m, 'UTC'), lower(substring(hex(MD5(toString(r))), 1, 26)), concat('service-', toString(r %% 100)),
				if(h %% 30 = 0, 'rate_limited', 'success'), n FROM (
				SELECT 1 + number %% 10000 AS r, intDiv(number, 10000) AS m, cityHash64(number + 1000000000 * %d) AS h,
					toUInt64(floor(300 / r * if(h %% 1024 = 7, 10, 1) + bitShiftRight(h, 40) / 16777216)) AS n
				FROM numbers(14400000) WHERE n > 0)`, s.Table(schema.Keys), at, d))
		storetest.Exec(b, s,
			fmt.Sprintf("INSERT INTO %s (minute, key_id, service, outcome, requests) SELECT toStartOfHour(minute) AS h, key_id, service, outcome, sum(requests) FROM %s WHERE toDate(minute) = toDate(%d, 'UTC') GROUP BY ALL",
				s.Table(schema.KeysHour), s.Table(schema.Keys), at))
	}
	storetest.Exec(b, s,
		fmt.Sprintf("INSERT INTO %s (minute, service, outcome, requests) SELECT minute, 'all', 'success', 1 FROM (SELECT DISTINCT minute FROM %s)", s.Table(schema.Services), s.Table(schema.Keys)))
	b.Logf("%d and %d rows of minutes and hours in %s",
		storetest.Number(b, s, "(SELECT count() FROM "+s.Table(schema.Keys)+")"),
		storetest.Number(b, s, "(SELECT count() FROM "+s.Table(schema.KeysHour)+")"), time.Since(begin).
			Round(time.Second))
}
