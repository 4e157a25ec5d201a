package query

import (
	"strings"

	"statline/classify"
)

// The panels about timeouts and availability.

// Availability returns the share of responses that did not fail on the
// server's side.
func Availability() Text {
	return spans + "SELECT 1 - sumIf(requests, " + serverSide + ") / sum(requests) AS available\nFROM " +
		fromResponses("outcome, requests", ofService) + "\nHAVING sum(requests) > 0"
}

// TimeoutCount returns how many responses timed out.
func TimeoutCount() Text {
	return spans + "SELECT sum(requests) AS timeouts FROM " + fromResponses("requests", ofService+" AND "+timedOut)
}

// BlameShares returns the failures on the server's side by whose side of the
// gateway they came from.
func BlameShares() Text {
	return spans + `SELECT sumIf(requests, blame = 'upstream') AS upstream, sumIf(requests, blame = 'gateway') AS gateway, sumIf(requests, blame NOT IN ('upstream', 'gateway')) AS untold
FROM ` + fromResponses("blame, requests", ofService+" AND "+serverSide) + `
HAVING count() > 0`
}

// BlameRates returns timeouts and outages per second by blame.
func BlameRates() Text {
	return spans +
		gaps("blame",
			"SELECT "+at+", if(blame = '', 'not told', toString(blame)) AS blame, sum(requests) / "+covered+" AS Value\nFROM "+
				fromResponses("blame, requests", ofService+" AND "+serverSide+" AND "+whole)+"\nGROUP BY time, blame",
			"Value")
}

// Baseline returns timeouts per minute beside what the baseline expects and
// the upper end of what chance explains (four standard deviations of a Poisson
// count).
func Baseline() Text { return baseline("timeout") }

// OfflineBaseline is Baseline for outages.
func OfflineBaseline() Text { return baseline("offline") }

func baseline(series Text) Text {
	return minuteSpans + gaps("", `SELECT `+at+`, sum(k) * 60 / `+covered+` AS observed, sum(expected) * 60 / `+covered+` AS usual,
  (sum(expected) + 4 * sqrt(sum(expected)) + 1) * 60 / `+covered+` AS band
FROM {db}.scores FINAL
WHERE `+onScreen+` AND `+whole+` AND series = '`+series+`' AND `+ofService+`
GROUP BY time`, "observed", "usual", "band")
}

// ServiceHealth returns the share of failures on the server's side by service,
// the twenty services with most of them: one lane each. Fewer than three
// failures in a point stay below 1 %, however few responses there were: one
// failure of a quiet minute is no alarm.
func ServiceHealth() Text {
	source := fromServices(ofService)
	return spans +
		gaps("service",
			"SELECT "+at+", toString(service) AS service, sumIf(requests, "+serverSide+") AS bad,\n  if(bad < 3, least(bad / sum(requests), 0.0099), bad / sum(requests)) AS Value\nFROM "+source+
				"\nWHERE service GLOBAL IN (SELECT service FROM "+source+" GROUP BY service ORDER BY sumIf(requests, "+serverSide+") DESC, service LIMIT 20)"+
				"\nGROUP BY time, service", "Value")
}

// RouteTable returns the routes that fail on the server's side. Their percentiles come from
// minute rows: reading the histograms of every route over a month takes too long.
func RouteTable() Text {
	const columns = "service, route, outcome, blame, requests, latency_us, upstream_us, upstream_requests, "
	const read = "latency.1 AS buckets, latency.2 AS counts, upstream.1 AS upstream_buckets, upstream.2 AS upstream_counts"
	none := strings.NewReplacer("latency", "([]::Array(UInt16), []::Array(UInt64))", "upstream.",
		"([]::Array(UInt16), []::Array(UInt64)).").Replace(read)
	return spans + `SELECT toString(service) AS "Service", toString(route) AS "Route", sumIf(requests, ` + timedOut + `) AS "Timeouts",
  sumIf(requests, ` + of(classify.Offline) + `) AS "Offline", sumIf(requests, ` + of(classify.InternalError, classify.ServerError) + `) AS "Errors",
  sumIf(requests, ` + serverSide + `) / sum(requests) AS "Share", sumIf(requests, blame = 'upstream' AND ` + serverSide + `) AS "Upstream", sumIf(requests, blame = 'gateway' AND ` + serverSide + `) AS "Gateway",
  sum(latency_us) / sum(requests) AS "Mean latency", if(sum(upstream_requests) = 0, NULL, sum(upstream_us) / sum(requests)) AS "Mean upstream",
  if(max(notEmpty(buckets)), ` + micros("quantileExactWeightedArray(0.95)(buckets, counts)") + `, NULL) AS "p95",
  if(max(notEmpty(upstream_buckets)), ` + micros("quantileExactWeightedArray(0.95)(upstream_buckets, upstream_counts)") + `, NULL) AS "Upstream p95",
  minIf(minute, ` + serverSide + `) AS "First", maxIf(minute, ` + serverSide + `) AS "Last"
FROM ` + union(ofMinutes("responses", columns+read, ofService), ofHours("responses_hour", columns+Text(none), ofService)) + `
GROUP BY service, route HAVING sumIf(requests, ` + serverSide + `) > 0
ORDER BY sumIf(requests, ` + serverSide + `) DESC, 1, 2 LIMIT 100`
}

// MeanTimes returns the mean latency that the caller sees and the upstream's part of it, in
// microseconds; the rest is the gateway's. Both are means over all responses, including those
// that never reached an upstream, so that the part is never more than the whole.
func MeanTimes() Text {
	return spans +
		gaps("",
			"SELECT "+at+", sum(latency_us) / sum(requests) AS total, if(sum(upstream_requests) = 0, NULL, sum(upstream_us) / sum(requests)) AS upstream\nFROM "+
				fromResponses("requests, latency_us, upstream_us, upstream_requests", ofService)+"\nGROUP BY time",
			"total",
			"upstream")
}

// Samples returns scrubbed examples of failures.
func Samples() Text {
	return `SELECT ts AS "Time", toString(service) AS "Service", toString(outcome) AS "Outcome", toString(method) AS "Method", path AS "Path", http_status AS "HTTP", code AS "Code",
  if(latency_us < 0, NULL, latency_us) AS "Latency", if(upstream_status < 0, NULL, upstream_status) AS "Upstream status", request_id AS "Request id", substring(key_id, 1, 10) AS "Key", message AS "Message"
FROM {db}.samples
WHERE ` + onScreen + ` AND ` + serverSide + ` AND ` + ofService + `
ORDER BY ts DESC LIMIT 100`
}
