package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// fileLine is one response with a status of its own.
func fileLine(service string, n, status int) string {
	return fmt.Sprintf(`{"ts":"2026-03-01T12:%02d:%02dZ","service":"%s","method":"GET","path":"/3/movie/%d","status":%d}`+"\n", n/60%60, n%60, service, n, status)
}

const probeLine = `{"ts":"2026-03-01T12:00:00Z","service":"probe","method":"GET","path":"/health","status":200}` + "\n"

// twoServers are the logs of two servers that begin with the same lines.
func twoServers(t *testing.T, dir string) (web1, web2 string) {
	t.Helper()
	web1, web2 = filepath.Join(dir, "web1.log"), filepath.Join(dir, "web2.log")
	one, two := strings.Repeat(probeLine, 3), strings.Repeat(probeLine, 3)
	for n := range 90 {
		one += fileLine("a", n, 200)
		two += fileLine("b", n, 504)
	}
	for path, text := range map[string]string{web1: one, web2: two[:len(two)-len(fileLine("b", 89, 504))]} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return web1, web2
}

// Two files that begin with the same line are two files, in either order; what
// was done with each is said.
func TestAnalyzeFilesOfOneFirstLine(t *testing.T) {
	dir := t.TempDir()
	web1, web2 := twoServers(t, dir)
	want := map[string]uint64{"200": 96, "504": 89}
	for _, order := range [][]string{{web1, web2}, {web2, web1}} {
		r := must(t, append([]string{"analyze", "--json"}, order...)...)
		if got := decodeJSON[report](t, r.stdout); !maps.Equal(got.ByHTTPStatus, want) {
			t.Errorf("got %v; want %v", got.ByHTTPStatus, want)
		}
		for path, said := range map[string]string{web1: "new, 93 lines", web2: "new, 92 lines"} {
			if !strings.Contains(r.stderr, path+": "+said) {
				t.Errorf("%s: got %q; want %q", path, r.stderr, said)
			}
		}
	}
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	text, err := os.ReadFile(web1)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	archived := write(t, "web1.log.1.gz", gz.Bytes())
	r := must(t, "analyze", "--json", web1, archived)
	if got := decodeJSON[report](t, r.stdout); got.Responses != 93 || !strings.Contains(r.stderr,
		archived+": the same as "+web1+", counted once") {
		t.Errorf("the same file twice: got %d responses, %q", got.Responses, r.stderr)
	}
	if got := decodeJSON[report](t, must(t, "analyze", "--json", "--distinct", web1,
		archived).stdout); got.Responses != 186 {
		t.Errorf("distinct: got %d responses; want 186", got.Responses)
	}
}

