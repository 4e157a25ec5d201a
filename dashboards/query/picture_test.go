package query_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"statline/dashboards/query"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// point is one row of a text over time: the values of a time and a series.
type point struct {
	at     time.Time
	series string
	value  *float64
}

func (p point) String() string {
	if p.value == nil {
		return fmt.Sprintf("%s %s gap", p.at.UTC().Format("15:04:05"), p.series)
	}
	return fmt.Sprintf("%s %s %.4g", p.at.UTC().Format("15:04:05"), p.series, *p.value)
}

// series reads a text of (time, name, value).
func series(t *testing.T, s *store.Store, text query.Text, p query.Params) (points []point) {
	t.Helper()
	read(t, s, text, p, func(scan func(...any) error) error {
		var r point
		err := scan(&r.at, &r.series, &r.value)
		points = append(points, r)
		return err
	})
	return points
}

// single reads a text of (time, value).
func single(t *testing.T, s *store.Store, text query.Text, p query.Params) (points []point) {
	t.Helper()
	read(t, s, text, p, func(scan func(...any) error) error {
		var r point
		err := scan(&r.at, &r.value)
		points = append(points, r)
		return err
	})
	return points
}

func read(t *testing.T, s *store.Store, text query.Text, p query.Params, row func(func(...any) error) error) {
	t.Helper()
	sql, values := text.Bind(query.Target{Database: s.Database()}, p)
	if err := s.Ask(t.Context(), sql, values, row); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// exec runs a statement on the tables of s; {db} is its database.
func exec(t *testing.T, s *store.Store, sql string) {
	t.Helper()
	storetest.Exec(t, s, strings.ReplaceAll(sql, "{db}", s.Database()))
}

// steadyTraffic stores a request a second of one service for the last hours,
// up to now: the minute that runs has what came so far.
func steadyTraffic(t *testing.T, s *store.Store, hours int) {
	t.Helper()
	for _, table := range []string{"services", "services_hour"} {
		level, columns := "toStartOfMinute", "(minute, service, outcome, requests)"
		if table == "services_hour" {
			level = "toStartOfHour"
		}
		exec(t, s, fmt.Sprintf(`INSERT INTO {db}.%s %s SELECT %s(toDateTime(toUInt32(now()) - number, 'UTC')) AS m, 'movie', 'success', count()
FROM numbers(%d) GROUP BY m`, table, columns, level, hours*3600))
	}
}

// Traffic of one request a second is drawn as one request a second, in the
// first point, in the last and between, over minutes and over hours: no point
// that is cut off or not over is a drop.
func TestRatesOfUnfinishedPoints(t *testing.T) {
	s := storetest.Open(t)
	steadyTraffic(t, s, 80)
	to := time.Now()
	for _, c := range []struct{ span, step time.Duration }{
		{time.Hour, time.Minute}, {time.Hour, 7 * time.Minute}, {time.Hour + 17*time.Second, 10 * time.Minute}, {72 * time.Hour, time.Hour}, {72 * time.Hour, 5 * time.Hour},
	} {
		p := query.Params{From: to.Add(-c.span), To: to, Step: c.step}
		points := single(t, s, query.RequestRate(), p)
		seen := 0
		for _, point := range points {
			if point.value == nil {
				continue
			}
			seen++
			if *point.value < 0.98 || *point.value > 1.02 {
				t.Errorf("%v by %v: %s; want 1 a second", c.span, c.step, point)
			}
		}
		if want := int(c.span/c.step) - 2; seen < want {
			t.Errorf("%v by %v: %d points; want %d", c.span, c.step, seen, want)
		}
	}
}

// Where the minutes are gone and the hours are not, hours are drawn, however
// short the span. Where nothing older was ever stored, minutes are.
func TestLevelFollowsAge(t *testing.T) {
	s := storetest.Open(t)
	steadyTraffic(t, s, 2)
	recent := query.Params{From: time.Now().Add(-6 * time.Hour), To: time.Now(), Step: time.Minute}
	if n := len(single(t, s, query.RequestRate(), recent)); n < 100 {
		t.Errorf("a new store over six hours: %d points; want minutes", n)
	}
	for _, table := range []string{"services_hour (minute, service, outcome, requests)",
		"responses_hour (minute, service, outcome, requests)"} {
		exec(t, s, "INSERT INTO {db}."+table+" SELECT toStartOfHour(now()) - INTERVAL 40 DAY, 'movie', 'success', 7200")
	}
	old := time.Now().Truncate(time.Hour).Add(-40 * 24 * time.Hour)
	var values int
	for _, p := range single(t, s, query.RequestRate(),
		query.Params{From: old.Add(-time.Hour), To: old.Add(2 * time.Hour), Step: time.Minute}) {
		if p.value != nil && *p.value > 0 {
			values++
			if *p.value != 2 {
				t.Errorf("%s; want 2 a second", p)
			}
		}
	}
	if values != 1 {
		t.Errorf("40 days ago: %d points with a value; want the hour", values)
	}
}

// A stopped daemon leaves a gap in lines, and lanes end where the data ends.
// While anything is stored, what a single rate has nothing of is 0 and no gap.
func TestGapsAreGaps(t *testing.T) {
	s := storetest.Open(t)
	// Ten minutes of failures, ten of silence, ten of success; then nothing.
	exec(t, s, `INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 60 * (60 - number), 'movie', if(number < 10, 'timeout', 'success'), 60
FROM numbers(30) WHERE number NOT BETWEEN 10 AND 19`)
	to := time.Now()
	p := query.Params{From: to.Truncate(time.Minute).Add(-time.Hour), To: to, Step: time.Minute}
	for name, points := range map[string][]point{
		"health": series(t, s, query.ServiceHealth(), p), "shares": series(t, s, query.FailureShareByService(), p),
		"requests": single(t, s, query.RequestRate(), p),
	} {
		if len(points) < 60 {
			t.Fatalf("%s: %d points; want the whole hour", name, len(points))
		}
		for i, point := range points {
			stored := i < 10 || i >= 20 && i < 30
			if stored == (point.value == nil) {
				t.Errorf("%s: minute %d: %s; stored %t", name, i, point, stored)
			}
		}
	}
	for i, point := range single(t, s, query.RefusedRate(), p)[:30] {
		if stored := i < 10 || i >= 20; stored && (point.value == nil || *point.value != 0) || !stored &&
			point.value != nil {
			t.Errorf("refused, minute %d: %s; want 0 where something is stored", i, point)
		}
	}
}

// The mean of the part is never above the mean of the whole.
func TestMeansHaveOneDenominator(t *testing.T) {
	s := storetest.Open(t)
	// Nine answers of the gateway in 1 ms, one of the upstream in 500 ms.
	exec(t, s, `INSERT INTO {db}.responses (minute, service, route, outcome, requests, latency_us, upstream_requests, upstream_us) VALUES
(toStartOfMinute(now()) - 600, 'movie', '/a', 'rate_limited', 9, 9000, 0, 0), (toStartOfMinute(now()) - 600, 'movie', '/a', 'timeout', 1, 500000, 1, 490000)`)
	p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute}
	found := false
	read(t, s, query.MeanTimes(), p, func(scan func(...any) error) error {
		var at time.Time
		var total, upstream *float64
		err := scan(&at, &total, &upstream)
		if total != nil {
			found = true
			if upstream == nil || *total != 50900 || *upstream != 49000 {
				t.Errorf("got %v and %v µs; want 50900 and 49000", *total, upstream)
			}
		}
		return err
	})
	if !found {
		t.Error("no mean")
	}
}

