//go:build native

package sandbox_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"statline/ingest/sandbox"
)

// Debian's clickhouse-client, 18.16, asks, inserts in its formats and reads
// totals and exceptions. What it cannot do is send settings: it does so in a
// binary form of its time (see chnative), and is told what to do instead.
func TestNativeOldClient(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	at, err := url.Parse(s.NativeURL())
	if err != nil {
		t.Fatal(err)
	}
	client := func(stdin string, args ...string) (string, error) {
		c := exec.Command("clickhouse-client", append([]string{"--host", at.Hostname(), "--port", at.Port()},
			args...)...)
		c.Stdin = strings.NewReader(stdin)
		out, err := c.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for _, step := range []struct{ stdin, query, want string }{
		{"", "CREATE TABLE t (a UInt8, s String, d DateTime('UTC')) ENGINE = MergeTree ORDER BY a", ""},
		{"", "INSERT INTO t VALUES (1, 'x', '2026-01-01 00:00:00'), (2, 'y', '2026-01-01 00:00:01')", ""},
		{"3\tz\t2026-01-01 00:00:02\n", "INSERT INTO t FORMAT TabSeparated", ""},
		{"", "SELECT a, s, toUnixTimestamp(d) FROM t ORDER BY a FORMAT CSV",
			"1,\"x\",1767225600\n2,\"y\",1767225601\n3,\"z\",1767225602"},
		{"", "SELECT a % 2 AS k, count() FROM t GROUP BY k WITH TOTALS ORDER BY k", "0\t1\n1\t2\n\n0\t3"},
		{"", "SELECT s FROM t WHERE a > 100", ""},
	} {
		if got, err := client(step.stdin, "--query", step.query); err != nil || got != step.want {
			t.Errorf("%s: got %q, %v; want %q", step.query, got, err, step.want)
		}
	}
	if got, err := client("", "--query", "SELECT nosuch"); err == nil || !strings.Contains(got, "Code: 47") {
		t.Errorf("got %q, %v; want code 47", got, err)
	}
	if got, err := client("", "--max_threads", "1", "--query", "SELECT 1"); err == nil ||
		!strings.Contains(got, "in the query's SETTINGS") {
		t.Errorf("got %q, %v; want to be told where settings go", got, err)
	}
}
