package dashboards

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statline/classify/detect"
)

// What a renderer relies on: rows fill the grid, names stand once, a link leads
// to a board that has its variable, and a panel says what it shows, in which
// unit and what it says without data.
func TestBoardsAreWhole(t *testing.T) {
	variables := map[string][]string{}
	all := append(Boards(UsualObjectives()), ConsoleBoards()...)
	for _, b := range all {
		if variables[b.UID] != nil {
			t.Errorf("two boards have the uid %s", b.UID)
		}
		variables[b.UID] = []string{}
		for _, v := range b.Variables {
			if (v.Query == "") == (len(v.Values) == 0) || slices.Contains(variables[b.UID], v.Name) {
				t.Errorf("%s: variable %s: want one of its name, with a query or with values", b.Name, v.Name)
			}
			variables[b.UID] = append(variables[b.UID], v.Name)
		}
	}
	links := 0
	for _, b := range all {
		if b.Marks && !slices.Contains(variables[b.UID], "service") {
			t.Errorf("%s: marks need the variable service", b.Name)
		}
		for i, r := range b.Rows {
			if r.Tab != "" && b.Rows[0].Tab == "" || r.Chosen != "" && !slices.Contains(variables[b.UID], r.Chosen) {
				t.Errorf("%s: row %d: tabs begin with the first row, and what is chosen is a variable of the board",
					b.Name, i)
			}
			wide := 0
			for _, c := range r.Cells {
				p := c.Panel
				wide += c.Width
				if p.Kind == "" || p.Title == "" || p.About == "" || p.Query == "" || p.Unit == "" || p.Empty == "" {
					t.Errorf("%s: panel %q: kind, title, about, query, unit or text for no data is missing", b.Name,
						p.Title)
				}
				if (p.Kind == Heat) != (p.BucketUnit != "") || p.MaxPoints > 0 && !overTime(p.Kind) {
					t.Errorf("%s: panel %q: says what its kind does not draw", b.Name, p.Title)
				}
				for _, column := range p.Columns {
					if l := column.Link; l != nil {
						links++
						if l.Place != "" {
							continue // the board stands in the row
						}
						if !slices.Contains(variables[l.Board], l.Variable) {
							t.Errorf("%s: panel %q: links to %s with %s; it has %v", b.Name, p.Title, l.Board,
								l.Variable, variables[l.Board])
						}
					}
				}
			}
			if (r.Heading == "") != (wide == GridWidth) {
				t.Errorf("%s: a row is %d columns wide; want %d, or a heading", b.Name, wide, GridWidth)
			}
		}
	}
	if links < 10 {
		t.Errorf("found %d links; the search is broken", links)
	}
}

// What can be chosen on a board changes every panel of it.
func TestChoicesReachEveryPanel(t *testing.T) {
	for _, b := range append(Boards(UsualObjectives()), ConsoleBoards()...) {
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				for _, v := range b.Variables {
					if !strings.Contains(string(c.Panel.Query), "{if "+v.Name+"}") {
						t.Errorf("%s: panel %q does not follow the choice of %s", b.Name, c.Panel.Title, v.Name)
					}
				}
			}
		}
	}
}

// Every kind of incident has one rule, and no other incident has one.
func TestEveryKindAlerts(t *testing.T) {
	var listed []detect.Kind
	for _, k := range kinds() {
		listed = append(listed, k.kind)
	}
	slices.Sort(listed)
	want := detect.Kinds()
	slices.Sort(want)
	if !slices.Equal(listed, want) {
		t.Errorf("got rules for %v; want one for each of %v", listed, want)
	}
	sentinels := 0
	for _, a := range Alerts() {
		if a.Sentinel {
			sentinels++
		}
	}
	if sentinels != 1 {
		t.Errorf("%d rules fire when the store does not answer; want one", sentinels)
	}
}

// A board is data: it survives being written as JSON, so that any client can
// draw it.
func TestBoardsAreData(t *testing.T) {
	raw, err := json.Marshal(Boards(UsualObjectives()))
	if err != nil {
		t.Fatal(err)
	}
	var back []Board
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(raw) {
		t.Errorf("the boards read back are others (%v)", err)
	}
}

// What a runbook sends its reader to is there: a board or a panel in brackets, and the
// panels that it names in its sentences.
func TestRunbooksNamePanels(t *testing.T) {
	known, texts := map[string]bool{}, ""
	for _, b := range Boards(UsualObjectives()) {
		known[strings.ToLower(b.Title)] = true
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				known[strings.ToLower(c.Panel.Title)] = true
			}
		}
	}
	for _, a := range Alerts() {
		texts += a.Means + " " + a.ToDo + "\n"
	}
	// They are read in a shell, too (incidents show), where no panel is at hand.
	if unnamed := regexp.MustCompile(`.*[Tt]he panel\b.*`).FindString(texts); unnamed != "" {
		t.Errorf("a runbook speaks of a panel without its name: %s", unnamed)
	}
	named := regexp.MustCompile(`\(([A-Z][A-Za-z, ]+)\)`).FindAllStringSubmatch(texts, -1)
	if len(named) < 5 {
		t.Errorf("found %d names in brackets; the search is broken", len(named))
	}
	for _, m := range named {
		if !known[strings.ToLower(m[1])] {
			t.Errorf("a runbook names (%s), which is no board and no panel", m[1])
		}
	}
	for _, title := range []string{"Whose side", "Routes that fail", "This incident", "Where the time goes",
		"Behind, in records",
		"What was rejected", "Who stopped, who goes on", "Offenders", "Suspended and disabled keys in use",
		"Invalid and unverified keys in use", "Clients that try keys or logins", "Codes that break the contract",
		"Where failing codes come from", "Clients that look for paths"} {
		if !strings.Contains(texts, title) || !known[strings.ToLower(title)] {
			t.Errorf("%s: in a runbook: %t; a panel: %t", title, strings.Contains(texts, title),
				known[strings.ToLower(title)])
		}
	}
}

// A key that is refused, however rarely, is never drawn in the colour of what is well.
func TestRefusedIsNeverGreen(t *testing.T) {
	found := false
	for _, p := range panels() {
		if p.Title != "Who stopped, who goes on" {
			continue
		}
		found = true
		if p.Kind != Lanes || len(p.Limits) == 0 {
			t.Errorf("got kind %s with the limits %v; want lanes with limits", p.Kind, p.Limits)
		}
		for _, l := range p.Limits {
			if l.Color == Good || l.Color == Plain {
				t.Errorf("from %v refusals a minute a lane is %s", l.From, l.Color)
			}
		}
	}
	if !found {
		t.Error("no panel shows who stopped")
	}
}

// overTime reports whether the kind has a time axis.
func overTime(k Kind) bool {
	return slices.Contains([]Kind{Lines, Stacked, Heat, Lanes, Spark}, k)
}
