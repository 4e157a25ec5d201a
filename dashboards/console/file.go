package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"statline/dashboards/query"
)

// filePolicy keeps a single-file page from loading anything.
const filePolicy = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

// pointsOfFile is how many points of time a picture in a file has.
const pointsOfFile = 300

// stored is what a single-file page has instead of a server.
type stored struct {
	Boards  []board            `json:"boards"`
	Version string             `json:"version"`
	State   *state             `json:"state"`
	From    int64              `json:"from"`
	To      int64              `json:"to"`
	Answers map[string]*answer `json:"answers"` // by the path that a page asks
}

// single are the boards about one thing, which are not in a file.
var single = map[string]bool{"incident": true, "code": true, "client": true}

// WriteFile writes the boards of a time range as one HTML page that needs no server
// and loads nothing.
func (k *Console) WriteFile(ctx context.Context, w io.Writer, from, to time.Time) error {
	all := stored{Version: k.config.Version, From: from.Unix(), To: to.Unix(), Answers: map[string]*answer{}}
	var err error
	if all.State, err = k.state(ctx); err != nil {
		return err
	}
	now := all.State.clock()
	for _, b := range k.boards {
		if single[b.Name] {
			continue
		}
		all.Boards = append(all.Boards, b)
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				p, _ := k.panel(b.Name, c.Place)
				points := pointsOfFile
				if p.MaxPoints > 0 {
					points = min(points, p.MaxPoints)
				}
				step := max(time.Minute, (to.Sub(from)/time.Duration(points) + time.Minute - 1).Truncate(time.Minute))
				params := query.Params{From: from, To: to, Step: step}
				if !p.wall && all.State.Old {
					params.Now = now
				}
				got, err := k.ask(ctx, p.Query, params)
				if err != nil {
					return fmt.Errorf("board %s, panel %q: %w", b.Title, c.Title, err)
				}
				a := *got
				a.From, a.To, a.Step, a.Now = from.Unix(), to.Unix(), int64(step/time.Second), now.Unix()
				all.Answers["/api/panel/"+b.Name+"/"+c.Place] = &a
			}
		}
	}
	if all.Answers["/api/parents"], err = k.ask(ctx, query.Parents(),
		query.Params{From: from, To: to, Step: time.Minute}); err != nil {
		return err
	}
	if all.Answers["/api/deploys"], err = k.ask(ctx, query.Deploys(),
		query.Params{From: from, To: to, Step: time.Minute}); err != nil {
		return err
	}
	data, err := json.Marshal(all) // no < stands in it: encoding/json escapes them
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, k.assets.file(string(data)))
	return err
}

// file is the page with everything inside. Modules are data URLs with names in an import
// map: a data URL has no path that a relative import could start from.
func (a assets) file(data string) string {
	imports := map[string]string{}
	var styles, plain strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a)) {
		text := string(a[name].plain)
		switch {
		case name == "vendor/uplot.js": // sets a name, and is no module
			plain.WriteString(text)
		case path.Ext(name) == ".css":
			styles.WriteString(text)
		case path.Ext(name) == ".js":
			text = strings.ReplaceAll(strings.ReplaceAll(text, `"/assets/`, `"statline/`), `from"./preact.js"`,
				`from"statline/vendor/preact.js"`)
			imports["statline/"+name] = address("text/javascript", text)
		}
	}
	table, err := json.Marshal(map[string]any{"imports": imports})
	if err != nil {
		return "" // texts are always JSON
	}
	icon := address("image/svg+xml", string(a["icon.svg"].plain))
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="` + filePolicy + `">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>statline</title>
<link rel="icon" href="` + icon + `">
<style>` + strings.ReplaceAll(styles.String(), "</", `<\/`) + `</style>
<script>` + strings.ReplaceAll(plain.String(), "</script", `<\/script`) + `</script>
<script type="importmap">` + string(table) + `</script>
<script type="application/json" id="stored">` + data + `</script>
<script type="module">import "statline/app.js";</script>
</head>
<body>
<div id="app"></div>
</body>
</html>
`
}

// address is a text as a data URL.
func address(kind, text string) string {
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString([]byte(text))
}
