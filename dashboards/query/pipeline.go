package query

// The panels about statline itself.

// Lag returns the records not yet stored, by partition.
func Lag() Text { return perPartition("max(lag_records)") }

// LagSeconds returns how old the oldest record was that was not stored, by
// partition, seconds.
func LagSeconds() Text { return perPartition("max(lag_seconds)") }

func perPartition(value Text) Text {
	return minuteSpans + gaps("partition", `SELECT `+at+`, concat(topic, '/', toString(partition)) AS partition, `+value+` AS Value
FROM {db}.pipeline FINAL
WHERE `+onScreen+`
GROUP BY time, topic, partition`, "Value")
}

// LagNow returns the records not yet stored, over all partitions, and how old
// the oldest of them is by now. Three minutes after the last report the number of
// records is unknown, while the age goes on: a daemon that died is behind.
func LagNow() Text {
	return `SELECT if(max(silent) > 180, NULL, sum(lag)) AS lag, max(seconds + silent) AS seconds FROM (
  SELECT argMax(lag_records, (minute, version)) AS lag, argMax(lag_seconds, (minute, version)) AS seconds,
    greatest(0, dateDiff('second', max(minute) + 60, {now})) AS silent
  FROM {db}.pipeline WHERE minute > {now} - INTERVAL 1 DAY GROUP BY topic, partition
) HAVING count() > 0`
}

// Throughput returns records, responses refused by the decoder and blocks per
// second.
func Throughput() Text {
	return minuteSpans + gaps("", `SELECT `+at+`, sum(records) / `+covered+` AS records, sum(rejected) / `+covered+` AS rejected, sum(blocks) / `+covered+` AS blocks
FROM {db}.pipeline FINAL
WHERE `+onScreen+` AND `+whole+`
GROUP BY time`, "records", "rejected", "blocks")
}

// FreshnessOverTime returns the age of the newest stored event, seconds.
func FreshnessOverTime() Text {
	return minuteSpans + gaps("", `SELECT `+at+`, max(freshness_seconds) AS freshness, max(lag_seconds) AS lag
FROM {db}.pipeline FINAL
WHERE `+onScreen+`
GROUP BY time`, "freshness", "lag")
}

// StalledNow returns the partitions that did not move although there is
// something to read, in the last five minutes.
func StalledNow() Text {
	return `SELECT uniqExactIf((topic, partition), stalled > 0) AS stalled
FROM {db}.pipeline FINAL WHERE minute > {now} - INTERVAL 5 MINUTE
HAVING count() > 0`
}

// RejectShare returns the share of records that could not be decoded.
func RejectShare() Text {
	return `SELECT sum(rejected) / sum(records) AS rejected
FROM {db}.pipeline FINAL WHERE ` + onScreen + `
HAVING sum(records) > 0`
}

// rejects are the rejects of the table of now and of the one of before schema 9,
// each once; the same text as ingest/schema has.
const rejects = `(SELECT ` + rejectColumns + `, stored_at FROM {db}.rejected_lines FINAL` +
	` UNION ALL SELECT ` + rejectColumns + `, toDateTime(record_ts) AS stored_at FROM {db}.rejects FINAL WHERE ` +
	rejectKey +
	` GLOBAL NOT IN (SELECT ` + rejectKey + ` FROM {db}.rejected_lines WHERE ` + rejectKey + ` GLOBAL IN (SELECT ` +
	rejectKey + ` FROM {db}.rejects)))`

const (
	rejectKey     = `(cluster, topic, epoch, partition, offset, idx)`
	rejectColumns = `cluster, topic, epoch, partition, offset, idx, record_ts, reason, detail, format, decoder_version, raw`
)

// RejectRates returns rejected lines per minute by reason, over the time when
// they were stored: the timestamps of their records may be any.
func RejectRates() Text {
	return minuteSpans + gaps("reason", `SELECT toDateTime(intDiv(toUnixTimestamp(stored_at), step) * step, 'UTC') AS time, toString(reason) AS reason, count() * 60 / `+covered+` AS Value
FROM `+rejects+`
WHERE stored_at >= toDateTime(begins) AND stored_at < toDateTime(ends)
GROUP BY time, reason`, "Value")
}

