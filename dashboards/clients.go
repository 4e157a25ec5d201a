package dashboards

import "statline/dashboards/query"

// clients answers: who tries keys, logins and paths, and who asks most.
func clients() Board {
	return Board{
		Name: "clients", UID: clientsUID, Title: "clients",
		About: "Which client addresses try keys, logins or paths, did any succeed, and who asks most. Over all services: the " +
			"store knows no service of a client.",
		Rows: []Row{
			{Tab: "Keys and logins", Height: 12, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Clients that try keys or logins",
					About: "Client addresses by refused keys and failed logins, the hundred with most. The store remembers " +
						"up to 16 keys of a client a minute. Succeeded counts the good answers to the same address.",
					Query: query.ScanningClients(), Unit: Count, Empty: "No client tries keys.",
					Columns: append([]Column{
						{Name: "Keys tried", Limits: rising(5, 10)},
						{Name: "Succeeded", Width: 100},
					}, times()...),
				}},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Stacked, Title: "Tries by client",
					About: "Refused keys and failed logins per minute, the ten clients with most.",
					Query: query.TriesByClient(), Unit: Count, Empty: "no client tries keys in this time",
				}},
			}},
			{Tab: "Paths and load", Height: 10, Cells: []Cell{
				{13, Panel{
					Kind: Table, Title: "Clients that look for paths",
					About: "Client addresses by the different paths that they were told do not exist (404), the fifty with most. The " +
						"number is an estimate, 5 off for 100, and no more than 1,420 can be told apart. Other answers counts the rest.",
					Query: query.PathScanners(), Unit: Count, Empty: "No client asks for what does not exist.",
					Columns: append([]Column{
						{Name: "Paths", Limits: rising(40, 150), Width: 70},
						{Name: "Answered 404", Width: 105},
						{Name: "Other answers", Width: 110},
					}, times()...),
				}},
				{11, Panel{
					Kind: Lines, Title: "Busiest clients and keys",
					About: "Requests per minute that were not refused, of the five client addresses and the five keys with most. Keys " +
						"are shown by the beginning of their ids.",
					Query: query.BusiestCallers(), Unit: Count, Empty: "no client address or key is known in this time",
				}},
			}},
		}}
}
