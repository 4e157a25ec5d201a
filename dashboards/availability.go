package dashboards

import "statline/dashboards/query"

// availability answers: what times out, whose fault it is, and is it more than
// usual.
// Long because it is data: one panel after the other.
func availability() Board {
	sides := []Column{{Name: "upstream", Color: Bad}, {Name: "gateway", Color: Fair}}
	counts := append(sides[:2:2], Column{Name: "untold", Color: Plain})
	rates := append(sides[:2:2], Column{Name: "client", Color: Note}, Column{Name: "not told", Color: Plain})
	return Board{
		Name: "availability", UID: availabilityUID, Title: "timeouts and availability",
		About:     "What times out or is offline, whose side it came from, and whether it is more than usual.",
		Variables: []Variable{serviceVariable()},
		Marks:     true,
		Rows: []Row{
			beginning("Timeouts", timeoutsNow()),
			{Height: 4, Cells: []Cell{
				{8, Panel{
					Kind: Number, Title: "Timeouts",
					About: "Responses that timed out in the time on screen.",
					Query: query.TimeoutCount(), Unit: Count, Empty: "0", Limits: rising(1, 1000),
				}},
				{16, Panel{
					Kind: Number, Title: "Whose side",
					About: "Failures on the server's side: from behind the gateway, from the gateway itself, or not " +
						"told by the log.",
					Query: query.BlameShares(), Unit: Count, Empty: "nothing failed on the server's side",
					Columns: counts,
				}},
			}},
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "Failures by whose side they came from",
					About: "Timeouts, offline answers and errors per second. Gateway: it gave up or had nobody to ask. " +
						"Upstream: the service behind it answered so.",
					Query: query.BlameRates(), Unit: PerSecond, Empty: "nothing failed on the server's side",
					Columns: rates,
				}},
				{12, Panel{
					Kind: Lines, Title: "Where the time goes",
					About: "A response's mean latency as the caller sees it, and how much of it the upstream took: the " +
						"gap is the gateway's and the network's. Both are means over every response.",
					Query: query.MeanTimes(), Unit: Micros, Empty: "no latency in this time",
					Columns: []Column{{Name: "total", Color: Note}, {Name: "upstream", Color: Fair}},
				}},
			}},
			{Height: 9, Cells: []Cell{
				{12, percentiles("Latency, percentiles",
					"As the caller sees it: median, 95th and 99th percentile, exact to 1 %.",
					query.LatencyQuantiles())},
				{12, percentiles("The upstream's time, percentiles",
					"What the service behind the gateway took, where the log tells it: median, 95th and "+
						"99th percentile, exact to 1 %. Known from schema 12 on.", query.UpstreamQuantiles())},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Lanes, Title: "Health of services",
					About: "Share of failures on the server's side, one lane a service, those with most failures first: " +
						"green below 0.1 %, amber below 1 %, red from there. Red needs three failures in a point.",
					Query: query.ServiceHealth(), Unit: Share, Empty: "no responses in this time",
					Limits: rising(0.001, 0.01), MaxPoints: 300,
				}},
			}},
			beginning("Offline", offlineNow()),
			{Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Who tries again",
					About: "Keys whose requests declared that they were not the first try (X-Envoy-Attempt-Count, Amz-Sdk-Request and " +
						"the like), or that the gateway tried again, most first. The user agent is one of the key's failures. Known from schema 13 on.",
					Query: query.RetryingKeys(), Unit: Count,
					Empty: "No request in this time declared to be another try.",
					Columns: []Column{
						{Name: "Key", Width: 210, Link: keyLink()},
						{Name: "Share", Unit: Share, Limits: rising(0.1, 0.5)},
						{Name: "id", Hidden: true},
					},
				}},
			}},
			beginning("Routes and examples", failingRoutes()),
			{Chosen: "service", Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Examples",
					About: "Single responses that failed on the server's side, scrubbed of secrets; the request id " +
						"leads to the service's own log. Kept for seven days.",
					Query: query.Samples(), Unit: None, Empty: "no examples in this time",
					Columns: append(exampleColumns(), Column{Name: "Latency", Unit: Micros},
						Column{Name: "Upstream status", Decimals: digits(0), Width: 120},
						Column{Name: "Service", Width: 110}),
				}},
			}},
		}}
}

