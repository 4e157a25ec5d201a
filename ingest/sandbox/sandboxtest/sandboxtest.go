// Package sandboxtest gives the tests of a package one embedded broker and
// engine, and each test a database of its own.
package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"statline/ingest/sandbox"
)

// shared is started by the first test that asks, and closed by Main.
var shared struct {
	once      sync.Once
	sandbox   *sandbox.Sandbox
	err       error
	databases atomic.Int64
}

// Main is a TestMain: it runs the tests, closes what they shared, and fails if a goroutine
// is left.
func Main(m *testing.M) { os.Exit(Run(m.Run)) }

// Run is Main for a TestMain that has more to do around the tests.
func Run(tests func() int) int {
	code := tests()
	if shared.sandbox != nil {
		if err := shared.sandbox.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// Sandbox is the broker and the engine of this test process.
func Sandbox(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Start is Sandbox for a TestMain.
func Start() (*sandbox.Sandbox, error) {
	shared.once.Do(func() {
		// Not the first test's context: the other tests use it too.
		shared.sandbox, shared.err = sandbox.Start(context.Background(), sandbox.Config{
			Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0", Native: "127.0.0.1:0"})
	})
	return shared.sandbox, shared.err
}

// protocolEnv names the protocol of the stores that tests open by URL: http,
// which is the default, or native, which make test-native sets.
const protocolEnv = "STATLINE_TEST_PROTOCOL"

// URL is the address of this process's engine over the protocol that the
// environment asks for.
func URL(t testing.TB) string {
	t.Helper()
	switch protocol := os.Getenv(protocolEnv); protocol {
	case "", "http":
		return Sandbox(t).ClickHouseURL()
	case "native":
		return Sandbox(t).NativeURL()
	default:
		t.Fatalf("%s: got %q; want http or native", protocolEnv, protocol)
		return ""
	}
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// Database names a database that no other test of this process has.
func Database(t testing.TB) string {
	return fmt.Sprintf("t%d_%s", shared.databases.Add(1),
		strings.Trim(notName.ReplaceAllString(strings.ToLower(t.Name()), "_"), "_"))
}
