package grafanatest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"statline/classify/detect"
	"statline/dashboards/grafana"
)

// evaluate does what Grafana's rule evaluation does with a table and a
// threshold: the state by labels. It fails when the expression engine would
// refuse the frame: exactly one numeric column, every other one text.
func evaluate(t testing.TB, g *Grafana, r grafana.Rule) (firing int, state string) {
	t.Helper()
	now := time.Now()
	frames, err := g.Ask(t.Context(), r.Data[0].Model.RawSQL, int(r.Data[0].Model.Format), now.Add(-10*time.Minute),
		now, time.Minute)
	if err != nil {
		t.Fatalf("%s: %v", r.UID, err)
	}
	rows := 0
	for _, f := range frames {
		number := -1
		labels := map[string]bool{}
		for i, field := range f.Fields {
			switch {
			case numeric(field) && number < 0:
				number = i
			case field.Type() == data.FieldTypeString || field.Type() == data.FieldTypeNullableString:
			default:
				t.Fatalf("%s: field %s of type %v: want one number and text", r.UID, field.Name, field.Type())
			}
		}
		if number < 0 && f.Rows() > 0 {
			t.Fatalf("%s: no number", r.UID)
		}
		for i := range f.Rows() {
			rows++
			label := ""
			for j, field := range f.Fields {
				if j != number {
					label += field.Name + "=" + fmt.Sprint(field.At(i)) + ","
				}
			}
			if labels[label] {
				t.Errorf("%s: two rows with the labels %s", r.UID, label)
			}
			labels[label] = true
			x, err := f.Fields[number].FloatAt(i)
			if err != nil {
				t.Fatal(err)
			}
			if x > r.Data[1].Model.Conditions[0].Evaluator.Params[0] {
				firing++
			}
		}
	}
	switch {
	case rows == 0:
		return 0, r.NoDataState
	case firing > 0:
		return firing, "Alerting"
	}
	return 0, "OK"
}

func rulesByUID(t testing.TB, g grafana.RuleFile) map[string]grafana.Rule {
	t.Helper()
	m := map[string]grafana.Rule{}
	for _, group := range g.Groups {
		for _, r := range group.Rules {
			m[r.UID] = r
		}
	}
	return m
}

