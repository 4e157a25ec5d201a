package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// serve is a console over a store.
func serve(t *testing.T, s Store, change ...func(*Config)) *httptest.Server {
	t.Helper()
	c := Config{Store: func() Store { return s }, Version: "test", Access: Access{Local: true}}
	for _, f := range change {
		f(&c)
	}
	k, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(k.Handler())
	t.Cleanup(server.Close)
	return server
}

// told is a store that answers everything with one number, at once.
func told() *slow {
	s := &slow{gate: make(chan struct{})}
	close(s.gate)
	return s
}

// What is answered from the engine: one store for all, because opening one takes
// longer than asking it.
func TestOnTheEngine(t *testing.T) {
	s := storetest.Open(t)
	storetest.Exec(t, s, "INSERT INTO "+s.Database()+`.services (minute, service, outcome, requests) SELECT toStartOfMinute(now()) - 60 * number - 120, arrayJoin(['movies', 'x\' OR 1=1 --\\']),
  'success', 60 FROM numbers(60)`)
	t.Run("overview", func(t *testing.T) { overviewIsAnswered(t, serve(t, s)) })
	t.Run("hostile values", func(t *testing.T) { hostileValues(t, serve(t, s)) })
	t.Run("CSV", func(t *testing.T) { csvOfATable(t, serve(t, s)) })
	t.Run("search", func(t *testing.T) { searchFinds(t, s) })
	t.Run("events", func(t *testing.T) { eventsTell(t, s) })
}

// get asks a path and returns the status and the body.
func get(t *testing.T, url string, change ...func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(body), got.Header
}

// boardsOf are the boards that a console has.
func boardsOf(t *testing.T, server *httptest.Server) []board {
	t.Helper()
	status, body, _ := get(t, server.URL+"/api/boards")
	var all struct{ Boards []board }
	if err := json.Unmarshal([]byte(body), &all); status != http.StatusOK || err != nil || len(all.Boards) < 9 {
		t.Fatalf("the boards: got %d, %v, %d of them", status, err, len(all.Boards))
	}
	return all.Boards
}

// answered asks a path of the interface for an answer of a text.
func answered(t *testing.T, server *httptest.Server, path string) (a answer) {
	t.Helper()
	status, body, _ := get(t, server.URL+path)
	if err := json.Unmarshal([]byte(body), &a); status != http.StatusOK || err != nil || a.Rows > 0 &&
		len(a.Columns) == 0 || a.SQL == "" {
		t.Errorf("%s: got %d, %v, %.300s", path, status, err, body)
	}
	return a
}

// Every panel of every board and every list of values has an answer. That their
// texts run is a test of package query's.
func TestEveryPanelIsAnswered(t *testing.T) {
	server := serve(t, told())
	for _, b := range boardsOf(t, server) {
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				answered(t, server, "/api/panel/"+b.Name+"/"+c.Place)
			}
		}
		for _, v := range b.Variables {
			if v.Values == nil {
				answered(t, server, "/api/values/"+b.Name+"/"+v.Name)
			}
		}
	}
}

// The panels of a page are answered by the engine, over minutes and over hours.
func overviewIsAnswered(t *testing.T, server *httptest.Server) {
	for i, r := range boardsOf(t, server)[0].Rows {
		for _, c := range r.Cells {
			answered(t, server, "/api/panel/overview/"+c.Place+[]string{"?from=now-1h", "?from=now-30d&step=3600"}[i%2])
		}
	}
	answered(t, server, "/api/values/overview/service")
}

// rate is the sum of a panel's first column of numbers.
func rate(t *testing.T, server *httptest.Server, query url.Values) (sum float64) {
	t.Helper()
	status, body, _ := get(t, server.URL+"/api/panel/overview/4?"+query.Encode())
	var a answer
	if err := json.Unmarshal([]byte(body), &a); status != http.StatusOK || err != nil {
		t.Fatalf("%v: got %d, %.300s", query, status, body)
	}
	for _, c := range a.Columns {
		for _, v := range c.Values {
			if n, ok := v.(float64); ok && c.Type == "number" {
				sum += n
			}
		}
	}
	return sum
}

// A value is a value, whatever it holds: it finds the rows of its name and no
// others.
func hostileValues(t *testing.T, server *httptest.Server) {
	for service, want := range map[string]float64{`x' OR 1=1 --\`: 60, `x' OR 1=1 --`: 0, "movies": 60, "{service}": 0,
		"\x00'": 0} {
		got := rate(t, server, url.Values{"from": {"now-2h"}, "step": {"60"}, "service": {service}})
		if got < want-3 || got > want+3 {
			t.Errorf("service %q: got %v; want about %v", service, got, want)
		}
	}
}

