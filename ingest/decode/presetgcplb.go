package decode

// presetGCPLB is a log entry of a Google Cloud load balancer, as a Cloud
// Logging sink writes it.
var presetGCPLB = Preset{
	Name:        "gcp-lb",
	Description: "Google Cloud load balancer, log entries of Cloud Logging",
	Example: `{"insertId":"9f1c0a","timestamp":"2026-03-01T12:00:00.250Z","httpRequest":{"requestMethod":"GET","requestUrl":"https://api.example.com/3/movie/550","status":200,"responseSize":"5120",` +
		`"userAgent":"curl/8.10.1","remoteIp":"203.0.113.7","latency":"0.105s"},"resource":{"type":"http_load_balancer","labels":{"backend_service_name":"movies"}}}`,
	Mapping: Mapping{
		Time: "timestamp", Service: "resource.labels.backend_service_name", Method: "httpRequest.requestMethod",
		Path:   "httpRequest.requestUrl",
		Status: "httpRequest.status", ClientIP: "httpRequest.remoteIp", Latency: "httpRequest.latency",
		LatencyUnit: "s",
		Bytes:       "httpRequest.responseSize", RequestID: "insertId", UserAgent: "httpRequest.userAgent",
	},
}
