package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Every command and group explains itself, with an example.
func TestHelpTeaches(t *testing.T) {
	out := must(t, "--help").stdout
	for _, name := range []string{"demo", "analyze", "run", "console", "report", "incidents", "backtest", "audit",
		"rejects", "samples", "keys", "storage", "sql", "output", "repair", "probe", "formats", "codes", "key-id",
		"generate", "sandbox", "migrate", "check", "version", "completion"} {
		if !strings.Contains(out, "\n  "+name+" ") {
			t.Errorf("--help does not list %s", name)
		}
		if help := must(t, name, "--help").stdout; !strings.Contains(help, "statline "+name) {
			t.Errorf("%s --help: got %q", name, help)
		}
	}
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"analyze", "--help"}, {"demo", "--help"}} {
		if help := must(t, args...).stdout; strings.Contains(help, "=true") || !strings.Contains(help, "--help") {
			t.Errorf("%v: got %s; want switches without values", args, help)
		}
	}
	for _, theme := range []string{"Connection", "Security", "Log lines", "Detection and notifications",
		"Limits and timeouts", "Output", "Behaviour"} {
		if help := must(t, "run", "--help").stdout; !strings.Contains(help, "\n"+theme+":\n") {
			t.Errorf("run --help has no flags of %s:\n%s", theme, help)
		}
	}
	if r := run(t, nil, "dmeo"); r.err == nil || !strings.Contains(r.stderr, "demo") {
		t.Errorf("a mistyped command: got %q; want a suggestion", r.stderr)
	}
}

// Each kind of end has its status, and its error is JSON where JSON was asked for.
func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, `did you mean "report"?`, []string{"reprot"}},
		{2, `did you mean "list"?`, []string{"rejects", "lst"}},
		{2, `did you mean "suggest"?`, []string{"codes", "suggest2", "x"}},
		{2, `did you mean "--service"?`, []string{"report", "--sevice", "search"}},
		{2, "set with --clickhouse", []string{"report"}},
		{2, "want one of table, json, ndjson, csv, md", []string{"codes", "--output", "xml"}},
		{2, "topci", []string{"config", "show", "--config", write(t, "bad.yaml", []byte("topci: a\n")), "--json"}},
		{2, "not in the catalogue", []string{"codes", "99"}},
		{1, "no such file", []string{"probe", "/nowhere/a.log"}},
		{1, "refused", []string{"report", "--clickhouse", "http://127.0.0.1:1", "--output", "json"}},
		{3, "no line was understood", []string{"probe", write(t, "no.log", []byte("what\n"))}},
	} {
		r := run(t, nil, c.args...)
		if last := c.args[len(c.args)-1]; strings.HasSuffix(last, "json") {
			if e := decodeJSON[struct {
				Error struct {
					Message string
					Status  int `json:"exit_status"`
				}
			}](t, r.stderr).Error; e.Status != c.status || e.Message == "" {
				t.Errorf("%v: got %s; want the status %d in it", c.args, r.stderr, c.status)
			}
		}
		if exitStatus(r.err) != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%v: got status %d, %q; want %d, %q", c.args, exitStatus(r.err), r.stderr, c.status, c.says)
		}
	}
}

// codes 25 explains the code; the list has the 34 of the first documentation
// and the 13 later ones, marked.
func TestCodes(t *testing.T) {
	out := must(t, "codes", "25").stdout
	for _, want := range []string{"code 25", "HTTP 429", "rate_limited", "over the allowed limit"} {
		if !strings.Contains(out, want) {
			t.Errorf("codes 25 lacks %q:\n%s", want, out)
		}
	}
	list := must(t, "codes").stdout
	if n, later := strings.Count(list, "\n"), strings.Count(list, "(later)"); n != 49 || later != 13 {
		t.Errorf("codes: got %d lines, %d later; want a header, 34 and 13, and today's wording of 22", n, later)
	}
	for _, want := range []string{"401, 404", "max at 500", "max at 1000"} {
		if !strings.Contains(list, want) {
			t.Errorf("codes lacks %q", want)
		}
	}
	if r := run(t, nil, "codes", "99"); r.err == nil || !strings.Contains(r.stderr, "not in the catalogue") {
		t.Errorf("codes 99: got %q", r.stderr)
	}
}

// A key and its id: the same secret gives the same id, another secret another.
func TestKeyID(t *testing.T) {
	secret := write(t, "secret", []byte("0123456789abcdef0123456789abcdef\n"))
	id := func(file string) string {
		r := run(t, strings.NewReader("sesame\n"), "key-id", "--hmac-secret-file", file)
		if r.err != nil {
			t.Fatal(r.err, r.stderr)
		}
		return strings.TrimSpace(r.stdout)
	}
	first := id(secret)
	if len(first) != 26 || first != id(secret) || first == id(write(t, "other",
		[]byte("another secret, long enough"))) {
		t.Errorf("got id %q", first)
	}
	if r := run(t, strings.NewReader("x"), "key-id", "--hmac-secret-file",
		write(t, "short", []byte("short"))); r.err == nil || !strings.Contains(r.stderr, "at least 16") {
		t.Errorf("short secret: got %q", r.stderr)
	}
}

// probe names the format, and its configuration pins it.
func TestProbe(t *testing.T) {
	log := write(t, "a.log",
		[]byte(`203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /films/7 HTTP/1.1" 404 203 "-" "curl/8.10.1"`+"\n"))
	out := must(t, "probe", log).stdout
	for _, want := range []string{"combined", "otherwise", "203.0.113.7", "404", "no line has:", "format: combined"} {
		if !strings.Contains(out, want) {
			t.Errorf("probe lacks %q:\n%s", want, out)
		}
	}
	got := decodeJSON[map[string]any](t, must(t, "probe", "--json", log).stdout)
	for _, key := range []string{"format", "confidence", "runner_up", "record", "missing"} {
		if _, ok := got[key]; !ok {
			t.Errorf("probe --json lacks %q", key)
		}
	}
	if n := strings.Count(must(t, "formats").stdout, "\n"); n < 2*15 {
		t.Errorf("formats: got %d lines; want two a format", n)
	}
}

// A backtest of a file prints the incident that is in it, as JSON lines.
func TestBacktestCSV(t *testing.T) {
	var csv strings.Builder
	csv.WriteString("time,service,requests,timeouts\n")
	for m := range 2000 {
		timeouts := 0
		if m >= 1500 && m < 1520 {
			timeouts = 90
		}
		fmt.Fprintf(&csv, "%d,search,300,%d\n", 1772323200+60*m, timeouts)
	}
	r := must(t, "backtest", "--csv", write(t, "history.csv", []byte(csv.String())))
	first, _, _ := strings.Cut(r.stdout, "\n")
	got := decodeJSON[map[string]any](t, first)
	for _, key := range []string{"kind", "entity", "severity", "opened", "closed", "observed", "expected", "score",
		"summary"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no %q in %s", key, first)
		}
	}
	if got["kind"] != "timeout_spike" || got["entity"] != "search" {
		t.Errorf("got %s; want the spike of search", first)
	}
	if bad := run(t, nil, "backtest", "--csv", write(t, "bad.csv", []byte("a,b\n"))); bad.err == nil ||
		!strings.Contains(bad.stderr, "time,service,requests,timeouts") {
		t.Errorf("bad file: got %q", bad.stderr)
	}
}
