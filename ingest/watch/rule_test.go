package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
)

// A login that failed is one by its outcome, whatever said so: a code of this
// catalogue or of another one, a bare 401, a gateway's flag.
func TestFailedLoginsCountByOutcome(t *testing.T) {
	const first = detect.Minute(29_000_000)
	for name, code := range map[string]int{"a code of the catalogue": 30, "a code of another": 901, "no code": 0} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			var clients, services []string
			for at := first; at < first+12; at++ {
				clients = append(clients, fmt.Sprintf("(%d, toIPv6('192.0.2.9'), 'auth_failed', %d, 4)", at.Unix(),
					code))
				services = append(services, fmt.Sprintf("(%d, 'api', 'auth_failed', 4)", at.Unix()))
			}
			for table, values := range map[string][]string{
				s.Table(schema.Clients) + " (minute, client_ip, outcome, code, requests)": clients,
				s.Table(schema.Services) + " (minute, service, outcome, requests)":        services,
			} {
				if err := s.Exec(t.Context(), "INSERT INTO "+table+" VALUES "+strings.Join(values, ", ")); err != nil {
					t.Fatal(err)
				}
			}
			cfg := DefaultConfig()
			list, err := Evaluate(t.Context(), &cfg.Detectors, testSQL(s), Range{first, first, first + 11})
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != 1 || list[0].Kind != detect.CredentialStuffing || list[0].Affected != 48 {
				t.Errorf("got %+v; want one credential_stuffing of 48 failures", list)
			}
		})
	}
}

// guessing is a key rule that this test adds: an unknown key on three minutes.
func guessing() detect.Rule[detect.Key, detect.KeyMinute] {
	return detect.Rule[detect.Key, detect.KeyMinute]{
		Name: "guessing", Version: 1,
		Against: func(r *detect.KeyMinute) uint64 { return uint64(r.Invalid) },
		Over: func(_ *detect.Config, _ *detect.Episode, row *detect.KeyMinute, _ detect.Minute) string {
			if row.Success > 0 {
				return detect.ClosedCalm
			}
			return ""
		},
		Judge: func(_ *detect.Config, k *detect.Key, e *detect.Episode, rows []detect.KeyMinute, t detect.Minute) {
			if n := len(rows); !e.IsOpen() && n >= 3 && rows[n-3].Minute > t-30 {
				e.Begin(detect.Incident{
					Kind: "guessing", Entity: k.ID, EntityType: detect.KeyEntity, Service: k.Service,
					Severity: detect.Info,
					Affected: uint64(rows[n-3].Invalid + rows[n-2].Invalid + rows[n-1].Invalid), Rule: "guessing",
					RuleVersion: 1,
				}, t)
			}
		},
	}
}

// A rule is added in one place: what is stepped, closed, summed up and restored
// follows from it.
func TestARuleIsAddedInOnePlace(t *testing.T) {
	const first = detect.Minute(29_000_000)
	m := newMemory()
	for at := first; at < first+400; at++ {
		m.addService(ServiceRow{at, "api", detect.Counts{N: 100}})
		if (at-first)%10 == 0 && at < first+385 {
			m.addKey(KeyRow{"key", "api", detect.KeyMinute{Minute: at, Requests: 3, Invalid: 2}})
		}
	}
	m.addKey(KeyRow{"key", "api", detect.KeyMinute{Minute: first + 385, Requests: 1, Success: 1}})
	cfg := DefaultConfig()
	evaluator := func() *Evaluator {
		e := NewEvaluator(&cfg.Detectors, m)
		e.keys.Rules = append(e.keys.Rules, guessing())
		return e
	}
	own := func(rows []Stored) (list []Stored) {
		for _, r := range rows {
			if r.Rule == "guessing" {
				list = append(list, r)
			}
		}
		return list
	}
	advance := func(e *Evaluator, p *Publisher, to detect.Minute) []Stored {
		res, more, err := e.Advance(t.Context(), to)
		if err != nil || more {
			t.Fatalf("more %t, %v", more, err)
		}
		return own(p.Publish(&res))
	}
	e, p := evaluator(), NewPublisher()
	e.Start(first)
	open := advance(e, p, first+300)
	closed := advance(e, p, first+399)
	if len(open) != 1 || len(closed) != 1 || closed[0].State != detect.Closed || closed[0].ClosedAt != first+385 {
		t.Fatalf("got %+v, then %+v; want one incident, closed by the success", open, closed)
	}
	again, p := evaluator(), NewPublisher()
	if err := again.Restore(t.Context(), first+300, open); err != nil {
		t.Fatal(err)
	}
	p.Adopt(open, again.Settled())
	if d := cmp.Diff(closed, advance(again, p, first+399)); d != "" {
		t.Errorf("after a restart (-without):\n%s", d)
	}
}

