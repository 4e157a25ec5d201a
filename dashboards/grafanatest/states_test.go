package grafanatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/dashboards/grafana"
)

// row is a row of a rule's query: its labels, written out, and whether its number
// is over the threshold.
type row struct {
	labels string
	over   bool
}

// ruleStates is a small model of what Grafana does with the answers of one rule,
// after its documentation ("Alert rule evaluation", "Stale alert instances",
// "No data and error states"): a row over the threshold is pending until it has
// been so for the rule's time and fires then; one below, or one that is missing
// twice while others are there, is resolved; no row at all and an error do what
// the rule says for them.
type ruleStates struct {
	lasting       time.Duration
	noData, error string
	since         map[string]time.Time // over the threshold since, by labels
	firing        map[string]bool
	missing       map[string]int
}

func newRuleStates(r grafana.Rule) (*ruleStates, error) {
	d, err := time.ParseDuration(r.For)
	return &ruleStates{lasting: d, noData: r.NoDataState, error: r.ExecErrState, since: map[string]time.Time{},
		firing: map[string]bool{}, missing: map[string]int{}}, err
}

// evaluated takes the answer of one evaluation; failed says that there was none.
func (s *ruleStates) evaluated(now time.Time, rows []row, failed bool) {
	state := ""
	switch {
	case failed:
		state = s.error
	case len(rows) == 0:
		state = s.noData
	}
	switch state {
	case "KeepLast":
		return
	case "Alerting": // of the rule as a whole
		rows = []row{{"", true}}
	case "OK":
		clear(s.since)
		clear(s.firing)
		return
	}
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.labels] = true
		s.missing[r.labels] = 0
		if !r.over {
			delete(s.since, r.labels)
			delete(s.firing, r.labels)
			continue
		}
		if _, ok := s.since[r.labels]; !ok {
			s.since[r.labels] = now
		}
		if now.Sub(s.since[r.labels]) >= s.lasting {
			s.firing[r.labels] = true
		}
	}
	for labels := range maps.Clone(s.since) {
		if seen[labels] {
			continue
		}
		if s.missing[labels]++; s.missing[labels] >= 2 {
			delete(s.since, labels)
			delete(s.firing, labels)
		}
	}
}

// The model keeps Grafana's rules: a time to wait, stale rows, no data, errors.
func TestRuleStates(t *testing.T) {
	over, under := []row{{"a", true}}, []row{{"a", false}}
	other := []row{{"b", false}}
	for _, c := range []struct {
		name          string
		noData, error string
		answers       [][]row // nil is an error, empty no row
		firing        string  // after each, 1 or 0
	}{
		{"pending, then firing, then resolved", "OK", "KeepLast", [][]row{over, over, over, under}, "0010"},
		{"an interruption begins anew", "OK", "KeepLast", [][]row{over, under, over, over, over}, "00001"},
		{"missing twice", "OK", "KeepLast", [][]row{over, over, over, other, other, other}, "001100"},
		{"no row at all is fine", "OK", "KeepLast", [][]row{over, over, over, {}}, "0010"},
		{"an error keeps the state", "OK", "KeepLast", [][]row{over, over, over, nil, nil, under}, "001110"},
		{"an error is what it looks for", "Alerting", "Alerting", [][]row{under, nil, nil, nil, under, under}, "000110"},
	} {
		s, err := newRuleStates(grafana.Rule{For: "2m", NoDataState: c.noData, ExecErrState: c.error})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, rows := range c.answers {
			s.evaluated(time.Unix(int64(60*i), 0), rows, rows == nil)
			got += fmt.Sprint(min(len(s.firing), 1))
		}
		if got != c.firing {
			t.Errorf("%s: firing: got %s; want %s", c.name, got, c.firing)
		}
	}
}

// simulation is a store that a daemon fills minute by minute, and the rules as
// Grafana would evaluate them once a minute, on a clock of its own.
type simulation struct {
	t       *testing.T
	exec    func(sql string)
	asks    *Grafana
	rules   map[string]grafana.Rule
	states  map[string]*ruleStates
	start   time.Time
	version int
	events  []string
}

