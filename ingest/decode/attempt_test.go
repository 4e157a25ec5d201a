package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"statline/classify"
)

// Promise: a request that declares which try it is, by the headers of the SDKs, gRPC and
// Envoy, by OpenTelemetry's count of resends, by Kong's tries or by a mapped field, is
// read so in whatever spelling; a first try is 1, and what tells nothing 0.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		members string
		want    uint16
	}{
		{`"attempt":3`, 3},
		{`"attempt":"1"`, 1},
		{`"http_x_envoy_attempt_count":"2"`, 2},
		{`"request_X-Envoy-Attempt-Count":"4"`, 4},
		{`"upstream_request_attempt_count":3`, 3},
		{`"http_amz_sdk_request":"attempt=2; max=3"`, 2},
		{`"amz-sdk-request":"ttl=20260301T120000Z; attempt=5; max=5"`, 5},
		{`"x_stainless_retry_count":"0"`, 1},
		{`"x_stainless_retry_count":"2"`, 3},
		{`"http_grpc_previous_rpc_attempts":"1"`, 2},
		{`"http.request.resend_count":1`, 2},
		{`"http_x_goog_api_client":"gl-python/3.12 gccl/2.1 gccl-attempt-count/2"`, 2},
		{`"req":{"headers":{"x-stainless-retry-count":"1"}}`, 2},
		{`"x_envoy_attempt_count":"2","x_stainless_retry_count":"3"`, 4},
		{`"x_envoy_attempt_count":"99999999999"`, 65534},
		{`"x_envoy_attempt_count":"-","amz-sdk-request":"max=3","x_stainless_retry_count":"many","attempt":null`, 0},
		{`"attempts":7,"retry_count":4,"x_goog_api_client":"gl-go/1.24"`, 0},
	} {
		if got := attemptIn(t, Config{}, quotaLine(c.members)); got != c.want {
			t.Errorf("%s: got attempt %d; want %d", c.members, got, c.want)
		}
	}
	mapped := Config{Format: "json", Mapping: &Mapping{Time: "when", Status: "code", Attempt: "call.try"}}
	for _, c := range []struct {
		config Config
		line   string
		want   uint16
	}{
		{mapped, `{"when":"2026-03-01T12:00:00Z","code":503,"call":{"try":2}}`, 2},
		{Config{},
			`{"request":{"uri":"/a","method":"GET","headers":{"amz-sdk-request":"attempt=2; max=3"}},"response":{"status":200},"latencies":{"request":173},"service":{"name":"movies"},"started_at":1772366400250,"tries":[{"balancer_latency":0,"ip":"10.0.0.1"}]}`, 2},
		{Config{},
			`{"request":{"uri":"/a","method":"GET"},"response":{"status":200},"latencies":{"request":173},"service":{"name":"movies"},"started_at":1772366400250,"tries":[{"code":502,"state":"failed"},{"code":502},{"ip":"10.0.0.1"}]}`, 3},
		{Config{},
			`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"movies"}}]},"scopeSpans":[{"spans":[{"kind":2,"startTimeUnixNano":"1772366400000000000","endTimeUnixNano":"1772366400010000000","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"url.path","value":{"stringValue":"/a"}},{"key":"http.response.status_code","value":{"intValue":"200"}},{"key":"http.request.resend_count","value":{"intValue":"2"}}]}]}]}]}`, 3},
	} {
		if got := attemptIn(t, c.config, c.line); got != c.want {
			t.Errorf("%s: got attempt %d; want %d", c.line, got, c.want)
		}
	}
}

// Promise: of requests that one record holds, those whose idempotency key the caller has
// used before in it are tries of the same request; other callers, other services, other
// records and what is too short to be such a key are not.
func TestIdempotencyKeys(t *testing.T) {
	const key = "8e03978e-40d5-43dd-bc93-6894a57f9324"
	line := func(apiKey, idempotency, more string) string {
		text := quotaLine(`"http_idempotency_key":"` + idempotency + `"` + more)
		return strings.Replace(text, "0123456789abcdef0123456789abcdef", apiKey, 1)
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  []uint16
	}{
		{"tries of one", []string{line("k-0000001", key, ""), line("k-0000001", key, ""), line("k-0000001", key, "")},
			[]uint16{0, 2, 3}},
		{"two requests", []string{line("k-0000001", key, ""), line("k-0000001", key+"1", "")}, []uint16{0, 0}},
		{"two callers", []string{line("k-0000001", key, ""), line("k-0000002", key, "")}, []uint16{0, 0}},
		{"two services", []string{line("k-0000001", key, `,"service":"a"`), line("k-0000001", key, `,"service":"b"`)},
			[]uint16{0, 0}},
		{"no key at all", []string{line("k-0000001", "", ""), line("k-0000001", "", "")}, []uint16{0, 0}},
		{"a flag", []string{line("k-0000001", "true", ""), line("k-0000001", "true", "")}, []uint16{0, 0}},
		{"a header beside it", []string{line("k-0000001", key, `,"x_stainless_retry_count":"4"`), line("k-0000001", key, "")},
			[]uint16{5, 2}},
		{"a header's list", []string{
			quotaLine(`"req":{"headers":{"Idempotency-Key":["` + key + `"]}}`),
			quotaLine(`"req":{"headers":{"Idempotency-Key":["` + key + `"]}}`)}, []uint16{0, 2}},
		{"spans of one export", []string{spansWith("Idempotency-Key", key, key, "another-"+key)}, []uint16{0, 2, 0}},
	} {
		var a attempts
		d := newTest(t, Config{})
		for range 2 { // the second record knows nothing of the first
			a.all = nil
			d.Decode([]byte(strings.Join(c.lines, "\n")), &a)
			if !slices.Equal(a.all, c.want) {
				t.Errorf("%s: got attempts %d; want %d", c.name, a.all, c.want)
			}
		}
	}
}

// spansWith is an OTLP export of server spans of requests with a header.
func spansWith(header string, values ...string) string {
	const span = `{"kind":2,"startTimeUnixNano":"1772366400000000000","endTimeUnixNano":"1772366400010000000","attributes":[{"key":"http.request.method","value":{"stringValue":"POST"}},{"key":"url.path","value":{"stringValue":"/a"}},{"key":"http.response.status_code","value":{"intValue":"200"}},{"key":"http.request.header.%s","value":{"arrayValue":{"values":[{"stringValue":"%s"}]}}}]}`
	var spans []string
	for _, v := range values {
		spans = append(spans, fmt.Sprintf(span, strings.ToLower(header), v))
	}
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
}

// attempts is a Sink that notes which try the last response was.
type attempts struct {
	last uint16
	n    int
	all  []uint16
}

func (a *attempts) Response(r *classify.Response) {
	a.last, a.n, a.all = r.Attempt, a.n+1, append(a.all, r.Attempt)
}
func (a *attempts) Reject(Reject) {}

func attemptIn(t *testing.T, c Config, line string) uint16 {
	t.Helper()
	var a attempts
	newTest(t, c).Decode([]byte(line), &a)
	if a.n != 1 {
		t.Fatalf("%s: got %d responses; want one", line, a.n)
	}
	return a.last
}
