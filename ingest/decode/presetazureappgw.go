package decode

// presetAzureAppGW is an access log record of an Azure Application Gateway, alone
// or in the records of an Event Hub's message. Its times are seconds.
var presetAzureAppGW = Preset{
	Name:        "azure-appgw",
	Description: "Azure Application Gateway access log",
	Example: `{"records":[{"time":"2026-03-01T12:00:00Z","category":"ApplicationGatewayAccessLog","properties":{"clientIP":"203.0.113.7","httpMethod":"GET","requestUri":"/3/movie/550","userAgent":"curl/8.10.1",` +
		`"httpStatus":200,"sentBytes":5120,"timeTaken":0.105,"host":"api.example.com","serverStatus":"200","serverResponseLatency":"0.104","transactionId":"9f1c0a"}}]}`,
	Mapping: Mapping{
		Time: "time", Service: "properties.host", Method: "properties.httpMethod", Path: "properties.requestUri",
		Status:   "properties.httpStatus",
		ClientIP: "properties.clientIP", Latency: "properties.timeTaken", LatencyUnit: "s",
		UpstreamLatency: "properties.serverResponseLatency",
		UpstreamStatus:  "properties.serverStatus", Bytes: "properties.sentBytes",
		RequestID: "properties.transactionId",
		UserAgent: "properties.userAgent",
	},
}
