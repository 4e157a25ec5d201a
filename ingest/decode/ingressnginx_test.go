package decode

import "testing"

func TestIngressNginx(t *testing.T) {
	checkFormat(t, "ingress-nginx", []formatCase{
		{"one upstream",
			`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1" 98 0.105 [prod-movies-8080] [] 10.0.0.5:8080 5120 0.104 200 0f1e2d3c4b5a69788796a5b4c3d2e1f0`,
			got{Time: 1772366400000, Service: "prod-movies-8080", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550", Status: 200, IP: "203.0.113.7", Latency: 105000, Upstream: 104000,
				UpstreamStatus: 200, Bytes: 5120, RequestID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Agent: "curl/8.10.1"}},
		{"two upstreams tried",
			`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 504 160 "-" "curl/8.10.1" 98 10.002 [prod-movies-8080] [] 10.0.0.5:8080, 10.0.0.6:8080 0, 0 5.000, 5.002 504, 504 0f1e`,
			got{Time: 1772366400000, Service: "prod-movies-8080", Method: "GET", Route: "/a", Path: "/a", Status: 504,
				IP: "203.0.113.7", Latency: 10002000, Upstream: 10002000, UpstreamStatus: 504, Bytes: 160,
				RequestID: "0f1e", Agent: "curl/8.10.1", Gateway: "timeout", Blame: "upstream"}},
		{"no upstream, without the alternative",
			`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a HTTP/1.1" 429 160 "-" "curl/8.10.1" 98 0.000 [prod-movies-8080] - - - - 0f1e`,
			got{Time: 1772366400000, Service: "prod-movies-8080", Method: "GET", Route: "/a", Path: "/a", Status: 429,
				IP: "203.0.113.7", Latency: 0, Upstream: -1, UpstreamStatus: -1, Bytes: 160, RequestID: "0f1e",
				Agent: "curl/8.10.1", Blame: "gateway"}},
	})
}

func FuzzIngressNginx(f *testing.F) { fuzzFormat(f, "ingress-nginx") }
