package limits_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/limit"
	"statline/dashboards/limits"
	"statline/dashboards/report"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// record is one request.
type record struct {
	at      uint32
	key     classify.KeyID
	service string
	route   string
	outcome classify.Outcome
}

var begin = time.Date(2026, 11, 1, 5, 0, 0, 0, time.UTC)

// traffic is what some keys ask in seven hours over midnight, in bursts; every third
// key is refused sometimes today.
func traffic() (all []record) {
	r := rand.New(rand.NewPCG(3, 4))
	for k := range byte(12) {
		key := classify.KeyID{0: k + 1, 15: 9}
		for range 30 {
			burst := uint32(begin.Unix()) + uint32(r.IntN(43*3600))
			for range r.IntN(50) {
				x := record{at: burst + uint32(r.IntN(150)), key: key, service: []string{"movies", "search"}[r.IntN(2)],
					route: []string{"/a", "/b"}[r.IntN(2)], outcome: classify.Success}
				if k%3 == 0 && r.IntN(20) == 0 {
					x.outcome = classify.RateLimited
				}
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, func(a, b record) int { return int(int64(a.at) - int64(b.at)) })
	return all
}

// filled is a store with the traffic, as it would be stored.
func filled(t *testing.T, all []record) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	keys, responses := map[string]int{}, map[string]int{}
	for _, x := range all {
		m := x.at / 60 * 60
		keys[fmt.Sprintf("%d, '%s', '%s', '%s'", m, x.key, x.service, x.outcome)]++
		responses[fmt.Sprintf("%d, '%s', '%s', '%s'", m, x.service, x.route, x.outcome)]++
	}
	values := func(rows map[string]int) string {
		var list []string
		for row, n := range rows {
			list = append(list, fmt.Sprintf("(%s, %d)", row, n))
		}
		return strings.Join(list, ", ")
	}
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, service, outcome, requests) VALUES "+values(keys))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.KeysHour)+" (minute, key_id, service, outcome, requests) SELECT toStartOfHour(minute) AS h, key_id, service, outcome, sum(requests) FROM "+s.Table(schema.Keys)+" GROUP BY ALL")
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.Responses)+" (minute, service, route, outcome, requests) VALUES "+values(
			responses))
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.Services)+" (minute, service, outcome, requests) SELECT minute, service, outcome, sum(requests) FROM "+s.Table(schema.Responses)+" GROUP BY ALL")
	return s
}

// reference sees the requests one by one, and names the windows in which each limit
// refuses.
func reference(q *limits.Question, all []record) (refused map[string]uint64, windows map[string]bool) {
	counts, refused, windows := map[string]uint64{}, map[string]uint64{}, map[string]bool{}
	for _, x := range all {
		if q.Service != "" && x.service != q.Service || q.Route != "" && x.route != q.Route {
			continue
		}
		name := func(l limit.Limit) string {
			return fmt.Sprintf("%s %s %s", x.key, l, time.Unix(int64(x.at/l.Window*l.Window), 0).UTC().
				Format(time.TimeOnly+" 02"))
		}
		pass := true
		for _, l := range q.Limits {
			if counts[name(l)] >= l.Requests {
				pass, windows[name(l)] = false, true
			}
		}
		if !pass {
			refused[x.key.String()]++
		}
		for _, l := range q.Limits {
			if pass || q.CountRefused {
				counts[name(l)]++
			}
		}
	}
	return refused, windows
}

