package decode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statline/classify"
)

// decided is a Sink that classifies with the built-in catalogue.
type decided struct {
	decisions []classify.Decision
	types     []string
	rejects   []Reject
}

func (d *decided) Response(r *classify.Response) {
	d.decisions = append(d.decisions, classify.Builtin().Decide(r))
	d.types = append(d.types, string(r.ErrorType))
}

func (d *decided) Reject(r Reject) { d.rejects = append(d.rejects, r) }

// withBody is a line of our own with an HTTP status and a response body.
func withBody(status int, body string) string {
	return fmt.Sprintf(`{"ts":"2026-03-01T12:00:00Z","service":"api","path":"/x","status":%d,"response_body":%s}`,
		status, strconv.Quote(body))
}

func decideLine(t testing.TB, line string) (classify.Decision, string) {
	t.Helper()
	var d decided
	newTest(t, Config{}).Decode([]byte(line), &d)
	if len(d.decisions) != 1 {
		t.Fatalf("%s: got %d responses and %d rejects; want one response", line, len(d.decisions), len(d.rejects))
	}
	return d.decisions[0], d.types[0]
}

// What a body says of its own success, under every kind of HTTP status.
func TestBodies(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		outcome classify.Outcome
		by      classify.DecidedBy
		typ     string
	}{
		// Codes that are not the catalogue's.
		{500, `{"code":13,"message":"boom","details":[]}`, classify.InternalError, classify.ByStatus, ""},
		{429, `{"code":8,"message":"too much","details":[]}`, classify.RateLimited, classify.ByStatus, ""},
		{503, `{"error":{"code":1,"message":"x"}}`, classify.Offline, classify.ByStatus, ""},
		{404, `{"status_code":12,"detail":"x"}`, classify.NotFound, classify.ByStatus, ""},
		{200, `{"id":1,"code":25,"name":"Voucher"}`, classify.Success, classify.ByStatus, ""},
		{200, `{"code":7,"message":"Invalid API key: You must be granted a valid key.","text":"a chat"}`,
			classify.Success, classify.ByStatus, ""},
		{404, `{"statusCode":404,"message":"Cannot GET /x","error":"Not Found"}`, classify.NotFound, classify.ByStatus, ""},
		// The catalogue's.
		{401, `{"success":false,"status_code":7,"status_message":"Invalid API key: You must be granted a valid key."}`,
			classify.InvalidKey, classify.ByCode, ""},
		{500, `{"success":true,"status_code":1,"status_message":"Success."}`, classify.Success, classify.ByCode, ""},
		{500, `{"success":false,"status_code":1,"status_message":"Success."}`, classify.InternalError, classify.ByStatus, ""},
		{429, `{"code":25,"message":"slow"}`, classify.RateLimited, classify.ByCode, ""},
		// Errors behind 200.
		{200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}`, classify.Unsupported,
			classify.ByBody, "MethodNotFound"},
		{200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"boom"},"extra":1}`, classify.Unknown, classify.ByBody, ""},
		{200, `{"jsonrpc":"2.0","id":1,"result":{"error":"no"}}`, classify.Success, classify.ByStatus, ""},
		{200, `{"ok":false,"error":"ratelimited"}`, classify.RateLimited, classify.ByBody, "ratelimited"},
		{200, `{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"identify"}`, classify.AccessDenied,
			classify.ByBody, "missing_scope"},
		{200, `{"ok":true,"channel":"C1"}`, classify.Success, classify.ByStatus, ""},
		{200, `{"success":false,"message":"Not today"}`, classify.Unknown, classify.ByBody, ""},
		{200, `{"error":"boom"}`, classify.Unknown, classify.ByBody, "boom"},
		{200, `{"error":{"type":"overloaded_error","message":"Overloaded"}}`, classify.Offline, classify.ByBody, "overloaded_error"},
		{200, `{"errors":[{"message":"x","extensions":{"code":"FORBIDDEN"}}],"data":null}`, classify.AccessDenied,
			classify.ByBody, "FORBIDDEN"},
		{200, `{"errors":[{"message":"x","extensions":{"code":"FORBIDDEN"}}],"data":{"me":{"id":1}}}`, classify.Success,
			classify.ByPartial, "FORBIDDEN"},
		{200, `{"errors":[],"data":{"me":1}}`, classify.Success, classify.ByStatus, ""},
		{200, `{"status":"error","message":"boom"}`, classify.Unknown, classify.ByBody, ""},
		// Resources that have such fields.
		{200, `{"id":7,"state":"failed","error":{"code":"E1","message":"disk"},"created":"2026"}`, classify.Success,
			classify.ByStatus, ""},
		{200, `{"id":7,"name":"job","errors":["a"]}`, classify.Success, classify.ByStatus, ""},
		{200, `{"id":7,"errors":[]}`, classify.Success, classify.ByStatus, ""},
		{200, `{"error":null,"id":7}`, classify.Success, classify.ByStatus, ""},
		{200, `{"error":"","items":[]}`, classify.Success, classify.ByStatus, ""},
		{200, `{"error":false}`, classify.Success, classify.ByStatus, ""},
		{200, `{"errors":[{"line":3}],"data":[1,2],"file":"a.csv"}`, classify.Success, classify.ByStatus, ""},
		{201, `{"message":"Failed.","id":4,"to":"bob"}`, classify.Success, classify.ByStatus, ""},
		// Rate limits behind other statuses, and refused keys.
		{400, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}`,
			classify.RateLimited, classify.ByBody, "ThrottlingException"},
		{403,
			`{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded","message":"User Rate Limit Exceeded"}],"code":403}}`, classify.RateLimited, classify.ByBody, "userRateLimitExceeded"},
		{403, `{"message":"API rate limit exceeded for 203.0.113.7.","documentation_url":"https://docs.example.com/rate"}`, classify.RateLimited, classify.ByBody, ""},
		{403, `{"message":"Resource not accessible by integration"}`, classify.AccessDenied, classify.ByStatus, ""},
		{503,
			`<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`, classify.RateLimited, classify.ByBody, "SlowDown"},
		{400,
			`{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, classify.InvalidKey, classify.ByBody, "API_KEY_INVALID"},
		{401, `{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}`,
			classify.InvalidKey, classify.ByBody, "invalid_api_key"},
		// Names of errors beside a failing HTTP status that says it already.
		{404, `{"type":"https://api.example.com/problems/no-such-order","title":"No such order","status":404}`, classify.NotFound, classify.ByStatus, "api.example.com/problems/no-such-order"},
		{422, `{"type":"about:blank","title":"Unprocessable"}`, classify.InvalidRequest, classify.ByStatus, "Unprocessable"},
		{400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`,
			classify.InvalidRequest, classify.ByStatus, "invalid_grant"},
		{500, `{"fault":{"faultstring":"x","detail":{"errorcode":"steps.javascript.ScriptExecutionFailed"}}}`,
			classify.InternalError, classify.ByStatus, "steps.javascript.ScriptExecutionFailed"},
	} {
		d, typ := decideLine(t, withBody(c.status, c.body))
		if d.Outcome != c.outcome || d.DecidedBy != c.by || typ != c.typ {
			t.Errorf("HTTP %d %s:\n got %v by %v, type %q; want %v by %v, %q", c.status, c.body, d.Outcome, d.DecidedBy,
				typ, c.outcome, c.by, c.typ)
		}
	}
}

