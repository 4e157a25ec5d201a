package libchdb_test

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"statline/ingest/sandbox"
	"statline/ingest/sandbox/libchdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T) *libchdb.Library {
	t.Helper()
	path, err := sandbox.FindEngine("")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := libchdb.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func open(t *testing.T) (*libchdb.Library, *libchdb.Engine) {
	t.Helper()
	lib := load(t)
	engine, err := lib.Open(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	return lib, engine
}

func session(t *testing.T, e *libchdb.Engine) *libchdb.Conn {
	t.Helper()
	c, err := e.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func query(t *testing.T, c *libchdb.Conn, sql string, params ...libchdb.Param) string {
	t.Helper()
	res, err := c.Query([]byte(sql), "TabSeparatedRaw", params)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer res.Free()
	return strings.TrimSuffix(string(res.Bytes()), "\n")
}

// NUL bytes pass in query texts, parameters and results.
func TestTextsAreCounted(t *testing.T) {
	_, e := open(t)
	c := session(t, e)
	if got := query(t, c, "SELECT 'a\x00b' || {p:String}",
		libchdb.Param{Name: "p", Value: `c\0d`}); got != "a\x00bc\x00d" {
		t.Errorf("got %q", got)
	}
}

// A session's settings are its own.
func TestSessionsAreApart(t *testing.T) {
	_, e := open(t)
	a, b := session(t, e), session(t, e)
	query(t, a, "SET max_block_size = 17")
	if got := query(t, a, "SELECT getSetting('max_block_size')"); got != "17" {
		t.Errorf("got %s; want 17", got)
	}
	if got := query(t, b, "SELECT getSetting('max_block_size')"); got == "17" {
		t.Error("one session's setting is seen in another")
	}
}

// Streams end, whatever their last chunk looks like, and can be left early.
func TestStream(t *testing.T) {
	_, e := open(t)
	for _, tc := range []struct {
		sql, format string
		bytes       int
	}{
		{"SELECT number FROM numbers(1000000)", "RowBinary", 8e6},
		{"SELECT 1 WHERE 0", "Native", 0},
		{"SELECT 1 AS a WHERE 0", "TSVWithNames", 2},
	} {
		c := session(t, e)
		s, err := c.Stream([]byte(tc.sql), tc.format, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			chunk, err := s.Next()
			if err != nil {
				t.Fatalf("%s: %v", tc.sql, err)
			}
			if chunk == nil {
				break
			}
			n += len(chunk.Bytes())
			chunk.Free()
		}
		s.Close()
		if n != tc.bytes {
			t.Errorf("%s: got %d bytes; want %d", tc.sql, n, tc.bytes)
		}
	}
	c := session(t, e)
	s, err := c.Stream([]byte("SELECT number FROM system.numbers"), "RowBinary", nil)
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	chunk.Free()
	s.Close()
	if got := query(t, c, "SELECT 1"); got != "1" {
		t.Errorf("after a stream left early: got %q", got)
	}
}

// The library cannot do more than one data directory at a time, and says so.
func TestOneEngineAtATime(t *testing.T) {
	lib, _ := open(t)
	if _, err := lib.Open(t.TempDir(), ""); !errors.Is(err, libchdb.ErrBusy) {
		t.Errorf("second engine: got %v; want ErrBusy", err)
	}
}

// Sessions run in parallel.
func TestParallelSessions(t *testing.T) {
	_, e := open(t)
	query(t, session(t, e), "CREATE TABLE default.p (n UInt64) ENGINE = MergeTree ORDER BY n")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				c, err := e.Conn()
				if err != nil {
					t.Error(err)
					return
				}
				res, err := c.Query([]byte("INSERT INTO default.p SELECT number FROM numbers(1000)"), "Null", nil)
				if err != nil {
					t.Error(err)
				} else {
					res.Free()
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	if got := query(t, session(t, e), "SELECT count() FROM default.p"); got != "80000" {
		t.Errorf("got %s rows; want 80000", got)
	}
}

// Every handler is the same while an engine is open, and after, as before.
func TestHandlersAreKept(t *testing.T) {
	lib := load(t)
	before := lib.Handlers()
	same := func(when string) {
		t.Helper()
		for sig, h := range lib.Handlers() {
			if h != before[sig] {
				t.Errorf("%s: the handler of signal %d changed from %x to %x", when, sig, before[sig], h)
			}
		}
	}
	for range 2 {
		e, err := lib.Open(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		same("open")
		c, err := e.Conn()
		if err != nil {
			t.Fatal(err)
		}
		same("session")
		query(t, c, "SELECT sum(number) FROM numbers(1000000)")
		same("query")
		if _, err := c.Query([]byte("SELECT throwIf(1)"), "Null", nil); err == nil {
			t.Error("no error")
		}
		same("failed query")
		c.Close()
		same("session closed")
		e.Close()
		same("close")
	}
}

// The process's signals still reach Go when an engine runs: SIGTERM and SIGINT
// as notifications, SIGSEGV as a panic, SIGPROF as a profile (no crash).
func TestSignalsReachGo(t *testing.T) {
	_, e := open(t)
	query(t, session(t, e), "SELECT sum(number) FROM numbers(10000000)")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1,
		syscall.SIGUSR2, syscall.SIGQUIT} {
		got := make(chan os.Signal, 1)
		signal.Notify(got, sig)
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
		case <-time.After(5 * time.Second):
			t.Errorf("%v: not delivered", sig)
		}
		signal.Stop(got)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a nil dereference did not panic")
			}
		}()
		var nothing *struct{ field [1 << 8]int }
		t.Log(nothing.field[7])
	}()
}
