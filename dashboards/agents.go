package dashboards

import "statline/dashboards/query"

// agents answers: which programs call, which of them fail, and what are they.
func agents() Board {
	return Board{
		Name: "agents", UID: agentsUID, Title: "agents",
		About: "Which programs call, by their user agents: browsers, SDKs and their versions, command lines, crawlers and AI agents, and " +
			"which of them fail. An agent is what a request says of itself: who says GPTBot may be anybody.",
		Variables: []Variable{serviceVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Who fails", Height: 12, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Agents that fail",
					About: "User agents by failed requests, most first, with the first two numbers of an SDK's version. Refused is for the " +
						"rate. Keys is an estimate: 5 off for 100, at most 1,420. Known from schema 14 on.",
					Query: query.Agents(), Unit: Count, Empty: "No line in this time told a user agent.",
					Columns: []Column{
						{Name: "Class", Width: 90},
						{Name: "Agent", Width: 230},
						{Name: "Share failed", Unit: Share, Limits: rising(0.05, 0.5)},
					},
				}},
			}},
			{Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "Requests by class of agent",
					About: "Requests per second whose line told a user agent.",
					Query: query.AgentClassRates(), Unit: PerSecond, Empty: "no line told a user agent",
				}},
				{12, Panel{
					Kind: Lines, Title: "Share failed by class of agent",
					About: "Failures of every kind, the caller's own too, of each class's requests. Points with fewer than ten " +
						"requests are left out.",
					Query: query.AgentClassFailures(), Unit: Share, Empty: "no line told a user agent",
				}},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Why they fail",
					About: "Failures by agent, service and outcome, the hundred with most.",
					Query: query.AgentOutcomes(), Unit: Count, Empty: "Nothing failed.",
					Columns: []Column{
						{Name: "Class", Width: 90},
						{Name: "Agent", Width: 230},
						{Name: "Service", Link: serviceLink()},
						{Name: "Outcome", Words: outcomeWords()},
					},
				}},
			}},
			{Tab: "Robots", Height: 9, Cells: []Cell{
				{18, Panel{
					Kind: Stacked, Title: "AI agents and other robots",
					About: "Requests per second of the ten busiest AI agents, crawlers, monitors, scanners and driven browsers, by " +
						"what they call themselves.",
					Query: query.RobotRates(), Unit: PerSecond, Empty: "no robot called",
				}},
				{6, Panel{
					Kind: Number, Title: "How much is told",
					About: "Which share of all requests told a user agent, and which share of those no list names.",
					Query: query.AgentsTold(), Unit: Share, Empty: "no responses",
				}},
			}},
		}}
}
