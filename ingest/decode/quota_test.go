package decode

import (
	"fmt"
	"strings"
	"testing"
)

// quotaLine is a line of ours with more members.
func quotaLine(more string) string {
	return `{"ts":"2026-03-01T12:00:00Z","service":"movies","method":"GET","path":"/3/movie/550","status":200,"api_key":"0123456789abcdef0123456789abcdef",` + more + `}`
}

// Promise: limit, window, what is left and the wait are read as the headers say
// them, in the spellings of the RFC drafts, Envoy, Kong and others; of several
// limits it is the one with least left.
func TestQuotaHeaders(t *testing.T) {
	for _, c := range []struct{ headers, want string }{
		{`"X-RateLimit-Limit":"100","X-RateLimit-Remaining":"57","X-RateLimit-Reset":"1772366460"`, "100/0s left 57"},
		{`"x-rate-limit-limit":"900","x-rate-limit-remaining":"0","x-rate-limit-reset":"1772366460","retry-after":"12"`,
			"900/0s left 0 retry 12"},
		{`"x-ratelimit-limit-requests":"60","x-ratelimit-remaining-requests":"59","x-ratelimit-limit-tokens":"150000"`,
			"60/0s left 59"},
		// draft-ietf-httpapi-ratelimit-headers-11
		{`"RateLimit-Policy":"\"default\";q=100;w=60","RateLimit":"\"default\";r=50;t=30"`, "100/60s left 50"},
		{`"RateLimit-Policy":"\"burst\";q=100;w=60,\"daily\";q=1000;w=86400","RateLimit":"\"daily\";r=7;t=3000"`,
			"1000/86400s left 7"},
		{`"RateLimit-Policy":"\"burst\";q=100;w=60, \"daily\";q=1000;w=86400","RateLimit":"\"daily\";r=700;t=3000, \"burst\";r=3;t=5"`, "100/60s left 3"},
		{`"RateLimit-Policy":"\"a,\\\";q=1\";q=100;w=60;pk=:cHNzLWtleQ==:","RateLimit":"\"a,\\\";q=1\";r=9"`,
			"100/60s left 9"},
		{`"RateLimit-Policy":"default;q=100;w=60"`, "100/60s"},
		{`"RateLimit":"\"default\";r=50;t=30"`, "0/0s left 50"},
		// older drafts
		{`"RateLimit-Limit":"100, 100;w=60, 5000;w=3600","RateLimit-Remaining":"3","RateLimit-Reset":"10"`,
			"100/60s left 3"},
		{`"RateLimit-Policy":"100;w=900","RateLimit":"limit=100, remaining=97, reset=600"`, "100/900s left 97"},
		{`"RateLimit-Limit":"100","RateLimit-Remaining":"3","RateLimit-Policy":"10;w=1, 100;w=60"`, "100/60s left 3"},
		// Envoy
		{`"x-ratelimit-limit":"10, 10;w=1;name=\"per-ip\", 1000;w=3600","x-ratelimit-remaining":"9","x-ratelimit-reset":"1"`, "10/1s left 9"},
		// Kong
		{`"ratelimit-limit":"5","ratelimit-remaining":"4","ratelimit-reset":"57","x-ratelimit-limit-minute":"5","x-ratelimit-remaining-minute":"4","x-ratelimit-limit-hour":"1000","x-ratelimit-remaining-hour":"900"`, "5/60s left 4"},
		{`"X-RateLimit-Limit-Minute":100,"X-RateLimit-Remaining-Minute":10,"X-RateLimit-Limit-Hour":1000,"X-RateLimit-Remaining-Hour":2`, "1000/3600s left 2"},
		{`"X-RateLimit-Limit-Minute":100,"X-RateLimit-Limit-Second":5`, "5/1s"},
		{`"X-RateLimit-Limit-Day":["2000"],"X-RateLimit-Remaining-Day":["1999"]`, "2000/86400s left 1999"},
		{`"Retry-After":"Sun, 01 Mar 2026 12:02:00 GMT"`, "0/0s retry 120"},
		{`"Retry-After":"Sun, 01 Mar 2026 11:59:00 GMT"`, ""},
		// Nothing told, or nothing that can be one.
		{`"X-RateLimit-Limit":"0","X-RateLimit-Remaining":"0"`, ""},
		{`"X-RateLimit-Limit":"-1","X-RateLimit-Remaining":"-1"`, ""},
		{`"X-RateLimit-Limit":"unlimited","X-RateLimit-Remaining":"many"`, ""},
		{`"X-RateLimit-Limit":"100.5"`, ""},
		{`"X-RateLimit-Limit":null,"X-RateLimit-Remaining":{"a":1},"RateLimit":"\"","RateLimit-Policy":";;=,\"\\","Retry-After":"soon"`, ""},
		{`"RateLimit":"\"default\";r=","X-RateLimit-Reset":"30","X-RateLimit-Used":"4","X-RateLimit-Limit-Fortnight":"4"`, ""},
		{`"X-RateLimit-Limit":"99999999999999999999","X-RateLimit-Remaining":"99999999999999999999"`,
			"4294967295/0s left 4294967294"},
	} {
		for _, object := range []string{"response_headers", "responseHeaders", "resp_headers"} {
			if got := one(t, Config{}, quotaLine(`"`+object+`":{`+c.headers+`}`)); got.Quota != c.want ||
				got.Status != 200 {
				t.Errorf("%s in %s: got %q; want %q", c.headers, object, got.Quota, c.want)
			}
		}
		// What a client has sent tells nothing, nor what lies elsewhere.
		for _, object := range []string{"request_headers", "headers", "context"} {
			if got := one(t, Config{}, quotaLine(`"`+object+`":{`+c.headers+`}`)); got.Quota != "" {
				t.Errorf("%s in %s: got %q; want none", c.headers, object, got.Quota)
			}
		}
	}
}

