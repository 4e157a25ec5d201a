package decode

import "testing"

func TestApigee(t *testing.T) {
	checkFormat(t, "apigee", []formatCase{
		{"quota",
			`{"client_received_start_timestamp":1772366400250,"apiproxy":"movies","request_verb":"GET","request_uri":"/3/movie/550","response_status_code":429,"total_response_time":12.5,"target_response_time":0.0,"response_size":98,"ax_resolved_client_ip":"203.0.113.7","client_id":"sesame-street-1","developer_app":"acme","target_response_code":0,"ax_edge_execution_fault_code":"policies.ratelimit.QuotaViolation","useragent":"curl/8.10.1","gateway_flow_id":"f-1"}`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 429, Key: keyOf("sesame-street-1"), KeyName: "acme", IP: "203.0.113.7", Latency: 12500,
				Upstream: -1, UpstreamStatus: -1, Bytes: 98, RequestID: "f-1", Agent: "curl/8.10.1",
				Gateway: "rate_limited", Blame: "gateway"}},
		{"target failed, date as text",
			`{"client_received_start_timestamp":"2026-03-01 12:00:00.250 UTC","apiproxy":"movies","request_verb":"GET","proxy_pathsuffix":"/a","response_status_code":"500","total_response_time":12,"target_response_time":11,"target_response_code":"500","developer_app":"(not set)"}`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "/a", Path: "/a", Status: 500,
				Latency: 12000, Upstream: 11000, UpstreamStatus: 500, Blame: "upstream"}},
	})
}

func FuzzApigee(f *testing.F) { fuzzFormat(f, "apigee") }
