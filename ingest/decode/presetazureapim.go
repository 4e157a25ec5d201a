package decode

// presetAzureAPIM is a gateway log record of Azure API Management, alone or in
// the records of an Event Hub's message. Its times are milliseconds.
var presetAzureAPIM = Preset{
	Name:        "azure-apim",
	Description: "Azure API Management gateway log",
	Example: `{"records":[{"time":"2026-03-01T12:00:00.25Z","category":"GatewayLogs","durationMs":105,"callerIpAddress":"203.0.113.7","correlationId":"9f1c0a","properties":{"method":"GET",` +
		`"url":"https://api.example.com/3/movie/550","responseCode":429,"responseSize":98,"backendResponseCode":0,"backendTime":0,"apiId":"movies","lastError":{"reason":"RateLimitExceeded","message":"Rate limit is exceeded."}}}]}`,
	Mapping: Mapping{
		Time: "time", Service: "properties.apiId", Method: "properties.method", Path: "properties.url",
		Status:  "properties.responseCode",
		Message: "properties.lastError.message", ErrorType: "properties.lastError.reason", ClientIP: "callerIpAddress",
		Latency: "durationMs", LatencyUnit: "ms",
		UpstreamLatency: "properties.backendTime", UpstreamStatus: "properties.backendResponseCode",
		Bytes: "properties.responseSize", RequestID: "correlationId",
	},
}
