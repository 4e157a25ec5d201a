package e2e

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		if !errors.As(r.err, &exit) || exit.ExitCode() != 1 || !strings.Contains(r.stderr, todo) ||
			strings.Contains(r.stderr, secret) {
			t.Errorf("%s: got %v\n%s\nwant exit code 1 and %q", answer, r.err, r.stderr, todo)
		}
	}
}

// Promise: a database of a newer statline, and one whose key ids were made with
// another secret, end the start and check with both sides named and what to do.
func TestDatabaseIsRefused(t *testing.T) {
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 10)
	home, other := t.TempDir(), t.TempDir()
	arguments := []string{"--brokers", kafka, "--clickhouse", clickhouse}
	runs := append([]string{"run", "--listen", "", "--until-caught-up"}, arguments...)
	if r := mustAt(t, home, runs...); !strings.Contains(r.stdout, "10 records more") {
		t.Errorf("run --until-caught-up says %q", r.stdout)
	}
	mustAt(t, home, append([]string{"check"}, arguments...)...)
	refuses := func(home, todo string) {
		t.Helper()
		for _, args := range [][]string{runs, append([]string{"check"}, arguments...)} {
			d := start(t, home, args...)
			if err := d.wait(t, time.Minute); err == nil || !strings.Contains(d.logged(), todo) {
				t.Errorf("%s: got %v\n%s\nwant a refusal with %q", args[0], err, d.logged(), todo)
			}
		}
	}
	// makes a secret
	mustAt(t, other, append([]string{"run", "--listen", "", "--until-caught-up", "--database", "elsewhere", "--group",
		"another"}, arguments...)...)
	refuses(other, "start it with the same secret, or give it a database of its own")
	post(t, clickhouse, "INSERT INTO statline.meta (key, value, version) VALUES ('schema_version', '9999', 9999)")
	refuses(home, "database statline has version 9999, this binary knows up to")
}

// Promise: a password file that is not there when the daemon starts is read when
// it appears; meanwhile the log names it.
func TestPasswordFileAppears(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("statline:secret-word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kafka, clickhouse := freeAddress(t), freeAddress(t)
	start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", clickhouse, "--users", users, "--data", t.TempDir()).
		waitFor(t, "ready", time.Minute)
	generated(t, kafka, 100)
	password := filepath.Join(t.TempDir(), "password")
	d := start(t, t.TempDir(), "run", "--brokers", kafka, "--clickhouse", "http://statline@"+clickhouse, "--clickhouse-password-file", password,
		"--listen", "", "--until-caught-up")
	d.waitForText(t, password, time.Minute)
	if err := os.WriteFile(password, []byte("secret-word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(t, time.Minute); err != nil {
		t.Errorf("with the file: got %v\n%s", err, d.logged())
	}
}
