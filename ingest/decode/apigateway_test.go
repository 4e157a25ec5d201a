package decode

import "testing"

func TestAPIGateway(t *testing.T) {
	checkFormat(t, "aws-apigateway", []formatCase{
		{"REST, throttled",
			`{"requestId":"c12d1542","ip":"203.0.113.7","caller":"-","user":"-","requestTime":"01/Mar/2026:12:00:00 +0000","requestTimeEpoch":"1772366400250","httpMethod":"GET","resourcePath":"/pets/{petId}","path":"/prod/pets/17","status":"429","protocol":"HTTP/1.1","responseLength":"48","responseLatency":"3","integrationLatency":"-","integrationStatus":"-","apiKeyId":"k-17","errorMessage":"Too Many Requests","errorResponseType":"THROTTLED","apiId":"asad15n3p0"}`,
			got{Time: 1772366400250, Service: "asad15n3p0", Method: "GET", Route: "/pets/{petId}",
				Path: "/prod/pets/17", Status: 429, Message: "Too Many Requests", Key: keyOf("id:k-17"),
				KeyName: "k-17", IP: "203.0.113.7", Latency: 3000, Upstream: -1, UpstreamStatus: -1, Bytes: 48,
				RequestID: "c12d1542", Gateway: "rate_limited", Blame: "gateway"}},
		{"HTTP, integration failed",
			`{"requestId":"c12d1542","sourceIp":"203.0.113.7","requestTime":"01/Mar/2026:12:00:00 +0000","routeKey":"GET /pets/{id}","path":"/pets/17","status":504,"responseLength":33,"integrationLatency":29000,"responseLatency":29002,"error":{"message":"Service Unavailable","responseType":"INTEGRATION_TIMEOUT"}}`,
			got{Time: 1772366400000, Service: "default", Method: "GET", Route: "/pets/{id}", Path: "/pets/17",
				Status: 504, Message: "Service Unavailable", IP: "203.0.113.7", Latency: 29002000, Upstream: 29000000,
				UpstreamStatus: -1, Bytes: 33, RequestID: "c12d1542", Gateway: "timeout", Blame: "upstream"}},
	})
}

func FuzzAPIGateway(f *testing.F) { fuzzFormat(f, "aws-apigateway") }
