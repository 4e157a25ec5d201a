package decode

import "testing"

func TestEnvoy(t *testing.T) {
	checkFormat(t, "envoy", []formatCase{
		{"default format", `[2026-03-01T12:00:00.250Z] "POST /api/v1/locations HTTP/2" 204 - 154 12 226 100 "203.0.113.7, 10.0.0.1" "nsq2http" "cc21d9b0" "locations" "tcp://10.0.2.1:80"`,
			got{Time: 1772366400250, Service: "locations", Method: "POST", Route: "/api/v1/locations",
				Path: "/api/v1/locations", Status: 204, IP: "203.0.113.7", Latency: 226000, Upstream: 100000,
				UpstreamStatus: -1, Bytes: 12, RequestID: "cc21d9b0", Agent: "nsq2http"}},
		{"Istio's fields, two flags",
			`[2026-03-01T12:00:00.250Z] "GET /3/movie/550?api_key=sesame-street-1 HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - "delayed connect error: 111" 0 91 3 - "-" "curl/8.10.1" "9f1c0a" "api.example.com:8080" "10.0.0.5:8080" outbound|8080||movies - 10.0.0.9:8080 203.0.113.7:40000 - default`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?api_key=[redacted]", Status: 503, Key: keyOf("sesame-street-1"), Latency: 3000,
				Upstream: -1, UpstreamStatus: -1, Bytes: 91, RequestID: "9f1c0a", Agent: "curl/8.10.1",
				Gateway: "offline", Blame: "upstream"}},
		{"rate limited", `[2026-03-01T12:00:00.250Z] "GET /a HTTP/1.1" 429 RL 0 18 0 - "[2001:db8::7]" "-" "-" "-" "-"`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 429,
				IP: "2001:db8::7", Latency: 0, Upstream: -1, UpstreamStatus: -1, Bytes: 18, Gateway: "rate_limited",
				Blame: "gateway"}},
	})
}

func FuzzEnvoy(f *testing.F) { fuzzFormat(f, "envoy") }
