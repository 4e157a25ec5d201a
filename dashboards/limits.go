package dashboards

import "statline/dashboards/query"

// limitsBoard answers: who is over the rate limit, by how much, and who goes
// on.
func limitsBoard(o Options) (Board, error) {
	b := newBoard(o, "limits", limitsUID, "rate limits", "Who is over the rate limit, by how much, who stopped when told to, and who goes on.")
	b.services()
	b.keys()
	b.marks()
	b.row(10, cell{24, b.place(panel{title: "Offenders", about: "Keys refused for their rate, most refused first. The highest count and the limit are what the API's own message said. A slot is ten seconds of a minute; slots are known for spans up to two days. Persists: refused in the last ten minutes on screen.",
		sql: query.Offenders(), unit: count, none: "Nobody was refused for their rate.",
		overrides: overrides{
			field("Key", keyLink(), width(210)),
			field("Now", append(words(map[string]string{"persists": bad, "stopped": good}), width(90))...),
			field("Refused", width(90)), field("Share refused", append(limits(rising(0.1, 0.5)), unit(share), width(110))...),
			field("Highest count", width(110)), field("Limit", width(70)), field("Over the limit", append(limits(rising(1.5, 3)), unit("suffix:×"), decimals(1), width(110))...),
			field("Slots refused", width(110)), field("First", unit("dateTimeAsIso"), width(160)), field("Last", unit("dateTimeAsIso"), width(160)), field("Clients", width(80)),
			hidden("id"),
		}}, rows())})
	b.row(4,
		cell{6, b.place(panel{title: "Keys refused", about: "Different keys refused for their rate in the time on screen.", sql: query.RefusedKeys(), unit: count, none: "0", steps: rising(1, 100)}, number())},
		cell{6, b.place(panel{title: "Persist or stopped", about: "Of the keys refused: refused in the last ten minutes on screen, or not.",
			sql: query.PersistingKeys(), unit: count, none: "0", overrides: overrides{field("persist", limits(rising(1, 10))[0]), field("stopped", fixed(good))}}, number())},
		cell{6, b.place(panel{title: "Share refused", about: "Share of all responses that were refused for the rate.", sql: query.RefusedShare(), unit: share, none: "no responses", steps: rising(0.02, 0.2)}, number())},
		cell{6, b.place(panel{title: "Refused", about: "Responses refused for the rate, per second.", sql: query.RefusedRate(), unit: perSecond, none: "nobody was refused"}, spark())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Refused by key", about: "Refused responses per second, the ten keys refused most.", sql: query.RefusedByKey(), unit: perSecond, none: "nobody was refused in this time"}, stacked())},
		cell{12, b.place(panel{title: "Highest count against the limit", about: "The highest request count in the API's message as a multiple of its limit, by key.",
			sql: query.HighestCounts(), unit: "suffix:×", decimals: tenth(), none: "no counts in this time", steps: rising(1.5, 3)}, bars())},
	)
	b.row(10, cell{24, b.place(panel{title: "Who stopped, who goes on", about: "Refused responses per minute, one lane a key: a lane that ends is a client that backed off.",
		sql: query.RefusedPerMinute(), unit: "none", decimals: tenth(), none: "nobody was refused in this time", steps: rising(20, 60), maxPoints: 300}, lanes())})
	return b.build()
}
