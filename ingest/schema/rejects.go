package schema

import "strings"

// RejectsOf is a subquery with the rejects of both tables, each once: a block that a
// binary from before schema 9 finished or began may have its rejects in the old table and
// in the new one. For the old ones, stored_at is the record's time, from which their TTL
// counts. The dashboards' queries have the same text (a test compares them); database is a
// name or their placeholder.
func RejectsOf(database string) string {
	return strings.ReplaceAll(rejectsOf, "{db}", database)
}

const rejectsOf = "(SELECT " + rejectColumns + ", stored_at FROM {db}.rejected_lines FINAL" +
	" UNION ALL SELECT " + rejectColumns + ", toDateTime(record_ts) AS stored_at FROM {db}.rejects FINAL WHERE " +
	rejectKey +
	" GLOBAL NOT IN (SELECT " + rejectKey + " FROM {db}.rejected_lines WHERE " + rejectKey + " GLOBAL IN (SELECT " +
	rejectKey + " FROM {db}.rejects)))"

const (
	rejectKey     = "(cluster, topic, epoch, partition, offset, idx)"
	rejectColumns = "cluster, topic, epoch, partition, offset, idx, record_ts, reason, detail, format, decoder_version, raw"
)
