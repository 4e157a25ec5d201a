package query

// The panels about one incident.

// theIncidents reads the chosen incidents; with all of them chosen, the newest
// ten.
var theIncidents = "(SELECT * FROM {db}.incidents FINAL WHERE " + chosen("incident", "id IN {incident}") +
	" AND state != 'withdrawn' ORDER BY opened_at DESC, id LIMIT 10)"

// IncidentList lists the incidents of the span: id and how it is shown.
func IncidentList() Text {
	return `SELECT id, concat(formatDateTime(opened_at, '%m-%d %H:%i'), ' ', toString(kind), ' ', substring(entity, 1, 30)) AS shown
FROM {db}.incidents FINAL WHERE opened_at <= {to} AND (state = 'open' OR closed_at >= {from}) AND state != 'withdrawn'
ORDER BY opened_at DESC, id LIMIT 300`
}

// Meaning says what incidents of a kind mean and what to do.
type Meaning struct{ Kind, Means, ToDo string }

// Incident returns the chosen incident.
func Incident() Text {
	return `SELECT toString(severity) AS "Severity", toString(state) AS "State", opened_at AS "Opened", if(state = 'open', NULL, closed_at) AS "Closed", toString(kind) AS "Kind",
  ` + entity + `, toString(service) AS "Service", summary AS "What happened", affected AS "Affected", requests AS "Requests"
FROM ` + theIncidents + ` AS i GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = i.entity
ORDER BY opened_at DESC, id`
}

// Advice returns what the chosen incident means, what to do, and the command that
// lists it.
func Advice(meanings []Meaning) Text {
	var kinds, means, todo Text
	for i, m := range meanings {
		if i > 0 {
			kinds, means, todo = kinds+", ", means+", ", todo+", "
		}
		kinds, means, todo = kinds+Text(literal(m.Kind)), means+Text(literal(m.Means)), todo+Text(literal(m.ToDo))
	}
	return `SELECT toString(kind) AS "Kind", transform(toString(kind), [` + kinds + `], [` + means + `], '') AS "What it means", transform(toString(kind), [` + kinds + `], [` + todo + `], '') AS "What to do",
  observed AS "Observed", expected AS "Expected", silent_why AS "Silent, because", concat('statline incidents --since 30d --clickhouse URL', multiIf(entity_type = 'key', concat(' --key ', entity),
    service != '', concat(' --service \'', replaceAll(service, '\'', '\'"\'"\''), '\''), '')) AS "The same in a shell"
FROM ` + theIncidents + `
ORDER BY opened_at DESC, id`
}

// Evidence returns the numbers and names of the chosen incident's evidence.
func Evidence() Text {
	return `SELECT pair.1 AS "Evidence", trim(BOTH '"' FROM pair.2) AS "Finding"
FROM ` + theIncidents + ` ARRAY JOIN JSONExtractKeysAndValuesRaw(evidence) AS pair
ORDER BY opened_at DESC, id, 1 LIMIT 200`
}

// Consequences returns the incidents that the chosen one causes.
func Consequences() Text {
	return `SELECT toString(severity) AS "Severity", toString(state) AS "State", opened_at AS "Opened", toString(kind) AS "Kind", entity AS "Entity", summary AS "What happened", id AS "id"
FROM {db}.incidents FINAL WHERE parent != '' AND parent GLOBAL IN (SELECT id FROM ` + theIncidents + `) AND state != 'withdrawn'
ORDER BY opened_at, id LIMIT 100`
}

// AroundIncident returns what the baseline saw and expected of the chosen
// incident's service, per minute.
func AroundIncident() Text {
	return minuteSpans + gaps("", `SELECT `+at+`, sum(k) * 60 / `+covered+` AS observed, sum(expected) * 60 / `+covered+` AS usual
FROM {db}.scores FINAL
WHERE `+onScreen+` AND `+whole+` AND service GLOBAL IN (SELECT service FROM `+theIncidents+`)
GROUP BY time`, "observed", "usual")
}

// IncidentSamples returns failures of the chosen incident's service, key or client,
// while it was open.
func IncidentSamples() Text {
	return `SELECT ts AS "Time", toString(s.service) AS "Service", toString(s.outcome) AS "Outcome", toString(s.method) AS "Method", s.path AS "Path", s.http_status AS "HTTP", s.code AS "Code",
  s.request_id AS "Request id", substring(s.key_id, 1, 10) AS "Key", s.message AS "Message"
` + ofIncident + `
ORDER BY ts DESC LIMIT 100`
}

// ReportIncidentSamples lists the same as ReportSamples does.
func ReportIncidentSamples() Text {
	return `SELECT ` + sampleColumns + `
` + ofIncident + `
ORDER BY ts DESC, service, path LIMIT 100`
}

var ofIncident = `FROM {db}.samples AS s
GLOBAL CROSS JOIN (SELECT service AS of_service, entity, entity_type, opened_at, if(state = 'open', {now}, closed_at) AS over FROM ` + theIncidents + `) AS i
WHERE s.minute >= i.opened_at - 600 AND s.minute <= i.over AND multiIf(i.entity_type = 'key', s.key_id = i.entity, i.entity_type = 'client', s.client_ip = toIPv6OrDefault(i.entity), s.service = i.of_service) AND ` + failed + ``
