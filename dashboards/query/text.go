package query

import (
	"strconv"

	"statline/classify"
)

// Every panel's text begins with these names: the span on screen in seconds,
// the width of a row's time (rows of minutes up to two days, of hours beyond),
// and the width of a point: a multiple of it, at least what Grafana asks for.
const spans = `WITH toUInt32({to}) - toUInt32({from}) AS span,
  if(span > 172800, 3600, 60) AS base,
  greatest(1, intDiv({step} + base - 1, base)) * base AS step
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

// What the choices let through.
var (
	ofService = chosen("service", "service IN {service}")
	ofRoute   = chosen("route", "route IN {route}")
	ofOutcome = chosen("outcome", "outcome IN {outcome}")
	ofKey     = chosen("key", "key_id IN {key}")
)

// onScreen is the span on screen, for rows of minutes.
const onScreen = "minute >= {from} AND minute <= {to}"

// either reads the rows of minutes while the span is at most two days and the
// rows of hours beyond. The side that is not wanted gets an empty range of time:
// no part of it is opened, because every table knows its parts' first and last
// minute (a test reads the plan).
func either(minutes, hours, columns, where Text) Text {
	return union(ofMinutes(minutes, columns, where), ofHours(hours, columns, where))
}

func ofMinutes(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= {from} AND minute <= if(span > 172800, toDateTime(0), {to}) AND ` + where
}

func ofHours(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= toStartOfHour({from}) AND minute <= if(span > 172800, {to}, toDateTime(0)) AND ` + where
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
