package decode

import "testing"

func TestCaddy(t *testing.T) {
	checkFormat(t, "caddy", []formatCase{
		{"seconds, headers as arrays",
			`{"level":"info","ts":1772366400.25,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"198.51.100.1","remote_port":"40000","client_ip":"203.0.113.7","proto":"HTTP/2.0","method":"GET","host":"api.example.com:8443","uri":"/3/movie/550","headers":{"Accept":["*/*"],"X-Api-Key":["sesame-street-1"],"User-Agent":["curl/8.10.1"],"Cookie":["REDACTED"]}},"bytes_read":0,"user_id":"","duration":0.105,"size":5120,"status":200,"resp_headers":{"Server":["Caddy"]}}`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550", Status: 200, Key: keyOf("sesame-street-1"), IP: "203.0.113.7", Latency: 105000,
				Upstream: -1, UpstreamStatus: -1, Bytes: 5120, Agent: "curl/8.10.1"}},
		{"client left, duration as text, user",
			`{"ts":"2026-03-01T12:00:00.250Z","request":{"remote_ip":"203.0.113.7","method":"GET","host":"api.example.com","uri":"/","headers":{}},"user_id":"bob","duration":"33.987ms","size":0,"status":0}`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/", Path: "/", Status: 0,
				Key: keyOf("id:bob"), KeyName: "bob", IP: "203.0.113.7", Latency: 33987, Upstream: -1,
				UpstreamStatus: -1}},
	})
}

func FuzzCaddy(f *testing.F) { fuzzFormat(f, "caddy") }