func ask(t *testing.T, s *store.Store, all []record, q limits.Question, fromKafka bool) *limits.Answer {
	t.Helper()
	w, err := newest(t, s, 30)
	if err != nil {
		t.Fatal(err)
	}
	if q.TimeRange, err = limits.Span(t.Context(), s, w, &q); err != nil {
		t.Fatal(err)
	}
	simulate := func(ctx context.Context) (*limits.Answer, error) { return limits.Simulate(ctx, s, q) }
	if fromKafka {
		simulate = func(ctx context.Context) (*limits.Answer, error) {
			c := limits.NewCounter(&q)
			for _, x := range all {
				c.Add(&classify.Response{UnixMilli: int64(x.at)*1000 + 7, Key: x.key, Service: []byte(x.service),
					Route: []byte(x.route)}, x.outcome)
			}
			return c.Answer(ctx, s)
		}
	}
	a, err := simulate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The set of refused keys and windows is that of a limiter that sees the requests
// one by one: from the store for windows of whole minutes, counted from the log for
// those of a second and of ten as well, with a service and a route. What is bounds
// holds the truth.
func TestSimulateEqualsReference(t *testing.T) {
	all := traffic()
	s := filled(t, all)
	for _, c := range []struct {
		limits, service, route string
		countRefused           bool
		store                  bool // exact from the store
	}{
		{limits: "20/1m", store: true}, {limits: "30/1h", store: true}, {limits: "20/1m,30/1h", store: true},
		{limits: "20/1m,30/1h", store: true, countRefused: true, service: "movies"}, {limits: "60/1d,9/1m", store: true},
		{limits: "25/5m", store: true}, {limits: "22/3m,30/15m", store: true}, {limits: "22/2m,60/10m,70/1d", store: true},
		{limits: "30/20m,40/2h", store: true, countRefused: true}, {limits: "20/7m", store: true},
		{limits: "40/90m", store: true}, {limits: "30/90m,9/1m", store: true}, {limits: "30/1h,60/1d", store: true},
		{limits: "100/3d", store: true}, {limits: "9/1m,40/7h,100/3d", store: true, countRefused: true},
		{limits: "2/1s"}, {limits: "5/10s"}, {limits: "5/10s,20/1m,30/1h"}, {limits: "5/10s", service: "search"}, {limits: "9/1m", route: "/a"},
	} {
		parsed, err := limit.Parse(c.limits)
		if err != nil {
			t.Fatal(err)
		}
		q := limits.Question{Trial: limit.Trial{Limits: parsed, CountRefused: c.countRefused},
			Filter: report.Filter{Service: c.service}, Route: c.route, EachWindow: true}
		refused, windows := reference(&q, all)
		if len(windows) == 0 {
			t.Fatalf("%+v: the reference refuses nothing", c)
		}
		for _, fromKafka := range []bool{false, true} {
			a := ask(t, s, all, q, fromKafka)
			var want uint64
			for _, n := range refused {
				want += n
			}
			if a.Exact != (c.store || fromKafka) {
				t.Errorf("%+v, from Kafka %t: exact is %t", c, fromKafka, a.Exact)
			}
			if !a.Exact {
				if a.Refused.Low > want || a.Refused.High < want || a.KeysRefused.Low > uint64(len(refused)) ||
					a.KeysRefused.High < uint64(len(refused)) {
					t.Errorf("%+v: %d of %d keys are not within %+v of %+v", c, want, len(refused), a.Refused,
						a.KeysRefused)
				}
				continue
			}
			got := map[string]bool{}
			for _, w := range a.Windows {
				got[fmt.Sprintf("%s %s %s", w.Key, w.Limit, w.Start.Format(time.TimeOnly+" 02"))] = true
			}
			for w := range windows {
				if !got[w] {
					t.Errorf("%+v, from Kafka %t: window %s is missing", c, fromKafka, w)
				}
			}
			if len(got) != len(windows) || len(a.Windows) != len(windows) {
				t.Errorf("%+v, from Kafka %t: got %d (%d) windows; want %d", c, fromKafka, len(a.Windows), len(got),
					len(windows))
			}
			var clean uint64
			for _, k := range a.ByKey {
				if k.Refused.Low != refused[k.Key] || k.Refused.High != refused[k.Key] {
					t.Errorf("%+v, from Kafka %t, key %s: refused %+v; want %d", c, fromKafka, k.Key, k.Refused,
						refused[k.Key])
				}
				if k.RefusedToday == 0 {
					clean++
				}
			}
			if a.Refused.Low != want || a.KeysRefused.Low != uint64(len(refused)) || a.CleanRefused.Low != clean ||
				clean == 0 || c.service == "" && a.Keys != 12 {
				t.Errorf("%+v, from Kafka %t: got %+v of %+v keys, %+v clean; want %d of %d, %d", c, fromKafka,
					a.Refused, a.KeysRefused, a.CleanRefused, want, len(refused), clean)
			}
			if fromKafka && c.route == "" && (a.Stored == nil || *a.Stored != a.Requests) {
				t.Errorf("%+v: counted %d; stored %v", c, a.Requests, a.Stored)
			}
		}
	}
}

// What is suggested refuses no clean key of this size, and the next lower ones say
// how many they would.
func TestSuggestHurtsNoCleanKey(t *testing.T) {
	all := traffic()
	s := filled(t, all)
	parsed, err := limit.Parse("0/1m,0/1h")
	if err != nil {
		t.Fatal(err)
	}
	q := limits.Question{Trial: limit.Trial{Limits: parsed}}
	w, err := newest(t, s, 30)
	if err != nil {
		t.Fatal(err)
	}
	if q.TimeRange, err = limits.Span(t.Context(), s, w, &q); err != nil {
		t.Fatal(err)
	}
	a, err := limits.Suggest(t.Context(), s, q, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Suggested) != 8 || a.Keys != 12 || a.Clean != 8 || a.Requests != uint64(len(all)) {
		t.Fatalf("got %+v", a)
	}
	for _, x := range a.Suggested {
		one, err := limit.Parse(x.Limit)
		if err != nil {
			t.Fatal(err)
		}
		would := ask(t, s, all, limits.Question{Trial: limit.Trial{Limits: one}}, false)
		if would.CleanRefused.Low != x.CleanRefused || would.KeysRefused.Low-would.CleanRefused.Low != x.OthersRefused {
			t.Errorf("%+v: it would refuse %+v clean keys of %+v", x, would.CleanRefused, would.KeysRefused)
		}
		if x.Suggested && x.CleanRefused > 0 {
			t.Errorf("%+v is suggested", x)
		}
	}
}

// newest is the last days of what is stored.
func newest(t testing.TB, s report.Store, days int) (report.TimeRange, error) {
	all, _, err := report.Stored(t.Context(), s)
	if from := all.To.AddDate(0, 0, -days); from.After(all.From) {
		all.From = from
	}
	return all, err
}

// With a limits file each tier has suggestions of its own, by its own keys.
func TestSuggestByTier(t *testing.T) {
	all := traffic()
	s := filled(t, all)
	key := func(n byte) string { return classify.KeyID{0: n, 15: 9}.String() }
	file, err := limit.ParseFile("f", []byte("tiers: {free: 5/1m, gold: 9/1m}\nkeys: {"+key(2)+": gold, "+key(3)+": gold, "+key(5)+": 7/1m}\nothers: free\n"))
	if err != nil {
		t.Fatal(err)
	}
	q := limits.Question{Trial: limit.Trial{Limits: []limit.Limit{{Window: 60}}},
		TimeRange: report.TimeRange{From: begin.Truncate(24 * time.Hour), To: begin.AddDate(0, 0, 3)}}
	a, err := limits.Suggest(t.Context(), s, q, file)
	if err != nil {
		t.Fatal(err)
	}
	// most is the most that one of these keys, clean today, asked in a minute.
	most := func(keys ...byte) (n int) {
		counts := map[string]int{}
		for _, x := range all {
			if slices.Contains(keys, x.key[0]) {
				at := fmt.Sprint(x.key, x.at/60)
				counts[at]++
				n = max(n, counts[at])
			}
		}
		return n
	}
	want := map[string]int{"": most(5), "gold": most(2, 3), "free": most(6, 8, 9, 11, 12)}
	if len(a.Suggested) != 12 {
		t.Fatalf("got %+v; want four for each of three", a.Suggested)
	}
	for _, x := range a.Suggested {
		if n := want[x.Tier]; x.Of == "the highest" && x.Limit != fmt.Sprintf("%d/1m", n) {
			t.Errorf("got %+v; want %d/1m", x, n)
		}
	}
}
