package grafanatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"statline/dashboards/grafana"
)

// script runs one of node/*.mjs: what it prints, and its complaints.
func script(t *testing.T, name string, args ...string) (out []byte, complaints string) {
	t.Helper()
	if _, err := os.Stat("node/node_modules/@grafana/data"); err != nil {
		t.Fatalf("%v: run: make dashboards-check", err)
	}
	c := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("node", name)}, args...)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil && stderr.Len() == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return stdout.Bytes(), stderr.String()
}

// drawn is one panel with the frames of its query.
type drawn struct {
	Board  string          `json:"board"`
	Panel  json.RawMessage `json:"panel"`
	Frames data.Frames     `json:"frames"`
}

// panelsOf asks every panel's query over a span that ends at to.
func panelsOf(t *testing.T, g *Grafana, list []grafana.Board, to time.Time, span time.Duration) (all []drawn) {
	t.Helper()
	for _, b := range list {
		for _, p := range b.Dashboard.Panels {
			if p.Panel == nil {
				continue
			}
			raw, err := json.Marshal(p.Panel)
			if err != nil {
				t.Fatal(err)
			}
			points := 600
			if p.Panel.MaxDataPoints != nil {
				points = int(*p.Panel.MaxDataPoints)
			}
			q := p.Panel.Targets[0].(grafana.Query)
			frames, err := g.Ask(t.Context(), Choice{}.Apply(q.RawSQL), int(q.Format), to.Add(-span), to,
				Interval(span, points))
			if err != nil {
				t.Fatalf("%s/%s: %v", b.Name, *p.Panel.Title, err)
			}
			all = append(all, drawn{b.Name, raw, frames})
		}
	}
	return all
}