// Each rule is quiet on a store where all is well, fires when what it watches
// for is there, and resolves when it is over.
// Long because it is one story, told in its order.
func TestAlertsFireAndResolve(t *testing.T) {
	ctx := t.Context()
	s, err := openStore(ctx, "alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := Open(ctx, shared.url+"/alerts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	_, file := boards(t, s)
	rules := rulesByUID(t, file)
	exec := func(sql string) {
		t.Helper()
		if err := s.Exec(ctx, in(s, sql)); err != nil {
			t.Fatal(err)
		}
	}
	incident := func(version int, kind, severity, state string) {
		exec(fmt.Sprintf(`INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, severity, state, opened_at, affected, version) VALUES ('%s%s', '%s', 'movie', 'service', 'movie', '%s', '%s', now(), 12, %d)`, kind, severity, kind, severity, state, version))
	}
	// One row a minute, well unless told otherwise; a later version wins.
	version := 0
	pipeline := func(values string) {
		version++
		exec(fmt.Sprintf(`INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, freshness_seconds, blocks, records, rejected, audit_differences, stalled, version) SELECT toStartOfMinute(now()) - 60 * number, 'a', 'access', 0, %s, %d FROM numbers(16)`, values, version))
	}
	well := "10, 1, 5, 3, 1000, 1, 0, 0"
	quiet := func(when string) {
		t.Helper()
		for uid, r := range rules {
			if _, state := evaluate(t, g, r); state != "OK" {
				t.Errorf("%s: %s: got %s; want OK", when, uid, state)
			}
		}
	}
	if _, state := evaluate(t, g, rules["statline-pipeline-stalled"]); state != "Alerting" {
		t.Errorf("a pipeline that never reported: got %s; want Alerting", state)
	}
	pipeline(well)
	quiet("all is well")
	exec(`INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, severity, state, opened_at, affected, version, silent) VALUES ('muted', 'timeout_spike', 'movie', 'service', 'movie', 'page', 'open', now(), 12, 1, true)`)
	quiet("a silent incident")
	type scenario struct{ fire, resolve func() }
	opened := func(kind, severity string) scenario {
		return scenario{func() { incident(1, kind, severity, "open") },
			func() { incident(2, kind, severity, "closed") }}
	}
	self := func(values string) scenario {
		return scenario{func() { pipeline(values) }, func() { pipeline(well) }}
	}
	nothingStored := func() {
		exec("TRUNCATE TABLE {db}.services")
		exec("TRUNCATE TABLE {db}.scores")
	}
	// Responses from first to last, and detectors up to seen, in minutes ago; -1
	// is never.
	stored := func(first, last, seen int) {
		nothingStored()
		for _, ago := range []int{first, last} {
			exec(fmt.Sprintf("INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 60 * %d, 'movie', 'success', 60", ago))
		}
		if seen >= 0 {
			exec(fmt.Sprintf("INSERT INTO {db}.scores (minute, service, series, n, k, expected, z, version) SELECT toStartOfMinute(now()) - 60 * %d, 'movie', 'timeout', 60, 0, 0, 0, 1", seen))
		}
	}
	scenarios := map[string]scenario{
		"statline-pipeline-stalled": self("10, 1, 5, 0, 0, 0, 0, 1"),
		"statline-lag":              self("90000, 900, 900, 3, 1000, 1, 0, 0"),
		"statline-rejects":          self("10, 1, 5, 3, 1000, 80, 0, 0"),
		"statline-ledger":           self("10, 1, 5, 3, 1000, 1, 3, 0"),
		"statline-silence":          {func() { stored(20, 20, 20) }, nothingStored}, "statline-detectors": {func() { stored(20, 0, -1) }, nothingStored},
		"statline-audit": {func() {
			version++
			exec("TRUNCATE TABLE {db}.pipeline")
			exec(fmt.Sprintf(`INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, freshness_seconds, blocks, records, rejected, audit_differences, stalled, version) SELECT toStartOfMinute(now()) - 60 * number, 'a', 'access', 0, 10, 1, 5, 3, 1000, 1, -1, 0, %d FROM numbers(1440)`, version))
		}, func() { pipeline(well) }},
	}
	for _, kind := range detect.Kinds() {
		scenarios["statline-"+strings.ReplaceAll(string(kind), "_", "-")] = opened(string(kind), "ticket")
	}
	for uid, r := range rules {
		want := "KeepLast"
		if uid == "statline-store" { // fires when its query cannot be run, and never otherwise
			want, scenarios[uid] = "Alerting", scenario{}
		}
		if r.ExecErrState != want {
			t.Errorf("%s: without an answer: got %s; want %s", uid, r.ExecErrState, want)
		}
	}
	for uid := range rules {
		c, ok := scenarios[uid]
		if !ok {
			t.Errorf("rule %s has no scenario here", uid)
		}
		if c.fire == nil {
			continue
		}
		c.fire()
		for other, r := range rules {
			want := map[bool]string{true: "Alerting", false: "OK"}[other == uid]
			if _, state := evaluate(t, g, r); state != want {
				t.Errorf("scenario of %s: %s: got %s; want %s", uid, other, state, want)
			}
		}
		c.resolve()
		quiet("after " + uid)
	}
}

// Every rule's query runs on empty tables, and on traffic.
func TestAlertQueriesRun(t *testing.T) {
	_, rules := boards(t, shared.full)
	for _, r := range rulesByUID(t, rules) {
		evaluate(t, shared.asks, r)
	}
	_, rules = boards(t, shared.empty)
	for _, r := range rulesByUID(t, rules) {
		evaluate(t, shared.nothing, r)
	}
}