// The unfinished last line of a file that grows is left until it is finished.
func TestAnalyzeUnfinishedLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "growing.log")
	whole := fileLine("a", 1, 200) + fileLine("a", 2, 404)
	for _, step := range []struct {
		text      string
		responses uint64
	}{{whole[:len(whole)-30], 1}, {whole + fileLine("a", 3, 200)[:10], 2}, {whole + fileLine("a", 3, 200), 3}} {
		if err := os.WriteFile(path, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := must(t, "analyze", "--json", "--data", filepath.Join(dir, "store"), path)
		if got := decodeJSON[report](t, r.stdout); got.Responses != step.responses || got.Rejected != 0 {
			t.Errorf("got %d responses, %d rejected; want %d: %s", got.Responses, got.Rejected, step.responses,
				r.stderr)
		}
	}
	// Without a store that is kept nothing comes later.
	if err := os.WriteFile(path, []byte(strings.TrimSuffix(whole, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := decodeJSON[report](t, must(t, "analyze", "--json", path).stdout); got.Responses != 2 {
		t.Errorf("got %d responses; want 2", got.Responses)
	}
}

// One file that cannot be read does not hide what the others say.
func TestAnalyzeLeavesOutWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	web1, web2 := twoServers(t, dir)
	archive := write(t, "logs.zip", []byte("PK\x03\x04 not read"))
	r := run(t, nil, "analyze", "--json", web1, filepath.Join(dir, "none.log"), archive, web2)
	got := decodeJSON[struct {
		report
		Failed []struct{ File, Error string } `json:"failed_files"`
	}](t, r.stdout)
	if got.Responses != 185 || len(got.Failed) != 2 || !strings.Contains(r.stderr, "logs.zip is a zip file") ||
		exitStatus(r.err) != 1 {
		t.Errorf("got %d responses, %v, status %d\n%s", got.Responses, got.Failed, exitStatus(r.err), r.stderr)
	}
}

// exitStatus is how a process ended; -1 when it did not by itself.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// When no line is understood, the report shows some, why, and how to go on.
func TestAnalyzeUnderstandsNothing(t *testing.T) {
	log := write(t, "strange.log", []byte("hello world\nanother line\n"))
	r := run(t, nil, "analyze", log)
	if exitStatus(r.err) != 3 {
		t.Errorf("got status %d; want 3", exitStatus(r.err))
	}
	for _, want := range []string{"hello world", "the line has the shape of no known format",
		"The nearest format is combined", "statline probe " + log} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the report lacks %q:\n%s", want, r.stdout)
		}
	}
}

// What cannot be written to standard output is an error.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"codes"}, {"formats"}, {"version"}, {"formats", "--json"}} {
		c := command(t, context.Background(), args...)
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = full, &stderr
		if err := c.Run(); exitStatus(err) != 1 || !strings.Contains(stderr.String(), "write to standard output") {
			t.Errorf("%v: got status %d, %q", args, exitStatus(err), stderr.String())
		}
	}
}

// One key has one id, whichever command is asked, and a secret is not made
// unasked.
func TestOneKeyOneID(t *testing.T) {
	home := t.TempDir()
	at := func(stdin string, args ...string) result {
		t.Helper()
		c := command(t, t.Context(), args...)
		c.Env = append(c.Env, "HOME="+home, "XDG_CONFIG_HOME="+home)
		c.Stdin = strings.NewReader(stdin)
		var stdout, stderr bytes.Buffer
		c.Stdout, c.Stderr = &stdout, &stderr
		err := c.Run()
		return result{stdout.String(), stderr.String(), err}
	}
	if r := at("sesame\n", "key-id"); r.err == nil || !strings.Contains(r.stderr, "--create makes it now") {
		t.Errorf("without a secret: got %v, %q", r.err, r.stderr)
	}
	for _, args := range [][]string{{"--hmac-secret-file", home + "/typo"}, {"--data", home + "/typo"}} {
		if r := at("sesame\n", append([]string{"key-id"}, args...)...); r.err == nil ||
			!strings.Contains(r.stderr, "typo") {
			t.Errorf("%v: got %v, %q", args, r.err, r.stderr)
		}
	}
	if left, err := filepath.Glob(home + "/*"); err != nil || len(left) > 0 {
		t.Errorf("key-id made %v, %v", left, err)
	}
	made := at("sesame-street-1\n", "key-id", "--create")
	id := strings.TrimSpace(made.stdout)
	log, store := write(t, "keys.log", refusedLines()), filepath.Join(t.TempDir(), "store")
	for _, args := range [][]string{{}, {"--data", store}, {"--data", store}} {
		r := at("", append(append([]string{"analyze", "--json"}, args...), log)...)
		if r.err != nil || !strings.Contains(r.stdout, `"`+id+`"`) {
			t.Errorf("analyze %v: %v: no key %s in the report\n%s", args, r.err, id, r.stderr)
		}
	}
	if r := at("sesame-street-1\n", "key-id", "--data", store); strings.TrimSpace(r.stdout) != id {
		t.Errorf("key-id of the store: got %q, %q; want %s", r.stdout, r.stderr, id)
	}
}
