// Package query holds every SQL text that shows something, once: the panels,
// the alerts, the reports of the command line and the tests that execute them
// all take it from here. It holds text and no driver.
package query

// Report holds the texts of one report: of the minutes from {from} to {to}
// (exclusive), of the chosen services, and of the keys whose ids begin as the
// chosen ones do.
type Report struct {
	// Responses counts the responses by service, outcome, code and HTTP status:
	// service, outcome, code, http_status, requests, first and last minute. It is
	// one text, so that every figure that adds them up is of one moment.
	Responses Text
	// Latency is the 50th, 95th and 99th percentile of each service's latency in
	// microseconds.
	Latency Text
	// Who lists the keys with the most refused requests: key id, name, outcome,
	// code, services, requests, the key's requests in all, highest count and
	// limit, first and last seen, clients, a user agent.
	Who Text
	// Quotas lists the keys that headers told their rate limit, nearest to it
	// first: key id, name, limit, window and longest wait in seconds (0 when not
	// told), least left (-1 when not told), responses that told.
	Quotas Text
	// Incidents lists the incidents that touch the window.
	Incidents Text
	// Rejects returns (reason, lines) pairs.
	Rejects Text
}

var (
	// within is the window of a report.
	within = "minute >= {from} AND minute < {to} AND " + ofService
	// asked narrows the rows of responses to what is chosen, askedOfKeys those of
	// keys, which have no route.
	asked       = within + " AND " + ofRoute + " AND " + ofOutcome + " AND " + ofCode
	askedOfKeys = within + " AND " + withoutRoute + " AND " + ofOutcome + " AND " + ofCode
	// withoutRoute lets nothing through while a route is chosen.
	withoutRoute = chosen("route", "0")
	// ofKeys lets the keys through that begin as one of those chosen: a report
	// is asked for by the characters that were shown.
	ofKeys = chosen("key", "arrayExists(k -> startsWith(key_id, k), {key})")
)

// NewReport returns the texts. With ofKey the report is about keys only: it
// reads the table keys, which knows no HTTP status and no latency.
func NewReport(ofKey bool) Report {
	rows, status := "{db}.responses WHERE "+asked, Text("http_status")
	if ofKey {
		rows, status = "{db}.keys WHERE "+askedOfKeys+" AND "+ofKeys, "toUInt16(0)"
	}
	r := Report{
		Responses: "SELECT toString(service), toString(outcome), code, " + status +
			", sum(requests), min(minute), max(minute) FROM " + rows +
			" GROUP BY ALL",
		Latency: reportLatency("{db}.responses WHERE " + asked), Who: reportWho(), Quotas: reportQuotas(),
		Incidents: ReportIncidents(false),
		Rejects: `SELECT toString(reason) AS name, count() AS n FROM ` + rejects + `
WHERE ` + chosen("service", "0") + ` AND ` + chosen("key", "0") + ` AND ` + withoutRoute + ` AND ` + chosen("outcome", "0") + ` AND ` + chosen("code", "0") + ` GROUP BY name ORDER BY n DESC, name`,
	}
	if ofKey {
		r.Latency = reportLatency("{db}.responses WHERE 0")
	}
	return r
}

func reportWho() Text {
	rows := "{db}.keys WHERE " + within + " AND " + ofKeys
	return `SELECT k.key_id, max(names.name), toString(k.outcome) AS o, k.code, arrayStringConcat(arraySort(groupUniqArray(toString(k.service))), ', '),
  sum(k.requests) AS n, max(of_key.total), max(k.count_max), max(k.limit_max), min(k.first_seen), max(k.last_seen),
  length(groupUniqArrayArray(k.client_ips)), toString(arrayElement(arraySort(groupUniqArrayArray(k.user_agents)), 1))
FROM (SELECT *, first_seen, last_seen FROM {db}.keys WHERE ` + askedOfKeys + ` AND ` + ofKeys + ` AND ` + keyTrouble + `) AS k
INNER JOIN (SELECT key_id, sum(requests) AS total FROM ` + rows + ` GROUP BY key_id) AS of_key ON of_key.key_id = k.key_id
LEFT JOIN ` + names + ` AS names ON names.key_id = k.key_id
GROUP BY k.key_id, o, k.code
ORDER BY n DESC, k.key_id
LIMIT 1 BY k.key_id, o
LIMIT 40`
}

