package store

import (
	"bytes"
	flags "flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
)

var update = flags.Bool("update", false, "write the golden files anew")

// tap passes statements on to the engine and notes them with their settings.
// What only a cluster takes is noted and answered here.
type tap struct {
	mu    sync.Mutex
	noted []string
	pass  *httputil.ReverseProxy
}

func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	settings := r.URL.Query()
	text := settings.Get("query")
	if text == "" {
		text = string(body)
	}
	if !strings.HasPrefix(text, "SELECT displayName()") {
		// the driver greets on each connection, and opens them as it likes
		p.mu.Lock()
		p.noted = append(p.noted, note(text, settings))
		p.mu.Unlock()
	}
	if strings.HasPrefix(text, "SYSTEM SYNC REPLICA") {
		return
	}
	p.pass.ServeHTTP(w, r)
}

// ofDriver are parameters of clickhouse-go's or of the HTTP interface.
var ofDriver = []string{"query", "decompress", "database", "default_format", "client_protocol_version", "compress",
	"max_execution_time", "wait_end_of_query", "enable_http_compression", "network_compression_method",
	"http_zlib_compression_level"}

// columnList is the list of an INSERT; another test compares it with the server's.
var columnList = regexp.MustCompile(`(INSERT INTO [^ ]+) \([^)]*\) FORMAT`)

// note is a statement and the settings that it was sent with.
func note(text string, settings url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !slices.Contains(ofDriver, name) {
			text += fmt.Sprintf("\n-- %s = %s", name, settings.Get(name))
		}
	}
	return text
}

// What a block, a ledger and an audit send to a cluster: testdata/cluster.sql.
// The engine runs them on tables of one server, all but SYNC REPLICA.
func TestClusterStatements(t *testing.T) {
	to, err := url.Parse(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	between := &tap{pass: httputil.NewSingleHostReverseProxy(to)}
	server := httptest.NewServer(between)
	defer server.Close()
	s := open(t, func(c *Config) { c.URL, c.Parallel = server.URL, 1 })
	s.known.Store(&schema.Layout{Cluster: "c", Replicated: true})
	between.noted = nil

	id, c := blockOf(100, 200, 1, 20)
	write(t, s, id, c)
	if _, err := s.Ledger(t.Context(), id.Cluster, id.Topic, id.Partition); err != nil {
		t.Fatal(err)
	}
	report, err := s.Audit(t.Context(), AuditOptions{Now: time.UnixMilli(c.LastRecordUnixMilli), CaughtUp: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Differences) > 0 {
		t.Errorf("got %v", report.Differences)
	}
	server.CloseClientConnections()

	got := columnList.ReplaceAllString(strings.ReplaceAll(strings.Join(between.noted, "\n;\n"), s.Database(), "d"),
		"$1 (...) FORMAT") + "\n"
	const file = "testdata/cluster.sql"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", file, diff)
	}
}
