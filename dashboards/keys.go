package dashboards

import "statline/dashboards/query"

// keysBoard answers: which keys should not be in use and are, and what one key
// does.
func keysBoard(o Options) (Board, error) {
	b := newBoard(o, "keys", keysUID, "keys", "Which suspended, disabled and unknown keys are in use, who tries keys, and what one key does. Keys are shown by id, never in clear.")
	b.services()
	b.keys()
	b.marks()
	times := overrides{field("First", unit("dateTimeAsIso"), width(160)), field("Last", unit("dateTimeAsIso"), width(160))}
	keyColumns := append(overrides{
		field("Key", keyLink(), width(210)), field("Outcome", append(outcomeWords(), width(140))...), field("Code", decimals(0), width(60)), field("Refused", width(90)),
		field("Now", append(words(map[string]string{"in use": bad, "silent": good}), width(80))...), field("Number of clients", width(130)), hidden("id"),
	}, times...)
	b.row(9, cell{24, b.place(panel{title: "Suspended and disabled keys in use", about: "Keys that the API refuses as suspended, or whose account is disabled, most refused first. In use: seen in the last hour on screen.",
		sql: query.DeadKeys(), unit: count, none: "No suspended or disabled key is in use.", overrides: keyColumns}, rows())})
	b.row(5,
		cell{8, b.place(panel{title: "Keys that should not be in use", about: "Different keys refused in the time on screen, by reason.",
			sql: query.TroubledKeys(), unit: count, none: "0", overrides: overrides{
				field("suspended", limits(rising(1, 10))[0]), field("disabled", limits(rising(1, 10))[0]), field("invalid", limits(rising(10, 100))[0])}}, number())},
		cell{16, b.place(panel{title: "Refusals that lie in the key", about: "Responses per second refused as suspended, disabled, invalid or unverified.",
			sql: query.KeyTroubleRates(), unit: perSecond, none: "no key was refused in this time", overrides: byOutcome()}, stacked())},
	)
	b.row(9,
		cell{12, b.place(panel{title: "Invalid and unverified keys in use", about: "Unknown keys by how often they were refused. One key from many clients is a mistake that was shipped; many keys from one client are guesses.",
			sql: query.InvalidKeys(), unit: count, none: "No invalid key was tried.", overrides: keyColumns}, rows())},
		cell{12, b.place(panel{title: "Clients that try keys or logins", about: "Client addresses by refused keys and failed logins. The store remembers up to 16 keys of a client a minute.",
			sql: query.ScanningClients(), unit: count, none: "No client tries keys.", overrides: append(overrides{field("Keys tried", limits(rising(5, 10))...)}, times...)}, rows())},
	)
	b.heading("The chosen keys: choose one above, or click a key anywhere")
	b.row(10,
		cell{10, b.place(panel{title: "Responses of the chosen keys", about: "Responses per second by outcome.",
			sql: query.KeyOutcomeRates(), unit: perSecond, none: "no responses in this time", overrides: byOutcome()}, stacked())},
		cell{14, b.place(panel{title: "What the chosen keys did", about: "By key, service, outcome and code, most responses first. With no key chosen: the fifty keys refused most.",
			sql: query.KeyDetail(), unit: count, none: "No key was refused in this time; choose one above.",
			overrides: append(overrides{field("Key", keyLink(), width(180)), field("Service", serviceLink()), field("Outcome", outcomeWords()...), field("Code", decimals(0), width(60)), field("Bytes", unit(bytesUnit)), hidden("id")}, times...)}, rows())},
	)
	return b.build()
}
