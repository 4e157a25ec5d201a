package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/classify/aggregate"
	"statline/ingest/block"
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

// fired says that the cut was made.
func (w *wirecut) fired() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.armed
}

func (w *wirecut) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
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
// to exactly once. Cut before rows were sent, an INSERT goes on by itself.
func TestNativeCutAnywhere(t *testing.T) {
	w := newWirecut(t, plain)
	s := open(t, func(c *Config) { c.URL, c.Parallel = w.url(), 1 })
	blocks := int64(0)
	survived := false // an INSERT was cut before its rows
	write := func() error {
		id, c := blockOf(100*blocks, 100*blocks+100, 2, 10)
		survived = false
		return s.WriteRows(t.Context(), id, c, func() error {
			survived = survived || w.fired()
			return nil
		})
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
			if err := write(); (err == nil) != survived {
				t.Errorf("up %t, cut at %d of %d: got %v; want no error: %t", up, at, total, err, survived)
			} else if err != nil && (retry.ClassOf(err) != retry.Transient ||
				!strings.Contains(err.Error(), "insert block c/access/1/3/")) {
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
		want := uint64(blocks) * 2 * r.Sum.Of(aggregate.DayCount{Responses: 10, Keyed: 9, Addressed: 8, Agented: 7})
		if got := sum(t, s, schema.Table(r.Name), schema.Requests); got != want {
			t.Errorf("%s: got %d requests; want %d", r.Name, got, want)
		}
	}
}

// The connection is cut in each packet of one INSERT. Before the rows it goes
// on with a new connection, unless it had a new one already; from then on it is
// the caller's to repeat, and the rows are there once.
func TestNativeCutEachPacket(t *testing.T) {
	w := newWirecut(t, plain)
	s := open(t, func(c *Config) { c.URL = w.url() })
	rows := uint64(0)
	again := func(fence func() error) error {
		id, c := blockOf(int64(100*rows), int64(100*rows+100), 1, 10)
		return s.WriteLedger(t.Context(), stored(id, c), fence)
	}
	// measure is where the rows begin, and the end.
	measure := func(up bool) (begin, end int64) {
		w.arm(up, 1<<40)
		err := again(func() error { begin = w.count(); return nil })
		if err != nil {
			t.Fatal(err)
		}
		rows++
		return begin, w.disarm()
	}
	measure(true) // asks more than others
	asked, sent := measure(true)
	told, answered := measure(false)
	if asked == 0 || told == 0 {
		t.Fatalf("the fence was asked after %d bytes sent and %d read; want the query and its answer before", asked,
			told)
	}
	for _, cut := range []struct {
		name string
		up   bool
		at   int64
		goes bool // on, by itself
	}{
		{"nothing sent", true, 0, true},
		{"query", true, asked / 2, true},
		{"code of the answer", false, 0, true},
		{"columns", false, told / 2, true},
		{"code of the rows", true, asked + 1, false},
		{"rows", true, (asked + sent) / 2, false},
		{"end of the rows", true, sent - 1, false},
		{"answer", false, told + 1, false},
		{"end of the answer", false, answered - 1, false},
	} {
		fences := 0
		w.arm(cut.up, cut.at)
		err := again(func() error { fences++; return nil })
		if (err == nil) != cut.goes || retry.ClassOf(err) != retry.Transient && err != nil || fences != 1 {
			t.Errorf("%s: got class %s, %v and the fence asked %d times; want no error: %t, asked once", cut.name,
				retry.ClassOf(err), err, fences, cut.goes)
		}
		if !w.fired() {
			t.Errorf("%s: nothing was cut", cut.name)
		}
		if err := again(free); err != nil {
			t.Fatalf("%s: repeated: %v", cut.name, err)
		}
		rows++
		if got := count(t, s, schema.Ledger); got != rows {
			t.Fatalf("%s: got %d rows; want %d", cut.name, got, rows)
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
	for n := range int64(3) {
		w.cutAll()
		id, c := blockOf(100*n, 100*n+100, 1, 10)
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatalf("a write, which had sent nothing: %v", err)
		}
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
	checkSums(t, s, 3, 10)
	if n := s.pool.Load().inserts.(*native).current.Load(); n != 1 {
		t.Errorf("got host %d in use; want 1", n)
	}
}

// A caller that ends an INSERT gets its own reason, and the connection is not
// used again.
func TestNativeCancel(t *testing.T) {
	s := open(t, func(c *Config) { c.URL = sandboxtest.Sandbox(t).NativeURL() })
	pool := s.pool.Load().inserts.(*native)
	id, c := blockOf(100, 200, 1, 10)
	write := func(ctx context.Context, fence func() error) error {
		return s.WriteLedger(ctx, stored(id, c), fence)
	}
	if err := write(t.Context(), free); err != nil || len(pool.idle) != 1 {
		t.Fatalf("got %v, %d connections; want 1", err, len(pool.idle))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := write(ctx, func() error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || len(pool.idle) != 0 {
		t.Errorf("got %v, %d connections; want it cancelled, none", err, len(pool.idle))
	}
	err = write(t.Context(), func() error { return block.ErrFenced })
	if !errors.Is(err, block.ErrFenced) || len(pool.idle) != 0 {
		t.Errorf("got %v, %d connections; want it fenced, none", err, len(pool.idle))
	}
	if err := write(t.Context(), free); err != nil {
		t.Error(err)
	}
}

// A server that does not answer costs an INSERT its time.
func TestNativeHangs(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o, err := Config{URL: "clickhouse://" + ln.Addr().String(), DialTimeout: 50 * time.Millisecond}.options()
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNative(o, 1, form{info: true})
	if err != nil {
		t.Fatal(err)
	}
	err = n.insert(t.Context(), insertion{statement: "INSERT INTO t FORMAT Native", fence: free})
	if err == nil || !strings.Contains(err.Error(), "no handshake within 50ms") {
		t.Errorf("got %v", err)
	}
}

// An INSERT that is under way when the credentials change ends on its
// connection, which is not kept.
func TestNativeRenewDuringInsert(t *testing.T) {
	url := func(c *Config) { c.URL = sandboxtest.Sandbox(t).NativeURL() }
	s := open(t, url)
	c := s.config
	id, contents := blockOf(100, 200, 1, 10)
	before := s.pool.Load().inserts.(*native)
	if err := s.WriteLedger(t.Context(), stored(id, contents),
		func() error { return s.Renew(t.Context(), c) }); err != nil {
		t.Fatal(err)
	}
	if now := s.pool.Load().inserts; now == inserter(before) || len(before.idle) != 0 ||
		count(t, s, schema.Ledger) != 1 {
		t.Errorf("got the same pool: %t, %d connections in the old one", now == inserter(before), len(before.idle))
	}
}

// A server that refuses rows in the midst of them says why before it closes the
// connection, and that is the error.
func TestNativeRefusedInTheMidst(t *testing.T) {
	s := open(t, func(c *Config) { c.URL = sandboxtest.Sandbox(t).NativeURL() })
	rows := make([]string, 40)
	for i := range rows {
		random := make([]byte, 1<<20) // what does not shrink
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(random)
		rows[i] = string(random)
	}
	column := text("name", of(rows, func(v *string) string { return *v }))
	column.wire = "Telegram"
	err := Classify(s.insert(t.Context(), job{table: schema.KeyNames, to: len(rows), columns: []insertColumn{column}},
		"", free))
	var e *clickhouse.Exception
	if !errors.As(err, &e) || !strings.Contains(e.Message, "Telegram") {
		t.Errorf("got %v; want the server's reason", err)
	}
}

// TLS is asked for by secure=true, the server's certificate is verified, and
// ours is shown.
func TestNativeTLS(t *testing.T) {
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	w := newWirecut(t, func(ln net.Listener) net.Listener {
		return tls.NewListener(ln, &tls.Config{Certificates: certs.TLS.Certificates,
			ClientAuth: tls.RequireAnyClientCert})
	})
	key, err := x509.MarshalPKCS8PrivateKey(certs.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca := textFile(t, "ca.pem", string(pemOf(certs)))
	ours := textFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	s := open(t, func(c *Config) { c.URL, c.CA, c.Cert, c.Key = w.url()+"?secure=true", ca, ca, ours })
	id, rows := blockOf(100, 200, 1, 10)
	if err := s.WriteRows(t.Context(), id, rows, free); err != nil {
		t.Fatal(err)
	}
	checkSums(t, s, 1, 10)
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
	rows, err := s.Conn().Query(t.Context(), "SELECT randomString(1000) FROM numbers(50000)")
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
