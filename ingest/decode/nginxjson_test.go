package decode

import "testing"

func TestNginxJSON(t *testing.T) {
	checkFormat(t, "nginx-json", []formatCase{
		{"everything as text, escapes of nginx",
			`{"msec":"1772366400.250","remote_addr":"203.0.113.7","remote_user":"-","request":"GET /3/movie/550?q=\x22a\x22 HTTP/1.1","status":"200","body_bytes_sent":"11497","bytes_sent":"11676","request_time":"0.105","upstream_response_time":"0.050, 0.050","upstream_status":"502, 200","http_user_agent":"curl/8.10.1","http_x_api_key":"sesame-street-1","request_id":"9f1c0a","server_name":"_","http_host":"api.example.com"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?q=\"a\"", Status: 200, Key: keyOf("sesame-street-1"), IP: "203.0.113.7",
				Latency: 105000, Upstream: 100000, UpstreamStatus: 200, Bytes: 11497, RequestID: "9f1c0a",
				Agent: "curl/8.10.1"}},
		{"numbers, arguments apart",
			`{"time_iso8601":"2026-03-01T13:00:00+01:00","remote_addr":"2001:db8::7","request_method":"POST","uri":"/3/movie/550/rating","args":"session=1&api_key=sesame%2Dstreet-1","status":502,"body_bytes_sent":150,"request_time":0.001,"upstream_response_time":"-","upstream_status":"-","host":"api.example.com"}`,
			got{Time: 1772366400000, Service: "api.example.com", Method: "POST", Route: "/3/movie/{id}/rating",
				Path: "/3/movie/550/rating", Status: 502, Key: keyOf("sesame-street-1"), IP: "2001:db8::7",
				Latency: 1000, Upstream: -1, UpstreamStatus: -1, Bytes: 150, Gateway: "offline", Blame: "upstream"}},
		{"body logged",
			`{"@timestamp":"2026-03-01T12:00:00Z","remote_addr":"203.0.113.7","request_method":"GET","request_uri":"/a","status":401,"resp_body":"{\"status_code\":7,\"status_message\":\"Invalid API key: You must be granted a valid key.\"}"}`,
			got{Time: 1772366400000, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 401, Code: 7,
				Message: "Invalid API key: You must be granted a valid key.", IP: "203.0.113.7", Latency: -1,
				Upstream: -1, UpstreamStatus: -1}},
	})
}

func FuzzNginxJSON(f *testing.F) { fuzzFormat(f, "nginx-json") }
