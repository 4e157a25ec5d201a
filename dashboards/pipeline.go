package dashboards

import "statline/dashboards/query"

// pipeline answers: is statline itself up to date, and is every record stored
// once.
func pipeline() Board {
	return Board{
		Name: "pipeline", UID: PipelineUID, Title: "pipeline",
		About: "Is statline itself up to date, and is every record stored exactly once.",
		Rows: []Row{
			beginning("Now", pipelineNow()),
			pipelineBehind(),
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Lines, Title: "Throughput",
					About: "Records, rejected lines and blocks per second.",
					Query: query.Throughput(), Unit: Records, Empty: "nothing reports in this time",
					Columns: []Column{
						{Name: "records", Color: Good},
						{Name: "rejected", Color: Bad},
						{Name: "blocks", Color: Note},
					},
				}},
				{12, Panel{
					Kind: Stacked, Title: "Rejects by reason",
					About: "Lines per minute that could not be decoded, by the time of their record. Kept for seven " +
						"days.",
					Query: query.RejectRates(), Unit: Count, Empty: "nothing was rejected in this time",
				}},
			}},
			{Tab: "Rejects and instances", Height: 8, Cells: []Cell{
				{14, Panel{
					Kind: Table, Title: "What was rejected",
					About: "Reasons with an example, scrubbed of secrets.",
					Query: query.RejectTable(), Unit: Count, Empty: "Nothing was rejected in this time.",
					Columns: []Column{
						{Name: "Topic", Width: 100},
						{Name: "Reason", Width: 105},
						{Name: "Format", Width: 90},
						{Name: "Lines", Width: 60},
						{Name: "Detail", Wrapped: true},
						{Name: "Last", Unit: Moment},
						{Name: "Example", Width: 145},
					},
				}},
				{10, Panel{
					Kind: Table, Title: "Instances",
					About: "Who does the work.",
					Query: query.Instances(), Unit: Count, Empty: "nothing reports in this time",
					Columns: []Column{{Name: "Instance", Width: 120}, {Name: "Partitions", Width: 80},
						{Name: "Records", Width: 75}, {Name: "Rejected", Width: 75}, {Name: "Blocks", Width: 60}, {Name: "Last seen", Unit: Moment}},
				}},
			}},
			beginning("Proof", ledger()),
			{Height: 9, Cells: []Cell{
				{10, Panel{
					Kind: Table, Title: "Topics",
					About: "What was stored of each topic, and the age of the oldest record that was not.",
					Query: query.Topics(), Unit: Count, Empty: "nothing reports in this time",
					Columns: []Column{
						{Name: "Topic", Width: 110},
						{Name: "Partitions", Width: 75},
						{Name: "Records", Width: 70},
						{Name: "Rejected", Width: 70},
						{Name: "Most behind", Unit: Seconds, Width: 88, Limits: rising(60, 300)},
						{Name: "Last seen", Unit: Moment},
					},
				}},
				{14, Panel{
					Kind: Table, Title: "Tables",
					About: "Rows, bytes and parts of each table. More than 300 parts in a partition means that inserts " +
						"are too small or merges too slow.",
					Query: query.Tables(), Unit: Count, Empty: "the data source's user may not read system.parts",
					Columns: []Column{
						{Name: "Bytes", Unit: Bytes},
						{Name: "Most parts in a partition", Limits: rising(100, 300)},
					},
				}},
			}},
		}}
}

// pipelineNow is the state of statline now.
func pipelineNow() Row {
	return Row{Height: 4, Cells: []Cell{
		{5, Panel{
			Kind: Alarm, Title: "Stalled partitions",
			About: "Partitions that have something to read and did not move in the last five minutes.",
			Query: query.StalledNow(), Unit: Count, Empty: "nothing reports: is the daemon running?",
			Limits: rising(1, 1),
		}},
		{5, Panel{
			Kind: Alarm, Title: "Age of the newest data",
			About: "Seconds between the end of the newest stored minute and now.",
			Query: query.Freshness(), Unit: Seconds, Empty: "nothing stored for a day",
			Limits: rising(120, 600),
		}},
		{5, Panel{
			Kind: Number, Title: "Behind Kafka",
			About: "Records not stored yet, and the age of the oldest of them.",
			Query: query.LagNow(), Unit: Count, Empty: "nothing reports",
			Columns: []Column{
				{Name: "lag", As: "records"},
				{Name: "seconds", As: "time", Unit: Seconds, Limits: rising(60, 300)},
			},
		}},
		{4, Panel{
			Kind: Number, Title: "Rejected",
			About: "Share of records in the time on screen that could not be decoded.",
			Query: query.RejectShare(), Unit: Share, Empty: "no records", Limits: rising(0.001, 0.05),
		}},
		{5, Panel{
			Kind: Alarm, Title: "Audit",
			About: "Differences between the ledger and the stored sums in the last audit: 0 means that every " +
				"response is stored exactly once.",
			Query: query.AuditNow(), Unit: Count, Empty: "no audit in the last day", Limits: rising(1, 1),
		}},
	}}
}

// pipelineBehind is how far statline is behind what is written to Kafka.
func pipelineBehind() Row {
	return Row{Height: 9, Cells: []Cell{
		{8, Panel{
			Kind: Lines, Title: "Behind, in records",
			About: "Records not read yet, by partition.",
			Query: query.Lag(), Unit: Count, Empty: "nothing reports in this time",
		}},
		{8, Panel{
			Kind: Lines, Title: "Behind, in time",
			About: "Age of the oldest record that is not stored, by partition; 0 when all are.",
			Query: query.LagSeconds(), Unit: Seconds, Empty: "nothing reports in this time",
		}},
		{8, Panel{
			Kind: Lines, Title: "Freshness",
			About: "Age of the last block when it was stored, and of the oldest record that is not stored.",
			Query: query.FreshnessOverTime(), Unit: Seconds, Empty: "nothing reports in this time",
			Columns: []Column{{Name: "freshness", Color: Note}, {Name: "lag", Color: Fair}},
		}},
	}}
}

// ledger compares the ledger with itself and with the tables.
func ledger() Row {
	return Row{Height: 9, Cells: []Cell{
		{14, Panel{
			Kind: Table, Title: "Ledger: offsets",
			About: "Stored blocks by partition, over the whole ledger. Missing and twice are 0 when the blocks " +
				"are contiguous and do not overlap.",
			Query: query.LedgerCheck(), Unit: None, Empty: "nothing is stored yet",
			Columns: []Column{
				{Name: "Epoch", Width: 60},
				{Name: "Partition", Width: 75},
				{Name: "Records missing", Width: 125, Limits: rising(1, 1)},
				{Name: "Records twice", Width: 110, Limits: rising(1, 1)},
			},
		}},
		{10, Panel{
			Kind: Table, Title: "Ledger: responses by day",
			About: "Responses that the ledger promises and the hour table holds, by event day. Days older than " +
				"the table's retention are less by design.",
			Query: query.LedgerByDay(), Unit: Count, Empty: "nothing is stored in this time",
			Columns: []Column{{Name: "Day", Unit: Moment}, {Name: "Difference", Limits: apart()}},
		}},
	}}
}
