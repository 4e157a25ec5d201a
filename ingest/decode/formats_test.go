package decode

import (
	"slices"
	"strings"
	"testing"

	"statline/classify"
)

// Lines of the formats that need few words: the fields that a person reads.
func TestMoreFormats(t *testing.T) {
	const when = 1772366400000
	for _, c := range []formatCase{
		{"apisix-access", `192.0.2.1 - - [01/Mar/2026:12:00:00 +0000] api.example.com "GET /v1/x HTTP/1.1" 502 157 0.012 "-" "curl/8" 10.0.0.1:80, 10.0.0.2:80 502, 502 0.004, 0.006 "http://api.example.com"`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 502,
				IP: "192.0.2.1", Latency: 12000, Upstream: 10000, UpstreamStatus: 502, Bytes: 157, Agent: "curl/8",
				Gateway: "server_error", Blame: "upstream"}},
		{"pino-http",
			`{"level":50,"time":1772366400000,"req":{"id":"r1","method":"POST","url":"/a?api_key=0123456789abcdef","headers":{"host":"api.example.com:443","x-forwarded-for":"unknown, 192.0.2.1"}},"res":{"statusCode":500},"err":{"type":"Error","message":"boom"},"responseTime":1.5,"msg":"request errored"}`,
			got{Time: when, Service: "api.example.com", Method: "POST", Route: "/a", Path: "/a?api_key=[redacted]",
				Status: 500, Message: "boom", Key: keyOf("0123456789abcdef"), IP: "192.0.2.1", Latency: 1500,
				Upstream: -1, UpstreamStatus: -1, RequestID: "r1"}},
		{"uvicorn", `INFO:     192.0.2.1:40000 - "GET /v1/x?a=1 HTTP/1.1" 404 Not Found`,
			got{Time: classify.RecordTime, Service: "default", Method: "GET", Route: "/v1/x", Path: "/v1/x?a=1",
				Status: 404, IP: "192.0.2.1", Latency: -1, Upstream: -1, UpstreamStatus: -1}},
		{"werkzeug", `192.0.2.1 - - [01/Mar/2026 12:00:00] "POST /v1/x HTTP/1.1" 500 -`,
			got{Time: when, Service: "default", Method: "POST", Route: "/v1/x", Path: "/v1/x", Status: 500,
				IP: "192.0.2.1", Latency: -1, Upstream: -1, UpstreamStatus: -1}},
		{"morgan", `GET /v1/x 304 - - 1.234 ms`,
			got{Time: classify.RecordTime, Service: "default", Method: "GET", Route: "/v1/x", Path: "/v1/x",
				Status: 304, Latency: 1234, Upstream: -1, UpstreamStatus: -1}},
		{"morgan", "\x1b[0mGET /v1/x \x1b[32m200\x1b[0m 12.345 ms - 5120\x1b[0m",
			got{Time: classify.RecordTime, Service: "default", Method: "GET", Route: "/v1/x", Path: "/v1/x",
				Status: 200, Latency: 12345, Upstream: -1, UpstreamStatus: -1, Bytes: 5120}},
		{"nginx-proxy-manager",
			`[01/Mar/2026:12:00:00 +0000] - 502 502 - GET https api.example.com "/v1/x" [Client 192.0.2.1] [Length 154] [Gzip -] [Sent-to 10.0.0.5] "curl/8" "-"`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 502,
				IP: "192.0.2.1", Latency: -1, Upstream: -1, UpstreamStatus: 502, Bytes: 154, Agent: "curl/8",
				Blame: "upstream"}},
		{"aws-elb", `2026-03-01T12:00:00.000000Z lb 192.0.2.1:2817 - -1 -1 -1 504 0 0 0 "GET http://api.example.com:80/v1/x HTTP/1.1" "curl/8" - -`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 504,
				IP: "192.0.2.1", Latency: -1, Upstream: -1, UpstreamStatus: -1, Agent: "curl/8", Gateway: "timeout",
				Blame: "upstream"}},
		{"aws-cloudfront",
			"2026-03-01\t12:00:00\tFRA2\t5120\t192.0.2.1\tGET\td1.cloudfront.net\t/v1/x\t403\t-\tMozilla/5.0%20(X11)\tapi_key=0123456789abcdef\t-\tError\tid==\tapi.example.com\thttps\t98\t0.105",
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x?api_key=[redacted]",
				Status: 403, Key: keyOf("0123456789abcdef"), IP: "192.0.2.1", Latency: 105000, Upstream: -1,
				UpstreamStatus: -1, Bytes: 5120, RequestID: "id==", Agent: "Mozilla/5.0 (X11)"}},
		{"w3c", `2026-03-01 12:00:00 10.0.0.5 GET /v1/x - 443 - 192.0.2.1 Mozilla/5.0+(X11) - 404 0 2 12`,
			got{Time: when, Service: "default", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 404,
				IP: "192.0.2.1", Latency: 12000, Upstream: -1, UpstreamStatus: -1, Agent: "Mozilla/5.0 (X11)"}},
		{"lograge",
			`I, [2026-03-01T12:00:00.123456 #7]  INFO -- : method=GET path="/v1/x" format=html controller=X action=y status=500 duration=58.33 view=0.00 db=15.26`,
			got{Time: classify.RecordTime, Service: "default", Method: "GET", Route: "/v1/x", Path: "/v1/x",
				Status: 500, Latency: 58330, Upstream: -1, UpstreamStatus: -1}},
		{"heroku",
			`2026-03-01T12:00:00.000000+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path="/v1/x?a=b" host=api.example.com request_id=r1 fwd="192.0.2.1, 10.0.0.1" dyno=web.1 connect=1ms service=30001ms status=503 bytes=0 protocol=https`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x?a=b", Status: 503,
				IP: "192.0.2.1", Latency: 30001000, Upstream: -1, UpstreamStatus: -1, RequestID: "r1",
				Gateway: "timeout", Blame: "upstream"}},
		{"ecs",
			`{"@timestamp":"2026-03-01T12:00:00Z","ecs":{"version":"8.11.0"},"service":{"name":"movies"},"http":{"request":{"method":"GET"},"response":{"status_code":404,"body":{"bytes":98}}},"url":{"original":"/v1/x?a=1","path":"/v1/x"},"client":{"ip":"192.0.2.1"},"event":{"duration":1500000},"user_agent":{"original":"curl/8"}}`,
			got{Time: when, Service: "movies", Method: "GET", Route: "/v1/x", Path: "/v1/x?a=1", Status: 404,
				IP: "192.0.2.1", Latency: 1500, Upstream: -1, UpstreamStatus: -1, Bytes: 98, Agent: "curl/8"}},
		{"envoy",
			`ACCESS [2026-03-01T12:00:00.000Z] "GET /v1/x HTTP/1.1" 200 - 0 98 12 11 "192.0.2.1" "curl/8" "r1" "api.example.com" "10.0.0.5:8080"`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 200,
				IP: "192.0.2.1", Latency: 12000, Upstream: 11000, UpstreamStatus: -1, Bytes: 98, RequestID: "r1",
				Agent: "curl/8"}},
		{"traefik-json",
			`{"BackendAddr":"10.0.0.5:80","BackendName":"movies","ClientHost":"192.0.2.1","DownstreamContentSize":98,"DownstreamStatus":200,"DownstreamStatusLine":"200 OK","Duration":1500000,"FrontendName":"Host-api","OriginStatus":200,"RequestMethod":"GET","RequestPath":"/v1/x","StartUTC":"2026-03-01T12:00:00Z"}`,
			got{Time: when, Service: "movies", Method: "GET", Route: "/v1/x", Path: "/v1/x", Status: 200,
				IP: "192.0.2.1", Latency: 1500, Upstream: -1, UpstreamStatus: 200, Bytes: 98}},
	} {
		checkFormat(t, c.name, []formatCase{c})
	}
}