func writeJSON(t *testing.T, path string, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// generated writes the dashboards to a directory, each changed by change.
func generated(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	files, err := grafana.Files(grafana.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Name, "generated/"); ok {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(change(name, string(f.Content))),
				0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// Every panel's options and field configuration are of Grafana's own types.
func TestOptionsAreGrafanas(t *testing.T) {
	out, complaints := script(t, "options.mjs", generated(t, func(_, text string) string { return text }))
	if complaints != "" {
		t.Error(complaints)
	}
	var panels, checks int
	if _, err := fmt.Sscanf(string(out), "%d panels, %d checks", &panels, &checks); err != nil || panels < 50 ||
		checks < 200 {
		t.Errorf("got %q (%v); want at least 50 panels and 200 checks", out, err)
	}
}

// Options that Grafana does not know are found: words, names, types, and
// overrides of a column.
func TestOptionsCheckFinds(t *testing.T) {
	broken := map[string]struct{ board, old, new, want string }{
		"a wrong word":             {"overview.json", `"drawStyle": "bars"`, `"drawStyle": "barz"`, `"barz"`},
		"an option of nothing":     {"status.json", `"graphMode": "none"`, `"grafMode": "none"`, "grafMode"},
		"a wrong word of an axis":  {"limits.json", `"displayMode": "basic"`, `"displayMode": "plain"`, `"plain"`},
		"a wrong type":             {"keys.json", `"showHeader": true`, `"showHeader": "yes"`, "'boolean"},
		"an override's wrong type": {"availability.json", `"fill": "dash"`, `"fill": "dashes"`, `"dashes"`},
		"a footer of old": {"incidents.json", `"showHeader": true`,
			`"footer": {"show": true}, "showHeader": true`, "footer"},
		"a threshold's wrong mode": {"pipeline.json", `"mode": "absolute"`, `"mode": "relative"`, `"relative"`},
	}
	dir := generated(t, func(name, text string) string {
		for what, c := range broken {
			if c.board != name {
				continue
			}
			if !strings.Contains(text, c.old) {
				t.Fatalf("%s: %q is not in %s", what, c.old, name)
			}
			text = strings.Replace(text, c.old, c.new, 1)
		}
		return text
	})
	_, complaints := script(t, "options.mjs", dir)
	for what, c := range broken {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(c.board) + `.*` + regexp.QuoteMeta(c.want)).
			MatchString(complaints) {
			t.Errorf("%s: %s is not found in\n%s", what, c.want, complaints)
		}
	}
}

type seen struct {
	Board, Title string
	Fields       map[string]string
}

// Grafana's own library knows every unit, finds a field for every override and
// shows the names and the figures that a reader expects.
func TestNamesAndUnits(t *testing.T) {
	list, _ := boards(t, shared.full)
	all := panelsOf(t, shared.asks, list, time.Now().UTC().Add(time.Minute), 6*time.Hour)
	out, complaints := script(t, "fields.mjs", writeJSON(t, filepath.Join(t.TempDir(), "frames.json"), all))
	if complaints != "" {
		t.Error(complaints)
	}
	var shown []seen
	if err := json.Unmarshal(out, &shown); err != nil {
		t.Fatalf("%v in %.200s", err, out)
	}
	if len(shown) != len(all) || len(all) < 50 {
		t.Fatalf("%d panels of %d", len(shown), len(all))
	}
	for _, want := range []struct{ board, title, field, form string }{
		{"overview", "Responses by outcome", "rate_limited", `^[\d.]+ req/s$`},
		{"overview", "Failed on the server's side", "server", `^[\d.]+%$`},
		{"overview", "Latency", "p95", `^[\d.]+ (µs|ms|s)$`},
		{"overview", "Services", "Timeouts", `^[\d.]+( K)?$`},
		{"overview", "Age of the newest data", "age", `^[\d.]+ ?(s|min|m|seconds?|minutes?)$|^[\d.]+ [a-z]+`},
		{"availability", "Timeouts against what is usual", "upper end of chance", `^[\d.]+$`},
		{"limits", "Highest count against the limit", "Highest count / limit", `^[\d.]+ ×$`},
		{"availability", "Whose side", "upstream", `^[1-9]`},
		{"pipeline", "Behind Kafka", "records", `^[\d.]+( K)?$`},
		{"pipeline", "Tables", "Bytes", `^[\d.]+ (B|KiB|MiB)$`},
		{"status", "HTTP status", "2xx", `^[\d.]+ req/s$`},
	} {
		found := false
		for _, p := range shown {
			if p.Board == want.board && p.Title == want.title {
				found = true
				if !regexp.MustCompile(want.form).MatchString(p.Fields[want.field]) {
					t.Errorf("%s/%s: %s reads %q of %v; want %s", want.board, want.title, want.field,
						p.Fields[want.field], p.Fields, want.form)
				}
			}
		}
		if !found {
			t.Errorf("no panel %s/%s", want.board, want.title)
		}
	}
}

// A unit, an override and a name that Grafana would not understand are found.
func TestNamesCheckFinds(t *testing.T) {
	list, _ := boards(t, shared.full)
	all := panelsOf(t, shared.asks, list[:1], time.Now().UTC().Add(time.Minute), 6*time.Hour)
	for what, c := range map[string]struct{ old, new, want string }{
		"a unit": {`"unit":"µs"`, `"unit":"microsec"`, "unit microsec is none of Grafana's"},
		"an override of a column": {`"options":"Caller side"`, `"options":"Callers side"`,
			"overrides of Callers side match none"},
		"overrides of no series":   {`"options":"p`, `"options":"q`, "match none"},
		"a series without a label": {`"name":"Value"`, `"name":"n"`, "a field is called"},
	} {
		var broken []drawn
		changed := false
		for _, p := range all {
			raw := strings.ReplaceAll(string(p.Panel), c.old, c.new)
			frames := p.Frames
			if what == "a series without a label" && len(frames) == 1 && len(frames[0].Fields) > 1 &&
				frames[0].Fields[1].Labels != nil {
				raw, frames = string(p.Panel), data.Frames{data.NewFrame("", frames[0].Fields[0],
					data.NewField("Value", data.Labels{"a": "1", "b": "2"}, []float64{1}))}
				frames[0].Fields[0] = data.NewField("time", nil, []time.Time{time.Now()})
			}
			changed = changed || raw != string(p.Panel) || len(frames) > 0 && len(p.Frames) > 0 &&
				frames[0] != p.Frames[0]
			broken = append(broken, drawn{p.Board, json.RawMessage(raw), frames})
		}
		if !changed {
			t.Fatalf("%s: nothing to break", what)
		}
		if _, complaints := script(t, "fields.mjs",
			writeJSON(t, filepath.Join(t.TempDir(), "frames.json"), broken)); !strings.Contains(complaints, c.want) {
			t.Errorf("%s: got %q; want something about %q", what, complaints, c.want)
		}
	}
}

// What npm installs is pinned with its hash, and the lock file names no host.
func TestLockFileNamesNoHost(t *testing.T) {
	raw, err := os.ReadFile("node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Integrity, Resolved string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	for name, p := range lock.Packages {
		if name != "" && (p.Integrity == "" || p.Version == "" || p.Resolved != "") {
			t.Errorf("%s: got %+v; want a version and a hash, and no address", name, p)
		}
	}
	if len(lock.Packages) < 5 {
		t.Errorf("%d packages; the search is broken", len(lock.Packages))
	}
}
