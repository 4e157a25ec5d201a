package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string

// TestMain builds the binary once; every test here runs it as a user does.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "statline-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "statline")
	build := exec.Command("go", "build", "-pgo=off", "-o", binary, "./cmd/statline")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build statline: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// result is what a finished command left.
type result struct {
	stdout, stderr string
	err            error
}

// command prepares the binary with a home of its own, so that no test sees
// another's secret or configuration.
func command(t *testing.T, ctx context.Context, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = t.TempDir()
	home := t.TempDir()
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"STATLINE_ENGINE="+enginePath(t), "NO_COLOR=1")
	return c
}

// enginePath is where make engine put the library; tests run elsewhere.
func enginePath(t *testing.T) string {
	t.Helper()
	if p := os.Getenv("STATLINE_ENGINE"); p != "" {
		return p
	}
	matches, err := filepath.Glob(filepath.Join(root, "ingest/sandbox/engine/node_modules/@chdb/*/libchdb.*"))
	if err != nil || len(matches) == 0 {
		matches, err = filepath.Glob(filepath.Join(root, ".engine/libchdb.*"))
	}
	if err != nil || len(matches) == 0 {
		t.Fatalf("the engine is not installed: make engine (%v)", err)
	}
	p, err := filepath.Abs(matches[0])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the binary to its end.
func run(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	return runWithin(t, 5*time.Minute, stdin, args...)
}

func runWithin(t *testing.T, limit time.Duration, stdin io.Reader, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := command(t, ctx, args...)
	c.Stdin = stdin
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	return result{stdout.String(), stderr.String(), err}
}

// must runs the binary and fails the test when it does.
func must(t *testing.T, args ...string) result {
	t.Helper()
	r := run(t, nil, args...)
	if r.err != nil {
		t.Fatalf("statline %s: %v\n%s%s", strings.Join(args, " "), r.err, r.stdout, r.stderr)
	}
	return r
}

// decodeJSON reads one JSON object from text.
func decodeJSON[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not one JSON object: %v\n%s", err, text)
	}
	return v
}

// daemon is a running binary whose standard error is kept.
type daemon struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	log    bytes.Buffer
	done   chan error
	exited bool
}

func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *daemon) logged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// start starts the binary and leaves it running until the test ends.
func start(t *testing.T, home string, args ...string) *daemon {
	t.Helper()
	return startBinary(t, binary, home, args...)
}

// startBinary is start for another build of the binary.
func startBinary(t *testing.T, path, home string, args ...string) *daemon {
	t.Helper()
	d := &daemon{done: make(chan error, 1)}
	d.cmd = command(t, context.Background(), args...)
	d.cmd.Path = path
	if home != "" {
		d.cmd.Env = append(d.cmd.Env, "HOME="+home, "XDG_CONFIG_HOME="+home)
	}
	d.cmd.Stderr = d
	d.cmd.Stdout = d
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	t.Cleanup(func() {
		if !d.exited {
			d.kill(t)
		}
		if t.Failed() {
			t.Logf("statline %s:\n%s", args[0], tail(d.logged(), 4000))
		}
	})
	return d
}

// kill is kill -9.
func (d *daemon) kill(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Logf("kill: %v", err)
	}
	<-d.done
	d.exited = true
}

// wait waits for the end and returns how it ended.
func (d *daemon) wait(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-d.done:
		d.exited = true
		return err
	case <-time.After(within):
		t.Fatalf("%s did not end within %v:\n%s", d.cmd.Args[1], within, tail(d.logged(), 4000))
		return nil
	}
}

// terminate is SIGTERM, and the end within the time promised.
func (d *daemon) terminate(t *testing.T, within time.Duration) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(t, within); err != nil {
		t.Errorf("SIGTERM: ended with %v", err)
	}
}

// waitFor waits until the log holds a line equal to text.
func (d *daemon) waitFor(t *testing.T, text string, within time.Duration) {
	t.Helper()
	d.await(t, text, within, func(log string) bool {
		return strings.Contains("\n"+log, "\n"+text+"\n")
	})
}

// waitForText waits until the log holds text.
func (d *daemon) waitForText(t *testing.T, text string, within time.Duration) {
	t.Helper()
	d.await(t, text, within, func(log string) bool { return strings.Contains(log, text) })
}

func (d *daemon) await(t *testing.T, text string, within time.Duration, found func(log string) bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for time.Now().Before(deadline) {
		if found(d.logged()) {
			return
		}
		select {
		case err := <-d.done:
			d.exited = true
			t.Fatalf("%s ended before %q: %v\n%s", d.cmd.Args[1], text, err, d.logged())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s: no %q within %v:\n%s", d.cmd.Args[1], text, within, d.logged())
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sandbox starts a sandbox and returns its addresses.
func startSandbox(t *testing.T, data string) (d *daemon, kafka, clickhouse string) {
	t.Helper()
	kafka, clickhouse = freeAddress(t), freeAddress(t)
	d = start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", clickhouse, "--data", data, "--partitions", "4")
	d.waitFor(t, "ready", 60*time.Second)
	return d, kafka, "http://" + clickhouse
}

// sql runs a query over ClickHouse's HTTP interface and returns its text.
func sql(t *testing.T, address, text string) string {
	t.Helper()
	resp, err := http.Get(address + "/?query=" + url.QueryEscape(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s\n%s: %s", text, resp.Status, body)
	}
	return strings.TrimSpace(string(body))
}

// sqlCounts runs a query of (name, number) rows.
func sqlCounts(t *testing.T, address, text string) map[string]uint64 {
	t.Helper()
	m := map[string]uint64{}
	for line := range strings.Lines(sql(t, address, text+" FORMAT TSV")) {
		var n uint64
		name, number, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if _, err := fmt.Sscan(number, &n); !ok || err != nil {
			t.Fatalf("%s: row %q", text, line)
		}
		m[name] = n
	}
	return m
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// mustAt is must with a home that keeps the secret.
func mustAt(t *testing.T, home string, args ...string) result {
	t.Helper()
	r := runAt(t, home, args...)
	if r.err != nil {
		t.Fatalf("statline %s: %v\n%s%s", strings.Join(args, " "), r.err, r.stdout, r.stderr)
	}
	return r
}

// runAt is run with a home that others share.
func runAt(t *testing.T, home string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := command(t, ctx, args...)
	c.Env = append(c.Env, "HOME="+home, "XDG_CONFIG_HOME="+home)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	return result{stdout.String(), stderr.String(), err}
}

// post runs a statement that changes something.
func post(t *testing.T, address, text string) {
	t.Helper()
	resp, err := http.Post(address, "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", text, resp.Status, body, err)
	}
}