// What is no span, no step, too long or no file is refused.
func TestParametersAreChecked(t *testing.T) {
	server := serve(t, told())
	for query, want := range map[string]int{
		"from=yesterday": 400, "from=now-1y": 400, "from=now%2B1h": 400, "from=now&to=now-1h": 400,
		"from=0&to=4000000000": 400, "step=x": 400, "step=-5": 400,
		"from=-5": 400, "from=99999999999999999999": 400, "from=now-500d": 400, "from=now-99999999999999d": 400,
		"service=" + strings.Repeat("x", 2000): 400,
		strings.Repeat("service=a&", 101):      400, "from=now-1h&nothing=1": 200,
		"service=" + strings.Repeat("x", 40000): 414,
	} {
		if got, body, _ := get(t, server.URL+"/api/panel/overview/4?"+query); got != want {
			t.Errorf("%.60s: got %d %.100s; want %d", query, got, body, want)
		}
	}
	for _, path := range []string{"/api/panel/overview/99", "/api/panel/overview/-1", "/api/panel/../4",
		"/api/panel/nope/0", "/api/values/overview/key",
		"/assets/../console.go", "/assets/%2e%2e/console.go", "/assets/", "/nope", "/keys/a/b", "/.git/config"} {
		if got, _, _ := get(t, server.URL+path); got != http.StatusNotFound {
			t.Errorf("%s: got %d; want 404", path, got)
		}
	}
}

// Only requests of this machine under its own names are answered, and what is
// answered may load nothing from elsewhere.
func TestGuard(t *testing.T) {
	server := serve(t, told())
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	method := func(name string) func(*http.Request) { return func(r *http.Request) { r.Method = name } }
	for name, want := range map[string]int{"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:80": 200,
		"evil.example": 421, "evil.example:8080": 421,
		"127.0.0.1.evil.example": 421, "10.0.0.1": 421, "localhost.evil.example": 421} {
		for _, path := range []string{"/", "/api/state", "/assets/app.js"} {
			if got, _, _ := get(t, server.URL+path, host(name)); got != want {
				t.Errorf("Host %s, %s: got %d; want %d", name, path, got, want)
			}
		}
	}
	for name, want := range map[string]int{"PUT": 405, "DELETE": 405, "OPTIONS": 405, "TRACE": 405, "POST": 405,
		"HEAD": 200} {
		if got, _, _ := get(t, server.URL+"/api/state", method(name)); got != want {
			t.Errorf("%s: got %d; want %d", name, got, want)
		}
	}
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, path := range []string{"/", "/keys/x", "/api/state", "/nope"} {
		if _, _, h := get(t, server.URL+path); h.Get("Content-Security-Policy") != want ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got policy %q", path, h.Get("Content-Security-Policy"))
		}
	}
}

// The vendored libraries are those of the hashes, and all that a browser loads
// fits into 150 KB.
func TestAssets(t *testing.T) {
	sums, err := embedded.ReadFile("assets/vendor/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		text, err := embedded.ReadFile("assets/vendor/" + name)
		if got := sha256.Sum256(text); err != nil || hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s is not what make console-vendor wrote (%v)", name, err)
		}
		listed[name] = true
	}
	all, err := readAssets()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for name, file := range all {
		size += len(file.small)
		if vendored, ok := strings.CutPrefix(name, "vendor/"); ok && !listed[vendored] {
			t.Errorf("%s has no hash", name)
		}
		if strings.HasSuffix(name, ".html") && (bytes.Contains(file.plain, []byte("style=")) ||
			bytes.Contains(file.plain, []byte("http"))) {
			t.Errorf("%s holds a style or an address", name)
		}
	}
	if size > 150_000 || len(all) < 10 {
		t.Errorf("got %d files of %d bytes; want at most 150 KB", len(all), size)
	}
}

// A table is exported as it is, but for what a spreadsheet would run.
func csvOfATable(t *testing.T, server *httptest.Server) {
	status, body, h := get(t, server.URL+"/api/panel/overview/4?from=now-2h&format=csv")
	if status != http.StatusOK || !strings.HasPrefix(body, "time,requests\n20") || !strings.Contains(body, "Z,2\n") ||
		!strings.HasPrefix(h.Get("Content-Type"), "text/csv") {
		t.Errorf("got %d, %s, %s", status, h, body)
	}
}