// Named mappings read what their service writes, one record or several in one
// message.
func TestPresets(t *testing.T) {
	want := map[string]got{
		"gcp-lb": {Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
			Status: 200, IP: "203.0.113.7",
			Latency: 105000, Upstream: -1, UpstreamStatus: -1, Bytes: 5120, RequestID: "9f1c0a", Agent: "curl/8.10.1"},
		"azure-appgw": {Time: 1772366400000, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
			Path: "/3/movie/550", Status: 200, IP: "203.0.113.7",
			Latency: 105000, Upstream: 104000, UpstreamStatus: 200, Bytes: 5120, RequestID: "9f1c0a",
			Agent: "curl/8.10.1"},
		"azure-apim": {Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}",
			Path: "/3/movie/550", Status: 429, IP: "203.0.113.7",
			Message: "Rate limit is exceeded.", Latency: 105000, Upstream: 0, UpstreamStatus: -1, Bytes: 98,
			RequestID: "9f1c0a"},
	}
	for _, p := range Presets() {
		m, err := FindPreset(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"json", "auto"} {
			same(t, p.Name+" "+format, one(t, Config{Format: format, Mapping: &m}, p.Example), want[p.Name])
		}
	}
	if _, err := FindPreset("nobody"); err == nil {
		t.Error("an unknown preset: got no error")
	}
}

