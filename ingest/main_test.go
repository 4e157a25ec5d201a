package ingest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/sandbox"
)

// shared is the broker and the engine of this test process, started by the
// first test that asks.
var shared struct {
	once    sync.Once
	sandbox *sandbox.Sandbox
	err     error
}

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	code := m.Run()
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

// testbed is the shared sandbox.
func testbed(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	shared.once.Do(func() {
		shared.sandbox, shared.err = sandbox.Start(context.Background(), sandbox.Config{Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0"})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.sandbox
}

func foldConfig() fold.Config {
	c := fold.DefaultConfig()
	c.Decode.Secret = foldtest.Secret
	return c
}

func newFold(t testing.TB, c fold.Config) *fold.Fold {
	t.Helper()
	f, err := fold.New(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
