package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/limit"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// A key that uses at least four fifths of its limit three days in a row is an info,
// whether headers tell it or the numbers of refusals, until a day on which it does
// not; two days, days with one between, and less are none. Nobody is paged.
func TestNearLimits(t *testing.T) {
	s := storetest.Open(t)
	q := testSQL(s)
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	first := detect.MinuteOf(begin.Unix())
	var hours []string
	// headers are the shares of a limit of 1000 a minute that a key used at most on days.
	headers := func(key string, used ...int) {
		for d, n := range used {
			hours = append(hours, fmt.Sprintf("(%d, '%s', 'movies', 'success', 500, %d, 60, 0, 0)",
				begin.AddDate(0, 0, d).Add(9*time.Hour).Unix(), key, 4294967295-uint64(1000-n)),
				fmt.Sprintf("(%d, '%s', 'search', 'success', 20, %d, 60, 0, 0)", begin.AddDate(0, 0, d).
					Add(21*time.Hour).Unix(), key, 4294967295-uint64(1000-n/2)))
		}
	}
	headers("grows", 500, 810, 850, 900, 950, 990, 700, 820)
	headers("pauses", 810, 810, 700, 900, 900, 100, 850, 900)
	headers("below", 790, 790, 799, 790, 790, 790, 790, 790)
	headers("__other__", 900, 900, 900, 900, 900, 900, 900, 900)
	for d := range 8 { // refusals tell that it reaches its limit of 40
		hours = append(hours, fmt.Sprintf("(%d, 'refused', 'movies', 'rate_limited', 60, 0, 0, 44, 40)",
			begin.AddDate(0, 0, d).Add(30*time.Minute).Unix()))
	}
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, service, outcome, requests, quota_low, quota_window, count_max, limit_max, quota_limit) SELECT *, if(low > 0, 1000, 0) FROM VALUES('minute UInt32, key_id String, service String, outcome String, n UInt64, low UInt32, win UInt32, c UInt32, l UInt32', "+strings.Join(hours, ", ")+")")
	const days = 8
	for table, step := range map[schema.Table]int{schema.Services: 60, schema.ServicesHour: 3600,
		schema.ResponsesHour: 3600} {
		storetest.Exec(t, s,
			fmt.Sprintf("INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC') + %d * number, 'movies', 'success', 500 FROM numbers(%d)",
				s.Table(table), begin.Unix(), step, days*86400/step))
	}
	cfg := DefaultConfig()
	list, err := Evaluate(t.Context(), &cfg.Detectors, q, Range{first, first, first + days*dayMinutes + 120})
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(i detect.Incident) bool { return i.Kind != detect.NearLimit })
	if len(list) != 2 {
		t.Fatalf("got %+v; want two incidents", list)
	}
	judged := func(day int) detect.Minute { return first + detect.Minute(day)*dayMinutes + detect.NearMinute }
	slices.SortFunc(list, func(a, b detect.Incident) int { return strings.Compare(a.Entity, b.Entity) })
	a, b := &list[0], &list[1]
	if a.Entity != "grows" || a.EntityType != detect.KeyEntity || a.Severity != detect.Info ||
		a.OpenedAt != judged(4) || a.State != detect.Closed ||
		a.ClosedAt != judged(7) || a.ClosedAs != detect.ClosedCalm || a.Requests != 3*520 || a.Affected != 3*520 ||
		a.Evidence.Days != 5 ||
		a.Evidence.Limit != 1000 || a.Evidence.FirstSeen != "2026-06-02T00:00:00Z" ||
		a.Summary != "grows: near its limit of 1000 requests in 1m on 5 days in a row: it used 99 % on the last of them, 99 % at most" {
		t.Errorf("got %+v", a)
	}
	if b.Entity != "refused" || b.OpenedAt != judged(3) || b.State != detect.Open || b.Evidence.Days != 8 ||
		b.Evidence.Limit != 40 ||
		!strings.Contains(b.Summary, "of 40 requests on 8 days in a row: it used 110 % on the last") {
		t.Errorf("got %+v", b)
	}
	n := Notifier{cfg: DefaultNotify()}
	if told := n.due(b, Told{}, b.OpenedAt.Time(), 0); told != "" {
		t.Errorf("told %q of an info; want nothing", told)
	}
	n.cfg.MinSeverity = detect.Info
	if told := n.due(b, Told{What: n.due(b, Told{}, b.OpenedAt.Time(), 0)}, b.OpenedAt.Time().Add(30*24*time.Hour),
		0); told != "" {
		t.Errorf("told %q after a month; want one notice", told)
	}
	nearLimitsRestored(t, q, judged(5)+20, list)
}