// A log without any code has no contract to drift from.
func TestNoDriftWithoutCodes(t *testing.T) {
	const first = detect.Minute(29_000_000)
	s := storetest.Open(t)
	var values, services []string
	for at := first; at < first+90; at++ {
		for status, n := range map[int]int{200: 500, 404: 20, 500: 15, 503: 12} {
			outcome := map[int]string{200: "success", 404: "not_found", 500: "internal_error", 503: "offline"}[status]
			values = append(values, fmt.Sprintf("(%d, 'api', '/x', 'GET', %d, 0, '%s', %d)", at.Unix(), status, outcome,
				n))
			services = append(services, fmt.Sprintf("(%d, 'api', '%s', %d)", at.Unix(), outcome, n))
		}
	}
	for table, rows := range map[string][]string{
		s.Table(schema.Responses) + " (minute, service, route, method, http_status, code, outcome, requests)": values,
		s.Table(schema.Services) + " (minute, service, outcome, requests)":                                    services,
	} {
		if err := s.Exec(t.Context(), "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	cfg := DefaultConfig()
	list, err := Evaluate(t.Context(), &cfg.Detectors, testSQL(s), Range{first, first, first + 89})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Kind == detect.ContractDrift {
			t.Errorf("%s", i.Summary)
		}
	}
}

// Counts of ten thousand million a minute are right.
func TestHugeCounts(t *testing.T) {
	const first = detect.Minute(29_000_000)
	m := newMemory()
	for at := first; at < first+1500; at++ {
		c := detect.Counts{N: 1e10, Timeout: 1e7, Bad: 1e7}
		if at >= first+1480 {
			c.Timeout, c.Bad = 1e9, 1e9
		}
		m.addService(ServiceRow{at, "api", c})
	}
	cfg := DefaultConfig()
	list, err := Evaluate(t.Context(), &cfg.Detectors, m, Range{first, first, first + 1499})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(i detect.Incident) bool { return i.Kind == detect.TimeoutSpike })
	if i < 0 || math.Abs(list[i].Evidence.BaselineShare-0.001) > 1e-6 || list[i].Affected < 1e10 {
		t.Errorf("got %+v; want one spike over 0.1 %%", list)
	}
}

// A client whose incident is over and who goes on below what opens one, hour by hour,
// opens the next at the same minute when the watch was restarted meanwhile.
func TestRestartRemembersQuietRows(t *testing.T) {
	const first = detect.Minute(29_000_000)
	s := storetest.Open(t)
	var clients, services []string
	add := func(at detect.Minute, n int) {
		clients = append(clients, fmt.Sprintf("(%d, toIPv6('192.0.2.9'), 'auth_failed', %d)", at.Unix(), n))
		services = append(services, fmt.Sprintf("(%d, 'api', 'auth_failed', %d)", at.Unix(), n))
	}
	for at := range detect.Minute(12) {
		add(first+at, 4)
	}
	for n := range detect.Minute(80) {
		add(first+120+n*12, 1)
	}
	for table, values := range map[string][]string{
		s.Table(schema.Clients) + " (minute, client_ip, outcome, requests)":     clients,
		s.Table(schema.ResponsesHour) + " (minute, service, outcome, requests)": services[:1],
		s.Table(schema.Services) + " (minute, service, outcome, requests)":      services,
	} {
		if err := s.Exec(t.Context(), "INSERT INTO "+table+" VALUES "+strings.Join(values, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	cfg := DefaultConfig()
	const last, killed = first + 1100, first + 600
	run := func(e *Evaluator, to detect.Minute) (final []detect.Incident, open []detect.Incident) {
		for at := e.Evaluated() + 1; at <= to; at += 20 {
			res, _, err := e.Advance(t.Context(), min(at+19, to))
			if err != nil {
				t.Fatal(err)
			}
			final, open = append(final, res.Final...), res.Tentative
		}
		return final, open
	}
	e := NewEvaluator(&cfg.Detectors, testSQL(s))
	e.Start(first)
	want, open := run(e, last)
	want = append(want, open...)
	if len(want) != 2 {
		t.Fatalf("got %+v; want two incidents", want)
	}
	e = NewEvaluator(&cfg.Detectors, testSQL(s))
	e.Start(first)
	before, open := run(e, killed)
	var stored []Stored
	for _, i := range append(slices.Clone(before), open...) {
		stored = append(stored, Stored{Incident: i, Version: 1})
	}
	e = NewEvaluator(&cfg.Detectors, testSQL(s))
	if err := e.Restore(t.Context(), killed, stored); err != nil {
		t.Fatal(err)
	}
	after, open := run(e, last)
	got := append(append(before, after...), open...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("restarted (-whole +restarted):\n%s", diff)
	}
}
