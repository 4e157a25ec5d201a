package watch

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// engine is the one embedded ClickHouse of this test process; every test has a
// database of its own in it.
type engine struct {
	url       string
	databases atomic.Int64
}

var shared engine

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	sb, err := sandbox.Start(context.Background(), sandbox.Config{ClickHouse: "127.0.0.1:0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.url = sb.ClickHouseURL()
	code := m.Run()
	if err := sb.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// openStore is a store with its tables in a database of its own.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	c := store.DefaultConfig()
	c.URL = shared.url
	c.Database = fmt.Sprintf("w%d_%s", shared.databases.Add(1), strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name())))
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	return s
}
