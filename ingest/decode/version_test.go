package decode

import (
	"strings"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Promise: the version of the service is read where a record calls it service.version:
// in the resource of OpenTelemetry's spans and log records, in JSON, nested or with a dot in
// its name, and where a mapping says. Nothing else is taken for one, nor what is no version
// by its length or its characters.
func TestServiceVersion(t *testing.T) {
	resource := &resourcepb.Resource{Attributes: attributesOf("service.name", "movies", "service.version", "4.2.0",
		"telemetry.sdk.version", "1.30.0")}
	spans := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{Resource: resource,
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{TraceId: trace, Kind: tracepb.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: 1772366400250000000, EndTimeUnixNano: 1772366400260000000,
			Attributes: attributesOf("http.request.method", "GET", "url.path", "/a", "http.response.status_code", 200)}}}}}}}
	logs := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{Resource: resource,
		ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{TimeUnixNano: 1772366400250000000,
			Attributes: attributesOf("http.request.method", "GET", "url.path", "/a", "http.response.status_code", 200)}}}}}}}
	otlpJSON := func(version string) string {
		return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"movies"}},` +
			`{"key":"service.version","value":` + version + `}]},"scopeSpans":[{"spans":[{"kind":2,"startTimeUnixNano":"1772366400000000000",` +
			`"endTimeUnixNano":"1772366400010000000","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},` +
			`{"key":"url.path","value":{"stringValue":"/a"}},{"key":"http.response.status_code","value":{"intValue":"200"}}]}]}]}]}`
	}
	own := func(member string) string {
		return `{"ts":"2026-03-01T12:00:00Z","path":"/a","status":200,"api_key":"0123456789abcdef",` + member + `}`
	}
	const nested = `{"@timestamp":"2026-03-01T12:00:00Z","ecs":{"version":"8.11.0"},"service":{"name":"movies","version":"4.2.0+build.7"},` +
		`"http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"path":"/a"}}`
	mapped := Config{Format: "json", Mapping: &Mapping{Time: "when", Status: "code", Version: "app.release"}}
	for _, c := range []struct {
		config       Config
		record, want string
	}{
		{Config{}, encoded(t, spans), "4.2.0"},
		{Config{}, encoded(t, logs), "4.2.0"},
		{Config{}, otlpJSON(`{"stringValue":"v2026.03.01-9f8c1d2"}`), "v2026.03.01-9f8c1d2"},
		{Config{}, otlpJSON(`{"intValue":"412"}`), "412"},
		{Config{}, nested, "4.2.0+build.7"},
		{Config{}, own(`"service.version":"9f8c1d2e4b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d"`), "9f8c1d2e4b6a7c8d9e0f1a2b3c4d5e6f7a8b9c0d"},
		{Config{}, own(`"service.version":4.2`), "4.2"},
		{mapped, `{"when":"2026-03-01T12:00:00Z","code":503,"app":{"release":"registry/movies:4.2.0~rc1"}}`, "registry/movies:4.2.0~rc1"},
		{Config{}, own(`"version":"4.2.0"`), ""},
		{Config{}, own(`"service_version":"4.2.0","app":{"version":"4.2.0"},"api_version":"3"`), ""},
		{Config{}, own(`"service.version":"4.2.0 of March"`), ""},
		{Config{}, own(`"service.version":"4.2\u002e0"`), "4.2.0"},
		{Config{}, own(`"service.version":null`), ""},
		{Config{}, own(`"service.version":["4.2.0"]`), "4.2.0"},
		{Config{}, own(`"service.version":{"major":4}`), ""},
		{Config{}, own(`"service.version":"` + strings.Repeat("4", maxVersion+1) + `"`), ""},
		{Config{}, own(`"service.version":"4.2.0-0123456789abcdef"`), ""}, // holds the request's key
	} {
		all := decodeAll(t, c.config, c.record)
		if len(all) != 1 || all[0].Reason != "" || all[0].Version != c.want {
			t.Errorf("%q: got %+v; want version %q", c.record, all, c.want)
		}
	}
}
