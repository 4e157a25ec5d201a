package store

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/sandbox/faultproxy"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
)

// What inserts suffer.
var (
	pass   = faultproxy.Rule{}
	cut    = faultproxy.Rule{Statement: "INSERT", Fault: faultproxy.Cut}
	refuse = faultproxy.Rule{Statement: "INSERT", Fault: faultproxy.Drop}
	busy   = faultproxy.Rule{Statement: "INSERT", Fault: faultproxy.Answer, Status: http.StatusServiceUnavailable,
		Text: "busy"}
	hang = faultproxy.Rule{Statement: "INSERT", Fault: faultproxy.Hang}
)

// newProxy stands between a store and the engine.
func newProxy(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.HTTP(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// The server commits an insert and its answer is lost, at every table: the
// repetition doubles nothing.
func TestCutAfterCommit(t *testing.T) {
	p := newProxy(t)
	s := open(t, func(c *Config) { c.URL, c.Parallel = p.URL(), 1 })
	id, c := blockOf(100, 200, 2, 10)
	cutEverywhere(t, p, s, id, c)
	checkSums(t, s, 2, 10)
	for table, want := range map[schema.Table]uint64{schema.Samples: 2, schema.KeyNames: 1, schema.Rejects: 1,
		schema.Ledger: 1} {
		if got := count(t, s, table); got != want {
			t.Errorf("%s: got %d rows; want %d", table, got, want)
		}
	}
}

// The same without tokens counts twice: the test above can fail.
func TestCutAfterCommitWithoutTokens(t *testing.T) {
	p := newProxy(t)
	s := open(t, func(c *Config) { c.URL, c.Parallel = p.URL(), 1 })
	dropTokens(s)
	id, c := blockOf(100, 200, 2, 10)
	cutEverywhere(t, p, s, id, c)
	for _, r := range s.Rollups() {
		once := 2 * r.Sum.Of(aggregate.DayCount{Responses: 10, Keyed: 9, Addressed: 8, Agented: 7})
		if got := sum(t, s, schema.Table(r.Name), schema.Requests); got <= once {
			t.Errorf("%s: got %d requests; want more than %d", r.Name, got, once)
		}
	}
}

// cutEverywhere loses the answer of each table's insert in turn, then writes
// the block to its end. Without tokens the engine would still know equal bytes
// again, so then they are made to differ as map order does in other clients.
func cutEverywhere(t *testing.T, p *faultproxy.Proxy, s *Store, id block.ID, c *block.Contents) {
	t.Helper()
	for n := range int64(len(blockTables())) {
		var asked atomic.Int64
		fence := func() error {
			p.Impose(pass)
			if asked.Add(1) == n+1 {
				p.Impose(cut)
			}
			return nil
		}
		if err := s.WriteRows(t.Context(), id, c, fence); err == nil {
			t.Fatalf("table %d: got no error from a cut insert", n)
		} else if retry.ClassOf(err) != retry.Transient {
			t.Fatalf("table %d: got class %s for %v; want transient", n, retry.ClassOf(err), err)
		}
		if _, dropped := s.pool.Load().inserts.(altered); dropped {
			vary(c)
		}
	}
	p.Impose(pass)
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	row := stored(id, c)
	if err := s.WriteLedger(t.Context(), row, func() error { p.Impose(cut); return nil }); err == nil {
		t.Fatal("got no error from a cut insert")
	}
	if err := s.WriteLedger(t.Context(), row, func() error { p.Impose(pass); return nil }); err != nil {
		t.Fatal(err)
	}
}

func vary(c *block.Contents) {
	for i := range c.Rows.Responses {
		c.Rows.Responses[i].Bytes++
		c.Rows.ResponsesHour[i].Bytes++
		c.Rows.Clients.At(i).ClientFailure.Slots <<= 1
		c.Rows.Agents[i].Keys[0] <<= 1
		c.Rows.AgentsHour[i].Keys[0] <<= 1
		c.Rows.Services[i].Minute += 60
		c.Rows.ServicesHour[i].Minute += 3600
	}
	for _, list := range []*aggregate.List[aggregate.KeyRow]{&c.Rows.Keys, &c.Rows.KeysHour} {
		rows := list.All()
		for i := range rows {
			rows[i].Bytes++
		}
		*list = aggregate.ListOf(rows)
	}
}

// Faults on the way are transient or a reason to wait, never silence, and the
// error says which block and table.
func TestFaultsOnTheWay(t *testing.T) {
	p := newProxy(t)
	s := open(t, func(c *Config) { c.URL, c.InsertTimeout = p.URL(), 300*time.Millisecond })
	id, c := blockOf(100, 200, 1, 10)
	for _, test := range []struct {
		fault faultproxy.Rule
		class retry.Class
		says  string
	}{
		{refuse, retry.Transient, "EOF"},
		{busy, retry.Waiting, "503"},
		{hang, retry.Transient, "no answer within 300ms"},
	} {
		p.Impose(test.fault)
		start := time.Now()
		err := s.WriteRows(t.Context(), id, c, free)
		if err == nil || retry.ClassOf(err) != test.class || !strings.Contains(err.Error(), test.says) ||
			!strings.Contains(err.Error(), "insert block c/access/1/3/100-200 into ") {
			t.Errorf("got class %s, %v; want %s, %s", retry.ClassOf(err), err, test.class, test.says)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
	}
	p.Impose(pass)
	s = dial(t, s.Database(), func(c *Config) { c.URL = p.URL() }) // a slow machine may take longer
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	if got := sum(t, s, schema.Keys, schema.Requests); got != 9 {
		t.Errorf("got %d; want 9", got)
	}
}

// Of several hosts one that is not there is passed over.
func TestInsertNextHost(t *testing.T) {
	s := open(t, func(c *Config) { c.URL = sandboxtest.Sandbox(t).ClickHouseURL() })
	to, err := url.Parse(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	o, err := Config{URL: "http://127.0.0.1:1," + to.Host, DialTimeout: time.Second}.options()
	if err != nil {
		t.Fatal(err)
	}
	post := newPoster(o, 4, form{})
	t.Cleanup(s.pool.Swap(&pool{driver: s.conn(), inserts: post}).inserts.close)
	id, c := blockOf(100, 200, 1, 10)
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	if n := post.current.Load(); n != 1 {
		t.Errorf("got host %d in use; want 1", n)
	}
}

// What an answer to an INSERT means.
func TestVerdict(t *testing.T) {
	header := http.Header{"X-Clickhouse-Exception-Code": {"241"}}
	for _, test := range []struct {
		status int
		header http.Header
		body   string
		class  retry.Class
		says   string
	}{
		{200, nil, "", "", ""},
		{200, nil, "\r\n__exception__\r\nabc\r\nCode: 252. DB::Exception: Too many parts", retry.Waiting,
			"Too many parts"},
		{404, nil, "Code: 60. DB::Exception: Table d.t does not exist. (UNKNOWN_TABLE)", retry.Permanent,
			"Table d.t does not exist"},
		{500, nil, "Code: 159. DB::Exception: Timeout exceeded", retry.Transient, "159"},
		{500, header, "unreadable", retry.Waiting, "unreadable"},
		{502, nil, "<html>bad gateway</html>", retry.Transient, "bad gateway"},
		{503, nil, "", retry.Waiting, "503"},
	} {
		err := Classify(verdict(&http.Response{StatusCode: test.status, Header: test.header}, []byte(test.body)))
		if got := retry.ClassOf(err); got != test.class {
			t.Errorf("%d %q: got %s; want %s", test.status, test.body, got, test.class)
		}
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%d %q: got %v; want it to say %q", test.status, test.body, err, test.says)
		}
	}
}

// What a person must do is in the error, and nothing of it is tried again.
func TestPermanentSaysWhatToDo(t *testing.T) {
	var says atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, says.Load().(string), http.StatusForbidden)
	}))
	defer server.Close()
	s, err := connect(Config{URL: server.URL, Database: "d", InsertTimeout: time.Minute, QueryTimeout: time.Minute,
		Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.known.Store(&schema.Layout{})
	id, c := blockOf(100, 200, 1, 10)
	for answer, todo := range map[string]string{
		"Code: 516. DB::Exception: statline: Authentication failed":       "user or password",
		"Code: 497. DB::Exception: statline: Not enough privileges":       "grant the user SELECT, INSERT",
		"Code: 60. DB::Exception: Table d.responses does not exist":       "statline migrate",
		"Code: 16. DB::Exception: No such column error_type in table":     "statline migrate",
		"Code: 164. DB::Exception: Cannot execute query in readonly mode": "readonly",
		"<html>forbidden</html>": "a proxy in front of ClickHouse",
	} {
		says.Store(answer)
		for what, err := range map[string]error{"insert": s.WriteRows(t.Context(), id, c, free),
			"query": s.Exec(t.Context(), "SELECT 1")} {
			if retry.ClassOf(err) != retry.Permanent || !strings.Contains(err.Error(), todo) {
				t.Errorf("%s, %s: got class %s, %v; want permanent, %q", answer, what, retry.ClassOf(err), err, todo)
			}
		}
	}
}

// The end of the caller's context ends the write, and is no success.
func TestWriteRowsCancelled(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 1, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WriteRows(ctx, id, c, free); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}

// What a real server says is classed.
func TestClassOfServerErrors(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		query string
		class retry.Class
	}{
		{"SELECT 1", ""},
		{"SELECT * FROM " + s.Table("nothing"), retry.Permanent},
		{"SELECT * FROM nowhere.nothing", retry.Permanent},
		{"SELEC", retry.Permanent},
		{"SELECT nothing FROM " + s.Table(schema.Ledger), retry.Permanent},
		{"SELECT count() FROM numbers(100000000) GROUP BY number SETTINGS max_memory_usage = 1000000", retry.Waiting},
		{"SELECT sleepEachRow(1) FROM numbers(9) SETTINGS max_execution_time = 0.1, max_block_size = 1",
			retry.Transient},
	} {
		err := s.Exec(t.Context(), test.query)
		if got := retry.ClassOf(err); got != test.class {
			t.Errorf("%s: got %s for %v; want %s", test.query, got, err, test.class)
		}
	}
}

