package dashboards

import (
	"statline/classify"
	"statline/dashboards/query"
)

// catalogue is the built-in catalogue as the queries take it.
func catalogue() []query.Code {
	var list []query.Code
	for _, e := range classify.Builtin().Entries() {
		list = append(list, query.Code{Code: e.Code, HTTPStatus: e.HTTPStatus, Message: e.Message, Outcome: e.Outcome.String()})
	}
	return list
}

// status answers: which of the API's codes come, from where, and do they keep
// the contract.
func status(o Options) (Board, error) {
	b := newBoard(o, "status", statusUID, "status codes", "Which of the API's own codes are sent, by which service and route, and whether they keep the catalogue's contract.")
	b.services()
	b.routes()
	b.outcomes()
	b.marks()
	b.row(12,
		cell{16, b.place(panel{title: "Every code of the catalogue", about: "All codes, the unseen ones too, most frequent first. Drift counts responses whose HTTP status is not the catalogue's.",
			sql: query.CodeTable(catalogue()), unit: count, none: "no catalogue",
			overrides: overrides{
				field("Code", width(60), decimals(0)), field("HTTP", width(60), decimals(0)), field("Outcome", append(outcomeWords(), width(140))...),
				field("Responses", width(100)), field("Share", unit(share), width(80)), field("Drift", append(limits(rising(1, 100)), width(70))...),
				field("Services", width(80)), field("Most in", width(120), serviceLink()), field("Last seen", unit("dateTimeAsIso"), width(160)),
			}}, rows())},
		cell{8, b.place(panel{title: "Failing codes", about: "Failing responses per second by the API's code, the fifteen most frequent.",
			sql: query.CodeRates(), unit: perSecond, none: "no failing code in this time"}, stacked())},
	)
	b.row(4,
		cell{6, b.place(panel{title: "Codes seen", about: "Different codes in the time on screen, and codes that the catalogue does not have.",
			sql: query.CodesSeen(catalogue()), unit: count, none: "0", overrides: overrides{field("unknown", limits(rising(1, 5))[0])}}, number())},
		cell{6, b.place(panel{title: "Failures that HTTP hides", about: "Responses with an HTTP status below 400 whose code says failure, such as code 21 under 200. Monitoring by HTTP status alone does not see them.",
			sql: query.HiddenFailures(), unit: count, none: "0", steps: rising(1, 1000)}, number())},
		cell{6, b.place(panel{title: "Contract drift", about: "Responses whose HTTP status contradicts the catalogue's for their code.",
			sql: query.DriftCount(), unit: count, none: "0", steps: rising(1, 100)}, number())},
		cell{6, b.place(panel{title: "Failed on the server's side", about: "Share of all responses of the chosen services.",
			sql: query.ServerFailureShare(), unit: share, none: "no responses", steps: rising(0.001, 0.01)}, number())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "HTTP status", about: "Responses per second by class of HTTP status; none when the log carries no status.",
			sql: query.StatusRates(), unit: perSecond, none: "no responses in this time",
			overrides: overrides{field("2xx", fixed(good)), field("3xx", fixed("#96D98D")), field("4xx", fixed(fair)), field("5xx", fixed(bad)), field("none", fixed(plain))}}, stacked())},
		cell{12, b.place(panel{title: "Codes that break the contract", about: "Pairs of code and HTTP status that the catalogue does not have, with what it has.",
			sql: query.DriftTable(catalogue()), unit: count, none: "Every code came with the catalogue's HTTP status.",
			overrides: overrides{field("Service", serviceLink()), field("Route", routeLink()), field("Code", decimals(0), width(60)), field("Came with", decimals(0), width(90)), field("Catalogue", decimals(0), width(90)),
				field("First", unit("dateTimeAsIso")), field("Last", unit("dateTimeAsIso"))}}, rows())},
	)
	b.row(10, cell{24, b.place(panel{title: "Where failing codes come from", about: "Failures by service, route and method. Decided by says what the classification went by: the code, its message, the gateway or only the HTTP status.",
		sql: query.CodesByRoute(), unit: count, none: "no failures in this time",
		overrides: overrides{field("Service", serviceLink()), field("Route", routeLink(), width(260)), field("Code", decimals(0), width(70)), field("HTTP", decimals(0), width(70)), field("Outcome", outcomeWords()...),
			field("First", unit("dateTimeAsIso")), field("Last", unit("dateTimeAsIso"))}}, rows())})
	return b.build()
}
