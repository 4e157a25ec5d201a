package dashboards

import "statline/dashboards/query"

// clients answers: who tries keys and logins.
func clients() Board {
	return Board{
		Name: "clients", UID: clientsUID, Title: "clients",
		About: "Which client addresses try keys or logins, and did any succeed. Over all services: the store knows no " +
			"service of a client.",
		Rows: []Row{
			{Height: 12, Cells: []Cell{
				{24, Panel{
					Kind: Table, Title: "Clients that try keys or logins",
					About: "Client addresses by refused keys and failed logins, the hundred with most. The store remembers " +
						"up to 16 keys of a client a minute. Succeeded counts the good answers to the same address.",
					Query: query.ScanningClients(), Unit: Count, Empty: "No client tries keys.",
					Columns: append([]Column{
						{Name: "Keys tried", Limits: rising(5, 10)},
						{Name: "Succeeded", Width: 100},
					}, times(160)...),
				}},
			}},
			{Height: 10, Cells: []Cell{
				{24, Panel{
					Kind: Stacked, Title: "Tries by client",
					About: "Refused keys and failed logins per minute, the ten clients with most.",
					Query: query.TriesByClient(), Unit: Count, Empty: "no client tries keys in this time",
				}},
			}},
		}}
}
