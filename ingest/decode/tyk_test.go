package decode

import "testing"

func TestTyk(t *testing.T) {
	checkFormat(t, "tyk", []formatCase{
		{"pump record with the whole response",
			`{"timestamp":"2026-03-01T12:00:00.25Z","method":"GET","path":"/3/movie/550","raw_path":"/movies/3/movie/550","content_length":10,"response_code":401,"alias":"acme","api_key":"sesame-street-1","api_version":"v1","api_name":"movies","api_id":"b1a41c9a","org_id":"678e67","oauth_id":"","request_time_ms":12,"raw_response":"SFRUUC8xLjEgNDAxIFVuYXV0aG9yaXplZA0KQ29udGVudC1UeXBlOiBhcHBsaWNhdGlvbi9qc29uDQoNCnsic3RhdHVzX2NvZGUiOjEwLCJzdGF0dXNfbWVzc2FnZSI6IlN1c3BlbmRlZCBBUEkga2V5In0=","ip_address":"203.0.113.7","user_agent":"curl/8.10.1"}`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 401, Code: 10, Message: "Suspended API key", Key: keyOf("sesame-street-1"), KeyName: "acme",
				IP: "203.0.113.7", Latency: 12000, Upstream: -1, UpstreamStatus: -1, Agent: "curl/8.10.1"}},
		{"pump record with nested latency",
			`{"timestamp":"2026-03-01T12:00:00.25Z","method":"GET","path":"/a","response_code":200,"alias":"","api_key":"","api_id":"b1a41c9a","oauth_id":"client-1","latency":{"total":62,"upstream":61},"ip_address":"203.0.113.7"}`,
			got{Time: 1772366400250, Service: "b1a41c9a", Method: "GET", Route: "/a", Path: "/a", Status: 200,
				Key: keyOf("id:client-1"), KeyName: "client-1", IP: "203.0.113.7", Latency: 62000, Upstream: 61000,
				UpstreamStatus: -1}},
	})
}

func FuzzTyk(f *testing.F) { fuzzFormat(f, "tyk") }

func TestTykAccess(t *testing.T) {
	checkFormat(t, "tyk-access", []formatCase{
		{"rate limited",
			`time="2026-03-01T12:00:00Z" level=info api_id=b1a41c9a api_key=00000000 api_name=movies client_ip="203.0.113.7" error_source=RateLimitAndQuotaCheck latency_total=62 method=POST original_path="/3/movie/550" path=/movie/550 prefix=access-log response_code_details=session_rate_limited response_flag=RLT status=429 upstream_latency=61 user_agent="curl 8"`,
			got{Time: 1772366400000, Service: "movies", Method: "POST", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 429, Key: keyOf("00000000"), IP: "203.0.113.7", Latency: 62000, Upstream: 61000,
				UpstreamStatus: -1, Agent: "curl 8", Gateway: "rate_limited", Blame: "gateway"}},
		{"upstream's own failure",
			`time="2026-03-01T12:00:00Z" level=info api_id=b1a41c9a remote_addr="[2001:db8::7]:63251" method=GET path=/a prefix=access-log response_flag=URS status=503 upstream_status=503`,
			got{Time: 1772366400000, Service: "b1a41c9a", Method: "GET", Route: "/a", Path: "/a", Status: 503,
				IP: "2001:db8::7", Latency: -1, Upstream: -1, UpstreamStatus: 503, Blame: "upstream"}},
	})
	checkFormat(t, "tyk-access-json", []formatCase{
		{"token expired",
			`{"time":"2026-03-01T12:00:00Z","level":"info","prefix":"access-log","api_id":"b1a41c9a","api_name":"movies","client_ip":"203.0.113.7","latency_total":62,"method":"GET","path":"/3/movie/550","status":403,"response_flag":"TKE","error_source":"AuthKey"}`,
			got{Time: 1772366400000, Service: "movies", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 403, IP: "203.0.113.7", Latency: 62000, Upstream: -1, UpstreamStatus: -1,
				Gateway: "auth_failed", Blame: "gateway"}},
	})
}

func FuzzTykAccess(f *testing.F)     { fuzzFormat(f, "tyk-access") }
func FuzzTykAccessJSON(f *testing.F) { fuzzFormat(f, "tyk-access-json") }
