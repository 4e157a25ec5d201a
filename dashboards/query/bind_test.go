package query_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/classify/limit"
	"statline/dashboards"
	"statline/dashboards/query"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// hostile are names that somebody can send and that break a text that quotes
// them by hand, or fills them in.
func hostile() []string {
	return []string{
		`x' OR 1=1 --\`, `movies\`, `\`, `'`, `''`, `"`, "`", `it's`, "tab\tline\nend\r", "\x00", `{service}`,
		`{if service}`, `${service}`,
		`$__all`, `a,b`, `']`, `%27`, `?`, `@x`, `$1`, `\N`, `NULL`, `ünï`, ``,
	}
}

func someLimits() []limit.Limit {
	return []limit.Limit{{Requests: 600, Window: 60}, {Requests: 20000, Window: 3600}}
}

// everyText lists the texts of every panel, variable, annotation and report.
func everyText() map[string]query.Text {
	all := map[string]query.Text{
		"marks": query.IncidentMarks(), "deploys": query.DeployMarks(), "open incidents": query.ReportIncidents(true),
		"ledger": query.ReportLedger(),
		"span":   query.ReportSpan(), "names": query.KeyNames(), "keys like": query.KeysLike(),
		"newest keys": query.NewestKeys(), "incidents counted": query.CountIncidents(false),
		"samples counted": query.CountSamples(), "responses counted": query.CountResponses(),
		"samples": query.ReportSamples(), "services": query.StoredServices(), "routes": query.StoredRoutes(),
		"errors": query.StoredErrors(), "messages": query.StoredMessages(),
		"notes": query.Notes(), "label": query.Label(), "client label": query.ClientLabel(),
		"deploys of services": query.Deploys(), "incident states": query.IncidentStates(),
		"parents": query.Parents(), "findable": query.Findable(), "key known": query.KeyKnown(),
		"key over time": query.KeyOverTime(), "key uses": query.KeyUses(), "key addresses": query.KeyAddresses(),
		"key agents": query.KeyAgents(),
		"storage":    query.StorageTables(), "storage by day": query.StorageDays(),
		"headroom": query.ToldHeadroom(), "busy keys": query.BusyKeys(86400, 600, 50000), "peaks": query.KeyPeaks(300),
		"peaks of hours": query.KeyPeaks(3600),
		"ticks":          query.KeyTicks(60, 60, someLimits(), nil),
		"ticks of hours": query.KeyTicks(60, 3600, someLimits(),
			hostile()), "route ticks": query.RouteTicks(60, 5, nil),
	}
	for _, b := range append(dashboards.Boards(query.Objectives{Usual: 0.999,
		Services: map[string]float64{`x\' OR 1=1 --\\`: 0.9, "${service}{service}$x": 0.5, "search": 0.95}}),
		dashboards.ConsoleBoards()...) {
		for _, v := range b.Variables {
			if v.Query != "" {
				all[b.Name+": variable "+v.Name] = v.Query
			}
		}
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				all[b.Name+": "+c.Panel.Title] = c.Panel.Query
			}
		}
	}
	for _, ofKey := range []bool{false, true} {
		r := query.NewReport(ofKey)
		for name, text := range map[string]query.Text{
			"responses": r.Responses, "latency": r.Latency, "who": r.Who, "quotas": r.Quotas, "incidents": r.Incidents,
			"rejects": r.Rejects,
		} {
			all[fmt.Sprintf("report of keys %t: %s", ofKey, name)] = text
		}
	}
	return all
}

// Where the rejects are is the same text here and in ingest/schema.
func TestRejectsOfBothTables(t *testing.T) {
	for name, text := range map[string]query.Text{
		"rates": query.RejectRates(), "table": query.RejectTable(), "report": query.NewReport(false).Rejects,
	} {
		if !strings.Contains(string(text), schema.RejectsOf("{db}")) {
			t.Errorf("%s: got %s\nwant %s in it", name, text, schema.RejectsOf("{db}"))
		}
	}
}

func ask(t *testing.T, s *store.Store, text query.Text, p query.Params) (rows int, err error) {
	t.Helper()
	sql, values := text.Bind(query.Target{Database: s.Database()}, p)
	err = s.Ask(t.Context(), sql, values, func(func(...any) error) error { rows++; return nil })
	if err != nil {
		err = fmt.Errorf("%w\n%s\n%v", err, sql, values)
	}
	return rows, err
}

