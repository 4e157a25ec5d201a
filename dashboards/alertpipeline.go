package dashboards

import "statline/dashboards/query"

const oneRow = "the query always returns one row; none means that the store did not answer as it must"

// pipelineAlerts are the rules about statline itself, which Grafana asks of the store and
// Prometheus of /metrics, which needs no store. When ClickHouse does not answer
// Grafana, the first one fires and the others keep their state.
// Long because it is data: one alert after the other.
func pipelineAlerts() []Alert {
	return []Alert{
		{
			UID: "statline-store", Title: "Store does not answer", Query: query.StoreAnswers(), Over: 0.5,
			Lasting: "2m", Severity: "page",
			NoData: "Alerting", WhyNoData: oneRow, Sentinel: true,
			Summary: "ClickHouse does not answer",
			Means: "ClickHouse does not answer Grafana, or an instance of statline: panels are wrong, and Grafana evaluates no " +
				"other rule.",
			ToDo: "Is ClickHouse up, and may the data source's user read (Tables)? statline goes on where it stopped " +
				"when ClickHouse is back; nothing is lost.",
			Metrics: `max by (instance) (statline_condition{condition="store_away"}) > 1`,
			Board:   PipelineUID, Shows: query.Tables(),
		},
		{
			UID: "statline-pipeline-stalled", Title: "Pipeline stalled", Query: query.PipelineSilence(), Over: 0.5,
			Lasting: "2m", Severity: "page",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "statline has not reported for five minutes, or a partition with something to read does not move",
			Means:   "No statline instance reports, or a partition is stuck. Figures and incidents are standing still.",
			ToDo: "Is the process up, and what does its /readyz say? Of several topics it names the " +
				"one that is not read. The instances' log says what is retried: Kafka " +
				"out of reach, ClickHouse refusing inserts, a block that needs a decision, a transaction that is never " +
				"ended. Nothing is lost: it goes on where it stopped.",
			Metrics: `max by (instance, topic, partition) (statline_stalled) > 0 or absent(statline_ready)` +
				` or min by (instance, topic) (statline_ready{topic!=""}) < 1 unless on (instance) max by (instance) (statline_condition) > 1`,
			Board: PipelineUID, Shows: query.StalledNow(),
		},
		{
			UID: "statline-silence", Title: "Nothing arrives", Query: query.NewestMinute(), Over: 300, Lasting: "2m",
			Severity: "page",
			NoData:   "Alerting", WhyNoData: oneRow,
			Summary: "no response has been stored for more than five minutes",
			Means:   "For minutes no response of any service has been stored, although there were some before.",
			ToDo: "Pipeline stalled fires as well: see there. It does not: statline reads and there is nothing to " +
				"read. Check the gateway and the log shipper; if nobody calls the API at this hour, silence the rule " +
				"for the night.",
			Metrics: `sum(increase(statline_records_total[5m])) == 0`,
			Board:   PipelineUID, Shows: query.Freshness(),
		},
		{
			UID: "statline-detectors", Title: "Detectors stand still", Query: query.DetectorsBehind(), Over: 900,
			Lasting: "5m", Severity: "page",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "responses are stored that the detectors have not looked at",
			Means: "The detectors are off (--watch=false on every instance) or do not get on: no incident opens and " +
				"none closes.",
			ToDo: "One instance must run with detectors. Its log says what they wait for; the newest point of the " +
				"baseline (Timeouts) is how far they came.",
			Metrics: `max(statline_watch_watermark_timestamp_seconds) - max(statline_watch_evaluated_timestamp_seconds) > 900 or absent(statline_watch_evaluations_total) and on () max(statline_ready) >= 0`,
			Board:   PipelineUID, Shows: query.FreshnessOverTime(),
		},
		{
			UID: "statline-lag", Title: "Pipeline behind", Query: query.LagRise(), Over: 300, Lasting: "10m",
			Severity: "ticket",
			NoData:   "Alerting", WhyNoData: oneRow,
			Summary: "a record has waited for {{ humanizeDuration $values.A.Value }} to be stored",
			Means:   "statline reads, but more slowly than records arrive, for ten minutes.",
			ToDo: "See Behind, in records: one partition means skewed keys, all mean too little power. Start another " +
				"instance in the same group, or look at ClickHouse's parts and merges (Tables).",
			Metrics: `max by (topic, partition) (statline_lag_seconds) > 300`,
			Board:   PipelineUID, Shows: query.LagSeconds(),
		},
		{
			UID: "statline-rejects", Title: "Rejects rising", Query: query.RejectRise(), Over: 5, Lasting: "5m",
			Severity: "ticket",
			NoData:   "Alerting", WhyNoData: oneRow,
			Summary: "{{ printf \"%.1f\" $values.A.Value }} % of records cannot be decoded",
			Means: "More than one record in twenty of the last fifteen minutes could not be decoded. Those responses " +
				"are missing from every figure.",
			ToDo: "What was rejected has the reason and an example: usually a changed log format, or another topic's " +
				"lines. Correct the format, then replay the offsets (statline rejects replay).",
			Metrics: `100 * sum(increase(statline_rejected_total[15m])) / sum(increase(statline_records_total[15m])) > 5 and on () sum(increase(statline_records_total[15m])) >= 100`,
			Board:   PipelineUID, Shows: query.RejectTable(),
		},
		{
			UID: "statline-ledger", Title: "Ledger mismatch", Query: query.LedgerDifferences(), Over: 0.5,
			Lasting: "5m", Severity: "ticket",
			NoData: "Alerting", WhyNoData: oneRow,
			Summary: "the audit found {{ $values.A }} differences between ledger and tables",
			Means:   "The stored sums are not those that the ledger promises: rows are missing or twice.",
			ToDo: "Run statline audit for the tables and days concerned. Usual causes: rows deleted by hand, a " +
				"restored backup, a table dropped and made again. statline repair rebuilds the days from Kafka while " +
				"the records are there.",
			Metrics: `max(statline_audit_differences) > 0`,
			Board:   PipelineUID, Shows: query.LedgerByDay(),
		},
		{
			UID: "statline-audit", Title: "No audit", Query: query.AuditMissing(), Over: 0.5, Lasting: "30m",
			Severity: "ticket",
			NoData:   "Alerting", WhyNoData: oneRow,
			Summary: "no audit for a day",
			Means: "statline has run for a day and no audit has finished: whether every record is stored once is not " +
				"known.",
			ToDo: "Run statline audit by hand: it prints what it waits for. Instances audit every fifteen minutes; " +
				"their log says why they do not.",
			Metrics: `time() - max(statline_audit_timestamp_seconds) > 86400 or absent_over_time(statline_audit_timestamp_seconds[1d]) and on () ` +
				`count(statline_ready offset 23h) > 0`,
			Board: PipelineUID, Shows: query.AuditNow(),
		},
		{
			UID: "statline-condition", Title: "Instance is not ready", Lasting: "2m", Severity: "page",
			Metrics: `max by (instance, topic, condition) (statline_condition{condition!="store_away"}) > 1`,
			Summary: "{{ $labels.instance }}: {{ $labels.condition }}",
			Means:   "An instance cannot do its work; the label condition says why, as its /readyz does.",
			ToDo: "Read /readyz of the instance: it names the cause, the partitions and the command that mends it. Nothing " +
				"is lost while it waits, but for records that Kafka's retention deletes meanwhile.",
		},
	}
}
