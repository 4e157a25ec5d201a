// Package query holds every SQL text that shows something, once: the panels,
// the alerts, the reports of the command line and the tests that execute them
// all take it from here. It holds text and no driver.
package query

import "strings"

// Report holds the texts of one report. They read the database {db} (see In)
// and take the same four parameters: $1 the first minute, $2 the end (exclusive),
// $3 a service or ” for all, $4 the beginning of a key id or ” for all.
type Report struct {
	// ByStatus, ByCode, ByOutcome, ByService and ByMinute return (name,
	// requests) pairs.
	ByStatus, ByCode, ByOutcome, ByService, ByMinute string
	// Why lists the failing (outcome, code, status): outcome, code,
	// http_status, requests, services, worst service, first and last minute.
	Why string
	// Who lists the keys with the most refused requests: key id, name, outcome,
	// code, services, requests, the key's requests in all, highest count and
	// limit, first and last seen, clients, a user agent.
	Who string
	// Services lists each service: requests, failures on the server's side,
	// timeouts, the 50th, 95th and 99th percentile of the latency in
	// microseconds (0 when unknown) and the first minute with a timeout.
	Services string
	// Incidents lists the incidents that touch the window.
	Incidents string
	// Rejects returns (reason, lines) pairs.
	Rejects string
}

// In names the database that a text reads: {db} stands for it in every text.
func In(database, text string) string {
	return strings.ReplaceAll(text, "{db}", "`"+database+"`")
}

// NewReport returns the texts. With ofKey the report is about keys only: it
// reads the table keys, which knows no HTTP status and no latency.
func NewReport(ofKey bool) Report {
	counts := func(column string) string {
		return "SELECT toString(" + column + ") AS name, sum(requests) AS n FROM {db}.responses WHERE " + within + " GROUP BY name ORDER BY n DESC, name"
	}
	r := Report{
		ByStatus:  counts("http_status"),
		ByCode:    counts("code"),
		ByOutcome: counts("outcome"),
		ByService: counts("service"),
		ByMinute:  "SELECT formatDateTime(minute, '%Y-%m-%dT%H:%i:00Z') AS name, sum(requests) AS n FROM {db}.responses WHERE " + within + " GROUP BY name ORDER BY name",
		Why:       reportWhy,
		Who:       reportWho,
		Services:  reportServices,
		Incidents: reportIncidents,
		Rejects:   reportRejects,
	}
	if !ofKey {
		return r
	}
	r.ByStatus = "SELECT '' AS name, toUInt64(0) AS n WHERE 0 AND $1 < $2 AND $3 = $4"
	for _, text := range []*string{&r.ByCode, &r.ByOutcome, &r.ByService, &r.ByMinute, &r.Why} {
		*text = strings.NewReplacer("FROM {db}.responses WHERE", "FROM {db}.keys WHERE startsWith(key_id, $4) AND", "http_status", "toUInt16(0)").Replace(*text)
	}
	r.Services = strings.Replace(reportServices, "responses WHERE", "responses WHERE 0 AND", 2)
	return r
}

const within = "minute >= $1 AND minute < $2 AND ($3 = '' OR service = $3) AND ($4 = '' OR 1)"

