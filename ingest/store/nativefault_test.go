package store

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/retry"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
)

// wirecut stands between a store and the engine's native port. While it is
// armed it counts what passes and drops the connection at a byte.
type wirecut struct {
	net.Listener
	to    string
	mu    sync.Mutex
	armed bool
	up    bool  // which direction counts: to the server
	left  int64 // bytes until the cut
	seen  int64 // bytes that passed while armed
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

func newWirecut(t *testing.T, front func(net.Listener) net.Listener) *wirecut {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wirecut{Listener: front(ln), to: strings.TrimPrefix(sandboxtest.Sandbox(t).NativeURL(), "clickhouse://"), conns: map[net.Conn]bool{}}
	w.done.Go(w.serve)
	t.Cleanup(func() {
		_ = w.Close()
		w.cutAll()
		w.done.Wait()
	})
	return w
}

func plain(ln net.Listener) net.Listener { return ln }

func (w *wirecut) url() string { return "clickhouse://" + w.Addr().String() }

func (w *wirecut) serve() {
	for {
		client, err := w.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.conns[client], w.conns[server] = true, true
		w.mu.Unlock()
		w.done.Go(func() { w.pump(server, client, true) })
		w.done.Go(func() { w.pump(client, server, false) })
	}
}

// pump copies one direction until its end or the cut.
func (w *wirecut) pump(to, from net.Conn, up bool) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
	}()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		allowed, cut := w.pass(int64(n), up)
		if _, werr := to.Write(buf[:allowed]); werr != nil || err != nil || cut {
			return
		}
	}
}

func (w *wirecut) pass(n int64, up bool) (allowed int64, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.armed || w.up != up {
		return n, false
	}
	w.seen += n
	if n < w.left {
		w.left -= n
		return n, false
	}
	w.armed = false
	return w.left, true
}

// arm cuts the next connection that passes n bytes in a direction.
func (w *wirecut) arm(up bool, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.up, w.left, w.seen = true, up, n, 0
}

func (w *wirecut) disarm() (seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	return w.seen
}

// cutAll drops every connection.
func (w *wirecut) cutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
}

// The connection is cut anywhere on the way of a block's INSERTs, in either
// direction, the end of the answer included: the repetition brings the block
// to exactly once.
func TestNativeCutAnywhere(t *testing.T) {
	w := newWirecut(t, plain)
	s := open(t, func(c *Config) { c.URL, c.Parallel = w.url(), 1 })
	blocks := int64(0)
	write := func() error {
		id, c := blockOf(100*blocks, 100*blocks+100, 2, 10)
		return s.WriteRows(t.Context(), id, c, free)
	}
	for _, up := range []bool{true, true, false} {
		w.arm(up, 1<<40)
		if err := write(); err != nil {
			t.Fatal(err)
		}
		total := w.disarm()
		blocks++
		if blocks == 1 {
			continue // the first block asks the server more than others
		}
		places := []int64{0, 1, total / 7, total / 2, total - 40}
		if up { // answers tell times, and vary by some bytes
			places = append(places, total-1)
		}
		for _, at := range places {
			w.arm(up, at)
			if err := write(); err == nil {
				t.Errorf("up %t, cut at %d of %d: got no error", up, at, total)
			} else if retry.ClassOf(err) != retry.Transient || !strings.Contains(err.Error(), "insert block c/access/1/3/") {
				t.Errorf("up %t, cut at %d of %d: got class %s, %v", up, at, total, retry.ClassOf(err), err)
			}
			w.disarm()
			if err := write(); err != nil {
				t.Fatalf("up %t, after a cut at %d of %d: %v", up, at, total, err)
			}
			blocks++
		}
	}
	for _, r := range s.Rollups() {
		want := uint64(blocks) * 2 * r.Sum.Of(aggregate.DayCount{Responses: 10, Keyed: 9, Addressed: 8})
		if got := sum(t, s, schema.Table(r.Name), schema.Requests); got != want {
			t.Errorf("%s: got %d requests; want %d", r.Name, got, want)
		}
	}
}

// A pool whose connections have all died, and a first address that is down,
// cost a retry at most.
func TestNativeDeadPool(t *testing.T) {
	w := newWirecut(t, plain)
	s := open(t, func(c *Config) {
		c.URL = "clickhouse://127.0.0.1:1," + w.Addr().String()
		c.DialTimeout = 2 * time.Second
	})
	for range 3 {
		w.cutAll()
		var err error
		for range 10 { // a dead connection each, at most
			if err = s.Ping(t.Context()); err == nil {
				break
			} else if retry.ClassOf(err) != retry.Transient {
				t.Fatalf("got class %s for %v; want retryable", retry.ClassOf(err), err)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TLS is asked for by secure=true, and the server's certificate is verified.
func TestNativeTLS(t *testing.T) {
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	w := newWirecut(t, func(ln net.Listener) net.Listener {
		return tls.NewListener(ln, &tls.Config{Certificates: certs.TLS.Certificates})
	})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pemOf(certs), 0o600); err != nil {
		t.Fatal(err)
	}
	s := dial(t, sandboxtest.Database(t), func(c *Config) { c.URL, c.CA = w.url()+"?secure=true", ca })
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.URL, c.DialTimeout = w.url()+"?secure=true", 2*time.Second
	if s, err := Open(t.Context(), c); err == nil {
		s.Close()
		t.Fatal("got no error from a server whose authority is unknown")
	} else if !strings.Contains(err.Error(), "certificate") || retry.ClassOf(err) != retry.Permanent {
		t.Errorf("got class %s, %v", retry.ClassOf(err), err)
	}
}

// A reader that stops reading holds its own connection and nothing else.
func TestNativeSlowReader(t *testing.T) {
	s := open(t, func(c *Config) { c.URL = sandboxtest.Sandbox(t).NativeURL() })
	rows, err := s.Conn().Query(t.Context(), "SELECT number, repeat('x', 1000) FROM numbers(1000000)")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	id, c := blockOf(100, 200, 1, 10)
	begun := time.Now()
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("a write took %s beside a reader that does not read", took)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}