// #Fields names the columns of the lines after it, in its record alone.
func TestW3CFields(t *testing.T) {
	const custom = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem sc-status time-taken c-ip\n2026-03-01 12:00:00 GET /v1/x 200 12 192.0.2.1\n"
	all := decodeAll(t, Config{}, custom)
	if len(all) != 3 || all[0].Reason != ReasonNotResponse || all[1].Reason != ReasonNotResponse ||
		all[2].Status != 200 || all[2].IP != "192.0.2.1" || all[2].Latency != 12000 {
		t.Errorf("got %+v", all)
	}
	d := newTest(t, Config{})
	var c collector
	d.Decode([]byte(custom), &c)
	c.all = nil
	d.Decode([]byte("2026-03-01 12:00:00 GET /v1/x 200 12 192.0.2.1"), &c)
	if c.all[0].Reason != ReasonSyntax {
		t.Errorf("columns of another record: got %+v; want a reject", c.all)
	}
}

// What the columns are is told from outside: by the line in force in a file, or by
// the configuration where a record stands alone. A line that does not fit says so.
func TestW3CColumns(t *testing.T) {
	const fields = "date time cs-method cs-uri-stem sc-status time-taken c-ip"
	const line = "2026-03-01 12:00:00 GET /v1/x 200 12 192.0.2.1"
	configured := Config{Columns: fields}
	if g := one(t, configured, line); g.Status != 200 || g.IP != "192.0.2.1" || g.Latency != 12000 {
		t.Errorf("configured: got %+v", g)
	}
	if g := one(t, configured, "#Fields: date time sc-status cs-method"); g.Reason != ReasonNotResponse {
		t.Errorf("a directive: got %+v", g)
	}
	if all := decodeAll(t, configured, "#Fields: date time sc-status cs-method\n2026-03-01 12:00:00 404 GET"); len(
		all) != 2 || all[1].Status != 404 {
		t.Errorf("a directive in the record goes before the configuration: got %+v", all)
	}
	d := newTest(t, Config{})
	for _, step := range []struct {
		fields, line string
		status       int16
	}{
		{"#Fields: " + fields, line, 200}, {"", line, 0}, {"#Fields: " + fields, line, 200},
		{"#Fields: date time sc-status cs-method", "2026-03-01 12:00:00 404 GET", 404},
		{"", "2026-03-01 12:00:00 10.0.0.5 GET /v1/x - 443 - 192.0.2.1 curl/8 - 301 0 2 12", 301},
	} {
		var c collector
		d.Columns(step.fields)
		d.Decode([]byte(step.line), &c)
		if len(c.all) != 1 || c.all[0].Status != step.status && c.all[0].Reason == "" {
			t.Errorf("%q under %q: got %+v", step.line, step.fields, c.all)
		}
	}
	for text, want := range map[string]string{
		"2026-03-01 12:00:00 GET /v1/x 200 12":                    "w3c: the line has 6 columns, and #Fields names 7",
		"2026-03-01 12:00:00 GET /v1/x - 12 192.0.2.1":            "w3c: no date, time, method or status in the columns that #Fields names so",
		"2026-03-01 12:00:00 ERROR Something broke down in here.": "w3c: the line has 8 columns, and #Fields names 7",
		"what is this": noShape,
	} {
		rep, err := ProbeWith(configured, [][]byte{[]byte(text)})
		if err != nil || len(rep.Refused) != 1 || rep.Refused[0].Detail != want {
			t.Errorf("%q: got %+v, %v; want %q", text, rep.Refused, err, want)
		}
	}
	// A probe reads a file: the directive holds for the lines after it.
	rep := Probe([][]byte{[]byte("#Fields: " + fields), []byte(line), []byte(line),
		[]byte("#Fields: date time sc-status cs-method"), []byte("2026-03-01 12:00:00 404 GET")})
	if rep.Responses != 3 || rep.Rejected != 2 || rep.Format != "w3c" {
		t.Errorf("probe: got %+v", rep)
	}
	if _, err := New(Config{Columns: "#Fields: date time cs-method"}); err == nil ||
		!strings.Contains(err.Error(), "sc-status") {
		t.Errorf("columns without a status: got %v", err)
	}
	if (Config{}).Fingerprint() == configured.Fingerprint() {
		t.Error("the columns are no part of the fingerprint")
	}
}

