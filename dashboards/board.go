package dashboards

import (
	"slices"

	"statline/classify"
	"statline/dashboards/query"
)

// GridWidth is the width of a row, in columns of the grid.
const GridWidth = 24

// The boards' uids, for links and alert rules.
const (
	overviewUID     = "statline-overview"
	statusUID       = "statline-status"
	limitsUID       = "statline-limits"
	keysUID         = "statline-keys"
	availabilityUID = "statline-availability"
	clientsUID      = "statline-clients"
	agentsUID       = "statline-agents"
	incidentsUID    = "statline-incidents"
	incidentUID     = "statline-incident"
	codeUID         = "statline-code"
	clientUID       = "statline-client"
	objectiveUID    = "statline-objective"
	// PipelineUID is the board about statline itself.
	PipelineUID = "statline-pipeline"
)

// Board is one board: a question, what can be chosen, and rows of panels from the top.
type Board struct {
	Name       string // of its file
	UID, Title string
	About      string // the question that it answers
	Variables  []Variable
	Marks      bool // show the incidents on every time axis; needs the variable service
	Rows       []Row
}

// Row is panels side by side, or, with a heading, a line across with the title
// of what follows.
type Row struct {
	Heading string
	Height  int // in units of the grid
	Cells   []Cell
	// Tab begins a tab with that title, where the page has tabs; later rows belong to
	// it too. The first row of a board with tabs begins one.
	Tab string
	// Chosen names a variable of the board: the row is about single values of it, and
	// is shown only when some are chosen, where a page supports that.
	Chosen string
}

// beginning is a row that begins a tab.
func beginning(tab string, r Row) Row {
	r.Tab = tab
	return r
}

// Cell is a panel and its width in columns of the grid; a row's cells add up to
// GridWidth.
type Cell struct {
	Width int
	Panel Panel
}

// Variable is a choice of any number of values, initially all of them. The values come
// from a query or a fixed list.
type Variable struct {
	Name   string     `json:"name"`
	Label  string     `json:"label"`
	About  string     `json:"about"`
	Query  query.Text `json:"-"`
	Values []string   `json:"values,omitempty"`
}

func serviceVariable() Variable {
	return Variable{Name: "service", Label: "Service",
		About: "services with responses in the time on screen, most requested first",
		Query: query.Services()}
}

func routeVariable() Variable {
	return Variable{Name: "route", Label: "Route",
		About: "route templates of the chosen services, most requested first",
		Query: query.Routes()}
}

func keyVariable() Variable {
	return Variable{Name: "key", Label: "Key",
		About: "keys by id, those refused most first; any id can be typed in (statline key-id prints it)",
		Query: query.KeyList()}
}

func incidentVariable() Variable {
	return Variable{Name: "incident", Label: "Incident",
		About: "incidents that touch the time on screen, the newest first; any id can be typed in",
		Query: query.IncidentList()}
}

func codeVariable() Variable {
	return Variable{Name: "code", Label: "Code", About: "codes of the API, most frequent first",
		Query: query.CodeList()}
}

func clientVariable() Variable {
	return Variable{Name: "client", Label: "Client",
		About: "client addresses, those that try most keys first; any address can be typed in",
		Query: query.ClientList()}
}

func outcomeVariable() Variable {
	v := Variable{Name: "outcome", Label: "Outcome", About: "why a response was what it was"}
	for _, o := range classify.Outcomes() {
		v.Values = append(v.Values, o.String())
	}
	return v
}

// HasVariable reports that the board with a uid has a variable.
func HasVariable(uid, name string) bool {
	for _, b := range Boards(UsualObjectives()) {
		if b.UID == uid {
			return slices.ContainsFunc(b.Variables, func(v Variable) bool { return v.Name == name })
		}
	}
	return false
}

// Boards lists every board, the overview first. The one about error budgets goes by
// the objectives given.
func Boards(goals query.Objectives) []Board {
	return []Board{overview(), status(), limits(), keys(), clients(), agents(), availability(), objective(goals),
		incidents(), incident(), pipeline()}
}

// ConsoleBoards are the boards that only the console has: about one code and one
// client address.
func ConsoleBoards() []Board { return []Board{code(), client()} }

// Link leads from a column's value to another board, with the same time and the
// same choices where that board has them, and sets one variable there: to the
// value clicked, or to that of another column of its row. With Place, a column
// of the row holds the board, its time and its choices.
type Link struct {
	Title    string `json:"title"`
	Board    string `json:"board,omitempty"` // uid
	Variable string `json:"variable,omitempty"`
	Column   string `json:"column,omitempty"` // "" is the column clicked
	Place    string `json:"place,omitempty"`
}

// placeLink leads to where an incident is seen, at its time.
func placeLink() *Link { return &Link{Title: "Where this is seen, at its time", Place: "place"} }

// incidentLink leads to the incident's detail.
func incidentLink() *Link {
	return &Link{Title: "Evidence, consequences, what to do", Board: incidentUID, Variable: "incident", Column: "id"}
}

func serviceLink() *Link {
	return &Link{Title: "Availability of this service", Board: availabilityUID, Variable: "service"}
}

func routeLink() *Link {
	return &Link{Title: "Status codes of this route", Board: statusUID, Variable: "route"}
}

// keyLink leads to the key's detail; the row's column id holds the whole id.
func keyLink() *Link {
	return &Link{Title: "What this key does", Board: keysUID, Variable: "key", Column: "id"}
}
