package dashboards

import (
	"statline/classify/detect"
	"statline/dashboards/query"
)

// UsualObjectives are those of a configuration that names none.
func UsualObjectives() query.Objectives {
	usual, err := detect.Preset("default")
	if err != nil {
		panic(err) // the default is one of the presets
	}
	return query.Objectives{Usual: usual.SLO.Objective}
}

// objective answers: does each service keep its objective, and how fast does it
// spend what it may fail.
func objective(goals query.Objectives) Board {
	return Board{
		Name: "objective", UID: objectiveUID, Title: "error budgets",
		About: "How much each service may fail on the server's side, how much of that is spent, and how fast. Objectives are " +
			"those of the configuration: detect.slo.objective, and detect.services of a service.",
		Variables: []Variable{serviceVariable()},
		Rows: []Row{
			{Height: 9, Cells: []Cell{
				{5, Panel{
					Kind: Alarm, Title: "Budget spent",
					About: "Failures on the server's side against what may fail in the time on screen, all chosen services together.",
					Query: query.BudgetSpent(goals), Unit: Share, Decimals: digits(0), Empty: "no responses",
					Limits: rising(0.5, 1),
				}},
				{19, Panel{
					Kind: Lines, Title: "Burn rate",
					About: "How many times faster than allowed each service spends its budget: at 1 it lasts exactly as long as " +
						"the objective's time. The detectors page at 14.4 over an hour and at 6 over six.",
					Query: query.BurnRates(goals), Unit: Times, Empty: "no responses in this time",
				}},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Budget by service",
					About: "The time on screen: responses, how many failed on the server's side, and how many may.",
					Query: query.Budgets(goals), Unit: Count, Empty: "no responses in this time",
					Columns: []Column{
						{Name: "Service", Link: serviceLink()},
						{Name: "Objective", Unit: Share, Decimals: digits(3)},
						{Name: "Share", Unit: Share},
						{Name: "Burn rate", Unit: Times, Decimals: digits(2), Limits: rising(1, 6)},
						{Name: "Budget left", Unit: Share, Decimals: digits(0)},
					},
				}},
			}},
			{Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Lanes, Title: "Health of services",
					About: "Share of failures on the server's side, one lane a service: green below 0.1 %, amber below 1 %, red " +
						"from there. Red needs three failures in a point.",
					Query: query.ServiceHealth(), Unit: Share, Empty: "no responses in this time",
					Limits: rising(0.001, 0.01), MaxPoints: 300,
				}},
			}},
			{Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Budgets that burned",
					About: "Incidents of kind slo_burn that touch the time on screen.",
					Query: query.IncidentsOf(string(detect.SLOBurn)), Unit: None, Empty: "No budget burned too fast.",
					Columns: []Column{
						{Name: "Opened", Unit: Moment, Width: 160},
						{Name: "Closed", Unit: Moment, Width: 160},
						{Name: "Severity", Width: 80, Words: severityWords()},
						{Name: "State", Width: 70, Words: map[string]string{"open": Bad, "closed": Good}},
						{Name: "Service", Width: 120, Link: serviceLink()},
						{Name: "What happened", Width: 420, Link: incidentLink()},
						{Name: "id", Hidden: true},
					},
				}},
			}},
		}}
}