// For JSON that no format knows a probe proposes a mapping, and the mapping
// reads it. A duration without a unit is left out.
func TestProposeMapping(t *testing.T) {
	line := `{"lvl":"info","when":"2026-03-01T12:00:00Z","rq":{"verb":"GET","target":"/3/movie/550","took_us":10500,"elapsed":12},"rs":{"http":404,"sz_bytes":98},"peer":"203.0.113.7"}`
	rep := Probe([][]byte{[]byte(line)})
	want := Mapping{Time: "when", Method: "rq.verb", Path: "rq.target", Status: "rs.http", ClientIP: "peer",
		Latency: "rq.took_us", LatencyUnit: "us", Bytes: "rs.sz_bytes"}
	if rep.Mapping == nil || *rep.Mapping != want {
		t.Fatalf("got %+v; want %+v", rep.Mapping, want)
	}
	if len(rep.Refused) != 1 || rep.Refused[0].Line != 1 ||
		rep.Refused[0].Detail != "json: no time field, no status field; saw lvl, when, rq, rs, peer" {
		t.Errorf("got %+v", rep.Refused)
	}
	same(t, "mapped", one(t, Config{Format: "json", Mapping: rep.Mapping}, line),
		got{Time: 1772366400000, Service: "default", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
			Status: 404, IP: "203.0.113.7", Latency: 10500, Upstream: -1, UpstreamStatus: -1, Bytes: 98})
	if rep := Probe([][]byte{[]byte(`{"a":1}`)}); rep.Mapping != nil {
		t.Errorf("got %+v for nothing", rep.Mapping)
	}
}

// FuzzW3C decodes a line under whatever #Fields line, as a fresh decoder does.
func FuzzW3C(f *testing.F) {
	f.Add("#Fields: date time cs-method cs-uri-stem sc-status", "2026-03-01 12:00:00 GET /v1/x 200")
	f.Add("date\ttime", "2026-03-01\t12:00:00\tx")
	used := newTest(f, Config{})
	f.Fuzz(func(t *testing.T, fields, line string) {
		fresh := newTest(t, Config{})
		var a, b collector
		fresh.Columns(fields)
		fresh.Decode([]byte(line), &a)
		used.Columns(fields)
		used.Decode([]byte(line), &b)
		if !slices.Equal(a.all, b.all) {
			t.Fatalf("got %+v from a new decoder, %+v from a used one", a.all, b.all)
		}
	})
}