// minute is what goes on in one minute.
type minute struct{ dead, away, silent, blind bool }

const sqlTime = "2006-01-02 15:04:05"

func (s *simulation) at(m int) time.Time { return s.start.Add(time.Duration(m) * time.Minute) }

// live fills the tables as a daemon at work does in a minute: a report, the
// responses of the minute, scores of two minutes ago, an audit now and then.
func (s *simulation) live(m int, w minute) {
	s.version++
	audit := -1
	if m%15 == 0 {
		audit = 0
	}
	if !w.dead && !w.away {
		s.exec(fmt.Sprintf("INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, freshness_seconds, blocks, records, rejected, audit_differences, stalled, version) VALUES ('%s', 'a', 'access', 0, 10, 1, 5, 3, 1000, 1, %d, 0, %d)",
			s.at(m).Format(sqlTime), audit, s.version))
	}
	if w.dead || w.away {
		return
	}
	if !w.silent {
		s.exec(fmt.Sprintf("INSERT INTO {db}.services (minute, service, outcome, requests) VALUES ('%s', 'movie', 'success', 60)", s.at(m).Format(sqlTime)))
	}
	if !w.silent && !w.blind {
		s.exec(fmt.Sprintf("INSERT INTO {db}.scores (minute, service, series, n, k, expected, z, version) VALUES ('%s', 'movie', 'timeout', 60, 0, 0, 0, 1)", s.at(m-2).Format(sqlTime)))
	}
}

// incident writes a version of one.
func (s *simulation) incident(id, kind, severity, state string, silent bool) {
	s.version++
	s.exec(fmt.Sprintf("INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, severity, state, opened_at, affected, version, silent) VALUES ('%s', '%s', 'movie', 'service', 'movie', '%s', '%s', '%s', 12, %d, %t)",
		id, kind, severity, state, s.start.Format(sqlTime), s.version, silent))
}

// evaluate asks every rule at half past a minute, and notes what fires and
// resolves.
func (s *simulation) evaluate(m int, w minute) {
	now := s.at(m).Add(30 * time.Second)
	for _, uid := range slices.Sorted(maps.Keys(s.rules)) {
		r, state := s.rules[uid], s.states[uid]
		var rows []row
		if !w.away {
			rows = s.ask(r, now)
		}
		before := maps.Clone(state.firing)
		state.evaluated(now, rows, w.away)
		note := func(what string, from, to map[string]bool) {
			for _, labels := range slices.Sorted(maps.Keys(to)) {
				if !from[labels] {
					s.events = append(s.events, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", m, what,
						strings.TrimPrefix(uid, "statline-"), labels)))
				}
			}
		}
		note("fires", before, state.firing)
		note("resolves", state.firing, before)
	}
}

// ask runs a rule's query as of a time.
func (s *simulation) ask(r grafana.Rule, now time.Time) []row {
	s.t.Helper()
	sql := strings.ReplaceAll(r.Data[0].Model.RawSQL, "now()", "toDateTime('"+now.Format(sqlTime)+"', 'UTC')")
	frames, err := s.asks.Ask(s.t.Context(), sql, int(r.Data[0].Model.Format), now.Add(-10*time.Minute), now,
		time.Minute)
	if err != nil {
		s.t.Fatalf("%s: %v", r.UID, err)
	}
	var rows []row
	for _, f := range frames {
		for i := range f.Rows() {
			var one row
			for _, field := range f.Fields {
				if numeric(field) {
					x, err := field.FloatAt(i)
					if err != nil {
						s.t.Fatal(err)
					}
					one.over = x > r.Data[1].Model.Conditions[0].Evaluator.Params[0]
				} else if field.Name == "incident" || field.Name == "severity" {
					v, ok := field.ConcreteAt(i)
					if !ok {
						s.t.Fatalf("%s: no %s", r.UID, field.Name)
					}
					one.labels = strings.TrimSpace(one.labels + " " + fmt.Sprint(v))
				}
			}
			rows = append(rows, one)
		}
	}
	return rows
}

