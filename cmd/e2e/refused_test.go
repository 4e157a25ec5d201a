package e2e

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// Promise: a start that no waiting can help ends with an exit code and says what
// to do; the password is not in it.
func TestStartIsRefused(t *testing.T) {
	const secret = "not-the-password"
	for answer, todo := range map[string]string{
		"Code: 516. DB::Exception: statline: Authentication failed":               "user or password in the address of ClickHouse",
		"Code: 497. DB::Exception: statline: Not enough privileges":               "grant the user SELECT, INSERT",
		"Code: 192. DB::Exception: There is no user `statline` in user directory": "user or password in the address of ClickHouse",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, answer, http.StatusForbidden)
		}))
		address := strings.Replace(server.URL, "http://", "http://statline:"+secret+"@", 1)
		r := run(t, nil, "run", "--brokers", "127.0.0.1:1", "--clickhouse", address, "--listen", "")
		server.Close()
		var exit *exec.ExitError
		if !errors.As(r.err, &exit) || exit.ExitCode() != 1 || !strings.Contains(r.stderr, todo) || strings.Contains(r.stderr, secret) {
			t.Errorf("%s: got %v\n%s\nwant exit code 1 and %q", answer, r.err, r.stderr, todo)
		}
	}
}