// Percentiles of the upstream's time are those of the stored histograms, from minutes
// and from hours alike, and so are those of each failing route from minutes; rows
// without one count for none.
func TestPercentilesOfUpstreamAndRoutes(t *testing.T) {
	s := storetest.Open(t)
	// Buckets below 128 are their own microseconds: 100 answers of /a in 1 to 100 us, of
	// which the upstream took half; of /b, which does not fail, one.
	for table, minute := range map[string]string{"responses": "toStartOfMinute(now()) - 600",
		"responses_hour": "toStartOfHour(now() - 600)", "services_hour": "toStartOfHour(now() - 600)"} {
		columns, route := "service, route, outcome", "'/a', "
		if table == "services_hour" {
			columns, route = "service, outcome", ""
		}
		exec(t, s,
			"INSERT INTO {db}."+table+" (minute, "+columns+", requests, latency, upstream) SELECT "+minute+", 'movie', "+route+"'timeout', 100, "+
				"(arrayMap(i -> toUInt16(i), range(1, 101)), arrayMap(i -> toUInt64(1), range(1, 101))), (arrayMap(i -> toUInt16(i), range(1, 51)), arrayMap(i -> toUInt64(2), range(1, 51)))")
		exec(t, s,
			"INSERT INTO {db}."+table+" (minute, "+columns+", requests)"+
				" SELECT "+minute+", 'movie', "+route+"'success', 1")
	}
	for _, span := range []time.Duration{time.Hour, 72 * time.Hour} {
		p := query.Params{From: time.Now().Add(-span), To: time.Now(), Step: time.Hour}
		rows := table(t, s, query.RouteTable(), p)
		if len(rows) == 0 {
			t.Fatalf("no route over %v", span)
		}
		switch p95, _ := rows[0]["p95"].(*float64); {
		case len(rows) != 1 || span > 48*time.Hour && p95 != nil:
			t.Errorf("routes over %v: got %v; want /a without percentiles", span, rows)
		case span < 48*time.Hour && (!near(rows[0]["p95"], 95) || !near(rows[0]["Upstream p95"], 48)):
			t.Errorf("routes over %v: got %v; want /a with 95 and 48 us", span, rows)
		}
		found := false
		for _, row := range table(t, s, query.UpstreamQuantiles(), p) {
			if p, _ := row["p50"].(*float64); p != nil {
				found = true
				if *p != 25 || !near(row["p95"], 48) || !near(row["p99"], 50) {
					t.Errorf("upstream over %v: got %v %v %v; want 25, 48, 50", span, *p, row["p95"], row["p99"])
				}
			}
		}
		if !found {
			t.Errorf("upstream over %v: no percentile", span)
		}
	}
}

