package decode

import (
	"testing"
	"time"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestCombined(t *testing.T) {
	const when = 1772366400000 // 2026-03-01 12:00:00 UTC
	for _, c := range []struct {
		name, line string
		want       got
	}{
		{"combined", `203.0.113.7 - alice [01/Mar/2026:13:00:00 +0100] "GET /3/movie/550?api_key=abc&page=2 HTTP/1.1" 200 5120 "https://example.com/" "curl/8.10.1"`,
			got{Time: when, Service: "default", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?api_key=[redacted]&page=2", Status: 200,
				Key: keyOf("id:alice"), KeyName: "alice", IP: "203.0.113.7", Bytes: 5120, Agent: "curl/8.10.1"}},
		{"common", `2001:db8::1 - - [01/Mar/2026:12:00:00 +0000] "POST /v1/users HTTP/2.0" 201 -`,
			got{Time: when, Service: "default", Method: "POST", Route: "/v1/users", Path: "/v1/users", Status: 201,
				IP: "2001:db8::1"}},
		{"virtual host",
			`api.example.com:443 203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 301 0 "-" "-"`,
			got{Time: when, Service: "api.example.com", Method: "GET", Route: "/", Path: "/", Status: 301,
				IP: "203.0.113.7"}},
		{"no user", `203.0.113.7 - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 100 "-" "-"`,
			got{Time: when, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 200, Bytes: 100,
				IP: "203.0.113.7"}},
		{"host name", `client.example.net - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 100`,
			got{Time: when, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 200, Bytes: 100}},
		{"last quote missing",
			`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 100 "-" "Mozilla/5.0 (cut off`,
			got{Time: when, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 200, Bytes: 100,
				IP: "203.0.113.7", Agent: "Mozilla/5.0 (cut off"}},
		{"no request line", `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "\x16\x03\x01\"\x00" 400 157 "-" "-"`,
			got{Time: when, Service: "default", Status: 400, Bytes: 157, IP: "203.0.113.7"}},
		{"escapes", `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /caf\xC3\xA9 HTTP/1.1" 200 1 "-" "a \"b\" \xFF"`,
			got{Time: when, Service: "default", Method: "GET", Route: "/café", Path: "/café", Status: 200, Bytes: 1,
				IP: "203.0.113.7", Agent: "a \"b\" \uFFFD"}},
		{"named times",
			`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 504 1 "-" "-" rt=0.105 uct="0.001" urt="0.100, 0.002" us=502,504`,
			got{Time: when, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 504, Bytes: 1,
				IP: "203.0.113.7", Latency: 105000, Upstream: 102000, UpstreamStatus: 504, Blame: "upstream"}},
	} {
		if c.want.Latency == 0 {
			c.want.Latency, c.want.Upstream, c.want.UpstreamStatus = -1, -1, -1
		}
		same(t, c.name, one(t, Config{}, c.line), c.want)
		same(t, c.name+" pinned", one(t, Config{Format: "combined"}, c.line), c.want)
	}
	if g := one(t, Config{},
		`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" - -`); g.Reason != ReasonNotResponse {
		t.Errorf("no status: got %q", g.Reason)
	}
	if g := one(t, Config{},
		`203.0.113.7 - - [99/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 -`); g.Reason != ReasonBadTime {
		t.Errorf("bad time: got %q", g.Reason)
	}
}
