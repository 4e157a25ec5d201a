package query_test

import (
	"testing"
	"time"

	"statline/dashboards/query"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// told are the ids and severities that a rule on incidents fires for.
func told(t *testing.T, s *store.Store, kind string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, row := range table(t, s, query.ToldIncidents(kind), query.Params{}) {
		found[*row["incident"].(*string)] = *row["severity"].(*string)
	}
	return found
}

// value is the one number of a rule about the pipeline.
func value(t *testing.T, s *store.Store, text query.Text) float64 {
	t.Helper()
	rows := table(t, s, text, query.Params{})
	if len(rows) != 1 {
		t.Fatalf("got %d rows; want one\n%s", len(rows), text)
	}
	for _, v := range rows[0] {
		return *v.(*float64)
	}
	return 0
}

// A rule follows its incident: as urgent as the incident is now, open although
// its parent is closed, and quiet while the incident is silent.
func TestRulesFollowIncidents(t *testing.T) {
	s := storetest.Open(t)
	incident := func(id, severity, state, parent, silent string, version string) {
		exec(t, s, `INSERT INTO {db}.incidents (id, kind, entity, entity_type, severity, state, parent, silent, opened_at, affected, version)
VALUES ('`+id+`', 'slo_burn', 'movie', 'service', '`+severity+`', '`+state+`', '`+parent+`', `+silent+`, now(), 0, `+version+`)`)
	}
	incident("parent", "page", "closed", "", "false", "1")
	incident("child", "ticket", "open", "parent", "false", "1")
	incident("muted", "page", "open", "", "true", "1")
	incident("info", "info", "open", "", "false", "1")
	if found := told(t, s, "slo_burn"); len(found) != 1 || found["child"] != "ticket" {
		t.Errorf("got %v; want the child whose parent closed, as a ticket", found)
	}
	incident("child", "page", "open", "parent", "false", "2")
	if found := told(t, s, "slo_burn"); len(found) != 1 || found["child"] != "page" {
		t.Errorf("got %v; want the child as a page", found)
	}
	incident("child", "page", "open", "parent", "true", "3")
	if found := told(t, s, "slo_burn"); len(found) != 0 {
		t.Errorf("got %v; want nobody told of an acknowledged incident", found)
	}
	for i := range 150 {
		incident("storm-"+time.Duration(i).String(), "ticket", "open", "", "false", "1")
	}
	incident("worst", "page", "open", "", "false", "1")
	if found := told(t, s, "slo_burn"); len(found) != 100 || found["worst"] != "page" {
		t.Errorf("a storm: got %d alerts, the page among them: %t; want 100 with it", len(found), found["worst"] != "")
	}
}

// Traffic that ends altogether is seen by the wall clock; a store that never had
// any is not.
func TestNothingArrives(t *testing.T) {
	s := storetest.Open(t)
	if v := value(t, s, query.NewestMinute()); v != 0 {
		t.Errorf("an empty store: got %v s; want 0", v)
	}
	exec(t, s,
		"INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 480, 'movie', 'success', 60")
	if v := value(t, s, query.NewestMinute()); v < 400 || v > 500 {
		t.Errorf("seven minutes after the last: got %v s; want about 420", v)
	}
}

// Detectors that are off, or stand still, are seen while responses come; without
// responses there is nothing to look at.
func TestDetectorsStandStill(t *testing.T) {
	s := storetest.Open(t)
	if v := value(t, s, query.DetectorsBehind()); v != 0 {
		t.Errorf("an empty store: got %v s; want 0", v)
	}
	exec(t, s,
		"INSERT INTO {db}.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 60 * number, 'movie', 'success', 60 FROM numbers(31)")
	if v := value(t, s, query.DetectorsBehind()); v != 1800 {
		t.Errorf("never looked at: got %v s; want 1800", v)
	}
	exec(t, s,
		"INSERT INTO {db}.scores (minute, service, series, n, k, expected, z, version) SELECT toStartOfMinute(now()) - 120, 'movie', 'timeout', 60, 0, 0, 0, 1")
	if v := value(t, s, query.DetectorsBehind()); v != 120 {
		t.Errorf("two minutes behind: got %v s; want 120", v)
	}
}

// A day of reports without an audit is no proof of anything; a first day is not
// over.
func TestNoAuditIsNoProof(t *testing.T) {
	s := storetest.Open(t)
	report := func(minutes, audit, version string) {
		exec(t, s, `INSERT INTO {db}.pipeline (minute, instance, topic, partition, audit_differences, version)
SELECT toStartOfMinute(now()) - 60 * number, 'a', 'access', 0, `+audit+`, `+version+` FROM numbers(`+minutes+`)`)
	}
	report("60", "-1", "1")
	if v := value(t, s, query.AuditMissing()); v != 0 {
		t.Error("the first hour: got an alert")
	}
	report("1500", "-1", "1")
	if v := value(t, s, query.AuditMissing()); v != 1 {
		t.Error("a day without an audit: got no alert")
	}
	report("5", "0", "2")
	if v := value(t, s, query.AuditMissing()); v != 0 {
		t.Error("after an audit: got an alert")
	}
}

// One incident's board has its evidence, what it causes and its examples, and
// nothing of another's.
func TestOneIncident(t *testing.T) {
	s := storetest.Open(t)
	exec(t, s, `INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, severity, state, parent, opened_at, evidence, version) VALUES
('a', 'timeout_spike', 'movie\'s', 'service', 'movie\'s', 'page', 'open', '', now() - 1200, '{"windows": [5, 60], "route": "/a"}', 1),
('b', 'slo_burn', 'movie\'s', 'service', 'movie\'s', 'page', 'open', 'a', now() - 600, '{}', 1),
('c', 'dead_key', 'k', 'key', '', 'ticket', 'open', '', now() - 600, '{"ips": []}', 1)`)
	exec(t, s, `INSERT INTO {db}.samples (minute, service, outcome, slot, ts, message) VALUES
(toStartOfMinute(now()) - 600, 'movie\'s', 'timeout', 0, now() - 600, 'mine'), (toStartOfMinute(now()) - 600, 'search', 'timeout', 0, now() - 600, 'not mine')`)
	p := query.Params{From: time.Now().Add(-time.Hour), To: time.Now(), Step: time.Minute, Incidents: []string{"a"}}
	meanings := []query.Meaning{{Kind: "timeout_spike", Means: "It's slow.", ToDo: "Look."}}
	if rows := table(t, s, query.Advice(meanings), p); len(rows) != 1 || *rows[0]["What to do"].(*string) != "Look." ||
		*rows[0]["The same in a shell"].(*string) != `statline incidents --since 30d --clickhouse URL --service 'movie'"'"'s'` {
		t.Errorf("the incident: got %v", rows)
	}
	if rows := table(t, s, query.Evidence(), p); len(rows) != 2 || *rows[0]["Finding"].(*string) != "/a" {
		t.Errorf("evidence: got %d rows; want the route and the windows", len(rows))
	}
	if rows := table(t, s, query.Consequences(), p); len(rows) != 1 || *rows[0]["id"].(*string) != "b" {
		t.Errorf("consequences: got %d rows; want b", len(rows))
	}
	if rows := table(t, s, query.IncidentSamples(), p); len(rows) != 1 || *rows[0]["Message"].(*string) != "mine" {
		t.Errorf("examples: got %d rows; want mine", len(rows))
	}
	// A client's are the failures that its address met, of whichever service.
	exec(t, s, `INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, severity, state, parent, opened_at, evidence, version) VALUES
('d', 'key_scanning', '203.0.113.7', 'client', '', 'ticket', 'open', '', now() - 600, '{}', 1)`)
	exec(t, s, `INSERT INTO {db}.samples (minute, service, outcome, slot, ts, client_ip, message) VALUES
(toStartOfMinute(now()) - 600, 'search', 'invalid_key', 0, now() - 600, toIPv6('203.0.113.7'), 'the client'),
(toStartOfMinute(now()) - 600, 'search', 'invalid_key', 1, now() - 600, toIPv6('203.0.113.8'), 'another')`)
	p.Incidents = []string{"d"}
	if rows := table(t, s, query.IncidentSamples(), p); len(rows) != 1 ||
		*rows[0]["Message"].(*string) != "the client" {
		t.Errorf("examples of a client: got %d rows; want the one of its address", len(rows))
	}
	for _, row := range table(t, s, query.OpenIncidents(map[string]string{"dead_key": "keys"}, "elsewhere"), p) {
		place, want := *row["place"].(*string), "elsewhere?from="
		if *row["id"].(*string) == "c" {
			want = "keys?from="
		}
		if len(place) < len(want) || place[:len(want)] != want {
			t.Errorf("incident %s is seen at %s; want %s", *row["id"].(*string), place, want)
		}
	}
}
