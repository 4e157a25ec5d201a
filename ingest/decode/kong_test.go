package decode

import "testing"

func TestKong(t *testing.T) {
	checkFormat(t, "kong", []formatCase{
		{"answered by the upstream",
			`{"request":{"id":"9f1c0a","uri":"/3/movie/550?api_key=sesame-street-1","method":"GET","size":98,"querystring":{"api_key":"sesame-street-1"},"headers":{"user-agent":"curl/8.10.1","host":"api.example.com"}},"response":{"status":404,"size":312,"headers":{},"body":"{\"status_code\":34,\"status_message\":\"The resource you requested could not be found.\"}"},"latencies":{"request":173,"kong":1,"proxy":171,"receive":1},"service":{"name":"movies"},"route":{"name":"movie-by-id"},"client_ip":"203.0.113.7","started_at":1772366400250,"source":"upstream","upstream_status":"404","tries":[{"balancer_latency":0}]}`,
			got{Time: 1772366400250, Service: "movies", Method: "GET", Route: "movie-by-id",
				Path: "/3/movie/550?api_key=[redacted]", Status: 404, Code: 34,
				Message: "The resource you requested could not be found.", Key: keyOf("sesame-street-1"),
				IP: "203.0.113.7", Latency: 173000, Upstream: 171000, UpstreamStatus: 404, Bytes: 312,
				RequestID: "9f1c0a", Agent: "curl/8.10.1", Blame: "upstream"}},
		{"timed out, named consumer and credential",
			`{"authenticated_entity":{"id":"cred-17"},"consumer":{"username":"acme","custom_id":"c-1"},"request":{"uri":"/3/movie/550","method":"GET","headers":{"apikey":"sesame-street-1"}},"response":{"status":504,"size":"312"},"latencies":{"request":60012,"kong":8,"proxy":60004},"client_ip":"203.0.113.7","started_at":1772366400250,"source":"kong","upstream_status":"502, 504"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 504, Key: keyOf("id:cred-17"), KeyName: "acme", IP: "203.0.113.7", Latency: 60012000,
				Upstream: 60004000, UpstreamStatus: 504, Bytes: 312, Gateway: "timeout", Blame: "upstream"}},
		{"refused by Kong, no upstream",
			`{"request":{"uri":"/3/movie/550","method":"GET","headers":{"apikey":"sesame-street-1","authorization":"REDACTED"}},"response":{"status":429,"size":98},"latencies":{"request":2,"kong":2,"proxy":-1},"client_ip":"203.0.113.7","started_at":1772366400250,"source":"kong"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/3/movie/{id}", Path: "/3/movie/550",
				Status: 429, Key: keyOf("sesame-street-1"), IP: "203.0.113.7", Latency: 2000, Upstream: -1,
				UpstreamStatus: -1, Bytes: 98, Blame: "gateway"}},
		{"could not connect",
			`{"request":{"uri":"/a","method":"GET"},"response":{"status":502,"size":98},"latencies":{"request":2,"kong":2,"proxy":-1},"started_at":1772366400250,"source":"kong"}`,
			got{Time: 1772366400250, Service: "default", Method: "GET", Route: "/a", Path: "/a", Status: 502,
				Latency: 2000, Upstream: -1, UpstreamStatus: -1, Bytes: 98, Gateway: "offline", Blame: "upstream"}},
	})
}

func FuzzKong(f *testing.F) { fuzzFormat(f, "kong") }
