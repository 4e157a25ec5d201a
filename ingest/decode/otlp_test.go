package decode

import (
	"encoding/hex"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"statline/classify"
)

func attributesOf(pairs ...any) (list []*commonpb.KeyValue) {
	for i := 0; i < len(pairs); i += 2 {
		v := &commonpb.AnyValue{}
		switch x := pairs[i+1].(type) {
		case string:
			v.Value = &commonpb.AnyValue_StringValue{StringValue: x}
		case int:
			v.Value = &commonpb.AnyValue_IntValue{IntValue: int64(x)}
		}
		list = append(list, &commonpb.KeyValue{Key: pairs[i].(string), Value: v})
	}
	return list
}

func encoded(t testing.TB, m proto.Message) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var trace = []byte("0123456789abcdef")

// Server spans count, others do not; stable names and old ones, gRPC, a key in
// a captured header. Many spans come in one message.
func TestOTLPSpans(t *testing.T) {
	const at = 1772366400250000000
	span := func(kind tracepb.Span_SpanKind, pairs ...any) *tracepb.Span {
		return &tracepb.Span{TraceId: trace, SpanId: trace[:8], Kind: kind, StartTimeUnixNano: at,
			EndTimeUnixNano: at + 10500000, Attributes: attributesOf(pairs...)}
	}
	m := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: attributesOf("service.name", "movies")},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{
			span(tracepb.Span_SPAN_KIND_SERVER, "http.request.method", "GET", "url.path", "/3/movie/550", "url.query",
				"page=2", "http.route", "/3/movie/{movie}",
				"http.response.status_code", 404, "client.address", "203.0.113.7", "http.request.header.x-api-key",
				"0123456789abcdef"),
			span(tracepb.Span_SPAN_KIND_CLIENT, "http.request.method", "GET", "http.response.status_code", 500),
			span(tracepb.Span_SPAN_KIND_SERVER, "http.method", "POST", "http.target", "/v1/x", "http.status_code", 201,
				"http.user_agent", "curl/8"),
			span(tracepb.Span_SPAN_KIND_SERVER, "rpc.system", "grpc", "rpc.service", "p.Movies", "rpc.method", "Get",
				"rpc.grpc.status_code", 8),
			span(tracepb.Span_SPAN_KIND_SERVER, "messaging.system", "kafka"),
		}}},
	}}}
	id := hex.EncodeToString(trace)
	want := []got{
		{Time: at / 1e6, Service: "movies", Method: "GET", Route: "/3/movie/{movie}", Path: "/3/movie/550?page=2",
			Status: 404, Key: keyOf("0123456789abcdef"), IP: "203.0.113.7", Latency: 10500, Upstream: -1,
			UpstreamStatus: -1, RequestID: id},
		{Time: at / 1e6, Service: "movies", Method: "POST", Route: "/v1/x", Path: "/v1/x", Status: 201, Latency: 10500, Upstream: -1, UpstreamStatus: -1, RequestID: id, Agent: "curl/8"},
		{Time: at / 1e6, Service: "movies", Route: "/p.Movies/Get", Path: "/p.Movies/Get", Status: -1, Latency: 10500, Upstream: -1, UpstreamStatus: -1, RequestID: id},
	}
	for _, format := range []string{"auto", "otlp_proto"} {
		all := decodeAll(t, Config{Format: format}, encoded(t, m))
		if len(all) != 4 || all[3].Reason != ReasonNotResponse {
			t.Fatalf("%s: got %+v; want three responses and a reject", format, all)
		}
		for i := range want {
			same(t, format, all[i], want[i])
		}
	}
	var d decided
	newTest(t, Config{}).Decode([]byte(encoded(t, m)), &d)
	if d.decisions[2].Outcome != classify.RateLimited || d.types[2] != "RESOURCE_EXHAUSTED" {
		t.Errorf("gRPC: got %+v, %q", d.decisions[2], d.types[2])
	}
}

// Log records: with the attributes of a response, or with a line as their body.
func TestOTLPLogs(t *testing.T) {
	const at = 1772366400250000000
	body := func(s string) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	m := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: &resourcepb.Resource{Attributes: attributesOf("service.name", "movies")},
		ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{
			{TimeUnixNano: at, TraceId: trace, Attributes: attributesOf("http.request.method", "GET", "url.path",
				"/v1/x", "http.response.status_code", 503), Body: body("no backend")},
			{TimeUnixNano: at, Body: body(`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"`)},
			{TimeUnixNano: at, Body: body("listening on :8080")},
		}}},
	}}}
	all := decodeAll(t, Config{}, encoded(t, m))
	if len(all) != 3 || all[0].Status != 503 || all[0].Message != "no backend" || all[0].Service != "movies" ||
		all[1].Status != 200 || all[1].IP != "203.0.113.7" || all[2].Reason == "" {
		t.Errorf("got %+v", all)
	}
}

// OTLP JSON gives the same, with the trace's id as written; broken messages are
// rejects.
func TestOTLPJSON(t *testing.T) {
	example := otlpFormats()[0].Example
	for _, format := range []string{"auto", "otlp_json"} {
		same(t, format, one(t, Config{Format: format}, example), got{Time: 1772366400250, Service: "movies",
			Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550", Status: 200,
			IP: "203.0.113.7", Latency: 10500, Upstream: -1, UpstreamStatus: -1,
			RequestID: "5b8efff798038103d269b633813fc60c"})
	}
	if g := one(t, Config{}, strings.Replace(example, `"kind":2`, `"kind":{}`, 1)); g.Reason != ReasonSyntax {
		t.Errorf("got %+v", g)
	}
	for record, format := range map[string]string{"\n\x00": "otlp_proto",
		`{"resourceSpans":[{"scopeSpans":[]}]}`: "auto", `{"resourceLogs":[]}`: "auto"} {
		if g := one(t, Config{Format: format}, record); g.Reason != ReasonSyntax {
			t.Errorf("%q holds nothing: got %+v", record, g)
		}
	}
	if g := one(t, Config{Format: "otlp_proto"}, "what is this"); g.Reason != ReasonSyntax {
		t.Errorf("got %+v", g)
	}
}

func FuzzOTLP(f *testing.F) { fuzzFormat(f, "otlp_proto") }
