package query

// The panels of the overview. Where a text is about the chosen services only,
// its comment does not say so again.

// OutcomeRates returns requests per second by outcome.
func OutcomeRates() Text {
	return spans +
		gaps("outcome", "SELECT "+at+", toString(outcome) AS outcome, sum(requests) / "+covered+" AS Value\nFROM "+
			fromServices(ofService+" AND "+whole)+"\nGROUP BY time, outcome", "Value")
}

// RequestRate returns requests per second.
func RequestRate() Text {
	return spans +
		steady("requests",
			"SELECT "+at+", sum(requests) / "+covered+" AS requests\nFROM "+fromServices(
				ofService+" AND "+whole)+"\nGROUP BY time")
}

// ServerFailureShare returns the share of responses that failed on the
// server's side, over the whole span.
func ServerFailureShare() Text {
	return spans + "SELECT sumIf(requests, " + serverSide + ") / sum(requests) AS server\nFROM " +
		fromServices(ofService) + "\nHAVING sum(requests) > 0"
}

// CallerFailureShare returns the share that failed on the caller's side.
func CallerFailureShare() Text {
	return spans + "SELECT sumIf(requests, " + failed + " AND NOT " + serverSide +
		") / sum(requests) AS caller\nFROM " + fromServices(ofService) + "\nHAVING sum(requests) > 0"
}

// FailureShareByService returns the ten worst services' share of failures on
// the server's side.
func FailureShareByService() Text {
	source := fromServices(ofService)
	return spans +
		gaps("service",
			"SELECT "+at+", toString(service) AS service, sumIf(requests, "+serverSide+") / sum(requests) AS Value\nFROM "+source+
				"\nWHERE service GLOBAL IN (SELECT service FROM "+source+" GROUP BY service ORDER BY sumIf(requests, "+serverSide+") DESC, service LIMIT 10)"+
				"\nGROUP BY time, service", "Value")
}

// ServiceTable returns each service: requests, failures on either side, the
// share of each, the timeouts and the 95th percentile of the latency.
func ServiceTable() Text {
	return spans + `SELECT toString(service) AS "Service", n AS "Requests", server / n AS "Server side", caller / n AS "Caller side",
  timeouts AS "Timeouts", if(measured, ` + micros("bucket") + `, NULL) AS "p95"
FROM (
  SELECT service, sum(requests) AS n, sumIf(requests, ` + serverSide + `) AS server,
    sumIf(requests, ` + failed + ` AND NOT ` + serverSide + `) AS caller, sumIf(requests, ` + timedOut + `) AS timeouts,
    quantileExactWeightedArray(0.95)(buckets, counts) AS bucket, max(notEmpty(buckets)) AS measured
  FROM ` + eitherService("responses", "service, outcome, requests, latency.1 AS buckets, latency.2 AS counts", ofService) + ` GROUP BY service
)
ORDER BY server DESC, n DESC, service LIMIT 200`
}

// latencies is the latency histogram of each row: parallel arrays of buckets and
// counts. where may ask for the service only: the hours are summed over routes.
func latencies(where Text) Text { return histograms("latency", where) }

// histograms is latencies of another histogram.
func histograms(column, where Text) Text {
	return eitherService("responses", "service, "+column+".1 AS buckets, "+column+".2 AS counts", where)
}

// micros is the middle of a bucket in microseconds. Buckets rise with the
// latency: a percentile is taken of the buckets, which are small numbers, and
// turned into a time once.
func micros(bucket Text) Text {
	return "arrayMap(b -> " + bucketMicros + ", [" + bucket + "])[1]"
}

// LatencyQuantiles returns the 50th, 95th and 99th percentile of the latency
// in microseconds.
func LatencyQuantiles() Text { return quantiles("latency") }

// UpstreamQuantiles is LatencyQuantiles of what the upstream took, where the log
// tells it.
func UpstreamQuantiles() Text { return quantiles("upstream") }

func quantiles(column Text) Text {
	return spans + gaps("", `SELECT time, `+micros("q[1]")+` AS p50, `+micros("q[2]")+` AS p95, `+micros("q[3]")+` AS p99 FROM (
  SELECT `+at+`, quantilesExactWeightedArray(0.5, 0.95, 0.99)(buckets, counts) AS q
  FROM `+histograms(column, ofService+" AND notEmpty("+column+".1)")+` GROUP BY time
)`, "p50", "p95", "p99")
}

// LatencyP95 returns the 95th percentile over the whole span, microseconds.
func LatencyP95() Text {
	return spans + `SELECT ` + micros("quantileExactWeightedArray(0.95)(buckets, counts)") + ` AS p95
FROM ` + latencies(ofService+" AND notEmpty(latency.1)") + `
HAVING count() > 0`
}

// LatencyHeatmap returns responses by latency, two buckets an octave: the label
// is the bucket's upper end in microseconds. The first point has every bucket
// between the lowest and the highest, the empty ones too: without them 12.6 s
// would stand beside 1.05 s.
func LatencyHeatmap() Text {
	return spans + `SELECT cell.1 AS time, toString(if(cell.2 < 2, 32 * (cell.2 + 1), toUInt64((96 + 32 * (cell.2 % 2)) * exp2(intDiv(cell.2, 2) - 1)))) AS le, sum(cell.3) AS Value
FROM (
  SELECT arrayConcat(groupArray((time, half, n)), arrayMap(h -> (min(time), toUInt16(h), toUInt64(0)), range(min(half), max(half) + 1))) AS cells
  FROM (
    SELECT time, toUInt16(intDiv(bucket, 32)) AS half, sum(count) AS n
    FROM (SELECT ` + at + `, buckets, counts FROM ` + latencies(ofService+" AND "+whole) + `)
    ARRAY JOIN buckets AS bucket, counts AS count
    GROUP BY time, half
  )
  HAVING count() > 0
)
ARRAY JOIN cells AS cell
GROUP BY time, le ORDER BY time, toUInt64(le)`
}

// Freshness returns the age of the newest minute stored, in seconds; no row
// when nothing came for a day.
func Freshness() Text { return freshness("1") }

// FreshnessOfServices is Freshness of the chosen services.
func FreshnessOfServices() Text { return freshness(ofService) }

func freshness(where Text) Text {
	return `SELECT greatest(0, dateDiff('second', max(minute) + 60, {now})) AS age
FROM {db}.services WHERE minute > {now} - INTERVAL 1 DAY AND ` + where + `
HAVING count() > 0`
}