// Promise: loggers that write headers flat are read in their spellings; a
// request's header, and a name that may mean something else, are not.
func TestQuotaFlatNames(t *testing.T) {
	for _, c := range []struct{ members, want string }{
		{`"x_ratelimit_limit":"40","x_ratelimit_remaining":"3"`, "40/0s left 3"},
		{`"ratelimit_limit":40,"ratelimit_remaining":3`, "40/0s left 3"},
		{`"rateLimitLimit":40,"rateLimitRemaining":3`, "40/0s left 3"},
		{`"upstream_http_x_ratelimit_limit":"40","upstream_http_x_ratelimit_remaining":"3","upstream_http_retry_after":"9"`, "40/0s left 3 retry 9"},
		{`"sent_http_x_ratelimit_limit":"40","sent_http_x_ratelimit_remaining":"","sent_http_retry_after":"-"`,
			"40/0s"},
		{`"resp_header_x_ratelimit_limit":"40","response_header_ratelimit_remaining":"3"`, "40/0s left 3"},
		{`"http.response.header.ratelimit-policy":"\"default\";q=100;w=60","http.response.header.ratelimit":"\"default\";r=50;t=30"`, "100/60s left 50"},
		{`"Retry-After":"9"`, "0/0s retry 9"},
		{`"retry_after":9`, ""},
		{`"http_x_ratelimit_limit":"40","request_X-RateLimit-Remaining":"3","limit":40,"remaining":3,"rate_limit":40,"rate_limit_remaining_ratio":3`, ""},
	} {
		if got := one(t, Config{}, quotaLine(c.members)); got.Quota != c.want {
			t.Errorf("%s: got %q; want %q", c.members, got.Quota, c.want)
		}
	}
}