// errorBodies are what APIs answer when something is wrong, none of them the
// catalogue's own envelope.
var errorBodies = []string{
	`{"code":%d,"message":"m"}`, `{"code":"%d","msg":"Success."}`, `{"error":{"code":%d,"message":"Success."}}`,
	`{"status_code":%d}`,
	`{"code":%d,"success":true}`, `{"code":%d,"data":null}`, `{"ok":true,"code":%d}`,
	`{"message":"Success.","code":%d}`,
	`{"errors":[{"extensions":{"code":"OK"}}],"data":{"a":%d}}`, `{"jsonrpc":"2.0","id":1,"result":%d}`, `Success.`,
	`OK`, `<html>%d</html>`,
	`{"title":"OK","status":%d}`, `{"error_code":"SUCCESS","n":%d}`, `[{"code":%d}]`, `{"status":"OK","n":%d}`, ``,
}

// Property: no 4xx or 5xx becomes a success except by the catalogue's own
// envelope, and then with drift.
func TestNoFailureBecomesSuccess(t *testing.T) {
	d := newTest(t, Config{})
	for status := 400; status < 600; status++ {
		for _, form := range errorBodies {
			for _, code := range []int{0, 1, 12, 13, 40, 200} {
				body := form
				if strings.Contains(form, "%d") {
					body = fmt.Sprintf(form, code)
				}
				var got decided
				d.Decode([]byte(withBody(status, body)), &got)
				if len(got.decisions) != 1 || !got.decisions[0].Outcome.Failure() {
					t.Fatalf("HTTP %d %s: got %+v; want a failure", status, body, got)
				}
			}
		}
		var got decided
		d.Decode([]byte(withBody(status, `{"success":true,"status_code":1,"status_message":"Success."}`)), &got)
		if got.decisions[0].Outcome != classify.Success || !got.decisions[0].Drift {
			t.Fatalf("HTTP %d with the envelope's success: got %+v; want success with drift", status, got.decisions[0])
		}
	}
}

