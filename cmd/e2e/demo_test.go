package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// report is what --json prints, as other tools read it.
type report struct {
	Records      uint64            `json:"records"`
	Responses    uint64            `json:"responses"`
	Rejected     uint64            `json:"rejected"`
	ByHTTPStatus map[string]uint64 `json:"by_http_status"`
	ByCode       map[string]uint64 `json:"by_code"`
	ByOutcome    map[string]uint64 `json:"by_outcome"`
	ByService    map[string]uint64 `json:"by_service"`
	First        *time.Time        `json:"first"`
	Last         *time.Time        `json:"last"`
	Elapsed      float64           `json:"elapsed_seconds"`
	Reasons      map[string]uint64 `json:"rejected_by_reason"`
	Match        *bool             `json:"match"`
	Truth        *struct {
		Records uint64 `json:"records"`
	} `json:"truth"`
	Incidents []struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	} `json:"incidents"`
	Who []struct {
		Key   string `json:"key_id"`
		OfKey uint64 `json:"requests_of_key"`
	} `json:"who"`
}

// The whole job in one process, and every count equals the generator's.
func TestDemoMatchesTruth(t *testing.T) {
	t.Parallel()
	r := decodeJSON[report](t, must(t, "demo", "--for", "8s", "--seed", "7", "--json").stdout)
	if r.Match == nil || !*r.Match || r.Truth == nil {
		t.Fatalf("match: got %v; want true", r.Match)
	}
	found := map[string]bool{}
	for _, i := range r.Incidents {
		found[i.Kind] = true
	}
	for _, kind := range []string{"offender", "dead_key"} { // due within the eight event minutes
		if !found[kind] {
			t.Errorf("no incident %s among %v", kind, found)
		}
	}
	if r.Records < 5000 || r.Records != r.Truth.Records || r.Responses == 0 || len(r.ByOutcome) < 8 || r.First == nil ||
		r.Last == nil {
		t.Errorf("got %+v; want some thousand records of many outcomes", r)
	}
}

// Ctrl-C ends a demo with its report and status 0.
func TestDemoEndsOnInterrupt(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--seed", "3")
	d.waitForText(t, "stored=", 30*time.Second)
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(t, 20*time.Second); err != nil {
		t.Errorf("ended with %v", err)
	}
	if out := d.logged(); !strings.Contains(out, "every stored count equals") ||
		!strings.Contains(out, "Why responses fail") {
		t.Errorf("no report:\n%s", tail(out, 3000))
	}
}

// A store that is kept is gone on with: the broker's log, the rows and the
// secret are those of the first run.
func TestDemoKeepsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := decodeJSON[report](t, must(t, "demo", "--for", "2s", "--json", "--data", dir).stdout)
	again := must(t, "demo", "--for", "2s", "--json", "--data", dir, "--seed", "2")
	if strings.Contains(again.stderr, "lag=-") {
		t.Errorf("the second run is ahead of itself:\n%s", again.stderr)
	}
	second := decodeJSON[report](t, again.stdout)
	if second.Records != first.Records+second.Truth.Records {
		t.Errorf("records: got %d; want %d of the first run and %d of the second", second.Records, first.Records,
			second.Truth.Records)
	}
}

// Two instances on one directory: the second says so and touches nothing.
func TestDemoRefusesBusyData(t *testing.T) {
	dir := t.TempDir()
	d := start(t, "", "sandbox", "--kafka", freeAddress(t), "--clickhouse", freeAddress(t), "--data", dir)
	d.waitFor(t, "ready", 60*time.Second)
	r := run(t, nil, "demo", "--for", "1s", "--data", dir)
	if r.err == nil || !strings.Contains(r.stderr, dir) {
		t.Errorf("got %v, %q; want an error that names the directory", r.err, r.stderr)
	}
	d.terminate(t, 10*time.Second)
}

// A missing engine says how to get it.
func TestMissingEngineSaysHowToGetIt(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := command(t, ctx, "demo", "--for", "1s", "--engine", "/does/not/exist/libchdb.so")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGKILL) }
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "make engine") {
		t.Errorf("got %v: %s; want an error that says make engine", err, out)
	}
}

// What make demo prints is the demo's alone: the build goes to standard error.
func TestMakeDemoPrintsTheDemo(t *testing.T) {
	dir := t.TempDir()
	needed := []string{"Makefile", "ingest/sandbox/engine/package.json"}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, included := range regexp.MustCompile(`(?m)^include (.*)$`).FindAllStringSubmatch(string(makefile), -1) {
		needed = append(needed, strings.Fields(included[1])...)
	}
	for _, name := range needed {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "bin", "statline")); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "make", "demo", "GO=true", "ARGS=--help")
	c.Dir = dir
	// Below another make, as in make test, make would say where it works.
	c.Env = append(os.Environ(), "STATLINE_ENGINE="+enginePath(t), "MAKELEVEL=", "MAKEFLAGS=")
	out, err := c.Output()
	if err != nil || !strings.HasPrefix(string(out), "demo runs generated API traffic") {
		t.Errorf("%v: got\n%s", err, tail(string(out), 1000))
	}
}