// A slot that several rows have, of services and of blocks that are not merged
// yet, is one slot.
func TestSlotsCountOnce(t *testing.T) {
	s := storetest.Open(t)
	exec(t, s, "SYSTEM STOP MERGES {db}.keys")
	for _, service := range []string{"movie", "movie", "search"} {
		exec(t, s,
			`INSERT INTO {db}.keys (minute, key_id, service, outcome, code, requests, slots, slot_seconds) VALUES (toStartOfMinute(now()) - 600, 'k', '`+service+`', 'rate_limited', 25, 10, 7, 10)`)
	}
	var slots *uint64
	p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute}
	for _, row := range table(t, s, query.Offenders(), p) {
		slots, _ = row["Slots refused"].(*uint64)
	}
	if slots == nil || *slots != 3 {
		t.Errorf("got %v slots; want 3", slots)
	}
}

// A code's share is of all responses.
func TestShareOfACode(t *testing.T) {
	s := storetest.Open(t)
	exec(t, s, `INSERT INTO {db}.responses (minute, service, route, code, outcome, requests) VALUES
(toStartOfMinute(now()) - 600, 'movie', '/a', 25, 'rate_limited', 10), (toStartOfMinute(now()) - 600, 'movie', '/a', 0, 'success', 90)`)
	catalogue := []query.Code{{Code: 25, HTTPStatus: 429, Message: "it's", Outcome: "rate_limited"}}
	p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute}
	rows := table(t, s, query.CodeTable(catalogue), p)
	if len(rows) != 1 || *rows[0]["Share"].(*float64) != 0.1 {
		t.Errorf("got %v; want a share of 0.1", rows)
	}
}

// The heatmap has every bucket between the lowest and the highest.
func TestHeatmapHasEmptyBuckets(t *testing.T) {
	s := storetest.Open(t)
	exec(t, s, `INSERT INTO {db}.responses (minute, service, route, outcome, requests, latency) VALUES
(toStartOfMinute(now()) - 600, 'movie', '/a', 'success', 2, ([toUInt16(320), toUInt16(1600)], [1, 1]))`)
	p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute}
	buckets := map[string]float64{}
	for _, row := range table(t, s, query.LatencyHeatmap(), p) {
		buckets[*row["le"].(*string)] += float64(*row["Value"].(*uint64))
	}
	filled := 0
	for _, n := range buckets {
		if n > 0 {
			filled++
		}
	}
	if len(buckets) != 1600/32-320/32+1 || filled != 2 {
		t.Errorf("got %d buckets, %d of them filled; want 41 and 2", len(buckets), filled)
	}
}

