package otlpcollector

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// root is the tree's.
var root = filepath.Join("..", "..", "..")

// build makes the binary of this tree.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "statline")
	c := exec.CommandContext(t.Context(), "go", "build", "-pgo=off", "-o", binary, "./cmd/statline")
	c.Dir, c.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build statline: %v\n%s", err, out)
	}
	return binary
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sandbox starts statline's broker and engine.
func sandbox(t *testing.T, binary string, topics []string) (brokers, clickhouse string) {
	t.Helper()
	brokers, clickhouse = freeAddress(t), freeAddress(t)
	c := exec.CommandContext(t.Context(), binary, "sandbox", "--kafka", brokers, "--clickhouse", clickhouse, "--topics",
		strings.Join(topics, ","), "--data", t.TempDir())
	c.Dir, c.Stderr = root, t.Output() // make engine puts the engine below the root
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = time.Minute
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // interrupted with the test's context
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("sandbox: got %q (%v); want ready", line, err)
	}
	return brokers, "http://" + clickhouse
}

// answer is what became of requests: a service, a route and an HTTP status.
type answer struct {
	service, route, status string
}

// sent draws what request n is, and counts it.
func sent(n int, counts map[answer]uint64) answer {
	a := answer{
		service: [...]string{"movies", "search", "people"}[n%3],
		route:   [...]string{"/3/movie/{id}", "/3/search", "/3/person/{id}/images"}[n/3%3],
		status:  [...]string{"200", "200", "200", "404", "429", "500", "504"}[n%7],
	}
	counts[a]++
	return a
}

// attributes writes the conventions' names: stable ones, or those of before.
func attributes(to pcommon.Map, n int, a answer) {
	var status int64
	_, _ = fmt.Sscan(a.status, &status)
	path := strings.ReplaceAll(a.route, "{id}", fmt.Sprint(n))
	if n%2 == 0 {
		to.PutStr("http.request.method", "GET")
		to.PutStr("url.path", path)
		to.PutInt("http.response.status_code", status)
		to.PutStr("client.address", "203.0.113.7")
		to.PutEmptySlice("http.response.header.x-ratelimit-limit").AppendEmpty().SetStr("40")
	} else {
		to.PutStr("http.method", "GET")
		to.PutStr("http.target", path+"?language=en")
		to.PutInt("http.status_code", status)
		to.PutStr("net.sock.peer.addr", "203.0.113.7")
	}
	to.PutStr("http.route", a.route)
}

const (
	messages   = 40 // of a signal
	perMessage = 63 // a resource for each service
)

// start is recent: run takes records of some days for too old.
var start = time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)

func logsOf(message int, counts map[answer]uint64) plog.Logs {
	logs := plog.NewLogs()
	records := map[string]plog.LogRecordSlice{}
	for n := message * perMessage; n < (message+1)*perMessage; n++ {
		a := sent(n, counts)
		if _, ok := records[a.service]; !ok {
			resource := logs.ResourceLogs().AppendEmpty()
			resource.Resource().Attributes().PutStr("service.name", a.service)
			records[a.service] = resource.ScopeLogs().AppendEmpty().LogRecords()
		}
		r := records[a.service].AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(n) * time.Second)))
		r.Body().SetStr("request served")
		attributes(r.Attributes(), n, a)
	}
	return logs
}

// tracesOf has beside each server's span one of its client and one inside, which
// are no responses.
func tracesOf(message int, counts map[answer]uint64) ptrace.Traces {
	traces := ptrace.NewTraces()
	spans := map[string]ptrace.SpanSlice{}
	for n := message * perMessage; n < (message+1)*perMessage; n++ {
		a := sent(n, counts)
		if _, ok := spans[a.service]; !ok {
			resource := traces.ResourceSpans().AppendEmpty()
			resource.Resource().Attributes().PutStr("service.name", a.service)
			spans[a.service] = resource.ScopeSpans().AppendEmpty().Spans()
		}
		for i, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindClient, ptrace.SpanKindInternal} {
			s := spans[a.service].AppendEmpty()
			s.SetKind(kind)
			s.SetTraceID(pcommon.TraceID{1, byte(n >> 8), byte(n)})
			s.SetSpanID(pcommon.SpanID{1, byte(n >> 8), byte(n), byte(i)})
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(n) * time.Second)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(n)*time.Second +
				12*time.Millisecond)))
			attributes(s.Attributes(), n, a)
		}
	}
	return traces
}

