package query

import (
	"fmt"
	"strings"
	"time"
)

// Text is one SQL text. It holds no value chosen by a reader, only names in braces, which
// Grafana and Bind replace, each in its own way:
//
//	{from} {to}                the span on screen
//	{step}                     the seconds from one point to the next
//	{now}                      the moment from which ages are counted
//	{service} {route} {outcome} {key} {incident} {code} {client}
//	                           the values chosen, on the right of IN
//	{if key}CONDITION{end key} true also when every key is chosen
//	{db} {database} {parts}    where the tables are (see Target)
//
// Alert rules use only the last line: a rule has no reader.
type Text string

// Target is the store that a text reads.
type Target struct {
	Database string
	// Cluster, when set, makes the texts about the server itself ask every
	// replica of that ClickHouse cluster.
	Cluster string
}

// in fills in the database and where the server's own tables are.
func (t Text) in(target Target) string {
	parts := "system.parts"
	if target.Cluster != "" {
		parts = "clusterAllReplicas(" + literal(target.Cluster) + ", system.parts)"
	}
	return strings.NewReplacer("{parts}", parts, "{database}", target.Database, "{db}", "`"+target.Database+"`").
		Replace(string(t))
}

// choices are the names of what can be chosen.
func choices() []string {
	return []string{"service", "route", "outcome", "key", "incident", "code", "client"}
}

// chosen is a condition on the values chosen for a name; it is true also when all are
// chosen.
func chosen(name string, condition Text) Text {
	return Text("{if "+name+"}") + condition + Text("{end "+name+"}")
}

// Grafana is the text with the macros of Grafana's ClickHouse data source and the
// dashboards' variables instead of values.
func (t Text) Grafana(target Target) string {
	pairs := []string{"{from}", "$__fromTime", "{to}", "$__toTime", "{step}", "$__interval_s", "{now}", "now()"}
	for _, name := range choices() {
		pairs = append(pairs, "{if "+name+"}", "$__conditionalAll(", "{end "+name+"}", ", $"+name+")", "{"+name+"}",
			grafanaList(name))
	}
	return strings.NewReplacer(pairs...).Replace(t.in(target))
}

// grafanaList is the list of values chosen in a Grafana dashboard. None of Grafana's formats
// quotes for ClickHouse (singlequote keeps a backslash as it is), so the values are
// URL-encoded, which encodes every character that could end a string, and the server decodes
// them.
func grafanaList(name string) string {
	return fmt.Sprintf("(arrayMap(v -> decodeURLComponent(substring(v, %d)), splitByChar('&', '${%s:queryparam}')))",
		len("var-"+name+"=")+1, name)
}

// Params are the values that a text asks for. An empty list is every value.
type Params struct {
	From, To time.Time
	// Step is from one point to the next; 0 is the finest that is stored.
	Step                             time.Duration
	Services, Routes, Outcomes, Keys []string
	Incidents                        []string // by id
	Codes, Clients                   []string // as text
	// Now is the moment from which ages are counted, for a reader of old logs;
	// the zero value is the server's clock.
	Now time.Time
}

// Bind is the text with ClickHouse's query parameters instead of values, and the value of
// each parameter: the server takes them apart from the text, whatever they contain.
func (t Text) Bind(target Target, p Params) (sql string, values map[string]any) {
	values = map[string]any{}
	var pairs []string
	add := func(name, kind string, value any) {
		if strings.Contains(string(t), "{"+name+"}") {
			values[name] = value
		}
		pairs = append(pairs, "{"+name+"}", "{"+name+":"+kind+"}")
	}
	// Times go as text: the driver writes 1970 as 0, which ClickHouse does not read.
	add("from", "DateTime('UTC')", p.From.UTC().Format(time.DateTime))
	add("to", "DateTime('UTC')", p.To.UTC().Format(time.DateTime))
	add("step", "UInt32", uint32(max(1, p.Step/time.Second)))
	if p.Now.IsZero() {
		pairs = append(pairs, "{now}", "now()")
	} else {
		add("now", "DateTime('UTC')", p.Now.UTC().Format(time.DateTime))
	}
	for i, list := range [][]string{p.Services, p.Routes, p.Outcomes, p.Keys, p.Incidents, p.Codes, p.Clients} {
		name, parameter := choices()[i], "{"+choices()[i]+":Array(String)}"
		if list == nil {
			list = []string{}
		}
		if strings.Contains(string(t), "{"+name+"}") || strings.Contains(string(t), "{if "+name+"}") {
			values[name] = list
		}
		pairs = append(pairs, "{if "+name+"}", "(empty("+parameter+") OR ", "{end "+name+"}", ")", "{"+name+"}",
			parameter)
	}
	return strings.NewReplacer(pairs...).Replace(t.in(target)), values
}

// literal writes a text of our own, such as a message of the catalogue or a name in the
// configuration, as a ClickHouse string. A reader's choice never comes here (see Bind). It
// leaves no brace for Bind and no $ for Grafana to replace.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "{", `\x7B`, "$", `\x24`).Replace(s) + "'"
}
