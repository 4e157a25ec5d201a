package dashboards

import "statline/dashboards/query"

// keys answers: which keys should not be in use and are, and what one key
// does.
func keys() Board {
	keyColumns := append([]Column{
		{Name: "Key", Width: 150, Link: keyLink()}, {Name: "Outcome", Width: 140, Words: outcomeWords()}, {Name: "Code", Width: 60, Decimals: digits(0)}, {Name: "Refused", Width: 75},
		{Name: "Now", Width: 80, Words: map[string]string{"in use": Bad, "silent": Good}}, {Name: "Number of clients", Width: 125}, {Name: "id", Hidden: true},
	}, times()...)
	return Board{
		Name: "keys", UID: keysUID, Title: "keys",
		About: "Which suspended, disabled and unknown keys are in use, who tries keys, and what one key " +
			"does. Keys are shown by id, never in clear.",
		Variables: []Variable{serviceVariable(), keyVariable()},
		Marks:     true,
		Rows: []Row{
			{Tab: "Suspended and disabled", Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Suspended and disabled keys in use",
					About: "Keys that the API refuses as suspended, or whose account is disabled, most refused first. " +
						"In use: seen in the last hour on screen.",
					Query: query.DeadKeys(), Unit: Count, Empty: "No suspended or disabled key is in use.",
					Columns: keyColumns,
				}},
			}},
			{Height: 5, Cells: []Cell{
				{8, Panel{
					Kind: Number, Title: "Keys that should not be in use",
					About: "Different keys refused in the time on screen, by reason.",
					Query: query.TroubledKeys(), Unit: Count, Empty: "0",
					Columns: []Column{
						{Name: "suspended", Limits: rising(1, 10)},
						{Name: "disabled", Limits: rising(1, 10)},
						{Name: "invalid", Limits: rising(10, 100)},
					},
				}},
				{16, Panel{
					Kind: Stacked, Title: "Refusals that lie in the key",
					About: "Responses per second refused as suspended, disabled, invalid or unverified.",
					Query: query.KeyTroubleRates(), Unit: PerSecond, Empty: "no key was refused in this time",
					Columns: byOutcome(),
				}},
			}},
			{Tab: "Invalid and unverified", Height: 9, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Invalid and unverified keys in use",
					About: "Unknown keys by how often they were refused. One key from many clients is a mistake that " +
						"was shipped; many keys from one client are guesses.",
					Query: query.InvalidKeys(), Unit: Count, Empty: "No invalid key was tried.",
					Columns: keyColumns,
				}},
			}},
			{Tab: "The chosen keys", Heading: "The chosen keys: choose one above, or click a key anywhere"},
			{Chosen: "key", Height: 10, Cells: []Cell{
				{8, Panel{
					Kind: Stacked, Title: "Responses of the chosen keys",
					About: "Responses per second by outcome; those of all callers while every key is chosen.",
					Query: query.KeyOutcomeRates(), Unit: PerSecond, Empty: "no responses in this time",
					Columns: byOutcome(),
				}},
				{16, Panel{
					Kind: Table, Title: "What the chosen keys did",
					About: "By key, service, outcome and code, most responses first. With no key chosen: the fifty keys " +
						"refused most.",
					Query: query.KeyDetail(), Unit: Count,
					Empty: "No key was refused in this time; choose one above.",
					Columns: append([]Column{
						{Name: "Key", Width: 140, Link: keyLink()},
						{Name: "Service", Width: 105, Link: serviceLink()},
						{Name: "Outcome", Width: 130, Words: outcomeWords()},
						{Name: "Code", Width: 60, Decimals: digits(0)},
						{Name: "Bytes", Unit: Bytes, Width: 85},
						{Name: "id", Hidden: true},
					}, times()...),
				}},
			}},
		}}
}