func TestClass(t *testing.T) {
	for _, test := range []struct {
		err  error
		want retry.Class
	}{
		{nil, ""},
		{&clickhouse.Exception{Code: 252}, retry.Waiting},
		{&clickhouse.Exception{Code: 241}, retry.Waiting},
		{&clickhouse.Exception{Code: 202}, retry.Waiting},
		{&clickhouse.Exception{Code: 242}, retry.Waiting},
		{&clickhouse.Exception{Code: 516}, retry.Permanent},
		{&clickhouse.Exception{Code: 60}, retry.Permanent},
		{&clickhouse.Exception{Code: 159}, retry.Transient},
		{&clickhouse.Exception{Code: 285}, retry.Transient}, // TOO_FEW_LIVE_REPLICAS
		{&clickhouse.Exception{Code: 999}, retry.Transient}, // KEEPER_EXCEPTION
		{&clickhouse.HTTPError{StatusCode: 502, Err: errors.New("bad gateway")}, retry.Transient},
		{&clickhouse.HTTPError{StatusCode: 429, Err: errors.New("slow down")}, retry.Waiting},
		{&clickhouse.HTTPError{StatusCode: 401, Err: errors.New("who?")}, retry.Permanent},
		{&clickhouse.HTTPError{StatusCode: 500, Err: &clickhouse.Exception{Code: 60}}, retry.Permanent},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, retry.Transient},
		{context.DeadlineExceeded, retry.Transient},
		{io.ErrUnexpectedEOF, retry.Transient},
	} {
		if got := retry.ClassOf(Classify(test.err)); got != test.want {
			t.Errorf("%v: got %s; want %s", test.err, got, test.want)
		}
	}
}

