package dashboards

import "statline/dashboards/query"

// pipeline answers: is statline itself up to date, and is every record stored
// once.
func pipeline(o Options) (Board, error) {
	b := newBoard(o, "pipeline", pipelineUID, "pipeline", "Is statline itself up to date, and is every record stored exactly once.")
	b.row(4,
		cell{5, b.place(panel{title: "Stalled partitions", about: "Partitions that have something to read and did not move in the last five minutes.",
			sql: query.StalledNow(), unit: count, none: "nothing reports: is the daemon running?", steps: rising(1, 1)}, alarm())},
		cell{5, b.place(panel{title: "Age of the newest data", about: "Seconds between the end of the newest stored minute and now.",
			sql: query.Freshness(), unit: span, none: "nothing stored for a day", steps: rising(120, 600)}, alarm())},
		cell{5, b.place(panel{title: "Behind Kafka", about: "Records not read yet, and the age of the last record read.",
			sql: query.LagNow(), unit: count, none: "nothing reports", overrides: overrides{field("lag", nameAs("records")), field("seconds", unit(span), limits(rising(60, 300))[0], nameAs("time"))}}, number())},
		cell{4, b.place(panel{title: "Rejected", about: "Share of records in the time on screen that could not be decoded.",
			sql: query.RejectShare(), unit: share, none: "no records", steps: rising(0.001, 0.05)}, number())},
		cell{5, b.place(panel{title: "Audit", about: "Differences between the ledger and the stored sums in the last audit: 0 means that every response is stored exactly once.",
			sql: query.AuditNow(), unit: count, none: "no audit in the last day", steps: rising(1, 1)}, alarm())},
	)
	b.row(9,
		cell{8, b.place(panel{title: "Behind, in records", about: "Records not read yet, by partition.", sql: query.Lag(), unit: count, none: "nothing reports in this time"}, lines())},
		cell{8, b.place(panel{title: "Behind, in time", about: "Age of the last record read, by partition.", sql: query.LagSeconds(), unit: seconds, none: "nothing reports in this time"}, lines())},
		cell{8, b.place(panel{title: "Freshness", about: "Age of the newest stored event and of the last record read.", sql: query.FreshnessOverTime(), unit: seconds, none: "nothing reports in this time",
			overrides: overrides{field("freshness", fixed(note)), field("lag", fixed(fair))}}, lines())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Throughput", about: "Records, rejected lines and blocks per second.", sql: query.Throughput(), unit: recordsPS, none: "nothing reports in this time",
			overrides: overrides{field("records", fixed(good)), field("rejected", fixed(bad)), field("blocks", fixed(note))}}, lines())},
		cell{12, b.place(panel{title: "Rejects by reason", about: "Lines per minute that could not be decoded, by the time of their record. Kept for seven days.", sql: query.RejectRates(), unit: count, none: "nothing was rejected in this time"}, stacked())},
	)
	b.row(8,
		cell{14, b.place(panel{title: "What was rejected", about: "Reasons with an example, scrubbed of secrets.", sql: query.RejectTable(), unit: count, none: "Nothing was rejected in this time.",
			overrides: overrides{field("Last", unit("dateTimeAsIso"), width(160)), field("Lines", width(80)), field("Example", width(400))}}, rows())},
		cell{10, b.place(panel{title: "Instances", about: "Who does the work.", sql: query.Instances(), unit: count, none: "nothing reports in this time", overrides: overrides{field("Last seen", unit("dateTimeAsIso"), width(160))}}, rows())},
	)
	b.row(9,
		cell{14, b.place(panel{title: "Ledger: offsets", about: "Stored blocks by partition, over the whole ledger. Missing and twice are 0 when the blocks are contiguous and do not overlap.",
			sql: query.LedgerCheck(), unit: "none", none: "nothing is stored yet",
			overrides: overrides{field("Records missing", limits(rising(1, 1))...), field("Records twice", limits(rising(1, 1))...)}}, rows())},
		cell{10, b.place(panel{title: "Ledger: responses by day", about: "Responses that the ledger promises and the hour table holds, by event day. Days older than the table's retention are less by design.",
			sql: query.LedgerByDay(), unit: count, none: "nothing is stored in this time",
			overrides: overrides{field("Day", unit("dateTimeAsIso")), field("Difference", limits(apart())...)}}, rows())},
	)
	b.row(9, cell{24, b.place(panel{title: "Tables", about: "Rows, bytes and parts of each table. More than 300 parts in a partition means that inserts are too small or merges too slow.",
		sql: query.Tables(), unit: count, none: "the data source's user may not read system.parts", overrides: overrides{field("Bytes", unit(bytesUnit)), field("Most parts in a partition", limits(rising(100, 300))...)}}, rows())})
	return b.build()
}
