package decode

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"statline/classify"
)

var testSecret = []byte("a secret for tests")

// got is a copy of what a sink received, in a form that tests compare.
type got struct {
	Time                         int64
	Service, Method, Route, Path string
	Status                       int16
	Code                         uint16
	Message, Key, KeyName, IP    string
	Latency, Upstream            int64
	UpstreamStatus               int16
	Bytes                        int64
	RequestID, Agent             string
	Gateway, Blame               string
	Quota                        string // limit/window, left, retry
	Version                      string
	Reason, Format, Raw          string
	Index                        int
}

// collector is a Sink that keeps everything.
type collector struct{ all []got }

func (c *collector) Response(r *classify.Response) {
	r.Detail()
	g := got{
		Time: r.UnixMilli, Service: string(r.Service), Method: string(r.Method), Route: string(r.Route),
		Path: string(r.Path), Status: r.Status, Code: r.Code, Message: string(r.Message),
		Key: r.Key.String(), KeyName: string(r.KeyName), Latency: r.LatencyMicros,
		Upstream: r.UpstreamLatencyMicros, UpstreamStatus: r.UpstreamStatus, Bytes: r.Bytes,
		RequestID: string(r.RequestID), Agent: string(r.UserAgent),
		Gateway: r.Gateway.String(), Blame: r.Blame.String(), Version: string(r.Version),
	}
	if q := r.Quota; q != (classify.Quota{}) {
		g.Quota = fmt.Sprintf("%d/%ds", q.Limit, q.Window)
		if left, ok := q.Left(); ok {
			g.Quota += fmt.Sprintf(" left %d", left)
		}
		if q.RetryAfter > 0 {
			g.Quota += fmt.Sprintf(" retry %d", q.RetryAfter)
		}
	}
	if r.ClientIP != [16]byte{} {
		g.IP = netip.AddrFrom16(r.ClientIP).Unmap().String()
	}
	c.all = append(c.all, g)
}

func (c *collector) Reject(r Reject) {
	c.all = append(c.all, got{Reason: r.Reason, Format: r.Format, Raw: string(r.Raw), Index: r.Index})
}

func newTest(t testing.TB, cfg Config) *Decoder {
	t.Helper()
	if cfg.Secret == nil {
		cfg.Secret = testSecret
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decodeAll decodes one record with a new decoder.
func decodeAll(t testing.TB, cfg Config, record string) []got {
	t.Helper()
	var c collector
	newTest(t, cfg).Decode([]byte(record), &c)
	return c.all
}

// one decodes a record that holds exactly one response.
func one(t testing.TB, cfg Config, record string) got {
	t.Helper()
	all := decodeAll(t, cfg, record)
	if len(all) != 1 {
		t.Fatalf("got %d results; want 1: %+v", len(all), all)
	}
	return all[0]
}

func keyOf(key string) string { return KeyID(testSecret, key).String() }

// same compares a result field by field.
func same(t *testing.T, name string, g, want got) {
	t.Helper()
	if g == want {
		return
	}
	a, b := fields(g), fields(want)
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%s: got %s; want %s", name, a[i], b[i])
		}
	}
}

func fields(g got) []string {
	return []string{
		fmt.Sprint("Time ", g.Time), fmt.Sprintf("Service %q", g.Service), fmt.Sprintf("Method %q", g.Method),
		fmt.Sprintf("Route %q", g.Route), fmt.Sprintf("Path %q", g.Path), fmt.Sprint("Status ", g.Status),
		fmt.Sprint("Code ", g.Code), fmt.Sprintf("Message %q", g.Message), fmt.Sprintf("Key %q", g.Key),
		fmt.Sprintf("KeyName %q", g.KeyName), fmt.Sprintf("IP %q", g.IP), fmt.Sprint("Latency ", g.Latency),
		fmt.Sprint("Upstream ", g.Upstream), fmt.Sprint("UpstreamStatus ", g.UpstreamStatus),
		fmt.Sprint("Bytes ", g.Bytes),
		fmt.Sprintf("RequestID %q", g.RequestID), fmt.Sprintf("Agent %q", g.Agent),
		fmt.Sprintf("Gateway %q", g.Gateway),
		fmt.Sprintf("Blame %q", g.Blame), fmt.Sprintf("Quota %q", g.Quota), fmt.Sprintf("Version %q", g.Version),
		fmt.Sprintf("Reason %q", g.Reason),
		fmt.Sprintf("Format %q", g.Format),
		fmt.Sprintf("Raw %q", g.Raw), fmt.Sprint("Index ", g.Index),
	}
}

