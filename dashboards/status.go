package dashboards

import (
	"statline/classify"
	"statline/dashboards/query"
)

// catalogue is the built-in catalogue as the queries take it.
func catalogue() []query.Code {
	var list []query.Code
	for _, e := range classify.Builtin().Entries() { // all have a code
		list = append(list, query.Code{Code: e.Code, HTTPStatus: e.HTTPStatus, Message: e.Message,
			Outcome: e.Outcome.String()})
	}
	return list
}

// status answers: which of the API's codes come, from where, and do they keep
// the contract.
func status() Board {
	return Board{
		Name: "status", UID: statusUID, Title: "status codes",
		About: "Which of the API's own codes are sent, by which service and route, and whether they keep " +
			"the catalogue's contract.",
		Variables: []Variable{serviceVariable(), routeVariable(), outcomeVariable()},
		Marks:     true,
		Rows: []Row{
			beginning("Codes", everyCode()),
			codeFigures(),
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "HTTP status",
					About: "Responses per second by class of HTTP status; none when the log carries no status.",
					Query: query.StatusRates(), Unit: PerSecond, Empty: "no responses in this time",
					Columns: []Column{
						{Name: "2xx", Color: Good},
						{Name: "3xx", Color: "#659893"},
						{Name: "4xx", Color: Fair},
						{Name: "5xx", Color: Bad},
						{Name: "none", Color: Plain},
					},
				}},
				{12, failingCodes()},
			}},
			{Tab: "Contract", Height: 8, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Codes that break the contract",
					About: "Pairs of code and HTTP status that the catalogue does not have, with what it has.",
					Query: query.DriftTable(catalogue()), Unit: Count,
					Empty: "Every code came with the catalogue's HTTP status.",
					Columns: []Column{
						{Name: "Service", Link: serviceLink()},
						{Name: "Route", Width: 260, Link: routeLink()},
						{Name: "Code", Width: 60, Decimals: digits(0)},
						{Name: "Came with", Width: 90, Decimals: digits(0)},
						{Name: "Catalogue", Width: 90, Decimals: digits(0)},
						{Name: "First", Unit: Moment},
						{Name: "Last", Unit: Moment},
					},
				}},
			}},
			{Tab: "Routes", Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Where failing codes come from",
					About: "Failures by service, route and method. Decided by says what the classification went by: the " +
						"code, its message, the gateway or only the HTTP status.",
					Query: query.CodesByRoute(), Unit: Count, Empty: "no failures in this time",
					Columns: []Column{
						{Name: "Service", Link: serviceLink()},
						{Name: "Route", Width: 260, Link: routeLink()},
						{Name: "Method", Width: 80},
						{Name: "Code", Width: 70, Decimals: digits(0)},
						{Name: "HTTP", Width: 70, Decimals: digits(0)},
						{Name: "Outcome", Words: outcomeWords()},
						{Name: "First", Unit: Moment},
						{Name: "Last", Unit: Moment},
					},
				}},
			}},
		}}
}

// everyCode is the catalogue, seen or not.
func everyCode() Row {
	return Row{Height: 12, Cells: []Cell{
		{24, Panel{
			Kind: Table, Title: "Every code of the catalogue",
			About: "All codes, the unseen ones too, most frequent first. Drift counts responses whose HTTP " +
				"status is not the catalogue's.",
			Query: query.CodeTable(catalogue()), Unit: Count, Empty: "no catalogue",
			Columns: []Column{
				{Name: "Code", Width: 60, Decimals: digits(0)},
				{Name: "HTTP", Width: 60, Decimals: digits(0)},
				{Name: "Outcome", Width: 140, Words: outcomeWords()},
				{Name: "Responses", Width: 100},
				{Name: "Share", Unit: Share, Width: 80},
				{Name: "Drift", Width: 70, Limits: rising(1, 100)},
				{Name: "Services", Width: 80},
				{Name: "Most in", Width: 120, Link: serviceLink()},
				{Name: "Last seen", Unit: Moment, Width: 160},
			},
		}},
	}}
}

// codeFigures are the contract in numbers.
func codeFigures() Row {
	return Row{Height: 4, Cells: []Cell{
		{6, Panel{
			Kind: Number, Title: "Codes seen",
			About: "Different codes in the time on screen, and codes that the catalogue does not have.",
			Query: query.CodesSeen(catalogue()), Unit: Count, Empty: "0",
			Columns: []Column{{Name: "unknown", Limits: rising(1, 5)}},
		}},
		{6, Panel{
			Kind: Number, Title: "Failures that HTTP hides",
			About: "Responses with an HTTP status below 400 whose code says failure, such as code 21 under 200. " +
				"Monitoring by HTTP status alone does not see them.",
			Query: query.HiddenFailures(), Unit: Count, Empty: "0", Limits: rising(1, 1000),
		}},
		{6, Panel{
			Kind: Number, Title: "Contract drift",
			About: "Responses whose HTTP status contradicts the catalogue's for their code.",
			Query: query.DriftCount(), Unit: Count, Empty: "0", Limits: rising(1, 100),
		}},
		{6, Panel{
			Kind: Number, Title: "Failed on the server's side",
			About: "Share of the chosen responses.",
			Query: query.ChosenServerFailureShare(), Unit: Share, Empty: "no responses",
			Limits: rising(0.001, 0.01),
		}},
	}}
}

// failingCodes are the codes of failures over time.
func failingCodes() Panel {
	return Panel{
		Kind: Stacked, Title: "Failing codes",
		About: "Failing responses per second by the API's code, the fifteen most frequent.",
		Query: query.CodeRates(), Unit: PerSecond, Empty: "no failing code in this time",
	}
}
