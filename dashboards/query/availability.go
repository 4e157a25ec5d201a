package query

import "statline/classify"

// The panels about timeouts and availability.

var chosenRoute = ofService + " AND " + ofRoute

// Availability returns the share of responses that did not fail on the
// server's side.
func Availability() Text {
	return spans + "SELECT 1 - sumIf(requests, " + serverSide + ") / sum(requests) AS available\nFROM " + fromResponses("outcome, requests", chosenRoute) + "\nHAVING sum(requests) > 0"
}

// TimeoutCount returns how many responses timed out.
func TimeoutCount() Text {
	return spans + "SELECT sum(requests) AS timeouts FROM " + fromResponses("requests", chosenRoute+" AND "+timedOut)
}

// BlameShares returns the failures on the server's side by whose side of the
// gateway they came from.
func BlameShares() Text {
	return spans + `SELECT sumIf(requests, blame = 'upstream') AS upstream, sumIf(requests, blame = 'gateway') AS gateway, sumIf(requests, blame NOT IN ('upstream', 'gateway')) AS untold
FROM ` + fromResponses("blame, requests", chosenRoute+" AND "+serverSide) + `
HAVING count() > 0`
}

// BlameRates returns timeouts and outages per second by blame.
func BlameRates() Text {
	return spans + "SELECT " + at + ", if(blame = '', 'not told', toString(blame)) AS blame, sum(requests) / step AS Value\nFROM " + fromResponses("blame, requests", chosenRoute+" AND "+serverSide) + "\nGROUP BY time, blame ORDER BY time, blame"
}

// Baseline returns timeouts per minute beside what the baseline expects and
// the upper end of what chance explains (four standard deviations of a Poisson
// count).
func Baseline() Text { return baseline("timeout") }

// OfflineBaseline is Baseline for outages.
func OfflineBaseline() Text { return baseline("offline") }

func baseline(series Text) Text {
	return `WITH greatest(1, intDiv({step} + 59, 60)) * 60 AS step
SELECT ` + at + `, sum(k) * 60 / step AS observed, sum(expected) * 60 / step AS usual,
  (sum(expected) + 4 * sqrt(sum(expected)) + 1) * 60 / step AS band
FROM {db}.scores FINAL
WHERE ` + onScreen + ` AND series = '` + series + `' AND ` + ofService + `
GROUP BY time ORDER BY time`
}

// ServiceHealth returns the share of failures on the server's side by service,
// the twenty services with most of them: one lane each.
func ServiceHealth() Text {
	source := fromServices(ofService)
	return spans + "SELECT " + at + ", toString(service) AS service, sumIf(requests, " + serverSide + ") / sum(requests) AS Value\nFROM " + source +
		"\nWHERE service GLOBAL IN (SELECT service FROM " + source + " GROUP BY service ORDER BY sumIf(requests, " + serverSide + ") DESC, service LIMIT 20)" +
		"\nGROUP BY time, service ORDER BY time, service"
}

// RouteTable returns the routes that fail on the server's side.
func RouteTable() Text {
	return spans + `SELECT toString(service) AS "Service", toString(route) AS "Route", sumIf(requests, ` + timedOut + `) AS "Timeouts",
  sumIf(requests, ` + of(classify.Offline) + `) AS "Offline", sumIf(requests, ` + of(classify.InternalError, classify.ServerError) + `) AS "Errors",
  sumIf(requests, ` + serverSide + `) / sum(requests) AS "Share", sumIf(requests, blame = 'upstream' AND ` + serverSide + `) AS "Upstream", sumIf(requests, blame = 'gateway' AND ` + serverSide + `) AS "Gateway",
  sum(latency_us) / sum(requests) AS "Mean latency", sum(upstream_us) / nullIf(sum(upstream_requests), 0) AS "Mean upstream",
  minIf(minute, ` + serverSide + `) AS "First", maxIf(minute, ` + serverSide + `) AS "Last"
FROM ` + fromResponses("service, route, outcome, blame, requests, latency_us, upstream_us, upstream_requests", chosenRoute) + `
GROUP BY service, route HAVING sumIf(requests, ` + serverSide + `) > 0
ORDER BY sumIf(requests, ` + serverSide + `) DESC, 1, 2 LIMIT 100`
}

// MeanTimes returns the mean latency as the caller sees it and the mean time
// of the upstream, in microseconds: the rest is the gateway's.
func MeanTimes() Text {
	return spans + "SELECT " + at + ", sum(latency_us) / sum(requests) AS total, sum(upstream_us) / nullIf(sum(upstream_requests), 0) AS upstream\nFROM " +
		fromResponses("requests, latency_us, upstream_us, upstream_requests", chosenRoute) + "\nGROUP BY time ORDER BY time"
}

// Samples returns scrubbed examples of failures.
func Samples() Text {
	return `SELECT ts AS "Time", toString(service) AS "Service", toString(outcome) AS "Outcome", toString(method) AS "Method", path AS "Path", http_status AS "HTTP", code AS "Code",
  if(latency_us < 0, NULL, latency_us) AS "Latency", if(upstream_status < 0, NULL, upstream_status) AS "Upstream status", request_id AS "Request id", substring(key_id, 1, 10) AS "Key", message AS "Message"
FROM {db}.samples
WHERE ` + onScreen + ` AND ` + serverSide + ` AND ` + chosenRoute + `
ORDER BY ts DESC LIMIT 100`
}