// Everything around lines: several in a record, arrays, blank lines, line
// ends, a byte order mark, broken lines between good ones.
func TestRecordShapes(t *testing.T) {
	const line = `{"ts":"2026-03-01T12:00:00Z","service":"s","status":200}`
	const apache = `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`
	for _, c := range []struct {
		name, record string
		want         string // g: good, otherwise the reasons
	}{
		{"one", line, "g"},
		{"line feed", line + "\n", "g"},
		{"crlf", line + "\r\n" + line + "\r\n", "g g"},
		{"byte order mark", "\xef\xbb\xbf" + line, "g"},
		{"blank lines", "\n\n  \r\n" + line + "\n \n", "g"},
		{"nothing", "", ""},
		{"control characters", "\x00\x01\n" + line, "syntax g"},
		{"array", "[" + line + "," + line + " , \n" + line + "]", "g g g"},
		{"array with line feed", "[\n  " + line + ",\n  " + line + "\n]\n", "g g"},
		{"empty array", "[]", ""},
		{"array of text", `["a", ` + line + "]", "syntax"},
		{"pretty", "{\n \"ts\" : \"2026-03-01T12:00:00Z\" ,\r\n \"status\" :200\n}\n" + line, "g g"},
		{"cut in a string", `{"ts":"2026-03` + "\n" + line, "syntax g"},
		{"cut after a comma", `{"ts":1,` + "\n" + line, "syntax g"},
		{"cut after a value", `{"ts":1` + "\n" + line, "syntax g"},
		{"garbage behind", line + "x\n" + line, "syntax g"},
		{"broken array", "[" + line + "," + `{"ts":` + "\n" + line, "g syntax g"},
		{"apache and json", apache + "\n" + line + "\n" + apache, "g g g"},
		{"words", "hello world\n" + line, "syntax g"},
		{"no time", `{"service":"s","status":200}`, "no_time"},
		{"bad time", `{"ts":"yesterday","status":200}`, "bad_time"},
		{"bad month", `{"ts":"2026-13-01T12:00:00Z","status":200}`, "bad_time"},
		{"no status", `{"ts":"2026-03-01T12:00:00Z","service":"s"}`, "not_a_response"},
		{"negative code", `{"ts":"2026-03-01T12:00:00Z","status":200,"code":-1}`, "bad_code"},
		{"large code", `{"ts":"2026-03-01T12:00:00Z","status":200,"code":65536}`, "bad_code"},
		{"huge code", `{"ts":"2026-03-01T12:00:00Z","status":200,"code":1e300}`, "bad_code"},
		{"bad status", `{"ts":"2026-03-01T12:00:00Z","status":1200}`, "bad_status"},
		{"code only", `{"ts":"2026-03-01T12:00:00Z","code":7}`, "not_a_response"},
		{"code and path", `{"ts":"2026-03-01T12:00:00Z","path":"/x","code":7}`, "g"},
		{"code and method", `{"ts":"2026-03-01T12:00:00Z","method":"GET","code":7}`, "g"},
		{"message only", `{"ts":"2026-03-01T12:00:00Z","message":"Failed."}`, "not_a_response"},
		{"unknown object", `{"a":1}`, "unknown_format"},
		{"deep", strings.Repeat(`{"":`, 100000), "syntax"},
		{"empty keys", `{"":{"":{"":1}},"ts":1772366400,"status":200}`, "g"},
	} {
		all := decodeAll(t, Config{}, c.record)
		var names []string
		for i, g := range all {
			if g.Reason == "" {
				names = append(names, "g")
				continue
			}
			names = append(names, g.Reason)
			if g.Index != i {
				t.Errorf("%s: got index %d; want %d", c.name, g.Index, i)
			}
		}
		if s := strings.Join(names, " "); s != c.want {
			t.Errorf("%s: got %q; want %q", c.name, s, c.want)
		}
	}
}

func TestStatlineLine(t *testing.T) {
	g := one(t, Config{},
		`{"ts":"2026-03-01T12:00:00.250Z","service":"movies","method":"GET","path":"/3/movie/550?api_key=not-this-one&language=en","route":"/3/movie/{id}",`+
			`"status":429,"code":25,"message":"Your request count (41) is over the allowed limit of (40).","api_key":"0123456789abcdef","client_ip":"203.0.113.7",`+
			`"latency_ms":1.5,"upstream_status":503,"upstream_latency_ms":"1.25","bytes":98,"request_id":"r-1","user_agent":"curl/8.10.1"}`)
	same(t, "full", g, got{
		Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}",
		Path:   "/3/movie/550?api_key=[redacted]&language=en",
		Status: 429, Code: 25, Message: "Your request count (41) is over the allowed limit of (40).",
		Key: keyOf("0123456789abcdef"),
		IP:  "203.0.113.7", Latency: 1500, Upstream: 1250, UpstreamStatus: 503, Bytes: 98, RequestID: "r-1",
		Agent: "curl/8.10.1",
	})
	// The envelope's names, any order, blanks, numbers as text, a key id.
	g = one(t, Config{},
		` { "status_message" : "Invalid API key: You must be granted a valid key." , "status_code":"7", "status":"401","ts":1772366400, "key_id":"team-a","api_key":"0123456789abcdef","bytes":"12","latency_ms":"-1","path":"/3/movie/tt0137523" } `)
	same(t, "envelope", g, got{
		Time: 1772366400000, Service: "default", Route: "/3/movie/{id}", Path: "/3/movie/tt0137523", Status: 401,
		Code:    7,
		Message: "Invalid API key: You must be granted a valid key.", Key: keyOf("id:team-a"), KeyName: "team-a",
		Latency: -1, Upstream: -1, UpstreamStatus: -1, Bytes: 12,
	})
}