// percentiles are the median, the 95th and the 99th percentile of a time.
func percentiles(title, about string, text query.Text) Panel {
	return Panel{
		Kind: Lines, Title: title, About: about, Query: text, Unit: Micros, Empty: "no latency in this time",
		Columns: []Column{{Name: "p50", Color: Good}, {Name: "p95", Color: Fair}, {Name: "p99", Color: Bad}},
	}
}

// timeoutsNow shows whether timeouts are unusual.
func timeoutsNow() Row {
	return Row{Height: 9, Cells: []Cell{
		{5, Panel{
			Kind: Alarm, Title: "Available",
			About: "Share of responses in the time on screen that did not fail on the server's side.",
			Query: query.Availability(), Unit: Share, Decimals: digits(2), Empty: "no responses",
			Limits: falling(0.99, 0.999),
		}},
		{19, Panel{
			Kind: Lines, Title: "Timeouts against what is usual",
			About: "Timeouts per minute, what the baseline expects from the same time on other days and the " +
				"last hours, and the upper end of what chance explains. Above the band is a spike.",
			Query: query.Baseline(), Unit: Count,
			Empty: "no baseline in this time: it is written while the daemon runs",
			Columns: []Column{
				{Name: "observed", As: "timeouts", Color: Bad},
				{Name: "usual", Color: Note, Unfilled: true},
				{Name: "band", As: "upper end of chance", Color: Plain, Unfilled: true, Dashed: true},
			},
		}},
	}}
}

// offlineNow shows the same for outages.
func offlineNow() Row {
	return Row{Height: 9, Cells: []Cell{
		{12, Panel{
			Kind: Lines, Title: "Offline against what is usual",
			About: "Answers that a service is offline, per minute, against the baseline.",
			Query: query.OfflineBaseline(), Unit: Count,
			Empty: "no baseline in this time: it is written while the daemon runs",
			Columns: []Column{
				{Name: "observed", As: "offline", Color: Bad},
				{Name: "usual", Color: Note, Unfilled: true},
				{Name: "band", As: "upper end of chance", Color: Plain, Unfilled: true, Dashed: true},
			},
		}},
		{12, Panel{
			Kind: Lines, Title: "Failures on the server's side by service",
			About: "Share of each service's responses, the ten services with most failures.",
			Query: query.FailureShareByService(), Unit: Share, Empty: "no failures in this time",
		}},
	}}
}

// failingRoutes shows where failures are.
func failingRoutes() Row {
	return Row{Height: 10, Cells: []Cell{
		{24, Panel{
			Kind: Table, Title: "Routes that fail",
			About: "Routes with failures on the server's side, most first, with whose side they came from and " +
				"the mean times; 95th percentiles for spans up to two days.",
			Query: query.RouteTable(), Unit: Count, Empty: "No route failed on the server's side.",
			Columns: []Column{
				{Name: "Service", Width: 105, Link: serviceLink()},
				{Name: "Route", Link: routeLink()},
				{Name: "Timeouts", Width: 75},
				{Name: "Offline", Width: 65},
				{Name: "Errors", Width: 65},
				{Name: "Upstream", Width: 80},
				{Name: "Gateway", Width: 75},
				{Name: "Share", Width: 70, Unit: Share, Limits: rising(0.001, 0.01)},
				{Name: "Mean latency", Unit: Micros, Width: 105},
				{Name: "Mean upstream", Unit: Micros, Width: 110},
				{Name: "p95", Unit: Micros, Width: 75},
				{Name: "Upstream p95", Unit: Micros, Width: 105},
				{Name: "First", Unit: Moment},
				{Name: "Last", Unit: Moment},
			},
		}},
	}}
}
