package console

import (
	"net/http"
	"strconv"

	"statline/dashboards"
)

// board is a board as the page gets it. Its SQL stays here; answers contain it.
type board struct {
	Name      string                `json:"name"`
	UID       string                `json:"uid"`
	Title     string                `json:"title"`
	About     string                `json:"about"`
	Variables []dashboards.Variable `json:"variables"`
	Rows      []row                 `json:"rows"`
}

type row struct {
	Heading string `json:"heading,omitempty"`
	Height  int    `json:"height,omitempty"`
	Cells   []cell `json:"cells,omitempty"`
}

type cell struct {
	Width int    `json:"width"`
	Place string `json:"panel"` // on the board, from 0
	dashboards.Panel
}

// panel is a panel and its board.
type panel struct {
	dashboards.Panel
	wall  bool // its rows are of the clock on the wall, not of event time
	goals bool // it goes by the services' objectives
}

// add adds a board.
func (k *Console) add(from dashboards.Board) {
	b := board{Name: from.Name, UID: from.UID, Title: from.Title, About: from.About, Variables: []dashboards.Variable{},
		Rows: []row{}}
	for _, v := range from.Variables {
		b.Variables = append(b.Variables, v)
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
			out.Cells = append(out.Cells, cell{c.Width, id, c.Panel})
		}
		b.Rows = append(b.Rows, out)
	}
	k.boards = append(k.boards, b)
}

// serveBoards sends every board.
func (k *Console) serveBoards(w http.ResponseWriter, _ *http.Request) {
	send(w, map[string]any{"version": k.config.Version, "boards": k.boards, "writes": k.writer() != nil})
}
