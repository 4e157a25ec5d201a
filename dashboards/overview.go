package dashboards

import "statline/dashboards/query"

// overview answers: is anything wrong, where, and since when.
func overview(o Options) (Board, error) {
	b := newBoard(o, "overview", overviewUID, "overview", "Is anything wrong, where, and since when. Every figure is by event time, UTC.")
	b.services()
	b.outcomes()
	b.marks()
	b.row(7,
		cell{24, b.place(panel{title: "What is wrong now", about: "Incidents that are open, whatever the time on screen: the most urgent first, causes before consequences. Click a row's entity for its detail.",
			sql: query.OpenIncidents(), unit: "none", none: "Nothing is wrong: no incident is open.", overrides: incidentColumns()}, rows())},
	)
	b.row(4,
		cell{4, b.place(panel{title: "Failed on the server's side", about: "Share of all responses in the time on screen that were a timeout, offline, an internal error or another server error.",
			sql: query.ServerFailureShare(), unit: share, none: "no responses", steps: rising(0.001, 0.01)}, alarm())},
		cell{4, b.place(panel{title: "Latency, 95th percentile", about: "95 % of the responses in the time on screen took at most this long. Exact to 1 %.",
			sql: query.LatencyP95(), unit: micros, none: "no latency", steps: rising(1e6, 3e6)}, alarm())},
		cell{4, b.place(panel{title: "Open incidents", about: "Open incidents by urgency: page wakes somebody, ticket waits for the morning, info is for the record.",
			sql: query.OpenCount(), unit: count, none: "0", overrides: overrides{field("page", limits(rising(1, 1))[0]), field("ticket", limits(rising(1, 1e9))[0])}}, number())},
		cell{4, b.place(panel{title: "Requests", about: "Responses per second of event time.", sql: query.RequestRate(), unit: perSecond, none: "no responses"}, spark())},
		cell{4, b.place(panel{title: "Failed on the caller's side", about: "Share of responses refused for something the caller did: limits, keys, logins, parameters. High is not an outage.",
			sql: query.CallerFailureShare(), unit: share, none: "no responses", steps: rising(0.1, 0.5)}, number())},
		cell{4, b.place(panel{title: "Age of the newest data", about: "Seconds between the end of the newest stored minute and now. Over two minutes: see the dashboard Pipeline.",
			sql: query.Freshness(), unit: span, none: "nothing stored for a day", steps: rising(120, 600)}, number())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Responses by outcome", about: "Responses per second by why they were what they were. The colours of outcomes are the same on every panel.",
			sql: query.OutcomeRates(), unit: perSecond, none: "no responses in this time", overrides: byOutcome()}, stacked())},
		cell{12, b.place(panel{title: "Failures on the server's side by service", about: "Share of each service's responses, the ten services with most failures.",
			sql: query.FailureShareByService(), unit: share, none: "no failures in this time"}, lines())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Latency", about: "Median, 95th and 99th percentile over all chosen services, exact to 1 %.",
			sql: query.LatencyQuantiles(), unit: micros, none: "no latency in this time",
			overrides: overrides{field("p50", fixed(good)), field("p95", fixed(fair)), field("p99", fixed(bad))}}, lines())},
		cell{12, b.place(panel{title: "Latency, spread", about: "Responses by latency: a second band is a second kind of response, often a time limit somewhere.",
			sql: query.LatencyHeatmap(), unit: count, none: "no latency in this time", maxPoints: 160}, heat(micros))},
	)
	b.row(10, cell{24, b.place(panel{title: "Services", about: "Each service in the time on screen, most failures on the server's side first. Click a service for its availability.",
		sql: query.ServiceTable(), unit: count, none: "no responses in this time",
		overrides: overrides{
			field("Service", serviceLink(), width(220)),
			field("Server side", append(limits(rising(0.001, 0.01)), unit(share))...),
			field("Caller side", append(limits(rising(0.1, 0.5)), unit(share))...),
			field("p95", unit(micros)),
		}}, rows())})
	return b.build()
}

// incidentColumns is how a table of open incidents looks.
func incidentColumns() overrides {
	return overrides{
		field("Severity", append(severityWords(), width(70))...),
		field("Since", unit("dateTimeAsIso"), width(150)),
		field("Kind", width(130)),
		field("Entity", width(150), linkTo("This incident's service", incidentsUID, "service", "${__data.fields.Service:percentencode}")),
		field("Service", width(120), serviceLink()),
		field("Affected", unit(count), width(90)),
		hidden("id"),
	}
}
