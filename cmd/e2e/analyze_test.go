package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// accessLog is an Apache log of n lines from 2015 with a known status mix; one
// line lacks its closing quote.
func accessLog(n int) (text []byte, mix map[string]uint64) {
	var b bytes.Buffer
	mix = map[string]uint64{}
	for i := range n {
		status := []int{200, 200, 200, 304, 404, 301, 206, 500, 403}[i%9]
		mix[fmt.Sprint(status)]++
		agent := `"Mozilla/5.0 (X11; Linux x86_64)"`
		if i == n/2 {
			agent = `"Mozilla/5.0 (X11; Linux`
		}
		fmt.Fprintf(&b,
			"203.0.113.%d - - [17/May/2015:%02d:%02d:%02d +0000] \"GET /films/%d/cast?page=%d HTTP/1.1\" %d %d \"-\" %s\n",
			i%250, 10+i/3600%10, i/60%60, i%60, i%40, i%7, status, 100+i%9000, agent)
	}
	return b.Bytes(), mix
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A log from 2015 is counted to the line, whatever it comes in, and does not
// vanish in a merge.
func TestAnalyzeCountsEveryLine(t *testing.T) {
	t.Parallel()
	text, mix := accessLog(10_000)
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(name string, r result, rejected uint64) {
		t.Helper()
		if r.err != nil {
			t.Fatalf("%s: %v\n%s", name, r.err, r.stderr)
		}
		got := decodeJSON[report](t, r.stdout)
		if !maps.Equal(got.ByHTTPStatus, mix) || got.Rejected != rejected || got.Responses != 10_000 ||
			got.Records != 10_000+rejected {
			t.Errorf("%s: got %v, %d rejected, %d responses, %d records; want %v, %d rejected", name, got.ByHTTPStatus,
				got.Rejected, got.Responses, got.Records, mix, rejected)
		}
		var reasons uint64
		for _, n := range got.Reasons {
			reasons += n
		}
		if reasons != rejected {
			t.Errorf("%s: %v explain %d rejects; want %d", name, got.Reasons, reasons, rejected)
		}
	}
	check("plain", run(t, nil, "analyze", "--json", write(t, "a.log", text)), 0)
	check("gzip", run(t, nil, "analyze", "--json", write(t, "a.log.gz", gz.Bytes())), 0)
	check("zstd", run(t, nil, "analyze", "--json", write(t, "a.log.zst", zst.Bytes())), 0)
	check("stdin", run(t, bytes.NewReader(text), "analyze", "--json", "-"), 0)

	lines := strings.SplitAfter(string(text), "\n")
	var broken strings.Builder
	for i, line := range lines {
		if i%1000 == 500 {
			fmt.Fprintf(&broken, "not an access log line %d\n", i)
		}
		broken.WriteString(line)
	}
	check("broken", run(t, strings.NewReader(broken.String()), "analyze", "--json", "-"), 10)
}

// With --data the same lines are counted once, and a file that has grown adds
// its new lines.
func TestAnalyzeCountsAFileOnce(t *testing.T) {
	t.Parallel()
	text, _ := accessLog(3000)
	lines := bytes.SplitAfter(text, []byte("\n"))
	dir := t.TempDir()
	path := write(t, "grown.log", bytes.Join(lines[:2000], nil))
	for range 2 {
		if got := decodeJSON[report](t, must(t, "analyze", "--json", "--data", dir, path).
			stdout); got.Responses != 2000 {
			t.Errorf("responses: got %d; want 2000", got.Responses)
		}
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := decodeJSON[report](t, must(t, "analyze", "--json", "--data", dir, path).stdout); got.Responses != 3000 {
		t.Errorf("responses of the grown file: got %d; want 3000", got.Responses)
	}
}

// The report for people names what fails and why.
func TestAnalyzeReport(t *testing.T) {
	text, _ := accessLog(900)
	out := must(t, "analyze", write(t, "a.log", text)).stdout
	for _, want := range []string{"900 responses", "Why responses fail", "not_found", "internal_error", "2015-05-17"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
}

// Errors say what is wrong and what to do.
func TestAnalyzeErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"analyze", "/does/not/exist.log"}, "/does/not/exist.log"},
		{[]string{"analyze", dir}, "there is no file"},
		{[]string{"analyze"}, "want files, directories, quoted patterns, or -"},
		{[]string{"analyze", "--format", "nonsense", "-"}, "nonsense"},
		{[]string{"analyze", "--zone", "Nowhere/Town", "-"}, "Nowhere/Town"},
		{[]string{"analyze", "--no-such-flag"}, "analyze --help"},
	} {
		r := run(t, strings.NewReader(""), c.args...)
		if r.err == nil || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%v: got %v, %q; want an error with %q", c.args, r.err, r.stderr, c.want)
		}
	}
	if out := must(t, "analyze", write(t, "empty.log", nil)).stdout; !strings.Contains(out, "no lines read") {
		t.Errorf("empty file: got %q", out)
	}
}
