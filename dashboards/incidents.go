package dashboards

import "statline/dashboards/query"

// incidents answers: what happened, when, and what caused what.
func incidents(o Options) (Board, error) {
	b := newBoard(o, "incidents", incidentsUID, "incidents", "What happened, when, and what caused what.")
	b.services()
	b.marks()
	b.row(8,
		cell{18, b.place(panel{title: "Open now", about: "Incidents that are open, whatever the time on screen: the most urgent first, causes before consequences.",
			sql: query.OpenIncidents(), unit: "none", none: "Nothing is wrong: no incident is open.", overrides: incidentColumns()}, rows())},
		cell{6, b.place(panel{title: "Open, by urgency", about: "Page wakes somebody, ticket waits for the morning, info is for the record.",
			sql: query.OpenCount(), unit: count, none: "0", overrides: overrides{field("page", limits(rising(1, 1))[0]), field("ticket", limits(rising(1, 1e9))[0])}}, number())},
	)
	b.row(8,
		cell{16, b.place(panel{title: "Incidents over time", about: "How many incidents of each kind were open.",
			sql: query.IncidentsByKind(), unit: count, none: "no incident in this time", maxPoints: 200}, stacked())},
		cell{8, b.place(panel{title: "Incidents by kind", about: "Incidents that touch the time on screen.",
			sql: query.IncidentsPerKind(), unit: count, none: "no incident in this time"}, bars())},
	)
	b.row(13, cell{24, b.place(panel{title: "All incidents in this time", about: "Every incident that touches the time on screen, the newest first; withdrawn ones are left out. Observed and expected are the numbers that decided.",
		sql: query.IncidentHistory(), unit: "none", none: "No incident in this time.",
		overrides: overrides{
			field("Opened", unit("dateTimeAsIso"), width(160)), field("Closed", unit("dateTimeAsIso"), width(160)), field("Duration", unit(span), width(100)),
			field("Severity", append(severityWords(), width(80))...), field("State", append(words(map[string]string{"open": bad, "closed": good}), width(70))...),
			field("Closed as", width(100)), field("Kind", width(120)), field("Service", width(120), serviceLink()), field("Entity", width(150)), field("What happened", width(420)),
			field("Observed", unit(count)), field("Expected", unit(count)), field("Affected", unit(count)), field("Requests", unit(count)), hidden("id"),
		}}, rows())})
	return b.build()
}
