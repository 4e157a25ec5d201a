package dashboards

import "statline/dashboards/query"

// incidents answers: what happened, when, and what caused what.
func incidents() Board {
	return Board{
		Name: "incidents", UID: incidentsUID, Title: "incidents",
		About:     "What happened, when, and what caused what.",
		Variables: []Variable{serviceVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Now", Height: 8, Cells: []Cell{
				{18, Panel{
					Kind: Table, Title: "Open now",
					About: "Incidents that are open, whatever the time on screen: the most urgent first, causes before " +
						"consequences.",
					Query: query.OpenIncidents(placesOfKinds(), incidentsUID), Unit: None,
					Empty:   "Nothing is wrong: no incident is open.",
					Columns: incidentColumns(),
				}},
				{6, Panel{
					Kind: Number, Title: "Open, by urgency",
					About: "Page wakes somebody, ticket waits for the morning, info is for the record.",
					Query: query.OpenCount(), Unit: Count, Empty: "0",
					Columns: []Column{{Name: "page", Limits: rising(1, 1)}, {Name: "ticket", Limits: rising(1, 1e9)}},
				}},
			}},
			{Height: 8, Cells: []Cell{
				{16, Panel{
					Kind: Stacked, Title: "Incidents over time",
					About: "How many incidents of each kind were open.",
					Query: query.IncidentsByKind(), Unit: Count, Empty: "no incident in this time", MaxPoints: 200,
					Columns: byKind(),
				}},
				{8, Panel{
					Kind: Bars, Title: "Incidents by kind",
					About: "Incidents that touch the time on screen.",
					Query: query.IncidentsPerKind(), Unit: Count, Empty: "no incident in this time",
				}},
			}},
			{Tab: "All", Height: 13, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "All incidents in this time",
					About: "Every incident that touches the time on screen, the newest first; withdrawn ones are left " +
						"out.",
					Query: query.IncidentHistory(placesOfKinds(), incidentsUID), Unit: None,
					Empty: "No incident in this time.",
					Columns: []Column{
						{Name: "Opened", Unit: Moment},
						{Name: "Closed", Unit: Moment},
						{Name: "Duration", Unit: Duration, Width: 90},
						{Name: "Severity", Width: 75, Words: severityWords()},
						{Name: "State", Width: 70, Words: map[string]string{"open": Bad, "closed": Good}},
						{Name: "Closed as", Width: 90},
						{Name: "Kind", Width: 130},
						{Name: "Service", Width: 100, Link: serviceLink()},
						{Name: "Entity", Width: 130, Link: placeLink()},
						{Name: "What happened", Wrapped: true, Link: incidentLink()},
						{Name: "Affected", Unit: Count, Width: 85},
						{Name: "Caused by", Hidden: true},
						{Name: "id", Hidden: true},
						{Name: "place", Hidden: true},
					},
				}},
			}},
		}}
}
