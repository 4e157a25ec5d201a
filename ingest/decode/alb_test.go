package decode

import "testing"

func TestALB(t *testing.T) {
	checkFormat(t, "aws-alb", []formatCase{
		{"forwarded", `https 2026-03-01T12:00:00.250123Z app/public/50dc 203.0.113.7:40000 10.0.0.5:80 0.001 0.048 0.002 401 401 98 5120 "GET https://api.example.com:443/3/movie/550?api_key=sesame-street-1 HTTP/1.1" "curl/8.10.1" ECDHE TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/movies/73e2 "Root=1-5833" "api.example.com" "-" 0 2026-03-01T12:00:00.201000Z "forward" "-" "-" "10.0.0.5:80" "401" "-" "-"`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?api_key=[redacted]", Status: 401, Key: keyOf("sesame-street-1"), IP: "203.0.113.7",
				Latency: 51000, Upstream: 48000, UpstreamStatus: 401, Bytes: 5120, RequestID: "Root=1-5833",
				Agent: "curl/8.10.1", Blame: "upstream"}},
		{"target not reached", `h2 2026-03-01T12:00:00.250123Z app/public/50dc [2001:db8::7]:40000 - -1 -1 -1 504 - 98 167 "GET https://api.example.com:443/a HTTP/2.0" "-" - - arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/movies/73e2 "Root=1-5833" "-" "-" 0 2026-03-01T12:00:00.201000Z "forward" "-" "-" "-" "-" "-" "-" TID_1`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/a", Path: "/a", Status: 504,
				IP: "2001:db8::7", Latency: -1, Upstream: -1, UpstreamStatus: -1, Bytes: 167, RequestID: "Root=1-5833",
				Gateway: "timeout", Blame: "upstream"}},
		{"refused by the load balancer", `https 2026-03-01T12:00:00.250123Z app/public/50dc 203.0.113.7:40000 - -1 -1 -1 401 - 98 167 "GET https://api.example.com:443/a HTTP/1.1" "-" - - - "Root=1-5833" "-" "-" 0 2026-03-01T12:00:00.201000Z "authenticate" "-" "AuthInvalidCookie" "-" "-" "-" "-"`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/a", Path: "/a", Status: 401,
				IP: "203.0.113.7", Latency: -1, Upstream: -1, UpstreamStatus: -1, Bytes: 167, RequestID: "Root=1-5833",
				Gateway: "auth_failed", Blame: "gateway"}},
	})
}

func FuzzALB(f *testing.F) { fuzzFormat(f, "aws-alb") }
