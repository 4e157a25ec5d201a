package dashboards

import "statline/dashboards/query"

// availability answers: what times out, whose fault it is, and is it more than
// usual.
func availability(o Options) (Board, error) {
	b := newBoard(o, "availability", availabilityUID, "timeouts and availability", "What times out or is offline, whose side it came from, and whether it is more than usual.")
	b.services()
	b.routes()
	b.marks()
	sides := overrides{field("upstream", fixed(bad)), field("gateway", fixed("#8F3BB8"))}
	counts := append(sides[:2:2], field("untold", fixed(plain)))
	rates := append(sides[:2:2], field("client", fixed(note)), field("not told", fixed(plain)))
	b.row(9,
		cell{5, b.place(panel{title: "Available", about: "Share of responses in the time on screen that did not fail on the server's side.",
			sql: query.Availability(), unit: share, decimals: hundredth(), none: "no responses", steps: falling(0.99, 0.999)}, alarm())},
		cell{19, b.place(panel{title: "Timeouts against what is usual", about: "Timeouts per minute, what the baseline expects from the same time on other days and the last hours, and the upper end of what chance explains. Above the band is a spike.",
			sql: query.Baseline(), unit: count, none: "no baseline in this time: it is written while the daemon runs",
			overrides: overrides{field("observed", fixed(bad), nameAs("timeouts")), field("usual", fixed(note), fill(0)), field("band", fixed("#8AB8FF"), nameAs("upper end of chance"), fill(0), dashed())}}, lines())},
	)
	b.row(4,
		cell{8, b.place(panel{title: "Timeouts", about: "Responses that timed out in the time on screen.", sql: query.TimeoutCount(), unit: count, none: "0", steps: rising(1, 1000)}, number())},
		cell{16, b.place(panel{title: "Whose side", about: "Failures on the server's side: from behind the gateway, from the gateway itself, or not told by the log.",
			sql: query.BlameShares(), unit: count, none: "nothing failed on the server's side", overrides: counts}, number())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Failures by whose side they came from", about: "Timeouts, offline answers and errors per second. Gateway: it gave up or had nobody to ask. Upstream: the service behind it answered so.",
			sql: query.BlameRates(), unit: perSecond, none: "nothing failed on the server's side", overrides: rates}, stacked())},
		cell{12, b.place(panel{title: "Where the time goes", about: "Mean latency as the caller sees it and mean time of the upstream: the gap is the gateway's and the network's.",
			sql: query.MeanTimes(), unit: micros, none: "no latency in this time", overrides: overrides{field("total", fixed(note)), field("upstream", fixed(fair))}}, lines())},
	)
	b.row(10, cell{24, b.place(panel{title: "Health of services", about: "Share of failures on the server's side, one lane a service, those with most failures first: green below 0.1 %, amber below 1 %, red from there.",
		sql: query.ServiceHealth(), unit: share, none: "no responses in this time", steps: rising(0.001, 0.01), maxPoints: 300}, lanes())})
	b.row(9,
		cell{12, b.place(panel{title: "Offline against what is usual", about: "Answers that a service is offline, per minute, against the baseline.",
			sql: query.OfflineBaseline(), unit: count, none: "no baseline in this time: it is written while the daemon runs",
			overrides: overrides{field("observed", fixed(bad), nameAs("offline")), field("usual", fixed(note), fill(0)), field("band", fixed("#8AB8FF"), nameAs("upper end of chance"), fill(0), dashed())}}, lines())},
		cell{12, b.place(panel{title: "Failures on the server's side by service", about: "Share of each service's responses, the ten services with most failures.",
			sql: query.FailureShareByService(), unit: share, none: "no failures in this time"}, lines())},
	)
	b.row(10, cell{24, b.place(panel{title: "Routes that fail", about: "Routes with failures on the server's side, most first, with whose side they came from and the mean times.",
		sql: query.RouteTable(), unit: count, none: "No route failed on the server's side.",
		overrides: overrides{field("Service", serviceLink()), field("Route", routeLink(), width(260)), field("Share", append(limits(rising(0.001, 0.01)), unit(share))...),
			field("Mean latency", unit(micros)), field("Mean upstream", unit(micros)), field("First", unit("dateTimeAsIso")), field("Last", unit("dateTimeAsIso"))}}, rows())})
	b.row(9, cell{24, b.place(panel{title: "Examples", about: "Single responses that failed on the server's side, scrubbed of secrets; the request id leads to the service's own log. Kept for seven days.",
		sql: query.Samples(), unit: "none", none: "no examples in this time",
		overrides: overrides{field("Time", unit("dateTimeAsIso"), width(160)), field("Outcome", outcomeWords()...), field("Latency", unit(micros))}}, rows())})
	return b.build()
}