// resources are bodies without an error mark.
var resources = []string{
	`{"id":1,"code":%d}`, `{"items":[{"error":"x"}],"code":%d}`, `{"data":{"errors":[1]},"code":%d}`,
	`{"name":"a","message":"Invalid API key: You must be granted a valid key.","code":%d}`, `{"error":null,"code":%d}`,
	`[{"error":"a","code":%d}]`,
	`{"status":"failed","n":%d}`, `{"error_type":"none","count":%d}`, `{"id":2,"job":"a","error":{"code":%d}}`,
	`{"success":true,"code":%d}`,
	`{"code":%d,"type":"RATE_LIMITED","title":"a film"}`, `<p>%d</p>`, `{"exception":"a song","n":%d}`,
}

// Property: no 2xx without an error mark becomes a failure.
func TestNoSuccessBecomesFailure(t *testing.T) {
	d := newTest(t, Config{})
	for status := 200; status < 300; status++ {
		for _, form := range resources {
			for code := range 48 {
				var got decided
				line := withBody(status, fmt.Sprintf(form, code))
				d.Decode([]byte(line), &got)
				if len(got.decisions) != 1 || got.decisions[0].Outcome.Failure() {
					t.Fatalf("%s: got %+v; want a success", line, got)
				}
			}
		}
	}
}

// Names of errors are names: what else stands in their place is left out and
// counted.
func TestErrorNames(t *testing.T) {
	for text, want := range map[string]string{
		"quota.exceeded": "quota.exceeded", "RATE_LIMITED": "RATE_LIMITED", "E1001": "E1001",
		"auth/wrong-password":                        "auth/wrong-password",
		"urn:problem:out-of-credit":                  "urn:problem:out-of-credit",
		"https://example.com/probs/out-of-credit":    "example.com/probs/out-of-credit",
		"https://example.com/orders/12345/not-found": "example.com/orders/:id:/not-found",
		"Something went wrong":                       "",
		"user 12 not found":                          "",
		"550e8400-e29b-41d4-a716-446655440000":       "",
		"order-9876543210":                           "",
		"203.0.113.7":                                "",
		"jo@example.com":                             "",
		"sk_live_51H8vK2eZvKYlo2CABCDEF":             "",
		"12345":                                      "",
		"Größe":                                      "",
		strings.Repeat("too_long_", 8):               "",
		"":                                           "",
	} {
		counts := &Counts{}
		var got decided
		newTest(t, Config{Counts: counts}).Decode([]byte(withBody(400, `{"error":{"code":`+strconv.Quote(text)+`}}`)),
			&got)
		if got.types[0] != want {
			t.Errorf("%q: got %q; want %q", text, got.types[0], want)
		}
		if left := counts.ErrorNames.Load(); (left > 0) != (want == "" && text != "") {
			t.Errorf("%q: got %d left out", text, left)
		}
	}
	// The key in clear is no name.
	if _, typ := decideLine(t,
		`{"ts":1,"status":401,"path":"/x","api_key":"sesame-street","error_type":"bad:sesame-street"}`); typ != "" {
		t.Errorf("got the key in the name %q", typ)
	}
}

