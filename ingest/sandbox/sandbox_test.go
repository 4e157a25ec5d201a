package sandbox_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"

	"statline/ingest/sandbox"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, runChild(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const anyPort = "127.0.0.1:0"

// start runs a sandbox for the test's duration.
func start(t testing.TB, cfg sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial connects clickhouse-go to the sandbox; change alters its options.
func dial(t testing.TB, s *sandbox.Sandbox, change ...func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	opts, err := clickhouse.ParseDSN(cmp.Or(s.ClickHouseURL(), s.NativeURL()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(opts)
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return conn
}

func compressed(method clickhouse.CompressionMethod) func(*clickhouse.Options) {
	return func(o *clickhouse.Options) { o.Compression = &clickhouse.Compression{Method: method} }
}

func mustExec(t testing.TB, conn driver.Conn, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func scalar[T any](t testing.TB, conn driver.Conn, query string) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// A temporary sandbox leaves nothing behind.
func TestCloseRemovesTemporaryData(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, err := sandbox.Start(t.Context(), sandbox.Config{Kafka: anyPort, ClickHouse: anyPort,
		Topics: []string{"access"}})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 1 {
		t.Fatalf("while running: got %d entries in TMPDIR; want 1", len(left))
	}
	for range 2 { // twice is allowed
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Fatalf("after Close: got %v in TMPDIR; want nothing", left)
	}
}

// Either half can be left out.
func TestParts(t *testing.T) {
	s := start(t, sandbox.Config{Kafka: anyPort})
	if s.ClickHouseURL() != "" || len(s.Brokers()) != 1 {
		t.Errorf("broker only: got %q, %v", s.ClickHouseURL(), s.Brokers())
	}
	s = start(t, sandbox.Config{ClickHouse: anyPort})
	if s.ClickHouseURL() == "" || s.Brokers() != nil {
		t.Errorf("engine only: got %q, %v", s.ClickHouseURL(), s.Brokers())
	}
}

// Two sandboxes on one data directory would destroy it.
func TestDataDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	cfg := sandbox.Config{Kafka: anyPort, Data: dir}
	start(t, cfg)
	_, err := sandbox.Start(t.Context(), cfg)
	if !errors.Is(err, sandbox.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second start: got %v; want ErrLocked with the directory's name", err)
	}
}

// What was stored is there after a restart.
func TestEngineDataSurvivesRestart(t *testing.T) {
	cfg := sandbox.Config{ClickHouse: anyPort, Data: t.TempDir()}
	func() {
		s, err := sandbox.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		conn, err := clickhouse.Open(&clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{strings.TrimPrefix(s.ClickHouseURL(), "http://")}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		mustExec(t, conn, "CREATE DATABASE d", "CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n",
			"INSERT INTO d.t VALUES (1), (2)")
	}()
	conn := dial(t, start(t, cfg))
	if got := scalar[uint64](t, conn, "SELECT sum(n) FROM d.t"); got != 3 {
		t.Fatalf("after restart: got %d; want 3", got)
	}
}

// A missing engine is an error that says what to run and where it looked.
func TestFindEngineMissing(t *testing.T) {
	t.Setenv("STATLINE_ENGINE", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	_, err := sandbox.FindEngine("")
	if !errors.Is(err, sandbox.ErrNoEngine) {
		t.Fatalf("got %v; want ErrNoEngine", err)
	}
	cwd, _ := os.Getwd()
	for _, want := range []string{"make engine", "STATLINE_ENGINE", filepath.Join(cwd, ".engine")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if _, err := sandbox.FindEngine("/nowhere/libchdb.so"); err == nil ||
		!strings.Contains(err.Error(), "/nowhere/libchdb.so") {
		t.Errorf("explicit path: got %v; want an error with the path", err)
	}
}

// The places are searched in the documented order.
func TestFindEngineOrder(t *testing.T) {
	root := t.TempDir()
	touch := func(parts ...string) string {
		path := filepath.Join(append([]string{root}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("STATLINE_ENGINE", "")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache"))
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "a", "b"))
	find := func(explicit, want string) {
		t.Helper()
		got, err := sandbox.FindEngine(explicit)
		if err != nil || got != want {
			t.Errorf("FindEngine(%q): got %q, %v; want %q", explicit, got, err, want)
		}
	}
	find("", touch("cache", "statline", "libchdb.so"))
	find("", touch(".engine", "libchdb.so"))
	find("", touch("a", "ingest", "sandbox", "engine", "libchdb.so"))
	env := touch("env", "libchdb.so")
	t.Setenv("STATLINE_ENGINE", filepath.Dir(env))
	find("", env)
	explicit := touch("explicit", "other.so")
	find(explicit, explicit)
}