// What fires and resolves, minute by minute, in the cases of the table in
// README.md, and nothing else.
// Long because it is one table.
func TestAlertsOverTime(t *testing.T) {
	ctx := t.Context()
	st, err := openStore(ctx, "over_time")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	g, err := Open(ctx, shared.url+"/over_time")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	_, file := boards(t, st)
	exec := func(sql string) {
		t.Helper()
		if err := st.Exec(ctx, in(st, sql)); err != nil {
			t.Fatal(err)
		}
	}
	// The tables hold 30 days, by the real clock.
	start := time.Now().UTC().Add(-6 * time.Hour).Truncate(time.Hour)
	for _, c := range []struct {
		name    string
		minutes int
		world   func(m int) minute
		before  func(s *simulation, m int) // what else happens
		want    []string
	}{
		{"all is well", 25, func(int) minute { return minute{} }, nil, nil},
		{"the only instance is dead from minute 5 to 20", 25,
			func(m int) minute { return minute{dead: m >= 5 && m < 20} }, nil, []string{
				"11 fires pipeline-stalled", "12 fires silence", "20 resolves pipeline-stalled",
				"20 resolves silence"}},
		{"ClickHouse is away from minute 5 to 8", 20, func(m int) minute { return minute{away: m >= 5 && m < 8} }, nil,
			[]string{
				"7 fires store", "8 resolves store"}},
		{"nobody calls from minute 5 to 20", 25, func(m int) minute { return minute{silent: m >= 5 && m < 20} }, nil,
			[]string{
				"12 fires silence", "20 resolves silence"}},
		{"the detectors are off from minute 5", 30, func(m int) minute { return minute{blind: m >= 5} }, nil, []string{
			"23 fires detectors"}},
		{"an incident becomes a page and closes", 20, func(int) minute { return minute{} }, func(s *simulation, m int) {
			switch m {
			case 3:
				s.incident("one", "timeout_spike", "ticket", "open", false)
			case 8:
				s.incident("one", "timeout_spike", "page", "open", false)
			case 12:
				s.incident("one", "timeout_spike", "page", "closed", false)
			}
		}, []string{"3 fires timeout-spike one ticket", "8 fires timeout-spike one page",
			"9 resolves timeout-spike one ticket",
			"12 resolves timeout-spike one page"}},
		{"an incident outlives the one that covers it", 20, func(int) minute { return minute{} },
			func(s *simulation, m int) {
				switch m {
				case 3:
					s.incident("outage", "outage", "page", "open", false)
					s.incident("burn", "slo_burn", "page", "open", true)
				case 8:
					s.incident("outage", "outage", "page", "closed", false)
					s.incident("burn", "slo_burn", "page", "open", false)
				}
			}, []string{"3 fires outage outage page", "8 resolves outage outage page", "8 fires slo-burn burn page"}},
		{"a key is muted", 20, func(int) minute { return minute{} }, func(s *simulation, m int) {
			switch m {
			case 3:
				s.incident("key", "offender", "ticket", "open", false)
			case 8:
				s.incident("key", "offender", "ticket", "open", true)
			}
		}, []string{"3 fires offender key ticket", "8 resolves offender key ticket"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, table := range []string{"pipeline", "services", "scores", "incidents"} {
				exec("TRUNCATE TABLE {db}." + table)
			}
			s := &simulation{t: t, exec: exec, asks: g, rules: rulesByUID(t, file), states: map[string]*ruleStates{},
				start: start}
			for uid, r := range s.rules {
				if s.states[uid], err = newRuleStates(r); err != nil {
					t.Fatal(err)
				}
			}
			for m := -20; m < 0; m++ {
				s.live(m, minute{})
			}
			for m := range c.minutes {
				w := c.world(m)
				s.live(m, w)
				if c.before != nil {
					c.before(s, m)
				}
				s.evaluate(m, w)
			}
			if got, want := strings.Join(s.events, "\n"), strings.Join(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
