package dashboards

import "statline/dashboards/query"

// code answers: what does one of the API's codes mean, where does it come from, and
// what did such a response look like.
func code() Board {
	return Board{
		Name: "code", UID: codeUID, Title: "one code",
		About:     "What one of the API's codes means, where it comes from, and single responses with it.",
		Variables: []Variable{serviceVariable(), codeVariable()},
		Rows: []Row{
			{Height: 5, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "What the catalogue says",
					About: "The chosen code: its meaning, and how often it came. Drift counts responses whose HTTP status " +
						"is not the catalogue's.",
					Query: query.OneCode(catalogue()), Unit: Count,
					Empty: "Neither the catalogue nor a response has this code.",
					Columns: []Column{
						{Name: "Code", Width: 60, Decimals: digits(0)},
						{Name: "HTTP", Width: 60, Decimals: digits(0)},
						{Name: "Outcome", Width: 140, Words: outcomeWords()},
						{Name: "Share", Unit: Share, Width: 80},
						{Name: "Drift", Width: 70, Limits: rising(1, 100)},
						{Name: "Most in", Width: 120, Link: serviceLink()},
						{Name: "Last seen", Unit: Moment, Width: 160},
					},
				}},
			}},
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "By service",
					About: "Responses with the code per second, by service.",
					Query: query.CodeByService(), Unit: PerSecond, Empty: "no such response in this time",
				}},
				{12, Panel{
					Kind: Stacked, Title: "By HTTP status",
					About: "The same by HTTP status: a code that comes with several breaks its contract somewhere.",
					Query: query.CodeByStatus(), Unit: PerSecond, Empty: "no such response in this time",
				}},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Where it comes from",
					About: "Responses with the code by service, route and method. Decided by says what the " +
						"classification went by.",
					Query: query.CodePlaces(), Unit: Count, Empty: "no such response in this time",
					Columns: append([]Column{
						{Name: "Service", Link: serviceLink()},
						{Name: "Route", Width: 260, Link: routeLink()},
						{Name: "Code", Width: 70, Decimals: digits(0)},
						{Name: "HTTP", Width: 70, Decimals: digits(0)},
						{Name: "Outcome", Words: outcomeWords()},
						{Name: "Drift", Limits: rising(1, 100)},
					}, times()...),
				}},
			}},
			{Height: 9, Cells: []Cell{{24, singles("Single responses with the code, scrubbed of secrets.", query.CodeSamples())}}},
		}}
}

// client answers: what does one client address do.
func client() Board {
	return Board{
		Name: "client", UID: clientUID, Title: "one client",
		About:     "What one client address asked for, with which keys, and what it was answered. Over all services.",
		Variables: []Variable{clientVariable()},
		Rows: []Row{
			{Height: 4, Cells: []Cell{
				{24, Panel{
					Kind: Number, Title: "In this time",
					About: "Requests; refused keys and failed logins; different keys among those, up to 16 a minute; and good answers.",
					Query: query.ClientNumbers(), Unit: Count, Empty: "0",
					Columns: []Column{{Name: "keys tried", Limits: rising(5, 10)}},
				}},
			}},
			{Height: 9, Cells: []Cell{
				{14, Panel{
					Kind: Stacked, Title: "Requests by outcome",
					About: "Requests of the client per minute, by outcome.",
					Query: query.ClientOutcomes(), Unit: Count, Empty: "no request of this client in this time",
					Columns: byOutcome(),
				}},
				{10, Panel{
					Kind: Table, Title: "What it was answered",
					About: "Responses to the client by outcome and code.",
					Query: query.ClientCodes(), Unit: Count, Empty: "no request of this client in this time",
					Columns: append([]Column{{Name: "Outcome", Words: outcomeWords()},
						{Name: "Code", Width: 60, Decimals: digits(0)}}, times()...),
				}},
			}},
			{Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Keys it used",
					About: "Keys by id and what they are called; minutes in which the client used each. The store remembers " +
						"up to 16 keys of a client a minute.",
					Query: query.ClientKeys(), Unit: Count, Empty: "this client used no key",
					Columns: append([]Column{{Name: "Key", Width: 210, Link: keyLink()}, {Name: "id", Hidden: true}},
						times()...),
				}},
			}},
			{Height: 9, Cells: []Cell{{24, singles("Single responses to the client, scrubbed of secrets.", query.ClientSamples())}}},
		}}
}

// singles is a table of single responses.
func singles(about string, text query.Text) Panel {
	return Panel{
		Kind: Table, Title: "Examples", About: about +
			" The request id leads to the service's own log. Kept for seven days.",
		Query: text, Unit: None, Empty: "no examples in this time",
		Columns: []Column{{Name: "Time", Unit: Moment, Width: 160}, {Name: "Outcome", Words: outcomeWords()}},
	}
}