// RejectTable returns the rejects by topic and reason, with one example of each.
func RejectTable() Text {
	return `SELECT toString(topic) AS "Topic", toString(reason) AS "Reason", toString(format) AS "Format", count() AS "Lines", max(stored_at) AS "Last", argMax(detail, stored_at) AS "Detail", argMax(substring(raw, 1, 300), stored_at) AS "Example"
FROM ` + rejects + `
WHERE stored_at >= {from} AND stored_at <= {to}
GROUP BY topic, reason, format ORDER BY "Lines" DESC, 1, 2, 3 LIMIT 100`
}

// blocks are the stored blocks and what was left out on purpose, each once.
const blocks = "(SELECT DISTINCT cluster, topic, epoch, partition, first, end, kind FROM {db}.ledger WHERE (state = 'stored' AND kind = 'block') OR kind = 'gap')"

// LedgerCheck returns each partition's blocks: where they begin and end, and
// the gaps and overlaps between them, both 0 when every record was stored
// exactly once.
func LedgerCheck() Text {
	return `SELECT toString(topic) AS "Topic", epoch AS "Epoch", partition AS "Partition", count() AS "Blocks", min(first) AS "First offset", max(end) AS "Next offset",
  sum(if(before >= 0 AND first > before, first - before, 0)) AS "Records missing", sum(if(before >= 0 AND first < before, before - first, 0)) AS "Records twice"
FROM (
  SELECT topic, epoch, partition, first, end,
    lagInFrame(end, 1, toInt64(-1)) OVER (PARTITION BY cluster, topic, epoch, partition ORDER BY first, end ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before
  FROM ` + blocks + `
)
GROUP BY topic, epoch, partition ORDER BY 7 DESC, 8 DESC, 1, 2, 3 LIMIT 200`
}

// LedgerByDay compares, per event day, the responses that the ledger promises
// with those that the rollups hold.
func LedgerByDay() Text {
	return `SELECT day AS "Day", promised AS "Ledger", toInt64(stored) AS "Stored", toInt64(stored) - toInt64(promised) AS "Difference"
FROM (
  SELECT d.day AS day, sum(d.responses) AS promised
  FROM {db}.ledger ARRAY JOIN days AS d
  WHERE state = 'stored' AND d.day >= toDate({from}) AND d.day <= toDate({to})
  GROUP BY day
) AS ledger
GLOBAL LEFT JOIN (
  SELECT toDate(minute) AS day, sum(requests) AS stored FROM {db}.responses_hour
  WHERE minute >= toStartOfDay({from}) AND minute < toStartOfDay({to}) + INTERVAL 1 DAY
  GROUP BY day
) AS rollup USING (day)
ORDER BY day DESC LIMIT 60`
}

// AuditNow returns the differences that the last audit found; no row when
// there was none in the last day.
func AuditNow() Text {
	return `SELECT argMax(audit_differences, (minute, version)) AS differences
FROM {db}.pipeline WHERE minute > {now} - INTERVAL 1 DAY AND audit_differences >= 0
HAVING count() > 0`
}

// Tables returns the size of each table. The reader needs SELECT on
// system.parts.
func Tables() Text {
	return `SELECT table AS "Table", sum(rows) AS "Rows", sum(bytes_on_disk) AS "Bytes", count() AS "Parts", max(parts_of_partition) AS "Most parts in a partition", uniqExact(partition) AS "Partitions"
FROM (SELECT *, count() OVER (PARTITION BY table, partition) AS parts_of_partition FROM {parts} WHERE active AND database = '{database}')
GROUP BY table ORDER BY "Bytes" DESC, 1`
}

// Topics returns what was stored of each topic, and how far behind it was at most.
func Topics() Text {
	return `SELECT toString(topic) AS "Topic", uniqExact(partition) AS "Partitions", sum(records) AS "Records", sum(rejected) AS "Rejected", max(lag_seconds) AS "Most behind", max(minute) AS "Last seen"
FROM {db}.pipeline FINAL WHERE ` + onScreen + `
GROUP BY topic ORDER BY "Records" DESC, 1 LIMIT 100`
}

// Instances returns who does the work.
func Instances() Text {
	return `SELECT toString(instance) AS "Instance", uniqExact((topic, partition)) AS "Partitions", sum(records) AS "Records", sum(rejected) AS "Rejected", sum(blocks) AS "Blocks", max(minute) AS "Last seen"
FROM {db}.pipeline FINAL WHERE ` + onScreen + `
GROUP BY instance ORDER BY "Records" DESC, 1 LIMIT 100`
}