// nearLimitsRestored restarts the detectors while incidents are open.
func nearLimitsRestored(t *testing.T, q *SQL, at detect.Minute, want []detect.Incident) {
	t.Helper()
	cfg := DefaultConfig()
	var rows []Stored
	e := NewEvaluator(&cfg.Detectors, q)
	e.Start(at - 2*dayMinutes)
	advance := func(to detect.Minute) (final, tentative []detect.Incident) {
		t.Helper()
		for more := true; more; {
			var res Result
			var err error
			if res, more, err = e.Advance(t.Context(), to); err != nil {
				t.Fatal(err)
			}
			final, tentative = append(final, res.Final...), res.Tentative
		}
		return final, tentative
	}
	_, open := advance(at)
	for _, i := range open {
		rows = append(rows, Stored{Incident: i, Version: uint64(at.Unix())})
	}
	if len(rows) != 2 {
		t.Fatalf("got %+v open at %s; want two", open, at.Time())
	}
	e = NewEvaluator(&cfg.Detectors, q)
	if err := e.Restore(t.Context(), at, rows); err != nil {
		t.Fatal(err)
	}
	final, open := advance(want[0].ClosedAt + dayMinutes + detect.SettleMinutes)
	if len(final) != 1 || final[0].Affected != want[0].Affected || final[0].ClosedAt != want[0].ClosedAt ||
		final[0].Evidence.Days != want[0].Evidence.Days ||
		len(open) != 1 || open[0].Entity != want[1].Entity || open[0].Evidence.Days != want[1].Evidence.Days {
		t.Errorf("restored: got %+v and %+v; want %+v", final, open, want)
	}
}

// A limits file tells keys by their tier, their customer's name and their id how much they
// may ask; headers that tell otherwise win, and what only refusals tell loses. Who is
// over it is found in the minutes, or in the hours for windows of hours.
func TestNearLimitsOfAFile(t *testing.T) {
	s := storetest.Open(t)
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	first := detect.MinuteOf(begin.Unix())
	id := func(n byte) string { return classify.KeyID{0: n, 9: 3}.String() }
	const days = 5
	var minutes, told []string
	for d := range days {
		at := begin.AddDate(0, 0, d).Add(9 * time.Hour).Unix()
		asks := func(key byte, n int) { // n in one minute, and as many in the hour's others
			minutes = append(minutes, fmt.Sprintf("(%d, '%s', %d)", at+600, id(key), n),
				fmt.Sprintf("(%d, '%s', %d)", at+1800, id(key), n/4))
		}
		asks(1, 85)          // gold, 100/1m, by its customer's name
		asks(2, 55)          // free, 60/1m, like everybody else
		asks(3, 30+10*(d%2)) // free, too little
		asks(4, 40)          // by its id, 50 an hour
		asks(5, 58)          // free, but its headers tell 1000
		asks(6, 10)          // free, and its refusals tell 5
		asks(7, 70-10*d)     // near it for three days
		told = append(told, fmt.Sprintf("(%d, '%s', 1, 1000, %d, 60, 0, 0)", at, id(5), 4294967295-900),
			fmt.Sprintf("(%d, '%s', 1, 0, 0, 0, 9, 5)", at, id(6)))
	}
	storetest.Exec(t, s, "INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, requests) VALUES "+strings.Join(minutes,
		", "))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, requests) SELECT toStartOfHour(minute) AS h, key_id, sum(requests) FROM "+s.Table(schema.Keys)+" GROUP BY ALL")
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, requests, quota_limit, quota_low, quota_window, count_max, limit_max) VALUES "+strings.Join(told, ", "))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeyNames)+" (key_id, name) VALUES ('"+id(1)+"', 'given by the gateway')")
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeyLabels)+" (key_id, name, revision) VALUES ('"+id(1)+"', 'ACME, Inc.', 1)")
	for table, step := range map[schema.Table]int{schema.Services: 60, schema.ServicesHour: 3600,
		schema.ResponsesHour: 3600} {
		storetest.Exec(t, s,
			fmt.Sprintf("INSERT INTO %s (minute, service, outcome, requests) SELECT toDateTime(%d, 'UTC') + %d * number, 'movies', 'success', 500 FROM numbers(%d)",
				s.Table(table), begin.Unix(), step, days*86400/step))
	}
	file, err := limit.ParseFile("limits.yaml",
		[]byte("tiers: {free: 60/1m, gold: 100/1m}\nkeys:\n  ACME, Inc.: gold\n  "+id(4)+": 50/1h\nothers: free\n"))
	if err != nil {
		t.Fatal(err)
	}
	near := func(q *SQL) (list []string) {
		cfg := DefaultConfig()
		found, err := Evaluate(t.Context(), &cfg.Detectors, q, Range{first, first, first + days*dayMinutes + 120})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found {
			if i.Kind == detect.NearLimit {
				list = append(list, fmt.Sprintf("%s %s %d %s/%s %t", i.Entity, i.Evidence.LimitFrom, i.Evidence.Limit,
					i.Evidence.Tier, i.State, strings.Contains(i.Summary, "limits file")))
			}
		}
		slices.Sort(list)
		return list
	}
	want := []string{id(1) + " file 100 gold/open true", id(2) + " file 60 free/open true",
		id(4) + " file 50 /open true", id(7) + " file 60 free/closed true"}
	slices.Sort(want)
	if got := near(testSQL(s).Limited(func() *limit.File { return file })); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := near(testSQL(s)), []string{id(6) + " refusals 5 /open false"}; !slices.Equal(got, want) {
		t.Errorf("without the file: got %q; want %q", got, want)
	}
}
