package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Where other machines reach it, run has no console without a token: it says why
// once and answers the rest; told to have one, it does not start. With a token it
// is there and opens for nobody else. No server is needed to see that.
func TestRunServesTheConsoleWhereThatIsSafe(t *testing.T) {
	args := []string{"run", "--brokers", "127.0.0.1:1", "--clickhouse", "http://127.0.0.1:1", "--listen", "0.0.0.0:0"}
	got := run(t, nil, append(args, "--console", "on")...)
	if got.err == nil || !strings.Contains(got.stderr, "--console-token-file") {
		t.Errorf("run --console on, without a token: got %v, %q; want a refusal that names --console-token-file",
			got.err, got.stderr)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a token of 24 characters"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		more          []string
		page, answers int
		says          bool
	}{
		"no token": {nil, 404, 404, true},
		"a token":  {[]string{"--console-token-file", token, "--console-insecure"}, 200, 401, false},
	} {
		d := start(t, "", append(args, c.more...)...)
		d.waitForText(t, "msg=listening", time.Minute)
		address := "http://127.0.0.1:" + regexp.MustCompile(`address=\S+:(\d+)`).FindAllStringSubmatch(d.logged(), -1)[strings.Count(d.logged(), "address=")-1][1]
		for path, want := range map[string]int{"/": c.page, "/api/boards": c.answers, "/metrics": 200, "/healthz": 200,
			"/readyz": 503} {
			answer, err := http.Get(address + path)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Body.Close(); answer.StatusCode != want {
				t.Errorf("%s, %s: got %d; want %d", name, path, answer.StatusCode, want)
			}
		}
		if n := strings.Count(d.logged(), "the console is not served"); (n == 1) != c.says {
			t.Errorf("%s: the log says %d times that there is no console:\n%s", name, n, d.logged())
		}
	}
}
