//go:build pictures

package grafanatest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"statline/classify"
	"statline/dashboards/grafana"
	"statline/ingest/traffic"
	"statline/ingest/watch"
)

// Draws ../docs/NAME.png of every dashboard: six hours of generated traffic
// through the decoder, the classification and the detectors, the panels' own
// queries, Grafana's own names, units and colours. Only the rows about the
// daemon itself are made up: nothing runs. Chromium takes the pictures. With
// STATLINE_PICTURES=DIR each board is drawn there too in both themes, at 1,024 and
// 1,440 pixels.
func TestDrawPictures(t *testing.T) {
	const span = 6 * time.Hour
	ctx := t.Context()
	s, err := openStore(ctx, "pictures")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	to := time.Now().UTC() // in the midst of a minute: one that is not over is drawn too
	const perSecond = 20
	lines, err := traffic.New(traffic.Config{Seed: 3, Scenario: traffic.Mixed, Malformed: 0.0005, Rate: perSecond,
		Start: to.Add(-span).Truncate(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if err := loadLines(ctx, s, until{lines, to.UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	evidence := watch.NewSQL(s, classify.Builtin())
	cfg := watch.DefaultConfig()
	cfg.Lag = 0
	if err := watch.New(cfg, evidence, evidence).Round(ctx); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{datedRejects, daemonRows} {
		if err := s.Exec(ctx, in(s, text)); err != nil {
			t.Fatal(err)
		}
	}
	g, err := Open(ctx, shared.url+"/pictures")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	list, _ := boards(t, s)
	var opened []int64
	rows, err := s.Conn().
		Query(ctx,
			in(s,
				"SELECT toUnixTimestamp(opened_at) * 1000 FROM {db}.incidents FINAL WHERE severity != 'info' AND parent = '' AND state != 'withdrawn'"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var ms uint64
		if err := rows.Scan(&ms); err != nil {
			t.Fatal(err)
		}
		opened = append(opened, int64(ms))
	}
	if err := rows.Err(); err != nil || len(opened) < 5 {
		t.Fatalf("%d incidents, %v", len(opened), err)
	}
	for _, b := range list {
		raw, err := json.Marshal(b.Dashboard)
		if err != nil {
			t.Fatal(err)
		}
		page := map[string]any{
			"dashboard": json.RawMessage(raw), "panels": panelsOf(t, g, []grafana.Board{b}, to, span),
			"marks": opened, "from": to.Add(-span).UnixMilli(), "to": to.UnixMilli(), "mode": "dark", "width": 1440,
		}
		draw(t, b.Name, "../docs", page)
		if dir := os.Getenv("STATLINE_PICTURES"); dir != "" {
			for _, page["mode"] = range []string{"dark", "light"} {
				for _, page["width"] = range []int{1024, 1440} {
					draw(t, fmt.Sprintf("%s-%s-%d", b.Name, page["mode"], page["width"]), dir, page)
				}
			}
		}
	}
}

// until is a source that ends at a moment.
type until struct {
	traffic.Source
	unixMilli int64
}

func (u until) Next(line []byte) ([]byte, int64, uint64, bool) {
	out, at, key, ok := u.Source.Next(line)
	if at > u.unixMilli {
		return line, at, key, false
	}
	return out, at, key, ok
}

// daemonRows are rows of the table pipeline: four partitions, one of which
// falls behind for a while.
const daemonRows = `INSERT INTO {db}.pipeline SELECT toStartOfMinute(now()) - 60 * intDiv(number, 4) AS m, ['statline-0', 'statline-1'][1 + number % 2], 'access', number % 4,
  40 + cityHash64(number) % 90 + if(number % 4 = 2 AND intDiv(number, 4) BETWEEN 120 AND 150, 2000 - 60 * (intDiv(number, 4) - 120), 0) AS lag, 0.5 + lag / 150, 4 + lag / 120,
  12, 290 + cityHash64(number, 3) % 60, cityHash64(number, 4) % 2, if(number % 240 = 0, 0, -1), 0, 1 FROM numbers(1440)`

func draw(t *testing.T, name, into string, page map[string]any) {
	t.Helper()
	dir := t.TempDir()
	html := filepath.Join(dir, name+".html")
	out, complaints := script(t, "page.mjs", writeJSON(t, filepath.Join(dir, "page.json"), page), html)
	if complaints != "" {
		t.Fatal(complaints)
	}
	var width, height int
	if _, err := fmt.Sscan(string(out), &width, &height); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	png, err := filepath.Abs(filepath.Join(into, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu",
		"--disable-background-networking", "--disable-component-update", "--no-first-run",
		"--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "profile"), fmt.Sprintf("--window-size=%d,%d", width, height), "--screenshot="+png, "file://"+html)
	if out, err := browser.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if keep := os.Getenv("STATLINE_PAGES"); keep != "" {
		raw, err := os.ReadFile(html)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(keep, name+".html"), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(png)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d x %d, %d KB", name, width, height, info.Size()>>10)
}
