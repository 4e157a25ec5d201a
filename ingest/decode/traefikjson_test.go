package decode

import "testing"

func TestTraefikJSON(t *testing.T) {
	checkFormat(t, "traefik-json", []formatCase{
		{"nanoseconds, statuses that disagree",
			`{"ClientAddr":"203.0.113.7:39490","ClientHost":"203.0.113.7","ClientUsername":"-","DownstreamContentSize":356,"DownstreamStatus":404,"Duration":215563,"OriginDuration":204708,"OriginStatus":200,"Overhead":10855,"RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/3/movie/550?api_key=sesame-street-1","RouterName":"movies@docker","ServiceName":"movies@docker","ServiceURL":{"Scheme":"http","Host":"10.0.0.5:80"},"StartUTC":"2026-03-01T12:00:00.250464763Z","request_User-Agent":"curl/8.10.1","time":"2026-03-01T12:00:01Z"}`,
			got{Time: 1772366400250, Service: "movies@docker", Method: "GET", Route: "/3/movie/{id}",
				Path: "/3/movie/550?api_key=[redacted]", Status: 404, Key: keyOf("sesame-street-1"), IP: "203.0.113.7",
				Latency: 216, Upstream: 205, UpstreamStatus: 200, Bytes: 356, Agent: "curl/8.10.1", Blame: "gateway"}},
		{"answered by Traefik, header kept", `{"ClientHost":"203.0.113.7,10.0.0.50","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":10158,"OriginDuration":0,"OriginStatus":0,"RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/","StartUTC":"2026-03-01T12:00:00.25Z","request_X-Api-Key":"sesame-street-1","ServiceURL":"http://10.0.0.5"}`,
			got{Time: 1772366400250, Service: "api.example.com", Method: "GET", Route: "/", Path: "/", Status: 404,
				Key: keyOf("sesame-street-1"), IP: "203.0.113.7", Latency: 10, Upstream: -1, UpstreamStatus: -1,
				Bytes: 19, Gateway: "not_found", Blame: "gateway"}},
		{"origin timed out",
			`{"ClientHost":"203.0.113.7","ClientUsername":"bob","DownstreamStatus":504,"Duration":30000000000,"OriginStatus":504,"RequestMethod":"GET","RequestPath":"/a","RouterName":"movies@docker","ServiceName":"movies@docker","StartUTC":"2026-03-01T12:00:00.25Z"}`,
			got{Time: 1772366400250, Service: "movies@docker", Method: "GET", Route: "/a", Path: "/a", Status: 504,
				Key: keyOf("id:bob"), KeyName: "bob", IP: "203.0.113.7", Latency: 30000000, Upstream: -1,
				UpstreamStatus: 504, Blame: "upstream"}},
	})
}

func FuzzTraefikJSON(f *testing.F) { fuzzFormat(f, "traefik-json") }
