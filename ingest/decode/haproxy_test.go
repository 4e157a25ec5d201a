package decode

import "testing"

func TestHAProxy(t *testing.T) {
	checkFormat(t, "haproxy", []formatCase{
		{"with a syslog tag and captures",
			`<134>Mar  1 12:00:00 lb1 haproxy[14389]: 203.0.113.7:33317 [01/Mar/2026:12:00:00.250] http-in movies/srv1 10/0/30/69/109 500 2750 - - ---- 1/1/1/1/0 0/0 {api.example.com} {} "GET /3/movie/550 HTTP/1.1"`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 500, IP: "203.0.113.7", Latency: 109000, Upstream: 69000, UpstreamStatus: 500, Bytes: 2750,
				Blame: "upstream"}},
		{"server timed out",
			`203.0.113.7:33317 [01/Mar/2026:12:00:00.250] http-in movies/srv1 1/0/1/-1/50001 504 194 - - sH-- 1/1/1/1/0 0/0 "GET /a HTTP/1.1"`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "/a", Path: "/a", Status: 504,
				IP: "203.0.113.7", Latency: 50001000, Upstream: -1, UpstreamStatus: -1, Bytes: 194, Gateway: "timeout",
				Blame: "upstream"}},
		{"client aborted, IPv6, nothing sent",
			`2001:db8::7:33317 [01/Mar/2026:12:00:00.250] http-in http-in/<NOSRV> -1/-1/-1/-1/5006 -1 +0 - - CR-- 1/1/0/0/0 0/0 "<BADREQ>"`,
			got{Time: 1772366400250, Service: "http-in", Status: -1, IP: "2001:db8::7", Latency: 5006000, Upstream: -1,
				UpstreamStatus: -1, Gateway: "client_closed", Blame: "client"}},
		{"refused by the proxy",
			`203.0.113.7:33317 [01/Mar/2026:12:00:00.250] http-in http-in/<NOSRV> 0/-1/-1/-1/0 403 188 - - PR-- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"`,
			got{Time: 1772366400250, Service: "http-in", Method: "GET", Route: "/a", Path: "/a", Status: 403,
				IP: "203.0.113.7", Latency: 0, Upstream: -1, UpstreamStatus: -1, Bytes: 188, Blame: "gateway"}},
	})
}

func FuzzHAProxy(f *testing.F) { fuzzFormat(f, "haproxy") }
