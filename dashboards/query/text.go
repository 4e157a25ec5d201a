package query

import (
	"strconv"
	"strings"

	"statline/classify"
)

// Text is one SQL text for Grafana: it holds the macros of Grafana's ClickHouse
// data source ($__fromTime, $__interval_s, …), the dashboards' variables
// (${service:singlequote}, …) and the placeholders that For fills. Alert rules
// have no dashboard: their texts hold neither a time macro nor a variable.
type Text string

// Target says which store a text reads.
type Target struct {
	Database string
	// Cluster, when set, makes the texts about the server itself ask every
	// replica of that ClickHouse cluster.
	Cluster string
}

// For fills in the database and, in the texts about the server itself, where
// its system tables are.
func (t Text) For(target Target) string {
	system := "system.parts"
	if target.Cluster != "" {
		system = "clusterAllReplicas('" + target.Cluster + "', system.parts)"
	}
	s := strings.NewReplacer("{parts}", system, "{database}", target.Database).Replace(string(t))
	return In(target.Database, s)
}

// Every panel's text begins with these names: the span on screen in seconds,
// the width of a row's time (rows of minutes up to two days, of hours beyond),
// and the width of a point: a multiple of it, at least what Grafana asks for.
const spans = `WITH toUInt32($__toTime) - toUInt32($__fromTime) AS span,
  if(span > 172800, 3600, 60) AS base,
  greatest(1, intDiv($__interval_s + base - 1, base)) * base AS step
`

// at is the beginning of a row's point on the time axis.
const at = "toDateTime(intDiv(toUInt32(minute), step) * step, 'UTC') AS time"

// The conditions for rows of each group of outcomes.
var (
	failed      = ofGroup(classify.Failed)
	serverSide  = ofGroup(classify.ServerSide)
	keyTrouble  = ofGroup(classify.KeyTrouble)
	refused     = ofGroup(classify.Limited)
	deadKey     = ofGroup(classify.DeadKey)
	unusableKey = ofGroup(classify.UnusableKey)
	timedOut    = of(classify.Timeout)
)

func ofGroup(g classify.Group) Text { return Text(g.SQL("outcome")) }

// of is the condition for rows of these outcomes.
func of(outcomes ...classify.Outcome) Text { return ofGroup(classify.GroupOf(outcomes...)) }

// What the dashboards' variables let through.
const (
	ofService = "$__conditionalAll(service IN (${service:singlequote}), $service)"
	ofRoute   = "$__conditionalAll(route IN (${route:singlequote}), $route)"
	ofOutcome = "$__conditionalAll(outcome IN (${outcome:singlequote}), $outcome)"
	ofKey     = "$__conditionalAll(key_id IN (${key:singlequote}), $key)"
)

// onScreen is the span on screen, for rows of minutes.
const onScreen = "minute >= $__fromTime AND minute <= $__toTime"

// either reads the rows of minutes while the span is at most two days and the
// rows of hours beyond. The side that is not wanted gets an empty range of time:
// no part of it is opened, because every table knows its parts' first and last
// minute (a test reads the plan).
func either(minutes, hours, columns, where Text) Text {
	return union(ofMinutes(minutes, columns, where), ofHours(hours, columns, where))
}

func ofMinutes(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= $__fromTime AND minute <= if(span > 172800, toDateTime(0), $__toTime) AND ` + where
}

func ofHours(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= toStartOfHour($__fromTime) AND minute <= if(span > 172800, $__toTime, toDateTime(0)) AND ` + where
}

func union(branches ...Text) Text {
	var s Text
	for i, b := range branches {
		if i > 0 {
			s += "\n  UNION ALL"
		}
		s += "\n  " + b
	}
	return "(" + s + "\n)"
}

// eitherService is either for what needs no route: its hours are those of
// services_hour, and of responses_hour where they were stored before
// services_hour came to be (schema.WholeSince).
func eitherService(minutes, columns, where Text) Text {
	const since = "(SELECT toDateTime(max(toUInt32OrZero(value))) FROM {db}.meta WHERE key = 'services_hour_since')"
	return union(ofMinutes(minutes, columns, where),
		ofHours("services_hour", columns, where+" AND minute >= "+since),
		ofHours("responses_hour", columns, where+" AND minute < "+since))
}

// fromServices reads requests per service and outcome: the smallest tables.
func fromServices(where Text) Text {
	return eitherService("services", "service, outcome, requests", where)
}

func fromResponses(columns, where Text) Text {
	return either("responses", "responses_hour", columns, where)
}

func fromKeys(columns, where Text) Text {
	return either("keys", "keys_hour", columns, where)
}

// keyName is how a key is shown: the first ten characters of its id and what
// the key is called, when somebody named it.
const keyName = "concat(substring(key_id, 1, 10), if(name = '', '', concat(' ', name)))"

// names gives each key's name: the operator's label, or else what the gateway
// calls it. It stands on the right of a GLOBAL LEFT JOIN.
const names = `(SELECT key_id, if(max(label) != '', max(label), max(given)) AS name FROM (
  SELECT key_id, name AS given, '' AS label FROM {db}.key_names UNION ALL
  SELECT key_id, '' AS given, argMax(name, revision) AS label FROM {db}.key_labels GROUP BY key_id
) GROUP BY key_id)`

func number(n int) Text { return Text(strconv.Itoa(n)) }
