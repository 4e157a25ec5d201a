package console

import (
	"net/http"
	"strconv"

	"statline/dashboards"
)

// board is a board as the page gets it. Its SQL stays here; answers contain it.
type board struct {
	Name      string     `json:"name"`
	UID       string     `json:"uid"`
	Title     string     `json:"title"`
	About     string     `json:"about"`
	Variables []variable `json:"variables"`
	Rows      []row      `json:"rows"`
}

type variable struct {
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	About  string   `json:"about"`
	Values []string `json:"values,omitempty"` // fixed; without them they are asked for
}

type row struct {
	Heading string `json:"heading,omitempty"`
	Height  int    `json:"height,omitempty"`
	Cells   []cell `json:"cells,omitempty"`
}

type cell struct {
	Width int    `json:"width"`
	Panel string `json:"panel"` // its place on the board, from 0
	shown
}

// shown is how a panel looks.
type shown struct {
	Kind       dashboards.Kind `json:"kind"`
	Title      string          `json:"title"`
	About      string          `json:"about"`
	Unit       dashboards.Unit `json:"unit"`
	BucketUnit dashboards.Unit `json:"bucketUnit,omitempty"`
	Decimals   *int            `json:"decimals,omitempty"`
	Limits     []step          `json:"limits,omitempty"`
	Columns    []column        `json:"columns,omitempty"`
	Empty      string          `json:"empty"`
	MaxPoints  int             `json:"maxPoints,omitempty"`
}

type step struct {
	From  float64 `json:"from"`
	Color string  `json:"color"`
}

type column struct {
	Name     string            `json:"name"`
	As       string            `json:"as,omitempty"`
	Unit     dashboards.Unit   `json:"unit,omitempty"`
	Width    int               `json:"width,omitempty"`
	Decimals *int              `json:"decimals,omitempty"`
	Limits   []step            `json:"limits,omitempty"`
	Words    map[string]string `json:"words,omitempty"`
	Color    string            `json:"color,omitempty"`
	Unfilled bool              `json:"unfilled,omitempty"`
	Dashed   bool              `json:"dashed,omitempty"`
	Hidden   bool              `json:"hidden,omitempty"`
	Link     *link             `json:"link,omitempty"`
}

type link struct {
	Title    string `json:"title"`
	Board    string `json:"board,omitempty"`
	Variable string `json:"variable,omitempty"`
	Column   string `json:"column,omitempty"`
	Place    string `json:"place,omitempty"`
}

// panel is a panel and its board.
type panel struct {
	dashboards.Panel
	wall  bool // its rows are of the clock on the wall, not of event time
	goals bool // it goes by the services' objectives
}

// add adds a board.
func (k *Console) add(from dashboards.Board) {
	b := board{Name: from.Name, UID: from.UID, Title: from.Title, About: from.About, Variables: []variable{},
		Rows: []row{}}
	for _, v := range from.Variables {
		b.Variables = append(b.Variables, variable{v.Name, v.Label, v.About, v.Values})
		if v.Query != "" {
			k.lists[b.Name+"/"+v.Name] = v.Query
		}
	}
	n := 0
	for _, r := range from.Rows {
		out := row{Heading: r.Heading, Height: r.Height}
		for _, c := range r.Cells {
			id := strconv.Itoa(n)
			n++
			k.panels[b.Name+"/"+id] = panel{c.Panel, from.UID == dashboards.PipelineUID, from.Name == "objective"}
			out.Cells = append(out.Cells, cell{c.Width, id, look(c.Panel)})
		}
		b.Rows = append(b.Rows, out)
	}
	k.boards = append(k.boards, b)
}

func look(p dashboards.Panel) shown {
	s := shown{Kind: p.Kind, Title: p.Title, About: p.About, Unit: p.Unit, BucketUnit: p.BucketUnit,
		Decimals: p.Decimals,
		Limits:   steps(p.Limits), Empty: p.Empty, MaxPoints: p.MaxPoints}
	for _, c := range p.Columns {
		out := column{Name: c.Name, As: c.As, Unit: c.Unit, Width: c.Width, Decimals: c.Decimals,
			Limits: steps(c.Limits),
			Words:  c.Words, Color: c.Color, Unfilled: c.Unfilled, Dashed: c.Dashed, Hidden: c.Hidden}
		if l := c.Link; l != nil {
			out.Link = &link{l.Title, l.Board, l.Variable, l.Column, l.Place}
		}
		s.Columns = append(s.Columns, out)
	}
	return s
}

func steps(of []dashboards.Step) []step {
	var all []step
	for _, s := range of {
		all = append(all, step{s.From, s.Color})
	}
	return all
}

// serveBoards sends every board.
func (k *Console) serveBoards(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, map[string]any{"version": k.config.Version, "boards": k.boards, "writes": k.writer() != nil})
}