// export sends all messages of a signal as a Collector with this configuration
// would, and returns what they hold.
func export(t *testing.T, brokers, topic, signal, encoding string) map[answer]uint64 {
	t.Helper()
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	conf := confmap.NewFromStringMap(map[string]any{
		"brokers":       []any{brokers},
		signal:          map[string]any{"topic": topic, "encoding": encoding},
		"producer":      map[string]any{"compression": "zstd", "required_acks": -1},
		"sending_queue": map[string]any{"enabled": false},
	})
	if err := conf.Unmarshal(cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.(*kafkaexporter.Config).Validate(); err != nil {
		t.Fatal(err)
	}
	settings, counts := exportertest.NewNopSettings(factory.Type()), map[answer]uint64{}
	var running component.Component
	var send func(message int) error
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	switch signal {
	case "logs":
		e, err := factory.CreateLogs(ctx, settings, cfg)
		if err != nil {
			t.Fatal(err)
		}
		running, send = e, func(n int) error { return e.ConsumeLogs(ctx, logsOf(n, counts)) }
	case "traces":
		e, err := factory.CreateTraces(ctx, settings, cfg)
		if err != nil {
			t.Fatal(err)
		}
		running, send = e, func(n int) error { return e.ConsumeTraces(ctx, tracesOf(n, counts)) }
	}
	if err := running.Start(ctx, componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		if err := send(n); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	if err := running.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	return counts
}

// stored reads the totals of a database.
func stored(t *testing.T, clickhouse, database string) (counts map[answer]uint64, rejected string) {
	t.Helper()
	ask := func(sql string) string {
		r, err := http.Get(clickhouse + "/?query=" + url.QueryEscape(sql))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v\n%s", sql, r.Status, err, b)
		}
		return strings.TrimSpace(string(b))
	}
	counts = map[answer]uint64{}
	for line := range strings.Lines(ask("SELECT service, route, http_status, sum(requests) FROM " + database +
		".responses GROUP BY ALL FORMAT TSV")) {
		var a answer
		var n uint64
		if _, err := fmt.Sscan(line, &a.service, &a.route, &a.status, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		counts[a] = n
	}
	return counts, ask("SELECT count() FROM " + database + ".rejects FORMAT TSV")
}

// Promise: what the Collector's kafkaexporter sends is counted once, per service,
// route and status: log records and spans of servers, in both encodings, with the
// format named and recognised.
func TestKafkaExporter(t *testing.T) {
	type way struct{ signal, encoding string }
	ways := map[string]way{}
	for _, signal := range []string{"logs", "traces"} {
		for _, encoding := range []string{"otlp_proto", "otlp_json"} {
			ways[signal+"_"+encoding] = way{signal, encoding}
		}
	}
	topics := slices.Sorted(maps.Keys(ways))
	binary := build(t)
	brokers, clickhouse := sandbox(t, binary, topics)
	for _, topic := range topics {
		want := export(t, brokers, topic, ways[topic].signal, ways[topic].encoding)
		var total uint64
		for _, n := range want {
			total += n
		}
		if total != messages*perMessage {
			t.Fatalf("%s: sent %d; want %d", topic, total, messages*perMessage)
		}
		for _, format := range []string{"auto", ways[topic].encoding} {
			database := topic + "_by_" + format
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			c := exec.CommandContext(ctx, binary, "run", "--brokers", brokers, "--topic", topic, "--group", database,
				"--clickhouse", clickhouse,
				"--database", database, "--format", format, "--listen", "", "--until-caught-up")
			c.Env = append(os.Environ(), "HOME="+t.TempDir())
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%s: run: %v\n%s", database, err, out)
			}
			cancel()
			got, rejected := stored(t, clickhouse, database)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" || rejected != "0" {
				t.Errorf("%s: %s rejected (-sent +stored):\n%s", database, rejected, diff)
			}
		}
	}
}