var (
	reportWhy = `SELECT toString(outcome) AS o, code, http_status AS status, sum(requests) AS n, uniqExact(service) AS services,
  toString(argMax(service, requests)) AS worst_service, min(minute) AS since, max(minute) AS until
FROM {db}.responses WHERE ` + within + ` AND ` + string(failed) + `
GROUP BY o, code, status
ORDER BY n DESC, code, status
LIMIT 20`

	reportWho = `SELECT k.key_id, max(names.name), toString(k.outcome) AS o, k.code, arrayStringConcat(arraySort(groupUniqArray(toString(k.service))), ', '),
  sum(k.requests) AS n, max(of_key.total), max(k.count_max), max(k.limit_max), min(k.first_seen), max(k.last_seen),
  length(groupUniqArrayArray(k.client_ips)), toString(arrayElement(arraySort(groupUniqArrayArray(k.user_agents)), 1))
FROM (SELECT *, first_seen, last_seen FROM {db}.keys WHERE ` + within + ` AND startsWith(key_id, $4)
  AND ` + string(keyTrouble) + `) AS k
INNER JOIN (SELECT key_id, sum(requests) AS total FROM {db}.keys WHERE ` + within + ` AND startsWith(key_id, $4) GROUP BY key_id) AS of_key ON of_key.key_id = k.key_id
LEFT JOIN ` + names + ` AS names ON names.key_id = k.key_id
GROUP BY k.key_id, o, k.code
ORDER BY n DESC, k.key_id
LIMIT 1 BY k.key_id, o
LIMIT 40`

	reportServices = `SELECT toString(r.service), r.n, r.bad, r.timeouts, l.q[1], l.q[2], l.q[3], r.since
FROM (
  SELECT service, sum(requests) AS n,
    sumIf(requests, ` + string(serverSide) + `) AS bad,
    sumIf(requests, ` + string(timedOut) + `) AS timeouts,
    minIf(minute, ` + string(timedOut) + `) AS since
  FROM {db}.responses WHERE ` + within + ` GROUP BY service
) AS r
LEFT JOIN (
  SELECT service, quantilesExactWeighted(0.5, 0.95, 0.99)(` + bucketMicros + `, c) AS q
  FROM (SELECT service, sumMap(latency.1, latency.2) AS m FROM {db}.responses WHERE ` + within + ` GROUP BY service)
  ARRAY JOIN m.1 AS b, m.2 AS c
  GROUP BY service
) AS l ON l.service = r.service
ORDER BY r.bad DESC, r.n DESC
LIMIT 50`
)

const (
	// bucketMicros is the middle of latency bucket b in microseconds
	// (aggregate.BucketMicros).
	bucketMicros = "if(b < 128, toFloat64(b), (64 + b % 64 + 0.5) * exp2(intDiv(b, 64) - 1))"

	reportIncidents = `SELECT toString(kind), entity, toString(severity), toString(state), opened_at, closed_at, observed, expected, score, summary, parent, id, named.name
FROM (
  SELECT * FROM {db}.incidents FINAL
  WHERE (closed_at >= $1 OR state = 'open') AND opened_at < $2 AND state != 'withdrawn' AND ($3 = '' OR service = $3) AND ($4 = '' OR startsWith(entity, $4))
) AS i GLOBAL LEFT JOIN ` + names + ` AS named ON named.key_id = i.entity
ORDER BY opened_at, kind, entity
LIMIT 200`

	reportRejects = `SELECT toString(reason) AS name, count() AS n FROM {db}.rejects FINAL
WHERE $1 < $2 AND $3 = '' AND $4 = '' GROUP BY name ORDER BY n DESC, name`
)

const (
	// ReportLedger returns records, responses, rejected, the oldest and the
	// newest event time over every stored block, and the number of blocks.
	ReportLedger = `SELECT sum(records), sum(responses), sum(rejected), minIf(min_event, responses > 0), maxIf(max_event, responses > 0), count()
FROM {db}.ledger WHERE state = 'stored' AND kind = 'block'`
	// ReportSpan returns the first and the last minute stored and the number of
	// rows: 0 when there is nothing.
	ReportSpan = `SELECT min(minute), max(minute), count() FROM {db}.services`
)

// StoredDays lists the days with responses, as minutes since 1970.
const StoredDays = `SELECT DISTINCT intDiv(toUnixTimestamp(toStartOfDay(minute)), 60)::UInt32 AS day FROM {db}.services ORDER BY day`

// KeyNames returns (key id, name) of those of the keys $1 that have a name.
const KeyNames = `SELECT key_id, name FROM ` + names + ` WHERE has($1, key_id) AND name != ''`

// StoredRoutes lists the routes of the newest days and the paths of samples.
const StoredRoutes = `SELECT DISTINCT toString(route) AS r FROM {db}.responses_hour WHERE r NOT IN ('', '__other__') ORDER BY r LIMIT 50000`