// Every text runs with ClickHouse's query parameters, with everything chosen
// and with values that no text could hold, over minutes and over hours.
func TestEveryTextBinds(t *testing.T) {
	s := storetest.Open(t)
	to := time.Now()
	texts := everyText()
	if len(texts) < 80 {
		t.Fatalf("found %d texts; the search is broken", len(texts))
	}
	for name, text := range texts {
		if _, err := ask(t, s, text, query.Params{From: time.Unix(0, 0), To: time.Unix(1<<32-61, 0),
			Step: 1e5 * time.Hour}); err != nil {
			t.Errorf("%s over all time: %v", name, err)
		}
		p := query.Params{From: to.Add(-time.Hour), To: to, Step: 5 * time.Minute}
		if _, err := ask(t, s, text, p); err != nil {
			t.Errorf("%s over an hour: %v", name, err)
		}
		p.From = to.Add(-7 * 24 * time.Hour)
		p.Services, p.Routes, p.Outcomes, p.Keys, p.Codes, p.Clients = hostile(), hostile(), hostile(), hostile(),
			hostile(), hostile()
		if _, err := ask(t, s, text, p); err != nil {
			t.Errorf("%s over a week, hostile values: %v", name, err)
		}
	}
}

// A value that is chosen is a value: it finds the rows of its own name and no
// others, whatever it holds.
func TestHostileValuesFindTheirRows(t *testing.T) {
	s := storetest.Open(t)
	insert := "INSERT INTO " + s.Database() +
		".services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 600, arrayJoin({names:Array(String)}), 'success', 60"
	if err := s.Conn().Exec(t.Context(), insert, clickhouse.Named("names", hostile())); err != nil {
		t.Fatal(err)
	}
	to := time.Now()
	sql, values := query.Services().Bind(query.Target{Database: s.Database()},
		query.Params{From: to.Add(-time.Hour), To: to, Step: time.Minute})
	found := map[string]bool{}
	err := s.Ask(t.Context(), sql, values, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		found[name] = true
		return err
	})
	if err != nil || len(found) != len(hostile()) {
		t.Fatalf("stored %d names (%v); want %d", len(found), err, len(hostile()))
	}
	for _, name := range hostile() {
		var rate float64
		sql, values := query.RequestRate().Bind(query.Target{Database: s.Database()},
			query.Params{From: to.Add(-time.Hour), To: to, Step: time.Minute, Services: []string{name}})
		err := s.Ask(t.Context(), sql, values, func(scan func(...any) error) error {
			var at time.Time
			var one *float64
			err := scan(&at, &one)
			if one != nil {
				rate += *one
			}
			return err
		})
		if err != nil || rate != 1 {
			t.Errorf("service %q: %v requests a second (%v); want 1", name, rate, err)
		}
	}
}

// Bind leaves no name in braces behind that is no parameter of the server's,
// gives the values that the text names, and no others. A text of Grafana's
// leaves none at all.
func TestBindFillsEveryName(t *testing.T) {
	parameter := regexp.MustCompile(`\{(\w+):[^{}]+\}`)
	brace := regexp.MustCompile(`\{[^}]*\}?`)
	for name, text := range everyText() {
		sql, values := text.Bind(query.Target{Database: "d"}, query.Params{})
		named := map[string]bool{}
		for _, m := range parameter.FindAllStringSubmatch(sql, -1) {
			named[m[1]] = true
		}
		if left := brace.FindString(parameter.ReplaceAllString(sql, "")); left != "" {
			t.Errorf("%s: %s is left", name, left)
		}
		for n := range named {
			if _, ok := values[n]; !ok {
				t.Errorf("%s: parameter %s has no value", name, n)
			}
		}
		if len(named) != len(values) {
			t.Errorf("%s: names %v, values %v", name, named, values)
		}
		grafana := regexp.MustCompile(`\$\{\w+:\w+\}`).ReplaceAllString(text.Grafana(query.Target{Database: "d"}), "")
		if left := brace.FindString(grafana); left != "" {
			t.Errorf("%s for Grafana: %s is left", name, left)
		}
	}
}

// A rule has no reader: its text names no value.
func TestAlertsNameNoValue(t *testing.T) {
	for _, a := range dashboards.Alerts() {
		if _, values := a.Query.Bind(query.Target{Database: "d"}, query.Params{}); len(values) != 0 {
			t.Errorf("%s: names %v", a.UID, values)
		}
	}
}
