package dashboards

import "statline/dashboards/query"

// incident answers: what was this one, how was it detected, and what is to be done.
// Long because it is data: one panel after the other.
func incident() Board {
	return Board{
		Name: "incident", UID: incidentUID, Title: "one incident",
		About:     "What happened, what the detector went by, what it caused, and what to do.",
		Variables: []Variable{incidentVariable()},
		Rows: []Row{
			{Tab: "What happened", Height: 6, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "This incident",
					About: "The chosen incident; with none chosen, the newest ten.",
					Query: query.Incident(), Unit: None, Empty: "no such incident",
					Columns: []Column{
						{Name: "Severity", Width: 80, Words: severityWords()},
						{Name: "State", Width: 70, Words: map[string]string{"open": Bad, "closed": Good}},
						{Name: "Opened", Unit: Moment},
						{Name: "Closed", Unit: Moment},
						{Name: "Kind", Width: 130},
						{Name: "Entity", Width: 130},
						{Name: "Service", Width: 110, Link: serviceLink()},
						{Name: "What happened", Wrapped: true},
						{Name: "Affected", Unit: Count},
						{Name: "Requests", Unit: Count},
					},
				}},
			}},
			{Height: 7, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "What to do about it",
					About: "The words of its alert, the numbers that decided, and the command that lists it.",
					Query: query.Advice(meanings()), Unit: None, Empty: "no such incident",
					Columns: []Column{
						{Name: "Kind", Width: 130},
						{Name: "What it means", Wrapped: true},
						{Name: "What to do", Wrapped: true},
						{Name: "Observed", Unit: Count},
						{Name: "Expected", Unit: Count},
						{Name: "Silent, because", Width: 130},
						{Name: "The same in a shell", Wrapped: true},
					},
				}},
			}},
			{Chosen: "incident", Height: 9, Cells: []Cell{
				{10, Panel{
					Kind: Table, Title: "Evidence",
					About: "What the detector went by: addresses, user agents, gaps, limits, the windows and their rates.",
					Query: query.Evidence(), Unit: None, Empty: "this incident has no evidence beyond its numbers",
					Columns: []Column{{Name: "Evidence", Width: 180}},
				}},
				{14, Panel{
					Kind: Lines, Title: "Around its opening",
					About: "What the baseline of the incident's service saw and expected, per minute.",
					Query: query.AroundIncident(), Unit: Count,
					Empty:   "no baseline in this time, or an incident of no service",
					Columns: []Column{{Name: "observed", Color: Bad}, {Name: "usual", Color: Note, Unfilled: true}},
				}},
			}},
			{Tab: "Consequences", Chosen: "incident", Height: 6, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "What it causes",
					About: "Incidents that this one covers: nobody is told of them while it is open and as urgent.",
					Query: query.Consequences(), Unit: None, Empty: "It causes no other incident.",
					Columns: []Column{
						{Name: "Severity", Width: 80, Words: severityWords()},
						{Name: "State", Width: 70},
						{Name: "Opened", Unit: Moment},
						{Name: "Kind", Width: 140},
						{Name: "What happened", Wrapped: true, Link: incidentLink()},
						{Name: "id", Hidden: true},
					},
				}},
			}},
			{Chosen: "incident", Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Examples",
					About: "Single failures of the incident's service, key or client while it was open, scrubbed of secrets.",
					Query: query.IncidentSamples(), Unit: None, Empty: "no examples of this incident are kept",
					Columns: append(exampleColumns(), Column{Name: "Service", Width: 110}),
				}},
			}},
		}}
}

// meanings are what the kinds mean, and what to do.
func meanings() []query.Meaning {
	var list []query.Meaning
	for _, k := range kinds() {
		list = append(list, query.Meaning{Kind: string(k.kind), Means: k.means, ToDo: k.todo})
	}
	return list
}

// MeaningOf says what incidents of a kind mean and what to do about them; both are
// empty for an unknown kind.
func MeaningOf(kind string) (means, todo string) {
	for _, m := range meanings() {
		if m.Kind == kind {
			return m.Means, m.ToDo
		}
	}
	return "", ""
}

// placesOfKinds are the boards where incidents of each kind are shown.
func placesOfKinds() map[string]string {
	places := map[string]string{}
	for _, k := range kinds() {
		places[string(k.kind)] = k.board
	}
	return places
}
