package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answersFolder is a folder with what the pages about answers name: a log of
// November, with a busy customer, and the labels of two.
func answersFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var log bytes.Buffer
	line := func(at time.Time, key string, status, code int) {
		fmt.Fprintf(&log,
			`{"ts":"%s","service":"movies","method":"GET","path":"/3/movie/550","status":%d,"code":%d,"api_key":"%s"}`+"\n",
			at.Format(time.RFC3339), status, code, key)
	}
	for at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); at.Month() == 11; at = at.Add(time.Hour) {
		day := at.Day()
		for i := range 4 + day {
			line(at.Add(time.Duration(i)*time.Second), "sesame-street", 200, 1)
		}
		line(at.Add(30*time.Minute), "open-sesame", 504, 24)
	}
	line(time.Date(2026, 12, 1, 0, 0, 5, 0, time.UTC), "open-sesame", 200, 1)
	id := func(key string) string {
		r := runWithHome(t, dir, strings.NewReader(key), "key-id", "--create")
		return strings.TrimSpace(r)
	}
	labels := fmt.Sprintf("%s,\"ACME, Inc.\"\n%s,Umbrella\n", id("sesame-street"), id("open-sesame"))
	for name, text := range map[string]string{"access.log": log.String(), "customers.csv": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "bin", "statline")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runWithHome is what a command prints that has dir as its home.
func runWithHome(t *testing.T, dir string, stdin *strings.Reader, args ...string) string {
	t.Helper()
	c := command(t, t.Context(), args...)
	c.Env = append(c.Env, "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	c.Stdin = stdin
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

// Every page about an answer begins with the question in a user's words, and its
// commands work as shown, one after the other.
func TestAnswerPagesWork(t *testing.T) {
	dir := answersFolder(t) // one for all: its log is analyzed once
	for _, page := range []struct {
		path    string
		further func(t *testing.T, dir string)
	}{
		{"dashboards/receipt/README.md", changedDigitFails},
		{"dashboards/limits/README.md", nil},
		{"dashboards/limits/HEADROOM.md", nil},
		{"cmd/statline/MCP.md", nil},
		{"deploy/PRIVACY.md", addressesAreCut},
	} {
		t.Run(page.path, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, page.path))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), "# \"") {
				t.Errorf("%s does not begin with the question in a user's words", page.path)
			}
			lines := shellLines(string(text))
			if len(lines) < 2 {
				t.Fatalf("found %d commands in %s", len(lines), page.path)
			}
			for _, line := range lines {
				runShown(t, dir, line)
			}
			if page.further != nil {
				page.further(t, dir)
			}
		})
	}
}

// A receipt of which one digit was changed is refused by its signature and by the
// store, which says what it should be; one of a span that is not over is not made.
func changedDigitFails(t *testing.T, dir string) {
	ask := []string{"receipt", "--data", filepath.Join(dir, "store"), "--key", "ACME, Inc.", "--to", "2026-12-01"}
	half := runAt(t, dir, append(ask, "--from", "2026-11-01T10:30:30")...)
	if !exited(half.err, 2) || !strings.Contains(half.stderr, "want a whole minute") {
		t.Errorf("got %v, %s", half.err, half.stderr)
	}
	printed := filepath.Join(dir, "printed.json") // is as good as the file that --write makes
	if err := os.WriteFile(printed, []byte(mustAt(t, dir, append(ask, "--from", "2026-11-01", "--json")...).stdout),
		0o600); err != nil {
		t.Fatal(err)
	}
	mustAt(t, dir, "receipt", "verify", printed, "--data", filepath.Join(dir, "store"))
	file := filepath.Join(dir, "acme.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	requests := fmt.Sprintf(`"requests": %d,`, 24*(30*4+30*31/2))
	changed := bytes.Replace(text, []byte(requests), []byte(strings.Replace(requests, "4", "5", 1)), 1)
	if bytes.Equal(changed, text) {
		t.Fatalf("no %s in %s", requests, text)
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	r := runAt(t, dir, "receipt", "verify", file, "--signer", filepath.Join(dir, "receipts.pub"), "--data",
		filepath.Join(dir, "store"))
	if !exited(r.err, 3) || !strings.Contains(r.stdout, "a character of it was changed") ||
		!strings.Contains(r.stdout, "stored is "+requests) {
		t.Errorf("got %v, %s%s", r.err, r.stdout, r.stderr)
	}
	r = runAt(t, dir, "receipt", "--data", filepath.Join(dir, "store"), "--key", "ACME, Inc.", "--from", "2026-11-01",
		"--to", "2026-12-02")
	if !exited(r.err, 3) || r.stdout != "" || !strings.Contains(r.stderr, "the span is not over") {
		t.Errorf("got %v, %s%s", r.err, r.stdout, r.stderr)
	}
}

// No table has an address whole that stood anywhere in a line, nor the rest of a
// user agent; the file has lines that are read and one that is not.
func addressesAreCut(t *testing.T, dir string) {
	log := filepath.Join(dir, "people.log")
	text := `203.0.113.77 - - [30/Nov/2026:13:19:00 +0000] "GET /a?peer=203.0.113.99 HTTP/1.1" 500 1961 "-" "okhttp/4.12 (of Jo)"` + "\n" +
		`2001:db8:1:2::77 - - [30/Nov/2026:13:19:01 +0000] "GET /a HTTP/1.1" 200 19 "-" "okhttp/4.12 (of Jo)"` + "\n" +
		"rubbish of 203.0.113.55\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "people")
	mustAt(t, dir, "analyze", "--anonymize-ip", "/24,/48", "--short-agents", "--data", store, log)
	all := ""
	for _, table := range []string{"clients", "samples", "rejected_lines", "keys", "incidents"} {
		all += mustAt(t, dir, "sql", "--data", store, "SELECT * FROM "+table+" FORMAT JSONEachRow").stdout
	}
	for _, want := range []string{"203.0.113.0", "2001:db8:1::", "okhttp", "rubbish"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in the tables; the search is broken", want)
		}
	}
	for _, gone := range []string{"203.0.113.77", "203.0.113.99", "203.0.113.55", "2001:db8:1:2", "of Jo"} {
		if strings.Contains(all, gone) {
			t.Errorf("%s is kept:\n%s", gone, all)
		}
	}
}

// What is counted again from Kafka is what is stored: each key's windows of a minute
// are the same.
func TestLimitsFromKafka(t *testing.T) {
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	home := t.TempDir()
	where := []string{"--clickhouse", clickhouse, "--brokers", kafka, "--topic", "access"}
	mustAt(t, home, "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "20000",
		"--scenario", "mixed")
	mustAt(t, home, append([]string{"run", "--until-caught-up", "--listen", ""}, where...)...)
	ask := append([]string{"limits", "simulate", "--limit", "3/1m", "--since", "30d", "--output", "csv", "--by",
		"window"}, where...)
	stored, counted := mustAt(t, home, ask...).stdout, mustAt(t, home, append(ask, "--from-kafka")...).stdout
	if stored != counted || strings.Count(stored, "\n") < 10 {
		t.Errorf("from the store\n%s\nfrom Kafka\n%s", tail(stored, 1000), tail(counted, 1000))
	}
}

// exited reports whether a command ended with a status.
func exited(err error, status int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == status
}
