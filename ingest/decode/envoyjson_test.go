package decode

import "testing"

func TestEnvoyJSON(t *testing.T) {
	checkFormat(t, "envoy-json", []formatCase{
		{"timed out",
			`{":authority":"api.example.com","bytes_received":0,"bytes_sent":24,"downstream_remote_address":"203.0.113.7:40000","duration":15000,"method":"GET","protocol":"HTTP/2","response_code":504,"response_code_details":"upstream_response_timeout","response_flags":"UT","route_name":"movies","start_time":"2026-03-01T12:00:00.250Z","user-agent":"curl/8.10.1","x-envoy-origin-path":"/3/movie/550","x-envoy-upstream-service-time":null,"x-forwarded-for":"198.51.100.1","x-request-id":"9f1c0a"}`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550", Status: 504, IP: "203.0.113.7", Latency: 15000000, Upstream: -1,
				UpstreamStatus: -1, Bytes: 24, RequestID: "9f1c0a", Agent: "curl/8.10.1", Gateway: "timeout",
				Blame: "upstream"}},
		{"client left, IPv6",
			`{"start_time":"2026-03-01T12:00:00.250Z","response_code":0,"response_flags":"DC","duration":"7","method":"GET","path":"/a","authority":"api.example.com:443","downstream_remote_address":"[2001:db8::7]:43000","upstream_service_time":"6","bytes_sent":"0","request_id":"r1","user_agent":"-"}`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/a", Path: "/a", Status: 0,
				IP: "2001:db8::7", Latency: 7000, Upstream: 6000, UpstreamStatus: -1, RequestID: "r1",
				Gateway: "client_closed", Blame: "client"}},
		{"the upstream's own failure",
			`{"start_time":"2026-03-01T12:00:00.250Z","response_code":500,"response_flags":"-","response_code_details":"via_upstream","duration":7,"method":"GET","path":"/a"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 500,
				Latency: 7000, Upstream: -1, UpstreamStatus: 500, Blame: "upstream"}},
	})
}

func FuzzEnvoyJSON(f *testing.F) { fuzzFormat(f, "envoy-json") }
