package decode

import "testing"

func TestCloudflare(t *testing.T) {
	checkFormat(t, "cloudflare", []formatCase{
		{"RFC 3339",
			`{"ClientIP":"203.0.113.7","ClientRequestHost":"api.example.com","ClientRequestMethod":"GET","ClientRequestPath":"/3/movie/550","ClientRequestURI":"/3/movie/550?api_key=sesame-street-1","ClientRequestUserAgent":"curl/8.10.1","EdgeEndTimestamp":"2026-03-01T12:00:01Z","EdgeResponseBytes":981308,"EdgeResponseStatus":500,"EdgeStartTimestamp":"2026-03-01T12:00:00Z","EdgeTimeToFirstByteMs":5333,"OriginResponseDurationMs":5319,"OriginResponseStatus":500,"OriginResponseTime":5232000000,"RayID":"71b2c3d4","SecurityAction":""}`,
			got{Time: 1772366400000, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?api_key=[redacted]", Status: 500, Key: keyOf("sesame-street-1"), IP: "203.0.113.7",
				Latency: 5333000, Upstream: 5319000, UpstreamStatus: 500, Bytes: 981308, RequestID: "71b2c3d4",
				Agent: "curl/8.10.1", Blame: "upstream"}},
		{"nanoseconds, origin not reached",
			`{"ClientIP":"2001:db8::7","ClientRequestMethod":"GET","ClientRequestURI":"/a","EdgeResponseStatus":522,"EdgeStartTimestamp":1772366400250000000,"OriginResponseStatus":0,"OriginResponseTime":0,"RequestHeaders":{"x-api-key":"sesame-street-1"}}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 522,
				Key: keyOf("sesame-street-1"), IP: "2001:db8::7", Latency: -1, Upstream: -1, UpstreamStatus: -1,
				Gateway: "timeout", Blame: "upstream"}},
		{"blocked, seconds",
			`{"ClientIP":"203.0.113.7","ClientRequestMethod":"GET","ClientRequestURI":"/a","EdgeResponseStatus":403,"EdgeStartTimestamp":1772366400,"OriginResponseStatus":0,"OriginResponseTime":5232000,"SecurityAction":"block"}`,
			got{Time: 1772366400000, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 403,
				IP: "203.0.113.7", Latency: -1, Upstream: -1, UpstreamStatus: -1, Gateway: "access_denied",
				Blame: "gateway"}},
	})
}

func FuzzCloudflare(f *testing.F) { fuzzFormat(f, "cloudflare") }