func reportQuotas() Text {
	return `SELECT key_id, named.name, lim, win, wait, toInt64(ifNull(least, -1)), n
FROM (
  ` + quotas("{db}.keys WHERE "+askedOfKeys+" AND "+ofKeys+" AND "+toldQuota) + `
) AS k GLOBAL LEFT JOIN ` + names + ` AS named USING (key_id)
ORDER BY ` + quotaUsed + ` DESC NULLS LAST, n DESC, key_id`
}

func reportLatency(rows Text) Text {
	return `SELECT toString(service), q[1], q[2], q[3] FROM (
  SELECT service, quantilesExactWeighted(0.5, 0.95, 0.99)(` + bucketMicros + `, c) AS q
  FROM (SELECT service, sumMap(latency.1, latency.2) AS m FROM ` + rows + ` GROUP BY service)
  ARRAY JOIN m.1 AS b, m.2 AS c
  GROUP BY service
)`
}

// bucketMicros is the middle of latency bucket b in microseconds
// (aggregate.BucketMicros).
const bucketMicros = "if(b < 128, toFloat64(b), (64 + b % 64 + 0.5) * exp2(intDiv(b, 64) - 1))"

// ReportIncidents lists the incidents that touch the window, or those of them
// that are open: kind, entity, severity, state, when it opened and closed,
// observed, expected, score, summary, parent, id, as what it closed, why nobody is
// told of it, rule, evidence and the name of a key.
func ReportIncidents(open bool) Text {
	return incidentsWhere(reported(open))
}

// CountIncidents counts the same incidents: what is counted (kind or service), its
// name, incidents; the largest numbers first.
func CountIncidents(open bool) Text {
	return `SELECT d.1 AS counted, d.2 AS name, count() AS n FROM (
  SELECT arrayJoin([('kind', toString(kind)), ('service', toString(service))]) AS d FROM {db}.incidents FINAL
  WHERE ` + reported(open) + `
) GROUP BY counted, name ORDER BY counted, n DESC, name LIMIT 1000 BY counted`
}

// reported chooses the incidents that touch the window, or those of them that are
// open.
func reported(open bool) Text {
	states := Text("state != 'withdrawn'")
	if open {
		states = "state = 'open'"
	}
	return "(closed_at >= {from} OR state = 'open') AND opened_at < {to} AND " + states + " AND " + ofService +
		"\n    AND " + chosen("code", "toString(JSONExtractUInt(evidence, 'code')) IN {code}") + " AND " +
		chosen("key", "arrayExists(k -> startsWith(entity, k), {key})")
}

// ReportIncident returns the chosen incidents, and what they cause, as
// ReportIncidents does.
func ReportIncident() Text {
	return incidentsWhere(chosen("incident", "hasAny({incident}, [id, parent])"))
}

func incidentsWhere(condition Text) Text {
	return `SELECT toString(kind), entity, toString(severity), toString(state), opened_at, closed_at, observed, expected, score, summary, parent, id,
  toString(closed_as), silent_why, toString(rule), evidence, named.name
FROM (
  SELECT * FROM {db}.incidents FINAL
  WHERE ` + condition + `
) AS i GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = i.entity
ORDER BY opened_at, kind, entity
LIMIT 200`
}

// ReportLedger returns records, responses, rejected, the oldest and the newest
// event time over every stored block, and the number of blocks.
func ReportLedger() Text {
	return `SELECT sum(records), sum(responses), sum(rejected), minIf(min_event, responses > 0), maxIf(max_event, responses > 0), count()
FROM {db}.ledger WHERE state = 'stored' AND kind = 'block'`
}

// ReportSpan returns the first and the last minute stored and the number of
// rows: 0 when there is nothing.
func ReportSpan() Text { return `SELECT min(minute), max(minute), count() FROM {db}.services` }

// ReportSamples lists the newest scrubbed examples of the chosen services,
// routes, outcomes and keys: time, service, outcome, method, path, route, HTTP
// status, code, message, latency in microseconds (-1 when unknown), request id
// and key id.
func ReportSamples() Text {
	return `SELECT ` + sampleColumns + `
FROM {db}.samples AS s FINAL
WHERE ` + asked + ` AND ` + ofKeys + `
ORDER BY ts DESC, service, path LIMIT 1000`
}

// CountSamples counts the same examples, all of them: what is counted (outcome,
// service, route or code), its name, examples; the largest numbers first.
func CountSamples() Text {
	return `SELECT d.1 AS counted, d.2 AS name, count() AS n FROM (
  SELECT arrayJoin([('outcome', toString(outcome)), ('service', toString(service)), ('route', toString(route)), ('code', toString(code))]) AS d
  FROM {db}.samples FINAL
  WHERE ` + asked + ` AND ` + ofKeys + `
) GROUP BY counted, name ORDER BY counted, n DESC, name LIMIT 1000 BY counted`
}

