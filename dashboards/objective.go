package dashboards

import (
	"statline/classify/detect"
	"statline/dashboards/query"
)

// usual is the detectors' configuration of an empty file.
func usual() detect.Config {
	c, err := detect.Preset("default")
	if err != nil {
		panic(err) // the default is one of the presets
	}
	return c
}

// UsualObjectives are those of a configuration without any.
func UsualObjectives() query.Objectives {
	return query.Objectives{Usual: usual().SLO.Objective}
}

// objective answers: does each service keep its objective, how fast does it use its
// error budget, and how long will that last.
func objective(goals query.Objectives) Board {
	var windows []int
	for _, pair := range usual().SLO.Pairs {
		windows = append(windows, pair.Long)
	}
	return Board{
		Name: "objective", UID: objectiveUID, Title: "error budgets",
		About: "How much each service may fail on the server's side, how much of that is left, and how fast it is spent. " +
			"Objectives are those of the configuration: detect.slo.objective, and detect.services of a service.",
		Variables: []Variable{serviceVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Budgets", Height: 10, Cells: []Cell{{24, budgets(goals, windows)}}},
			{Height: 9, Cells: []Cell{
				{5, Panel{
					Kind: Alarm, Title: "Least budget left",
					About: "What is left of the budget of the last thirty days, of the chosen service that has least. Under 0 it " +
						"is overspent.",
					Query: query.LeastBudget(goals, windows), Unit: Share, Decimals: digits(0), Empty: "no responses",
					Limits: falling(0, 0.25),
				}},
				{19, Panel{
					Kind: Lines, Title: "Burn rate",
					About: "How many times faster than allowed each service spends its budget: at 1 it lasts exactly as long as " +
						"the objective's time. The detectors page at 14.4 over an hour and at 6 over six.",
					Query: query.BurnRates(goals), Unit: Times, Empty: "no responses in this time",
				}},
			}},
			{Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Lines, Title: "Budget spent in thirty days",
					About: "For each hour, how much of the budget of the thirty days before was spent then: from 1 on it is gone. " +
						"Choose thirty days to see what spent it.",
					Query: query.BudgetSpent(goals), Unit: Times, Empty: "no responses in this time",
				}},
			}},
			{Tab: "What burned", Height: 9, Cells: []Cell{
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

// budgets shows for each service what is left, for how long, and how fast it burns.
func budgets(goals query.Objectives, windows []int) Panel {
	columns := []Column{
		{Name: "Service", Link: serviceLink()},
		{Name: "Objective", Unit: Share, Decimals: digits(3)},
		{Name: "Budget left", Unit: Share, Decimals: digits(0), Limits: falling(0, 0.25)},
		{Name: "Exhausted in", Unit: Duration},
		{Name: "30 d", Unit: Times, Decimals: digits(2), Limits: rising(0.75, 1)},
	}
	for _, pair := range usual().SLO.Pairs {
		limit := Step{pair.Factor, severityWords()[string(pair.Severity)]}
		columns = append(columns, Column{Name: query.WindowName(pair.Long), Unit: Times, Decimals: digits(2),
			Limits: []Step{{Color: Good}, limit}})
	}
	return Panel{
		Kind: Table, Title: "Budget by service",
		About: "The thirty days before the end of the time on screen: the objective, what is left of the budget (under 0 it is " +
			"overspent), and how many times faster than allowed it was spent over each time up to that end, in the colour of " +
			"the incident that such a rate opens. Exhausted in: at the rate of the last six hours; old failures that leave " +
			"the thirty days give back, which is not counted. A service that is newer has thirty days' budget of its traffic so far.",
		Query: query.Budgets(goals, windows), Unit: Count, Empty: "no responses in thirty days",
		Columns: columns,
	}
}