// A time that is impossible for its unit is left out and counted.
func TestImpossibleTimes(t *testing.T) {
	counts := &Counts{}
	var c collector
	newTest(t, Config{Counts: counts}).
		Decode([]byte(`{"ts":1772366400,"status":200,"path":"/x","latency_ms":562626000,"upstream_latency_ms":12}`), &c)
	if c.all[0].Latency != -1 || c.all[0].Upstream != 12000 || counts.Times.Load() != 1 {
		t.Errorf("got %+v, %d counted; want no latency, one counted", c.all[0], counts.Times.Load())
	}
}

// Every field has its other spellings, and a unit is never guessed.
func TestSynonyms(t *testing.T) {
	type want struct {
		path, method, ip string
		status           int16
		latency          int64
	}
	for line, w := range map[string]want{
		`{"timestamp":"2024-05-01T12:00:00Z","path":"/v1/x","method":"GET","statusCode":200}`:                                            {"/v1/x", "GET", "", 200, -1},
		`{"@timestamp":"2024-05-01T12:00:00Z","url":"/v1/x?a=1","verb":"PUT","response_code":"201","clientip":"203.0.113.7"}`:            {"/v1/x?a=1", "PUT", "203.0.113.7", 201, -1},
		`{"time":"2024-05-01T12:00:00Z","request":{"method":"GET","url":"/a","ip":"203.0.113.7"},"response":{"status":404}}`:             {"/a", "GET", "203.0.113.7", 404, -1},
		`{"time":"2024-05-01T12:00:00Z","requestPath":"/a","responseStatus":500,"durationMs":12.5}`:                                      {"/a", "", "", 500, 12500},
		`{"time":"2024-05-01T12:00:00Z","path":"/a","http_status":500,"duration_seconds":0.25}`:                                          {"/a", "", "", 500, 250000},
		`{"time":"2024-05-01T12:00:00Z","path":"/a","httpStatus":200,"duration_ns":1500000}`:                                             {"/a", "", "", 200, 1500},
		`{"time":"2024-05-01T12:00:00Z","path":"/a","status":200,"duration":58.33}`:                                                      {"/a", "", "", 200, -1},
		`{"time":"2024-05-01T12:00:00Z","path":"/a","status":200,"responseTime":58}`:                                                     {"/a", "", "", 200, -1},
		`{"time":"2024-05-01T12:00:00Z","path":"/a","status":200,"duration":"58.33ms"}`:                                                  {"/a", "", "", 200, 58330},
		`{"time":"2024-05-01T12:00:00Z","method":"GET","uri":"/a","status":200,"latency":97086,"latency_human":"97.086µs"}`:              {"/a", "GET", "", 200, 97},
		`{"time":"2024-05-01T12:00:00Z","http":{"request":{"method":"GET"},"response":{"status_code":204}},"url":{"path":"/a"}}`:         {"/a", "GET", "", 204, -1},
		`{"ts":1714564800.5,"req":{"method":"GET","url":"/a","remoteAddress":"::1"},"res":{"statusCode":302}}`:                           {"/a", "GET", "::1", 302, -1},
		`{"time":"2024-05-01T12:00:00Z","remote_addr":"203.0.113.9:4711","request_method":"GET","request_uri":"/a","status_code":"503"}`: {"/a", "GET", "203.0.113.9", 503, -1},
	} {
		g := one(t, Config{}, line)
		if got := (want{g.Path, g.Method, g.IP, g.Status, g.Latency}); got != w || g.Reason != "" {
			t.Errorf("%s:\n got %+v %s; want %+v", line, got, g.Reason, w)
		}
	}
}