// What cannot be opened says where, and what to do; never a password.
func TestOpenErrors(t *testing.T) {
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)",
			http.StatusForbidden)
	}))
	defer old.Close()
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		config Config
		class  retry.Class
		says   string
	}{
		{"no url", Config{}, retry.Permanent, "want http://host:8123"},
		{"bad url", Config{URL: "http://u:geheim@ho st:1/"}, retry.Permanent, "url"},
		{"nobody there", Config{URL: "http://u:geheim@127.0.0.1:1/"}, retry.Transient, "127.0.0.1:1"},
		{"nobody there, native", Config{URL: "clickhouse://u:geheim@127.0.0.1:1/"}, retry.Transient, "127.0.0.1:1"},
		{"refused", Config{URL: old.URL}, retry.Permanent, "user or password"},
		{"no ca", Config{URL: old.URL, CA: "/nowhere"}, retry.Permanent, "/nowhere"},
		{"ca without a certificate", Config{URL: old.URL, CA: noPEM}, retry.Permanent, "PEM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.config
			c.DialTimeout, c.InsertTimeout, c.QueryTimeout = time.Second, time.Second, time.Second
			s, err := Open(t.Context(), c)
			if err == nil {
				s.Close()
				t.Fatal("got no error")
			}
			if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("got %v; want it to say %q", err, test.says)
			}
			if got := retry.ClassOf(err); got != test.class {
				t.Errorf("got class %s; want %s: %v", got, test.class, err)
			}
		})
	}
}

func pemOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestOpenRefusesOldServer(t *testing.T) {
	s := &Store{hosts: "h"}
	if err := s.checkVersion(23, 8, 1); err == nil || !strings.Contains(err.Error(), "want 24.8 or newer") ||
		retry.ClassOf(err) != retry.Permanent {
		t.Errorf("got %v", err)
	}
	for _, v := range [][2]uint64{{24, 8}, {24, 12}, {25, 1}, {26, 5}} {
		if err := s.checkVersion(v[0], v[1], 0); err != nil {
			t.Errorf("%v: got %v", v, err)
		}
	}
}

// https and a CA file: the connection verifies the server.
func TestTLS(t *testing.T) {
	to, err := url.Parse(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = to.Scheme, to.Host, ""
		answer, err := transport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer answer.Body.Close()
		for k, v := range answer.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	defer front.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pemOf(front), 0o600); err != nil {
		t.Fatal(err)
	}
	s := dial(t, sandboxtest.Database(t), func(c *Config) { c.URL, c.CA = front.URL, ca })
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.URL = front.URL
	if s, err := Open(t.Context(), c); err == nil {
		s.Close()
		t.Fatal("got no error from a server whose authority is unknown")
	} else if !strings.Contains(err.Error(), "certificate") || retry.ClassOf(err) != retry.Permanent {
		t.Errorf("got %v", err)
	}
}
