package query

// The texts of the alert rules. Each returns one number a row and text columns
// that become the alert's labels, or one number alone. They read no macro and
// no variable: a rule has no dashboard.

// openOf returns the open incidents that where lets through, one row each: the
// responses affected, never 0. What nobody is to be told of is left out, such as
// what another incident covers: its cause alerts.
func openOf(where Text) Text {
	return `SELECT toFloat64(greatest(affected, 1)) AS affected, id, toString(kind) AS kind, entity, toString(service) AS service, toString(severity) AS urgency
FROM {db}.incidents FINAL
WHERE state = 'open' AND NOT silent AND ` + where
}

// OpenOffenders returns keys that stay over their rate limit.
func OpenOffenders() Text { return openOf("kind = 'offender'") }

// OpenFloods returns keys that flood the API.
func OpenFloods() Text { return openOf("kind = 'flood'") }

// OpenDeadKeys returns suspended or disabled keys in use.
func OpenDeadKeys() Text { return openOf("kind = 'dead_key'") }

// OpenTimeoutSpikes returns services whose timeouts are far over normal.
func OpenTimeoutSpikes() Text { return openOf("kind = 'timeout_spike'") }

// OpenErrorSpikes returns services whose server errors are far over normal.
func OpenErrorSpikes() Text { return openOf("kind = 'error_spike'") }

// OpenOutages returns services that answer offline.
func OpenOutages() Text { return openOf("kind = 'outage'") }

// OpenFastBurns returns services that burn their error budget within hours.
func OpenFastBurns() Text { return openOf("kind = 'slo_burn' AND severity = 'page'") }

// OpenSlowBurns returns services that burn it within days.
func OpenSlowBurns() Text { return openOf("kind = 'slo_burn' AND severity != 'page'") }

// OpenScans returns clients that try many keys.
func OpenScans() Text { return openOf("kind = 'key_scanning'") }

// OpenStuffing returns clients that try logins.
func OpenStuffing() Text { return openOf("kind = 'credential_stuffing'") }

// OpenDrifts returns codes that break the API's contract.
func OpenDrifts() Text { return openOf("kind IN ('contract_drift', 'unknown_code')") }

// OpenDrops returns services with far less traffic than usual.
func OpenDrops() Text { return openOf("kind = 'traffic_drop'") }

// PipelineSilence returns 1 when the pipeline has said nothing for five minutes
// or a partition is stalled, else 0. It always returns a row: that nothing
// reports is what it looks for.
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

// LagRise returns how old the newest record read is, in seconds, over all
// partitions; 0 when nothing reports (PipelineSilence sees that).
func LagRise() Text {
	return `SELECT toFloat64(greatest(0, max(lag_seconds))) AS seconds
FROM {db}.pipeline FINAL WHERE minute > now() - INTERVAL 5 MINUTE`
}
