package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What demo and analyze keep is asked by its directory, without a server and
// through one that runs, and says the same.
// Long because it is one story, told in its order.
func TestAskAKeptStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	demo := decodeJSON[report](t, must(t, "demo", "--for", "5s", "--seed", "7", "--json", "--data", dir).stdout)
	ask := func(where ...string) {
		t.Helper()
		got := decodeJSON[report](t, must(t, append([]string{"report", "--since", "30d", "--json"}, where...)...).
			stdout)
		if fmt.Sprint(got.ByOutcome, got.ByService, got.Records) != fmt.Sprint(demo.ByOutcome, demo.ByService,
			demo.Records) {
			t.Errorf("%v: got %v; want %v", where, got.ByOutcome, demo.ByOutcome)
		}
		if got := strings.Count(must(t, append([]string{"incidents", "--since", "30d", "--json"}, where...)...).stdout,
			"\n"); got != len(demo.Incidents) {
			t.Errorf("%v: got %d incidents; want %d", where, got, len(demo.Incidents))
		}
		id := demo.Incidents[0].ID
		shown := decodeJSON[struct {
			ID, Means string
			Samples   []map[string]any
			Notes     []map[string]any
		}](t, must(t, append([]string{"incidents", "show", id[:6], "--json"}, where...)...).stdout)
		if shown.ID != id || shown.Means == "" || len(shown.Samples) == 0 || len(shown.Notes) != 1 ||
			shown.Notes[0]["text"] != "seen" {
			t.Errorf("%v: incidents show: got %+v; want incident %s with its samples and the note", where, shown, id)
		}
		key := demo.Who[0].Key
		of := decodeJSON[struct {
			ID       string `json:"key_id"`
			Requests uint64
		}](t, must(t, append([]string{"keys", "show", key[:10], "--since", "30d", "--json"}, where...)...).stdout)
		if of.ID != key || of.Requests != demo.Who[0].OfKey {
			t.Errorf("%v: keys show: got %d requests of %s; want %d of %s", where, of.Requests, of.ID,
				demo.Who[0].OfKey, key)
		}
		must(t, append([]string{"audit"}, where...)...)
		must(t, append([]string{"rejects", "list"}, where...)...)
		must(t, append([]string{"routes", "suggest"}, where...)...)
		must(t, append([]string{"codes", "suggest"}, where...)...)
		if sum := must(t, append([]string{"sql", "SELECT sum(requests) AS n FROM responses"},
			where...)...).stdout; sum != fmt.Sprintf("n\n%d\n", demo.Responses) {
			t.Errorf("%v: sql: got %q; want %d", where, sum, demo.Responses)
		}
	}
	if len(demo.Incidents) == 0 {
		t.Fatal("the demo has no incident")
	}
	must(t, "incidents", "note", demo.Incidents[0].ID, "seen", "--data", dir)
	ask("--data", dir)
	for _, line := range strings.Split(strings.TrimSpace(must(t, "samples", "--data", dir, "--since", "30d", "--json",
		"--outcome", "rate_limited", "--limit", "5").stdout), "\n") {
		if got := decodeJSON[map[string]any](t, line); got["outcome"] != "rate_limited" || got["path"] == "" {
			t.Errorf("samples: got %s", line)
		}
	}
	if r := run(t, nil, "samples", "--data", dir, "--outcome", "typo"); r.err == nil ||
		!strings.Contains(r.stderr, "typo") {
		t.Errorf("an unknown outcome: got %v, %q", r.err, r.stderr)
	}
	clickhouse := freeAddress(t)
	d := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", dir)
	d.waitFor(t, "ready", time.Minute)
	ask("--data", dir)
	ask("--clickhouse", "http://"+clickhouse)
	if r := run(t, nil, "sql", "--data", dir, "INSERT INTO services VALUES (now(), 's', 'success', "+
		"1)"); r.err == nil || !strings.Contains(r.stderr, "readonly") {
		t.Errorf("an INSERT: got %v, %q; want it refused", r.err, r.stderr)
	}
	if r := run(t, strings.NewReader("SELECT 1 AS a;\nSELECT nonsense;\nSELECT 2\n AS b"), "sql", "--data",
		dir); r.err != nil ||
		r.stdout != "a\n1\nb\n2\n" || !strings.Contains(r.stderr, "nonsense") {
		t.Errorf("queries on standard input: got %v, %q, %q", r.err, r.stdout, r.stderr)
	}
	for want, args := range map[string][]string{
		"or --data, the directory of an embedded store": {"report"},
		"it holds no store":                             {"report", "--data", t.TempDir()},
		"want one of them":                              {"report", "--data", dir, "--clickhouse", "http://" + clickhouse},
	} {
		if r := run(t, nil, args...); r.err == nil || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: got %v, %q; want %q", args, r.err, r.stderr, want)
		}
	}
}

// The incidents of analyze are kept, and those that a longer log no longer shows
// are withdrawn.
func TestAnalyzeKeepsIncidents(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	log := write(t, "keys.log", refusedLines())
	said := decodeJSON[report](t, must(t, "analyze", "--json", "--data", dir, log).stdout)
	if len(said.Incidents) == 0 {
		t.Fatal("no incident is found in lines of refused keys")
	}
	for range 2 {
		kept := must(t, "incidents", "--data", dir, "--since", "30d", "--json").stdout
		if strings.Count(kept, "\n") != len(said.Incidents) {
			t.Errorf("got %s; want %d incidents", kept, len(said.Incidents))
		}
		must(t, "analyze", "--data", dir, log)
	}
}

// A kept store holds more databases than one where somebody makes them: --database says
// which is asked. A name of the file or the environment is that of a server's.
func TestDatabaseOfAKeptStore(t *testing.T) {
	dir := t.TempDir()
	log, store := filepath.Join(dir, "access.log"), filepath.Join(dir, "store")
	must(t, "generate", "--count", "300", "--to", log)
	must(t, "analyze", "--data", store, log)
	responses := func(args ...string) uint64 {
		t.Helper()
		r := run(t, nil, append([]string{"report", "--json", "--data", store}, args...)...)
		if r.err != nil {
			t.Fatalf("%v: %v\n%s", args, r.err, r.stderr)
		}
		return decodeJSON[report](t, r.stdout).Responses
	}
	if responses() == 0 || responses("--database", "statline") == 0 {
		t.Error("got no response of the database statline")
	}
	t.Setenv("STATLINE_DATABASE", "api")
	if responses() == 0 {
		t.Error("got no response; STATLINE_DATABASE is of a server")
	}
	if r := run(t, nil, "report", "--data", store, "--database", "api"); r.err == nil ||
		!strings.Contains(r.stderr, "database api") {
		t.Errorf("--database api, which is not there: got %v, %s", r.err, r.stderr)
	}
}