// CountResponses counts the responses of the chosen services: what is counted (outcome,
// service, route, code or error), its name, responses; the largest numbers first.
func CountResponses() Text {
	return `SELECT d.1 AS counted, d.2 AS name, sum(requests) AS n FROM (
  SELECT arrayJoin([('outcome', toString(outcome)), ('service', toString(service)), ('route', toString(route)), ('code', toString(code)),
    ('error', toString(error_type))]) AS d, requests
  FROM {db}.responses WHERE ` + within + `
) GROUP BY counted, name ORDER BY counted, n DESC, name LIMIT 50000 BY counted`
}

const sampleColumns = `ts, toString(s.service), toString(s.outcome), toString(s.method), s.path, toString(s.route), s.http_status, s.code,
  s.message, s.latency_us, s.request_id, s.key_id`

// StoredErrors lists what the failing responses of the chosen services say of
// themselves: the API's name of the error, code, HTTP status, outcome, responses.
func StoredErrors() Text {
	return `SELECT toString(error_type) AS named, code, http_status, toString(outcome), sum(requests) AS n FROM {db}.responses_hour
WHERE ` + ofService + ` AND (error_type NOT IN ('', '__other__') OR code != 0) GROUP BY ALL ORDER BY n DESC, named, code, http_status LIMIT 20000`
}

// StoredMessages lists the messages of their stored examples, with the name of the
// error where there is one only among the responses that the example is of: name,
// code, HTTP status, outcome, message, examples.
func StoredMessages() Text {
	return `SELECT named, code, http_status, toString(outcome), message, count() AS n FROM (
  SELECT s.code AS code, s.http_status AS http_status, s.outcome AS outcome, s.message AS message, k.names AS names, k.name AS named
  FROM (SELECT toStartOfHour(minute) AS hour, service, route, method, http_status, code, outcome, message FROM {db}.samples FINAL WHERE ` + ofService + ` AND message != '') AS s
  GLOBAL INNER JOIN (
    SELECT minute AS hour, service, route, method, http_status, code, outcome, uniqExact(error_type) AS names, toString(any(error_type)) AS name
    FROM {db}.responses_hour WHERE ` + ofService + ` GROUP BY ALL
  ) AS k USING (hour, service, route, method, http_status, code, outcome)
) WHERE names = 1 AND named != '__other__' GROUP BY ALL ORDER BY n DESC, named, code, http_status, message LIMIT 50000`
}

// KeysLike lists the stored keys that begin as the chosen ones do or are called
// so, six at most, with their names.
func KeysLike() Text {
	like := chosen("key",
		"(arrayExists(k -> startsWith(key_id, k), {key}) OR key_id GLOBAL IN (SELECT key_id FROM "+names+" WHERE name IN {key}))")
	return `SELECT k.key_id, named.name FROM (
  SELECT DISTINCT key_id FROM (SELECT key_id FROM {db}.keys WHERE ` + like + ` UNION ALL SELECT key_id FROM {db}.keys_hour WHERE ` + like + `)
) AS k GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = k.key_id
ORDER BY k.key_id LIMIT 6`
}

// NewestKeys lists the keys that are told apart with the most requests of the newest
// week, 500 at most, with their names: what Tab offers.
func NewestKeys() Text {
	return `SELECT k.key_id, named.name FROM (
  SELECT key_id, sum(requests) AS n FROM {db}.keys_hour
  WHERE minute > (SELECT max(minute) FROM {db}.keys_hour) - INTERVAL 7 DAY` + toldApart + `
  GROUP BY key_id ORDER BY n DESC, key_id LIMIT 500
) AS k GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = k.key_id
ORDER BY k.n DESC, k.key_id`
}

// StoredServices lists every service.
func StoredServices() Text {
	return `SELECT DISTINCT toString(service) AS s FROM (SELECT service FROM {db}.services UNION ALL SELECT service FROM {db}.services_hour) ORDER BY s`
}

// KeyNames returns (key id, name) of those of the chosen keys that have a name.
func KeyNames() Text {
	return `SELECT key_id, name FROM ` + names + ` WHERE ` + ofKey + ` AND name != ''`
}

// StoredRoutes lists the routes of the newest days and the paths of samples.
func StoredRoutes() Text {
	return `SELECT DISTINCT toString(route) AS r FROM {db}.responses_hour WHERE r NOT IN ('', '__other__') ORDER BY r LIMIT 50000`
}