// Six minutes after a daemon died it is six minutes behind, and how many
// records it is behind nobody knows.
func TestDeadDaemonIsBehind(t *testing.T) {
	s := storetest.Open(t)
	exec(t, s,
		`INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, audit_differences, version) VALUES (toStartOfMinute(now()) - 420, 'a', 'access', 0, 0, 0, -1, 1)`)
	rows := table(t, s, query.LagNow(), query.Params{})
	if len(rows) != 1 {
		t.Fatalf("got %v; want one row", rows)
	}
	if seconds := *rows[0]["seconds"].(*float64); seconds < 360 || seconds > 420 || rows[0]["lag"].(*int64) != nil {
		t.Errorf("got %v records, %v seconds; want none known, and more than 360", rows[0]["lag"], seconds)
	}
}

// One failure of a quiet minute is no red lane; three are.
func TestOneFailureIsNoAlarm(t *testing.T) {
	for failures, red := range map[int]bool{1: false, 2: false, 3: true} {
		s := storetest.Open(t)
		exec(t, s,
			fmt.Sprintf(`INSERT INTO {db}.services (minute, service, outcome, requests) VALUES (toStartOfMinute(now()) - 600, 'movie', 'success', 4), (toStartOfMinute(now()) - 600, 'movie', 'timeout', %d)`, failures))
		p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute}
		for _, point := range series(t, s, query.ServiceHealth(), p) {
			if point.value != nil && (*point.value >= 0.01) != red {
				t.Errorf("%d failures of a minute: %s; red %t", failures, point, red)
			}
		}
	}
}

// table reads a text's rows by column, each value as a pointer that is nil for
// NULL.
func table(t *testing.T, s *store.Store, text query.Text, p query.Params) (rows []map[string]any) {
	t.Helper()
	sql, values := text.Bind(query.Target{Database: s.Database()}, p)
	rows, err := storetest.Rows(t, s, sql, values)
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return rows
}

// Grafana fills a variable in as parts of an address: every character that
// could end a string is encoded. A service of any name is found, alone and among
// others.
func TestGrafanaVariablesTakeAnyValue(t *testing.T) {
	s := storetest.Open(t)
	for _, name := range []string{`movies\`, `x' OR 1=1 --\`, `it's`, `a&b=c`, `100 %+`} {
		exec(t, s,
			"INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 600, decodeURLComponent('"+url.PathEscape(name)+"'), 'success', 60")
		sql := inGrafana(query.RequestRate(), s.Database(), "service", name, "no such service")
		rows, err := storetest.Rows(t, s, sql, nil)
		if err != nil {
			t.Errorf("service %q: %v\n%s", name, err, sql)
			continue
		}
		var sum float64
		for _, r := range rows {
			if v := r["requests"].(*float64); v != nil {
				sum += *v
			}
		}
		if sum != 1 {
			t.Errorf("service %q: got %v requests a second; want its own", name, sum)
		}
	}
}

var conditional = regexp.MustCompile(`\$__conditionalAll\(`)

// inGrafana is a text as Grafana sends it for the last hour with values chosen
// for one variable (packages data/variable of @grafana/scenes and the plugin's
// macros): a condition on another variable is true.
func inGrafana(text query.Text, database, variable string, chosen ...string) string {
	sql := text.Grafana(query.Target{Database: database})
	for {
		at := conditional.FindStringIndex(sql)
		if at == nil {
			break
		}
		depth, end, comma := 1, at[1], 0
		for ; depth > 0; end++ {
			switch sql[end] {
			case '(':
				depth++
			case ')':
				depth--
			case ',':
				if depth == 1 {
					comma = end
				}
			}
		}
		condition := "1=1"
		if strings.TrimSpace(sql[comma+1:end-1]) == "$"+variable {
			condition = sql[at[1]:comma]
		}
		sql = sql[:at[0]] + condition + sql[end:]
	}
	var list []string
	for _, v := range chosen {
		list = append(list, "var-"+variable+"="+strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(v), "+", "%20"),
			"'", "%27"))
	}
	now := time.Now()
	return strings.NewReplacer("${"+variable+":queryparam}", strings.Join(list, "&"), "$__interval_s", "60",
		"$__fromTime", fmt.Sprintf("toDateTime(%d)", now.Add(-time.Hour).Unix()), "$__toTime",
		fmt.Sprintf("toDateTime(%d)", now.Unix())).Replace(sql)
}