// What a spreadsheet would run gets an apostrophe.
func TestCSVRunsNothing(t *testing.T) {
	for text, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-x": "'-x", " =x": "' =x", "/a": "/a",
		"": ""} {
		if got := csvValue("text", text); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
}

// slow is a store whose answers wait, and that counts them.
type slow struct {
	asked, running, most atomic.Int64
	gate                 chan struct{}
}

func (s *slow) Database() string { return "d" }

func (s *slow) Answer(ctx context.Context, _ string, _ map[string]any, head func(names, types []string) error,
	row func(values []any) error) error {
	s.asked.Add(1)
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for m := s.most.Load(); n > m && !s.most.CompareAndSwap(m, n); m = s.most.Load() {
	}
	select {
	case <-s.gate:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := head([]string{"n"}, []string{"UInt8"}); err != nil {
		return err
	}
	return row([]any{uint8(1)})
}

// Twenty readers who ask the same at one time cost one query, and a reader who
// goes away takes no answer from the others. Never do more than atOnce run.
func TestAnswersAreShared(t *testing.T) {
	s := &slow{gate: make(chan struct{})}
	a := newAnswers()
	ask := func(ctx context.Context) (any, error) { return fetch(ctx, s, "", nil) }
	gone, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 20 {
		ctx := t.Context()
		if i%2 == 1 {
			ctx = gone
		}
		all.Go(func() {
			if _, err := a.get(ctx, "one", ask); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	for i := range 3 * atOnce {
		all.Go(func() {
			if _, err := a.get(t.Context(), strings.Repeat("x", i+1), ask); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	for s.running.Load() < int64(atOnce) {
		time.Sleep(time.Millisecond)
	}
	leave()
	close(s.gate)
	all.Wait()
	if asked, most := s.asked.Load(), s.most.Load(); asked != int64(1+3*atOnce) || most > int64(atOnce) {
		t.Errorf("got %d queries, %d at once; want %d and %d", asked, most, 1+3*atOnce, atOnce)
	}
}

// A question is answered before the next begins, unless it takes long: then that one
// begins beside it.
func TestAnswersTakeTurns(t *testing.T) {
	a := newAnswers()
	a.slots, a.turns = make(chan struct{}, 2), make(chan struct{}, 1)
	began := make(chan string, 3)
	gate := map[string]chan struct{}{"short": make(chan struct{}), "long": make(chan struct{}),
		"last": make(chan struct{})}
	var all sync.WaitGroup
	ask := func(name string) {
		all.Go(func() {
			_, _ = a.get(t.Context(), name, func(context.Context) (any, error) {
				began <- name
				<-gate[name]
				return name, nil
			})
		})
	}
	ask("short")
	<-began
	ask("long")
	select {
	case name := <-began:
		t.Errorf("%s began beside a question that had just begun", name)
	case <-time.After(headStart / 3):
	}
	close(gate["short"])
	<-began
	ask("last")
	if name := <-began; name != "last" {
		t.Errorf("got %s; want last beside the long one", name)
	}
	close(gate["long"])
	close(gate["last"])
	all.Wait()
}

// A store that is not there yet is said, and so is one that fails.
func TestNoStore(t *testing.T) {
	server := serve(t, nil, func(c *Config) { c.Store = func() Store { return nil } })
	if status, body, _ := get(t, server.URL+"/api/state"); status != http.StatusServiceUnavailable ||
		!strings.Contains(body, "starting") {
		t.Errorf("got %d, %q; want 503 and why", status, body)
	}
	if status, _, _ := get(t, server.URL+"/"); status != http.StatusOK {
		t.Errorf("the page: got %d; want 200", status)
	}
}

// A stream tells what is stored, then what is new, and ends with the process.
func eventsTell(t *testing.T, s *store.Store) {
	done := make(chan struct{})
	server := serve(t, s, func(c *Config) { c.Done = done })
	r, err := http.Get(server.URL + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	buffer, read := make([]byte, 64<<10), ""
	until := func(want string) {
		t.Helper()
		for !strings.Contains(read, want) {
			n, err := r.Body.Read(buffer)
			if err != nil {
				t.Fatalf("%v before %q: %s", err, want, read)
			}
			read += string(buffer[:n])
		}
	}
	until("event: stored\n")
	read = ""
	storetest.Exec(t, s,
		"INSERT INTO "+s.Database()+`.incidents (id, kind, entity, severity, state, opened_at, summary, version) VALUES ('i', 'outage', 'movies', 'page', 'open', now(), 'movies is away', 1)`)
	until("movies is away")
	if !strings.Contains(read, "event: incident\n") {
		t.Errorf("got %s; want an event incident", read)
	}
	close(done)
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
}
