package dashboards

import "statline/dashboards/query"

// limits answers: who is over the rate limit, by how much, and who goes
// on.
// Long because it is data: one panel after the other.
func limits() Board {
	return Board{
		Name: "limits", UID: limitsUID, Title: "rate limits",
		About:     "Who is over the rate limit, by how much, who stopped when told to, and who goes on.",
		Variables: []Variable{serviceVariable(), keyVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Offenders", Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Offenders",
					About: "Keys refused for their rate, most refused first. The highest count and the limit are what " +
						"the API's own message said. A slot is ten seconds of a minute; slots are known for spans up " +
						"to two days. Persists: refused in the last ten minutes on screen.",
					Query: query.Offenders(), Unit: Count, Empty: "Nobody was refused for their rate.",
					Columns: []Column{
						{Name: "Key", Width: 150, Link: keyLink()},
						{Name: "Now", Width: 75, Words: map[string]string{"persists": Bad, "stopped": Good}},
						{Name: "Refused", Width: 75},
						{Name: "Share refused", Unit: Share, Width: 100, Limits: rising(0.1, 0.5)},
						{Name: "Highest count", Width: 105},
						{Name: "Limit", Width: 60},
						{Name: "Over the limit", Unit: Times, Width: 100, Decimals: digits(1), Limits: rising(1.5, 3)},
						{Name: "Slots refused", Width: 100},
						{Name: "First", Unit: Moment},
						{Name: "Last", Unit: Moment},
						{Name: "Services", Width: 110},
						{Name: "Clients", Width: 65},
						{Name: "id", Hidden: true},
					},
				}},
			}},
			{Height: 4, Cells: []Cell{
				{6, Panel{
					Kind: Number, Title: "Keys refused",
					About: "Different keys refused for their rate in the time on screen.",
					Query: query.RefusedKeys(), Unit: Count, Empty: "0", Limits: rising(1, 100),
				}},
				{6, Panel{
					Kind: Number, Title: "Persist or stopped",
					About: "Of the keys refused: refused in the last ten minutes on screen, or not.",
					Query: query.PersistingKeys(), Unit: Count, Empty: "0",
					Columns: []Column{{Name: "persist", Limits: rising(1, 10)}, {Name: "stopped", Color: Good}},
				}},
				{6, Panel{
					Kind: Number, Title: "Share refused",
					About: "Share of all responses that were refused for the rate.",
					Query: query.RefusedShare(), Unit: Share, Empty: "no responses", Limits: rising(0.02, 0.2),
				}},
				{6, Panel{
					Kind: Spark, Title: "Refused",
					About: "Responses refused for the rate, per second.",
					Query: query.RefusedRate(), Unit: PerSecond, Empty: "nobody was refused",
				}},
			}},
			{Tab: "How far over", Height: 9, Cells: []Cell{
				{12, Panel{
					Kind: Stacked, Title: "Refused by key",
					About: "Refused responses per second, the ten keys refused most.",
					Query: query.RefusedByKey(), Unit: PerSecond, Empty: "nobody was refused in this time",
				}},
				{12, Panel{
					Kind: Bars, Title: "Highest count against the limit",
					About: "The highest request count in the API's message as a multiple of its limit, by key.",
					Query: query.HighestCounts(), Unit: Times, Decimals: digits(1), Empty: "no counts in this time",
					Limits: rising(1.5, 3),
				}},
			}},
			{Height: 8, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Limits that headers tell",
					About: "What headers of responses (X-RateLimit, RateLimit, Retry-After), refused or not, told each key: " +
						"the largest limit, the longest window and wait, the least that was left. Nearest to its limit first.",
					Query: query.ToldQuotas(), Unit: Count,
					Empty: "No log line in this time has headers of a rate limit.",
					Columns: []Column{
						{Name: "Key", Width: 210, Link: keyLink()},
						{Name: "Window", Unit: Duration},
						{Name: "Used", Unit: Share, Limits: rising(0.8, 1)},
						{Name: "Longest wait", Unit: Duration},
						{Name: "id", Hidden: true},
					},
				}},
			}},
			{Tab: "What a limit would do", Height: 12, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "What a limit would do",
					About: "What a limit of so many requests a minute for each key would have refused in the time on " +
						"screen, in whole minutes of the clock, for the chosen services together. Clean today: " +
						"of those keys, the ones that no answer on screen refused for their rate. Up to two days; other " +
						"windows, longer times and limits of your own: statline limits simulate.",
					Query: query.TriedLimits(), Unit: Count,
					Empty: "No key asks more than ten times a minute; or more than two days are on screen.",
					Columns: []Column{
						{Name: "Requests a minute", Width: 140},
						{Name: "Clean today", Limits: rising(1, 10), Width: 110},
						{Name: "Requests refused", Width: 130},
						{Name: "Share refused", Unit: Share, Width: 110},
						{Name: "Minutes over it", Width: 120},
					},
				}},
			}},
			{Tab: "Who stopped", Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Lanes, Title: "Who stopped, who goes on",
					About: "Refused responses per minute, one lane a key: amber while it is refused, red from sixty a " +
						"minute. A lane that ends is a client that backed off.",
					Query: query.RefusedPerMinute(), Unit: None, Decimals: digits(1),
					Empty: "nobody was refused in this time", Limits: []Step{{Color: Fair}, {60, Bad}}, MaxPoints: 300,
				}},
			}},
		}}
}
