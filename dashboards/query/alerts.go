package query

// The texts of the alert rules. Each returns one number a row and text columns
// that become the alert's labels, or one number alone. They read no macro and
// no variable: a rule has no dashboard.

// ToldIncidents returns the open incidents of a kind that are notified, one row each: the
// number of affected responses, never 0. It leaves out silent incidents (covered by another,
// muted, acknowledged, or found in old logs), as statline's own notices do; both name an
// incident by its id. It returns the severest hundred at most.
func ToldIncidents(kind string) Text {
	return `SELECT toFloat64(greatest(affected, 1)) AS affected, id AS incident, toString(kind) AS kind, entity, toString(service) AS service, toString(severity) AS severity
FROM {db}.incidents FINAL
WHERE state = 'open' AND NOT silent AND severity IN ('page', 'ticket') AND kind = ` + Text(literal(kind)) + `
ORDER BY severity = 'page' DESC, opened_at, id LIMIT 100`
}

// StoreAnswers returns 0 whenever the store answers at all.
func StoreAnswers() Text { return `SELECT toFloat64(0) AS unanswered` }

// NewestMinute returns how many seconds ago the newest stored minute ended, by
// the wall clock; 0 in a store that never had one.
func NewestMinute() Text {
	return `SELECT if(count() = 0, 0, toFloat64(greatest(0, dateDiff('second', max(minute) + 60, now())))) AS seconds FROM {db}.services`
}

// DetectorsBehind returns how many seconds of stored responses the detectors have not judged
// yet: from the newest minute with a score, or the first one stored, to the newest one.
func DetectorsBehind() Text {
	return `SELECT if(count() = 0, 0, toFloat64(greatest(0, toInt64(toUInt32(max(minute))) - greatest(toInt64(toUInt32(min(minute))),
  toInt64((SELECT toUInt32(max(minute)) FROM {db}.scores)))))) AS seconds
FROM {db}.services WHERE minute <= now()`
}

// AuditMissing returns 1 when instances have reported for a day and none has
// finished an audit in it.
func AuditMissing() Text {
	return `SELECT toFloat64(countIf(minute <= now() - INTERVAL 23 HOUR) > 0 AND countIf(audit_differences >= 0) = 0) AS missing
FROM {db}.pipeline WHERE minute > now() - INTERVAL 1 DAY`
}

// PipelineSilence returns 1 when the pipeline has not reported for five minutes or a
// partition is stalled, else 0. It always returns a row, because a missing report is what it
// looks for.
func PipelineSilence() Text {
	return `SELECT toFloat64(countIf(minute > now() - INTERVAL 5 MINUTE) = 0 OR countIf(stalled > 0 AND minute > now() - INTERVAL 5 MINUTE) > 0) AS stalled
FROM {db}.pipeline FINAL WHERE minute > now() - INTERVAL 15 MINUTE`
}

// RejectRise returns the share of records rejected in the last fifteen
// minutes, in percent; 0 below a hundred records.
func RejectRise() Text {
	return `SELECT if(sum(records) < 100, 0, 100 * sum(rejected) / sum(records)) AS rejected
FROM {db}.pipeline FINAL WHERE minute > now() - INTERVAL 15 MINUTE`
}

// LedgerDifferences returns the differences of the newest audit of the last
// day, 0 without one.
func LedgerDifferences() Text {
	return `SELECT toFloat64(greatest(0, argMaxIf(audit_differences, (minute, version), audit_differences >= 0))) AS differences
FROM {db}.pipeline WHERE minute > now() - INTERVAL 1 DAY`
}

// LagRise returns the age in seconds of the oldest record that is not stored, over all
// partitions; 0 when nothing reports (PipelineSilence covers that).
func LagRise() Text {
	return `SELECT toFloat64(greatest(0, max(lag_seconds))) AS seconds
FROM {db}.pipeline FINAL WHERE minute > now() - INTERVAL 5 MINUTE`
}