// status_code is the API's code beside status, and the HTTP status alone.
func TestStatusCode(t *testing.T) {
	for _, c := range []struct {
		fields string
		status int16
		code   uint16
	}{
		{`"status":404,"status_code":34`, 404, 34},
		{`"status_code":34,"status":404`, 404, 34},
		{`"status_code":34`, -1, 34},
		{`"status_code":404`, 404, 0},
		{`"status_code":404,"code":6`, 404, 6},
		{`"status":200,"code":null,"status_code":404`, 200, 404},
		{`"status":200,"code":0`, 200, 0},
		{`"status":"-","code":"7"`, -1, 7},
		{`"status":0`, 0, 0},
		{`"status":200,"code":65535`, 200, 65535},
		{`"status":200,"code":"slow_down"`, 200, 0},
	} {
		g := one(t, Config{}, `{"ts":1772366400,"path":"/x",`+c.fields+`}`)
		if g.Reason != "" || g.Status != c.status || g.Code != c.code {
			t.Errorf("%s: got status %d, code %d, %s; want %d, %d", c.fields, g.Status, g.Code, g.Reason, c.status,
				c.code)
		}
	}
}

// A body inside the record gives code and message, in every way to write it.
func TestBody(t *testing.T) {
	const text = "Suspended API key: Access to your account has been suspended, contact TMDb."
	for name, field := range map[string]string{
		"json text":    `"body":"{\"status_code\":10,\"status_message\":\"` + text + `\"}"`,
		"object":       `"response_body":{"status_message":"` + text + `","status_code":10,"success":false}`,
		"base64":       `"body":"eyJzdGF0dXNfY29kZSI6MTAsInN0YXR1c19tZXNzYWdlIjoiU3VzcGVuZGVkIEFQSSBrZXk6IEFjY2VzcyB0byB5b3VyIGFjY291bnQgaGFzIGJlZW4gc3VzcGVuZGVkLCBjb250YWN0IFRNRGIuIn0="`,
		"pretty":       `"resp_body":"{\n  \"status_code\": 10,\n  \"status_message\": \"` + text + `\"\n}\n"`,
		"numbers text": `"body":"{\"status_code\":\"10\",\"status_message\":\"` + text + `\"}"`,
	} {
		g := one(t, Config{}, `{"ts":1772366400,"status":401,`+field+`}`)
		if g.Code != 10 || g.Message != text {
			t.Errorf("%s: got code %d, message %q", name, g.Code, g.Message)
		}
	}
	g := one(t, Config{}, `{"ts":1772366400,"status":401,"body":"`+text+`"}`)
	if g.Code != 0 || g.Message != text {
		t.Errorf("plain text: got code %d, message %q", g.Code, g.Message)
	}
	g = one(t, Config{}, `{"ts":1772366400,"status":401,"code":3,"body":"{\"status_code\":10}"}`)
	if g.Code != 3 {
		t.Errorf("got code %d; want the record's own 3", g.Code)
	}
}

func TestTimes(t *testing.T) {
	for ts, want := range map[string]int64{
		`1772366400`:                     1772366400000,
		`1772366400.25`:                  1772366400250,
		`1772366400250`:                  1772366400250,
		`1772366400250.75`:               1772366400250,
		`1772366400250000`:               1772366400250,
		`1772366400250000000`:            1772366400250,
		`"1772366400"`:                   1772366400000,
		`"1.7723664e9"`:                  1772366400000,
		`"2026-03-01T12:00:00Z"`:         1772366400000,
		`"2026-03-01T12:00:00.2509Z"`:    1772366400250,
		`"2026-03-01T13:00:00.25+01:00"`: 1772366400250,
		`"2026-03-01T06:30:00-0530"`:     1772366400000,
		`"2026-03-01 12:00:00"`:          1772362800000, // Europe/Paris
		`"2026-07-01 12:00:00"`:          1782900000000, // in summer
		`"2026-03-01 12:00:00 +0000"`:    1772366400000,
		`"01/Mar/2026:12:00:00 +0000"`:   1772366400000,
		`"01/Mar/2026:12:00:00.250"`:     1772362800250,
		`"2024-02-29T00:00:00Z"`:         1709164800000,
		`"1970-01-01T00:00:00Z"`:         0,
	} {
		g := one(t, Config{Location: mustZone(t, "Europe/Paris")}, `{"ts":`+ts+`,"status":200}`)
		if g.Reason != "" || g.Time != want {
			t.Errorf("%s: got %d %s; want %d", ts, g.Time, g.Reason, want)
		}
	}
	for _, ts := range []string{`"2026-02-29T00:00:00Z"`, `"2026-03-01T24:00:00Z"`, `"2026-03-01T12:00"`,
		`"2026-03-01T12:00:00Zjunk"`, `-5`, `1e30`, `"x"`, `"2026-03-01T12:00:00+25:00"`} {
		if g := one(t, Config{}, `{"ts":`+ts+`,"status":200}`); g.Reason != ReasonBadTime {
			t.Errorf("%s: got %d %q; want bad_time", ts, g.Time, g.Reason)
		}
	}
}