// Promise: each JSON format has the headers where its writer puts them; the next
// record without them has none.
func TestQuotaFormats(t *testing.T) {
	headers := `"X-RateLimit-Limit":"40","X-RateLimit-Remaining":"3"`
	for _, f := range Formats() {
		line := ""
		switch f.Name {
		case "kong", "apisix":
			line = strings.Replace(f.Example, `"headers":{}}`, `"headers":{`+headers+`}}`, 1)
		case "caddy":
			line = strings.Replace(f.Example, `"Server":["Caddy"]`,
				`"Server":["Caddy"],"X-Ratelimit-Limit":["40"],"X-Ratelimit-Remaining":["3"]`, 1)
		case "pino-http":
			line = strings.Replace(f.Example, `"content-length":"5120"`,
				`"content-length":"5120",`+strings.ToLower(headers), 1)
		case "traefik-json":
			line = strings.Replace(f.Example, `{`,
				`{"downstream_X-Ratelimit-Limit":"40","origin_X-Ratelimit-Remaining":"3",`, 1)
		case "cloudflare":
			line = strings.Replace(f.Example, `{`, `{"ResponseHeaders":{`+strings.ToLower(headers)+`},`, 1)
		case "ecs":
			line = strings.Replace(f.Example, `{`, `{"http":{"response":{"headers":{`+strings.ToLower(headers)+`}}},`,
				1)
		case "envoy-json", "nginx-json":
			line = strings.Replace(f.Example, `{`, `{`+strings.ToLower(headers)+`,`, 1)
		case otlpJSONName:
			line = strings.Replace(f.Example, `"attributes":[{"key":"http.request.method"`,
				`"attributes":[{"key":"http.response.header.x-ratelimit-limit","value":{"arrayValue":{"values":[{"stringValue":"40"}]}}},`+
					`{"key":"http.response.header.x-ratelimit-remaining","value":{"stringValue":"3"}},{"key":"http.request.method"`, 1)
		default:
			continue
		}
		if line == f.Example {
			t.Fatalf("%s: the example has no place for headers", f.Name)
		}
		var c collector
		d := newTest(t, Config{})
		d.Decode([]byte(line+"\n"+f.Example), &c)
		if len(c.all) != 2 || c.all[0].Quota != "40/0s left 3" || c.all[1].Quota != "" {
			t.Errorf("%s: got %+v; want 40/0s left 3, then none", f.Name, c.all)
		}
	}
}

// Promise: probe shows what headers tell.
func TestProbeShowsQuota(t *testing.T) {
	probed := Probe([][]byte{[]byte(quotaLine(`"ratelimit-policy":"default;q=100;w=60","ratelimit":"default;r=0","retry-after":"5"`))})
	got := map[string]string{}
	for _, f := range probed.Record {
		got[f.Name] = f.Value + " " + f.Unit
	}
	if got["quota_limit"] != "100 requests" || got["quota_left"] != "0 requests" || got["quota_window"] != "60 s" ||
		got["retry_after"] != "5 s" {
		t.Errorf("got %v", got)
	}
}

// Promise: headers of a rate limit cost no allocation.
func TestQuotaAllocates(t *testing.T) {
	var lines []byte
	for i := range 50 {
		lines = fmt.Appendf(lines, "%s\n",
			quotaLine(fmt.Sprintf(`"response_headers":{"x-ratelimit-limit":"100, 100;w=60","x-ratelimit-remaining":"%d"},"upstream_http_x_ratelimit_limit":"9"`, i)))
	}
	d := newTest(t, Config{})
	var sink nothing
	d.Decode(lines, &sink)
	if n := testing.AllocsPerRun(50, func() { d.Decode(lines, &sink) }); n > 0 {
		t.Errorf("got %v allocations for 50 lines; want none", n)
	}
}

// FuzzQuota reads broken headers.
func FuzzQuota(f *testing.F) {
	f.Add("100, 100;w=60", "3", `"burst";q=100;w=60, "daily";q=1000;w=86400`, `"daily";r=7;t=3000`,
		"Sun, 01 Mar 2026 12:02:00 GMT")
	f.Add("10", "-1", "100;w=900", "limit=100, remaining=97, reset=600", "12")
	d := newTest(f, Config{})
	f.Fuzz(func(t *testing.T, limit, left, policy, draft, retry string) {
		d.begin("")
		d.setTime(1_772_366_400_000, true)
		texts := quotaTexts{quotaLimit: []byte(limit), quotaLeft: []byte(left), quotaPolicy: []byte(policy),
			quotaDraft: []byte(draft), quotaRetry: []byte(retry)}
		d.quota(&texts)
		if q := d.r.Quota; q.Window != 0 && q.Limit == 0 && draft == "" {
			t.Errorf("got a window of %d s without a limit", q.Window)
		}
		quotaOf([]byte(limit), true)
	})
}
