package decode

import "testing"

func TestTraefikCLF(t *testing.T) {
	checkFormat(t, "traefik-clf", []formatCase{
		{"milliseconds", `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 503 5120 "-" "curl/8.10.1" 42 "movies@docker" "http://10.0.0.5:8080" 12ms`,
			got{Time: 1772366400000, Service: "movies@docker", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550", Status: 503, IP: "203.0.113.7", Latency: 12000, Upstream: -1, UpstreamStatus: 503,
				Bytes: 5120, Agent: "curl/8.10.1", Blame: "upstream"}},
		{"no router",
			`203.0.113.7 - bob [01/Mar/2026:12:00:00 +0000] "GET /nowhere HTTP/1.1" - - "-" "-" 43 "-" "-" 0ms`,
			got{Time: 1772366400000, Service: "default", Method: "GET", Route: "/nowhere", Path: "/nowhere", Status: -1,
				Key: keyOf("id:bob"), KeyName: "bob", IP: "203.0.113.7", Latency: 0, Upstream: -1, UpstreamStatus: -1,
				Gateway: "not_found", Blame: "gateway"}},
	})
}

func FuzzTraefikCLF(f *testing.F) { fuzzFormat(f, "traefik-clf") }