// Lines that are no responses are rejects, with what is lacking.
func TestNotAResponse(t *testing.T) {
	for line, want := range map[string]string{
		`{"service":"user-service","level":"info","message":"User 42 logged in","timestamp":"2024-05-01T12:00:00.000Z"}`:                          "not_a_response json: no status field; saw service, level, message, timestamp",
		`{"level":"info","msg":"listening","time_ms":5}`:                                                                                          "unknown_format json: no time field, no status field; saw level, msg, time_ms",
		`{"level":"info","ts":1725981949.9,"logger":"http.handlers.reverse_proxy","msg":"upstream roundtrip","request":{"uri":"/"},"status":200}`: "not_a_response caddy: a line of another logger than http.log.access",
		`{"level":"error","ts":1600849986.4,"msg":"boom","request":{"uri":"/"},"status":502}`:                                                     `not_a_response caddy: a line that is not "handled request"`,
		`[2021-03-16T09:29:27.498Z] "- - -" 0 - - - "-" 6238 6291 84 - "-" "-" "-" "-" "203.0.113.132:1521" Passthrough - - - - -`:                "not_a_response envoy: a connection without an HTTP request (TCP, TLS or DNS)",
		`[2021-03-16T09:29:27.498Z] "- - -" 0 UF,URX - - "-" 0 0 84 - "-" "-" "-" "-" "203.0.113.132:1521"`:                                       "not_a_response envoy: a connection without an HTTP request (TCP, TLS or DNS)",
		`{"start_time":"2022-09-01T09:36:33.553Z","method":null,"path":null,"protocol":null,"response_code":0,"response_flags":"-","duration":3}`: "not_a_response envoy: a connection without an HTTP request (TCP, TLS or DNS)",
		`{"ts":"2026-03-01T12:00:00Z","level":"info","path":"/tmp/a","message":"file written"}`:                                                   "not_a_response json: no status field; saw ts, level, path, message",
		`{"ts":"2026-03-01T12:00:00Z","level":"info","code":7,"message":"exit"}`:                                                                  "not_a_response neither an HTTP status nor a request with an API code",
		`2026/03/01 12:00:00 [error] 7#7: *1 open() "/x" failed (2: No such file or directory), client: 203.0.113.7`:                              "syntax a line of nginx's error log, not of its access log",
		`192.0.2.1 - - [26/Feb/2019:15:39:42 +0000] "GET /v1/x HTTP/1.1" 404 200 157 "-" "ua"`:                                                    "syntax combined: the line lacks a status that can be told from the other numbers",
		`192.0.2.1 - - [26/Feb/2019:15:39:42 +0000] GET /v1/x`:                                                                                    `syntax combined: the line lacks a "request" behind the time`,
		`{"ts":"2026-03-01T12:00:00Z","status":999,"path":"/"}`:                                                                                   "bad_status the HTTP status is not within 100 and 599",
		`{"ts":"2026-03-01T12:00:00Z","status":12,"path":"/"}`:                                                                                    "bad_status the HTTP status is not within 100 and 599",
		`level=info ts=2026-03-01T12:00:00Z msg="started"`:                                                                                        "syntax logfmt: no mapping says which fields these are",
	} {
		var d decided
		newTest(t, Config{}).Decode([]byte(line), &d)
		if len(d.rejects) != 1 || len(d.decisions) != 0 {
			t.Errorf("%s: got %+v; want one reject", line, d)
			continue
		}
		if got := d.rejects[0].Reason + " " + d.rejects[0].Detail; got != want {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
}

// Where what stands in front of the time is no user, there is no key.
func TestNoKeyFromPrefixes(t *testing.T) {
	const rest = ` [01/Mar/2026:12:00:00 +0000] "GET /v1/x HTTP/1.1" 200 157 "-" "ua"`
	users := []string{"-", `""`, "John Smith", "a,b", "a, b", "[x]", "(null)", "203.0.113.9", "2001:db8::1",
		"203.0.113.9:80", "[2001:db8::1]:80", "{x}", "<x>", "|"}
	heads := []string{"192.0.2.1 - ", "example.com 192.0.2.1 - ", "192.0.2.1, 10.0.0.1 - ",
		"example.com 192.0.2.1, 192.0.2.3 - ", "192.0.2.1 - [192.0.2.1] - ",
		`"192.0.2.1, 10.0.0.1" - `, "example.com 192.0.2.1 - req101 ", "127.0.1.1:443 192.0.2.1 - ",
		"unknown, 192.0.2.1 - ", "host.example.com - ", "- 192.0.2.1 - ", "web-1  | 192.0.2.1 - ",
		"pod-5d4f8c9b7-x2x4z nginx 192.0.2.1 - ", "2024-05-01T12:00:00.123456789Z 192.0.2.1 - ",
		"Mar  1 12:00:00 web 192.0.2.1 - ", "\x1b[36mweb-1  | \x1b[0m192.0.2.1 - "}
	for _, head := range heads {
		for _, user := range users {
			g := one(t, Config{}, head+user+rest)
			if g.Reason != "" || g.Key != "" || g.KeyName != "" {
				t.Errorf("%q: got %s key %q %q; want none", head+user, g.Reason, g.Key, g.KeyName)
			}
			if !strings.HasPrefix(head, "host.") && g.IP != "192.0.2.1" {
				t.Errorf("%q: got client %q; want 192.0.2.1", head+user, g.IP)
			}
		}
		if strings.Contains(head, "req101") {
			continue
		}
		if g := one(t, Config{}, head+"alice"+rest); g.KeyName != "alice" || g.Key != KeyID(testSecret, "id:alice").
			String() {
			t.Errorf("%q: got key %q; want alice's", head, g.KeyName)
		}
	}
}

// Shippers' prefixes are no part of the line: neither service nor key.
func TestPrefixes(t *testing.T) {
	const line = `192.0.2.1 - - [26/Feb/2019:15:39:42 +0000] "GET /v1/x HTTP/1.1" 200 157 "-" "ua"`
	want := one(t, Config{}, line)
	for _, prefix := range []string{
		"web-1  | ", "\x1b[36mweb-1  | \x1b[0m", "stack_web.1.k3j4h5g6f7@node1    | ", "web_1       | ",
		"2024-05-01T12:00:00.123456789Z ", "2024-05-01T12:00:00+02:00 ", "[pod/web-5d4f8c9b7-x2x4z/nginx] ",
		"web-5d4f8c9b7-x2x4z nginx ", "web-0 nginx ", "Mar  1 12:00:00 web1 nginx[12]: ",
		"Mar  1 12:00:00 web1 nginx: ", "Mar  1 12:00:00 web1 ",
		"Mar 01 12:00:00.123456 web1 nginx[12]: ", "2026-03-01T12:00:00+0000 web1 nginx[12]: ",
		"Sun 2026-03-01 12:00:00 UTC web1 nginx[12]: ", "1772366400.123456 web1 nginx[12]: ",
		"<134>1 2026-03-01T12:00:00Z web1 nginx 12 - - ", "212 <134>1 2026-03-01T12:00:00Z web1 nginx 12 - - ",
		"<134>Mar  1 12:00:00 web1 nginx: ",
		"web-1  | 2024-05-01T12:00:00Z ", "2024-05-01T12:00:00.1Z stdout F ",
		"web-1  | 2024-05-01T12:00:00.1Z stdout F Mar  1 12:00:00 web1 nginx[12]: ",
	} {
		all := decodeAll(t, Config{}, prefix+line)
		if len(all) != 1 {
			t.Errorf("%q: got %d results", prefix, len(all))
			continue
		}
		same(t, prefix, all[0], want)
	}
}

// Numbers around the status: read rightly, or not at all.
func TestPositions(t *testing.T) {
	const head = `192.0.2.1 - - [26/Feb/2019:15:39:42 +0000] "GET /v1/x HTTP/1.1" `
	for tail, want := range map[string]string{
		`200 157 "-" "ua"`:                          "200 157 ua",
		`200 - "-" "ua"`:                            "200 0 ua",
		`200`:                                       "200 0 ",
		`200 157`:                                   "200 157 ",
		`0.012 200 157 "-" "ua"`:                    "200 157 ua",
		`12ms 200 157 "-" "ua"`:                     "200 157 ua",
		`404 200 157 "-" "ua"`:                      "syntax",
		`200 157 0.012 "-" "ua"`:                    "200 157 ua",
		`200 12345 9876 "-" "ua"`:                   "200 0 ua",
		`1234 200 157 "-" "ua"`:                     "200 0 ua",
		`200 157 12 "-" "ua"`:                       "200 0 ua",
		`200 157 "-" "203.0.113.9, 10.0.0.1" "ua"`:  "200 157 ua",
		`200 157 "-" "203.0.113.9"`:                 "200 157 ",
		`200 157 "-" "ua" 0.012`:                    "200 157 ua",
		`200 157 "-" "ua" "203.0.113.9" 12 0.1 "x"`: "200 157 ua",
		`777 157 "-" "ua"`:                          "bad_status",
		`0.404 157 "-" "ua"`:                        "syntax",
		`- - "-" "ua"`:                              "not_a_response",
	} {
		g := one(t, Config{}, head+tail)
		got := g.Reason
		if got == "" {
			got = fmt.Sprintf("%d %d %s", g.Status, g.Bytes, g.Agent)
		}
		if got != want {
			t.Errorf("%s: got %s; want %s", tail, got, want)
		}
	}
	for tail, want := range map[string][3]int64{
		` request_time=0.016 upstream_response_time=0.004, 0.012 upstream_status=502, 200`:     {16000, 16000, 200},
		` request_time=0.016 upstream_response_time="0.004, 0.012" upstream_status="502, 200"`: {16000, 16000, 200},
		` request_time=562626 forwarded_for="198.51.100.3, 203.0.113.2"`:                       {-1, -1, -1},
		` rt=0.105 uct="0.001" urt="0.100 : 0.002" us=502`:                                     {105000, 102000, 502},
		` "203.0.113.9" rt=0.105`: {105000, -1, -1},
		` upstream_response_time=-, 0.012 upstream_status=-, 200 request_time=0.5 other="a b=c"`: {500000, 12000, 200},
	} {
		g := one(t, Config{}, head+`200 157 "-" "ua"`+tail)
		if got := [3]int64{g.Latency, g.Upstream, int64(g.UpstreamStatus)}; got != want {
			t.Errorf("%s: got %v; want %v", tail, got, want)
		}
	}
}

// gRPC under HTTP 200, by number and by name in any spelling.
func TestGRPCStatus(t *testing.T) {
	for value, want := range map[string]string{
		`"ResourceExhausted"`: "rate_limited", `8`: "rate_limited", `"8"`: "rate_limited", `"OK"`: "success",
		`0`:             "success",
		`"UNAVAILABLE"`: "offline", `"Deadline Exceeded"`: "timeout", `"-"`: "success", `null`: "success",
		`99`: "success", `"Canceled"`: "client_closed",
	} {
		for _, line := range []string{
			`{"start_time":"2022-09-01T09:36:33.553Z","method":"POST","path":"/p.M/G","response_code":200,"response_flags":"-","duration":3,"grpc_status":` + value + `}`,
			`{"ts":"2022-09-01T09:36:33.553Z","method":"POST","path":"/p.M/G","status":200,"grpc_status":` + value +
				`}`,
		} {
			if d, _ := decideLine(t, line); d.Outcome.String() != want {
				t.Errorf("%s: got %v; want %s", line, d.Outcome, want)
			}
		}
	}
	if d, typ := decideLine(t,
		`{"ts":"2022-09-01T09:36:33.553Z","grpc.code":"NotFound","grpc.service":"p.M"}`); d.Outcome != classify.NotFound || typ != "NOT_FOUND" {
		t.Errorf("without an HTTP status: got %+v, %q", d, typ)
	}
}

// A shipper's envelope whose names look like ours still holds its line.
func TestEnvelopeWithNames(t *testing.T) {
	g := one(t, Config{},
		`{"service":"nginx","level":"info","timestamp":"2026-03-01T12:00:00Z","message":"192.0.2.1 - - [26/Feb/2019:15:39:42 +0000] \"GET /v1/x HTTP/1.1\" 404 157 \"-\" \"ua\""}`)
	if g.Status != 404 || g.IP != "192.0.2.1" {
		t.Errorf("got %+v", g)
	}
	if !slices.Contains(known(g), `Route "/v1/x"`) {
		t.Errorf("got %v", known(g))
	}
}
