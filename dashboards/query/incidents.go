package query

import (
	"maps"
	"slices"
	"strings"
)

// entity is the shown entity of an incident: a key's name, if it has one.
const entity = `if(named.name = '', i.entity, named.name) AS "Entity"`

// place is where an incident is seen: the board of its kind (boards, by kind; or
// other), from an hour before it opened until ten minutes after it closed, its
// service and its key.
func place(boards map[string]string, other string) Text {
	var kinds, uids []string
	for _, kind := range slices.Sorted(maps.Keys(boards)) {
		kinds, uids = append(kinds, literal(kind)), append(uids, literal(boards[kind]))
	}
	return Text(`concat(transform(toString(kind), [` + strings.Join(kinds, ", ") + `], [` + strings.Join(uids, ", ") + `], ` + literal(other) + `),
    '?from=', toString((toInt64(toUInt32(opened_at)) - 3600) * 1000), '&to=', if(state = 'open', 'now', toString((toInt64(toUInt32(closed_at)) + 600) * 1000)),
    if(service = '', '', concat('&var-service=', encodeURLComponent(toString(service)))), if(entity_type = 'key', concat('&var-key=', encodeURLComponent(entity)), '')) AS "place"`)
}

// OpenIncidents returns what is open now, the most urgent first, causes before
// their consequences; boards and other say where each kind is seen.
func OpenIncidents(boards map[string]string, other string) Text {
	return `SELECT toString(severity) AS "Severity", opened_at AS "Since", summary AS "What happens", toString(kind) AS "Kind", ` + entity + `, toString(service) AS "Service",
  affected AS "Affected", id AS "id", ` + place(boards, other) + `
FROM (
  SELECT * FROM {db}.incidents FINAL
  WHERE state = 'open' AND ` + ofServiceOrNone + `
) AS i GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = i.entity
ORDER BY parent GLOBAL IN (SELECT id FROM {db}.incidents FINAL WHERE state = 'open'), indexOf(['page', 'ticket', 'info'], severity), opened_at DESC, id LIMIT 200`
}

// OpenCount returns how many incidents of each severity are open now.
func OpenCount() Text {
	return `SELECT countIf(severity = 'page') AS page, countIf(severity = 'ticket') AS ticket, countIf(severity = 'info') AS info
FROM {db}.incidents FINAL
WHERE state = 'open' AND ` + ofServiceOrNone
}

// ofServiceOrNone is the condition for incidents of the chosen services, or of none.
var ofServiceOrNone = chosen("service", "(service IN {service} OR service = '')")

var touching = "opened_at <= {to} AND (state = 'open' OR closed_at >= {from}) AND state != 'withdrawn' AND " +
	ofServiceOrNone

// IncidentHistory returns every incident that touches the span; boards and other
// say where each kind is seen.
func IncidentHistory(boards map[string]string, other string) Text {
	return `SELECT opened_at AS "Opened", if(state = 'open', NULL, closed_at) AS "Closed",
  dateDiff('second', opened_at, if(state = 'open', {now}, closed_at)) AS "Duration", toString(severity) AS "Severity", toString(state) AS "State",
  toString(kind) AS "Kind", ` + entity + `, summary AS "What happened", toString(service) AS "Service", toString(closed_as) AS "Closed as",
  affected AS "Affected", parent AS "Caused by", id AS "id", ` + place(boards, other) + `
FROM (
  SELECT * FROM {db}.incidents FINAL
  WHERE ` + touching + `
) AS i GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = i.entity
ORDER BY opened_at DESC, id LIMIT 500`
}

// IncidentsByKind returns, per point, how many incidents of each kind were
// open at its beginning or opened in it.
func IncidentsByKind() Text {
	return spans + `SELECT toDateTime(t, 'UTC') AS time, toString(kind) AS kind, count() AS Value
FROM {db}.incidents FINAL
ARRAY JOIN range(toUInt64(intDiv(greatest(toUInt32(opened_at), toUInt32({from})), step) * step),
  toUInt64(least(toUInt32(if(state = 'open', {now}, closed_at)), toUInt32({to}))) + 1, toUInt64(step)) AS t
WHERE ` + touching + `
GROUP BY time, kind ORDER BY time, kind`
}

// IncidentsPerKind returns incidents that touch the span by kind.
func IncidentsPerKind() Text {
	return `SELECT toString(kind) AS "Kind", count() AS "Incidents"
FROM {db}.incidents FINAL
WHERE ` + touching + `
GROUP BY kind ORDER BY 2 DESC, 1`
}

// IncidentMarks returns the incidents as annotations of a time axis.
func IncidentMarks() Text {
	return `SELECT opened_at AS time, if(state = 'open', {now}, closed_at) AS timeEnd, summary AS text, concat(kind, ',', severity) AS tags
FROM {db}.incidents FINAL
WHERE ` + touching + ` AND severity != 'info' AND parent = ''
ORDER BY time LIMIT 200`
}
