package decode

import "testing"

func TestApisix(t *testing.T) {
	checkFormat(t, "apisix", []formatCase{
		{"fractional milliseconds, size as text", `{"latency":411.00001335144,"request":{"querystring":{},"headers":{"host":"127.0.0.1:9080","user-agent":"curl/8.10.1","x-api-key":"sesame-street-1"},"method":"GET","size":83,"uri":"/3/movie/550","url":"http://127.0.0.1:9080/3/movie/550"},"response":{"headers":{},"status":504,"size":"475"},"route_id":"r-1","client_ip":"203.0.113.7","apisix_latency":18.00001335144,"service_id":"","upstream_latency":393,"start_time":1772366400250.5,"upstream":"192.0.2.18:80"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 504, Key: keyOf("sesame-street-1"), IP: "203.0.113.7", Latency: 411000, Upstream: 393000,
				UpstreamStatus: -1, Bytes: 475, Agent: "curl/8.10.1", Gateway: "timeout", Blame: "upstream"}},
		{"refused by APISIX, body included",
			`{"start_time":1772366400250,"latency":0.5,"apisix_latency":0.5,"client_ip":"203.0.113.7","route_id":"r-1","route_name":"movie","service_name":"movies","consumer":{"username":"acme"},"request":{"method":"GET","uri":"/3/movie/550"},"response":{"status":401,"size":0,"body":"{\"message\":\"Invalid API key in request\"}"}}`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "movie", Path: "/3/movie/550",
				Status: 401, Message: "Invalid API key in request", Key: keyOf("id:acme"), KeyName: "acme",
				IP: "203.0.113.7", Latency: 500, Upstream: -1, UpstreamStatus: -1, Blame: "gateway"}},
	})
}

func FuzzApisix(f *testing.F) { fuzzFormat(f, "apisix") }
