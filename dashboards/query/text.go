package query

import (
	"strconv"

	"statline/classify"
)

// Every panel's text over rows of minutes or hours begins with these names.
//
// base is the width of a row's time in seconds: rows of minutes for spans up to
// two days, of hours beyond, and where the minutes are gone already (they are
// kept for a month) while the hours are not. step is the width of a point: a
// multiple of base, at least what the reader's screen asks for.
//
// begins and ends are the first second that the rows on screen cover, and the
// end of what they cover whole. The newest stored minute is still filling up
// until nothing newer came for three minutes; hours are whole when they are
// over. What is not over is no point of a rate: it would be drawn as a drop.
const spans = `WITH assumeNotNull((SELECT min(minute) FROM {db}.services)) AS oldest,
  assumeNotNull((SELECT min(minute) FROM {db}.responses_hour)) AS oldest_hour,
  assumeNotNull((SELECT max(minute) FROM {db}.services WHERE minute > {now} - INTERVAL 3 MINUTE)) AS newest,
  toUInt32({to}) - toUInt32({from}) AS span,
  if(span > 172800 OR ({from} < oldest AND toUInt32(oldest_hour) > 0 AND oldest_hour < toStartOfHour(oldest)), 3600, 60) AS base,
  greatest(1, intDiv({step} + base - 1, base)) * base AS step,
  if(base = 60, intDiv(toUInt32({from}) + 59, 60) * 60, intDiv(toUInt32({from}), 3600) * 3600) AS begins,
  intDiv(least(toUInt32({to}) + base, if(toUInt32(newest) = 0, toUInt32({now}), least(toUInt32(newest), toUInt32({now})))), base) * base AS ends
`

// minuteSpans are the same names for rows that are written once a minute, when
// it is over.
const minuteSpans = `WITH greatest(1, intDiv({step} + 59, 60)) * 60 AS step,
  intDiv(toUInt32({from}) + 59, 60) * 60 AS begins, intDiv(least(toUInt32({to}) + 60, toUInt32({now})), 60) * 60 AS ends
`

// at is the beginning of a row's point on the time axis.
const at = "toDateTime(intDiv(toUInt32(minute), step) * step, 'UTC') AS time"

const (
	// whole is the condition for rows whose time is over.
	whole = "minute < toDateTime(ends)"
	// covered is how many seconds of a point the rows on screen cover: the
	// first and the last point are cut off.
	covered = "(least(toUInt32(time) + step, ends) - greatest(toUInt32(time), begins))"
)

// gaps adds the points at which a series has no value, so that a line breaks
// there and a lane ends. from returns rows of time, the name of a series ("":
// there is one) and values.
func gaps(name Text, from Text, values ...Text) Text {
	series, names := Text("1"), Text("")
	if name != "" {
		series, names = name, ", "+name
	}
	var nullable, shown Text
	for _, v := range values {
		nullable += ", toNullable(" + v + ") AS " + v
		shown += ", " + v
	}
	return "SELECT time" + names + shown + " FROM (\n  SELECT time, " + series + " AS series" + names + nullable +
		" FROM (\n" + from +
		"\n  ) ORDER BY series, time WITH FILL FROM toDateTime(intDiv(begins, step) * step, 'UTC') TO toDateTime(toUInt32({to}) + 1, 'UTC') STEP step" +
		"\n) ORDER BY time" + names
}

// steady is gaps for a rate of one series that is 0, and no gap, while anything
// at all is stored.
func steady(value Text, from Text) Text {
	return "SELECT time, if(" + value + " IS NULL AND alive, 0, " + value + ") AS " + value + "\nFROM (" +
		gaps("", from, value) +
		") AS filled\nGLOBAL LEFT JOIN (SELECT DISTINCT " + at + ", 1 AS alive FROM " + fromServices(whole) +
		") AS stored USING (time)\nORDER BY time"
}

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

// The conditions for the choices.
var (
	ofService = chosen("service", "service IN {service}")
	ofRoute   = chosen("route", "route IN {route}")
	ofCode    = chosen("code", "toString(code) IN {code}")
	ofOutcome = chosen("outcome", "outcome IN {outcome}")
	ofKey     = chosen("key", "key_id IN {key}")
)

// onScreen is the span on screen, for rows of minutes.
const onScreen = "minute >= {from} AND minute <= {to}"

// either reads the rows of minutes or those of hours (see spans). The side that
// is not wanted gets an empty range of time:
// no part of it is opened, because every table knows its parts' first and last
// minute (a test reads the plan).
func either(minutes, hours, columns, where Text) Text {
	return union(ofMinutes(minutes, columns, where), ofHours(hours, columns, where))
}

func ofMinutes(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= {from} AND minute <= if(base = 3600, toDateTime(0), {to}) AND ` + where
}

func ofHours(table, columns, where Text) Text {
	return `SELECT minute, ` + columns + ` FROM {db}.` + table + `
  WHERE minute >= toStartOfHour({from}) AND minute <= if(base = 3600, {to}, toDateTime(0)) AND ` + where
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
	return union(ofMinutes(minutes, columns, where),
		ofHours("services_hour", columns, where+" AND minute >= "+sinceHours),
		ofHours("responses_hour", columns, where+" AND minute < "+sinceHours))
}

// sinceHours is from when on services_hour is whole.
const sinceHours = "(SELECT toDateTime(max(toUInt32OrZero(value))) FROM {db}.meta WHERE key = 'services_hour_since')"

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

// keyName is the shown form of a key: the first ten characters of its id and its name, if it
// has one.
const keyName = "concat(substring(key_id, 1, 10), if(name = '', '', concat(' ', name)))"

// names gives each key's name: the operator's label, or else what the gateway
// calls it. It stands on the right of a GLOBAL LEFT JOIN.
const names = `(SELECT key_id, if(max(label) != '', max(label), max(given)) AS name FROM (
  SELECT key_id, name AS given, '' AS label FROM {db}.key_names UNION ALL
  SELECT key_id, '' AS given, argMax(name, revision) AS label FROM {db}.key_labels GROUP BY key_id
) GROUP BY key_id)`

func number(n int) Text { return Text(strconv.Itoa(n)) }
