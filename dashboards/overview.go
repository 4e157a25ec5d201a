package dashboards

import "statline/dashboards/query"

// overview answers: is anything wrong, where, and since when.
func overview() Board {
	return Board{
		Name: "overview", UID: overviewUID, Title: "overview",
		About:     "Is anything wrong, where, and since when. Every figure is by event time, UTC.",
		Variables: []Variable{serviceVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Now", Height: 7, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "What is wrong now",
					About: "Incidents that are open, whatever the time on screen: the most urgent first, causes before " +
						"consequences. Click a row's entity for its detail.",
					Query: query.OpenIncidents(placesOfKinds(), incidentsUID), Unit: None,
					Empty:   "Nothing is wrong: no incident is open.",
					Columns: incidentColumns(),
				}},
			}},
			figures(),
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "Responses by outcome",
					About: "Responses per second by why they were what they were. The colours of outcomes are the same " +
						"on every panel.",
					Query: query.OutcomeRates(), Unit: PerSecond, Empty: "no responses in this time",
					Columns: byOutcome(),
				}},
				{12, Panel{
					Kind: Lines, Title: "Failures on the server's side by service",
					About: "Share of each service's responses, the ten services with most failures.",
					Query: query.FailureShareByService(), Unit: Share, Empty: "no failures in this time",
				}},
			}},
			{Tab: "Latency", Height: 9, Cells: []Cell{
				{12, percentiles("Latency", "Median, 95th and 99th percentile over all chosen services, exact to 1 %.",
					query.LatencyQuantiles())},
				{12, Panel{
					Kind: Heat, Title: "Latency, spread",
					About: "Responses by latency: a second band is a second kind of response, often a time limit " +
						"somewhere.",
					Query: query.LatencyHeatmap(), Unit: Count, Empty: "no latency in this time", MaxPoints: 160,
					BucketUnit: Micros,
				}},
			}},
			{Tab: "Services", Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Services",
					About: "Each service in the time on screen, most failures on the server's side first. Click a " +
						"service for its availability.",
					Query: query.ServiceTable(), Unit: Count, Empty: "no responses in this time",
					Columns: []Column{
						{Name: "Service", Width: 220, Link: serviceLink()},
						{Name: "Server side", Unit: Share, Limits: rising(0.001, 0.01)},
						{Name: "Caller side", Unit: Share, Limits: rising(0.1, 0.5)},
						{Name: "p95", Unit: Micros},
					},
				}},
			}},
		}}
}

// figures are the overview in numbers.
func figures() Row {
	return Row{Height: 4, Cells: []Cell{
		{4, Panel{
			Kind: Alarm, Title: "Failed on the server's side",
			About: "Share of all responses in the time on screen that were a timeout, offline, an internal " +
				"error or another server error.",
			Query: query.ServerFailureShare(), Unit: Share, Empty: "no responses",
			Limits: rising(0.001, 0.01),
		}},
		{4, Panel{
			Kind: Alarm, Title: "Latency, 95th percentile",
			About: "95 % of the responses in the time on screen took at most this long. Exact to 1 %.",
			Query: query.LatencyP95(), Unit: Micros, Empty: "no latency", Limits: rising(1e6, 3e6),
		}},
		{4, Panel{
			Kind: Number, Title: "Open incidents",
			About: "Open incidents by urgency: page wakes somebody, ticket waits for the morning, info is for " +
				"the record.",
			Query: query.OpenCount(), Unit: Count, Empty: "0",
			Columns: []Column{{Name: "page", Limits: rising(1, 1)}, {Name: "ticket", Limits: rising(1, 1e9)}},
		}},
		{4, Panel{
			Kind: Spark, Title: "Requests",
			About: "Responses per second of event time.",
			Query: query.RequestRate(), Unit: PerSecond, Empty: "no responses",
		}},
		{4, Panel{
			Kind: Number, Title: "Failed on the caller's side",
			About: "Share of responses refused for something the caller did: limits, keys, logins, parameters. " +
				"High is not an outage.",
			Query: query.CallerFailureShare(), Unit: Share, Empty: "no responses", Limits: rising(0.1, 0.5),
		}},
		{4, Panel{
			Kind: Number, Title: "Age of the newest data",
			About: "Time between the end of the newest stored minute of the chosen services and now. Over two " +
				"minutes: see the dashboard Pipeline.",
			Query: query.FreshnessOfServices(), Unit: Seconds, Empty: "nothing stored for a day",
			Limits: rising(120, 600),
		}},
	}}
}

// incidentColumns is how a table of open incidents looks.
func incidentColumns() []Column {
	return []Column{
		{Name: "Severity", Width: 70, Words: severityWords()},
		{Name: "Since", Unit: Moment},
		{Name: "Kind", Width: 130},
		{Name: "What happens", Wrapped: true, Link: incidentLink()},
		{Name: "Entity", Width: 130, Link: placeLink()},
		{Name: "Service", Width: 105, Link: serviceLink()},
		{Name: "Affected", Unit: Count, Width: 90},
		{Name: "id", Hidden: true},
		{Name: "place", Hidden: true},
	}
}
