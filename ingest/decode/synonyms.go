package decode

import "statline/classify"

// synonyms are other spellings of the fields of our own format, as web frameworks and
// loggers write them. A name that contains its unit determines it; one that does not
// (duration, elapsed) is read only if its value has a unit ("12ms"). Nothing is
// guessed from a number's size.
var synonyms = [...]struct {
	field lineField
	unit  int
	names []string
}{
	{fieldStatus, 0, []string{"statusCode", "http_status", "httpStatus", "http_status_code", "httpStatusCode",
		"response_code", "responseCode", "response_status", "responseStatus", "responseStatusCode", "StatusCode",
		"Status",
		"response.status", "response.statusCode", "response.status_code", "res.statusCode", "res.status",
		"http.status_code", "http.status", "http.statusCode", "http.response.status_code", `http\.status_code`}},
	{fieldTime, 0, []string{"@timestamp", "datetime", "date", "event_time", "eventTime", "start_time", "startTime",
		"time_iso8601", "logged_at", "Timestamp", "asctime"}},
	{fieldMethod, 0, []string{"http_method", "httpMethod", "request_method", "requestMethod", "verb", "Method",
		"request.method", "req.method", "http.method", "http.request.method", `http\.method`}},
	{fieldPath, 0, []string{"uri", "url", "request_uri", "requestUri", "request_path", "requestPath", "request_url",
		"requestUrl",
		"originalUrl", "Path", "RequestPath", "request.path", "request.uri", "request.url", "req.url", "req.path",
		"http.url",
		"http.target", "http.path", "url.path", `http\.url`, `http\.target`}},
	{fieldRequest, 0, []string{"request", "request_line", "requestLine"}},
	{fieldRoute, 0, []string{"http.route", `http\.route`, "endpoint", "route_path", "routePath"}},
	{fieldClient, 0, []string{"clientip", "clientIp", "clientIP", "ClientIP", "client_addr", "remote_addr",
		"remoteAddr", "remote_ip",
		"remoteIp", "remoteIP", "remoteAddress", "remote_address", "ip", "ip_address", "source_ip", "sourceIp",
		"x_forwarded_for",
		"req.remoteAddress", "req.ip", "client.ip", "source.ip", "request.remote_addr", "request.ip",
		"http.client_ip"}},
	{fieldLatency, unitMillis, []string{"latencyMs", "duration_ms", "durationMs", "elapsed_ms", "elapsedMs",
		"response_time_ms",
		"responseTimeMs", "request_time_ms", "took_ms", "tookMs", "time_ms", "timeMs", "total_ms"}},
	{fieldLatency, unitSeconds, []string{"latency_s", "latency_seconds", "duration_s", "duration_sec",
		"duration_seconds",
		"durationSeconds", "elapsed_s", "elapsed_seconds", "response_time_s", "response_time_seconds"}},
	{fieldLatency, unitMicros, []string{"latency_us", "latency_micros", "duration_us", "duration_micros",
		"durationMicros", "elapsed_us",
		"response_time_us"}},
	{fieldLatency, unitNanos, []string{"latency_ns", "latency_nanos", "duration_ns", "duration_nanos", "durationNanos",
		"elapsed_ns"}},
	{fieldLatency, unitUntold, []string{"latency", "duration", "elapsed", "responseTime", "response_time", "took", "latency_human"}},
	{fieldUpstreamLatency, unitMillis, []string{"upstreamLatencyMs", "upstream_ms", "upstream_time_ms", "backend_time_ms"}},
	{fieldUpstreamLatency, unitSeconds, []string{"upstream_latency_s", "upstream_seconds"}},
	{fieldUpstreamStatus, 0, []string{"upstreamStatus", "upstream_status_code", "backend_status", "backendStatus"}},
	{fieldBytes, 0, []string{"bytes_sent", "bytesSent", "bytes_out", "body_bytes_sent", "response_size", "responseSize",
		"response_bytes", "response_length", "content_length", "contentLength", "size", "res.contentLength"}},
	{fieldRequestID, 0, []string{"requestId", "requestID", "req_id", "reqId", "x_request_id", "correlation_id",
		"correlationId",
		"trace_id", "traceId", "req.id"}},
	{fieldAgent, 0, []string{"userAgent", "useragent", "http_user_agent", "user_agent_original",
		"req.headers.user-agent"}},
	{fieldService, 0, []string{"service_name", "serviceName", "service.name", `service\.name`, "app", "application",
		"app_name",
		`grpc\.service`}},
	{fieldGRPC, 0, []string{"grpc_status", "grpcStatus", "grpc_code", "grpc_status_code", `grpc\.code`, "grpc.code",
		"rpc.grpc.status_code", `rpc\.grpc\.status_code`}},
	{fieldErrorType, 0, []string{"error_type", "errorType", "error_code", "errorCode", `error\.type`, "error.type",
		"error.code"}},
	{fieldMessage, 0, []string{"msg", "error_message", "errorMessage", "error.message"}},
}

// lineField is a field of a response under a record's name.
type lineField uint8

const (
	fieldStatus lineField = iota
	fieldTime
	fieldMethod
	fieldPath
	fieldRequest
	fieldRoute
	fieldClient
	fieldLatency
	fieldUpstreamLatency
	fieldUpstreamStatus
	fieldBytes
	fieldRequestID
	fieldAgent
	fieldService
	fieldGRPC
	fieldErrorType
	fieldMessage
)

// unitUntold is the unit of a name without one.
const unitUntold = 99

// spellings are the synonyms as nodes.
type spellings struct {
	list []spelling
	all  nodeSet
	// enough has the names that make a record a line of this kind: a status, a request.
	enough nodeSet
	// times and results have the names of a time, and of what came of a request.
	times, results nodeSet
}

type spelling struct {
	node  node
	field lineField
	unit  int
}

func newSpellings(t *tree) (s spellings) {
	for _, y := range synonyms {
		for _, name := range y.names {
			n := t.at(name)
			s.list = append(s.list, spelling{n, y.field, y.unit})
			s.all.add(n)
			switch y.field {
			case fieldStatus, fieldGRPC:
				s.enough.add(n)
				s.results.add(n)
			case fieldMethod, fieldPath:
				s.enough.add(n)
			case fieldTime:
				s.times.add(n)
			}
		}
	}
	return s
}

// decode fills what the format's own names have left empty. The first spelling with a
// value wins.
func (s *spellings) decode(d *Decoder) {
	for i := range s.list {
		y := &s.list[i]
		if d.scan.seen.has(y.node) {
			d.spelled(y)
		}
	}
}

func (d *Decoder) spelled(y *spelling) {
	b := d.str(y.node)
	if len(b) == 0 {
		return
	}
	r, f := d.r, &d.draft
	fill := func(to *[]byte) {
		if len(*to) == 0 {
			*to = b
		}
	}
	switch y.field {
	case fieldStatus:
		if r.Status < 0 && !f.badState {
			d.setStatus(b)
			if r.Code != 0 { // whose code it is, is unknown
				r.CodeFrom = classify.CodeBare
			}
		}
	case fieldTime:
		if !f.timeSeen {
			d.time(y.node)
		}
	case fieldMethod:
		fill(&r.Method)
	case fieldPath:
		fill(&f.target)
	case fieldRequest:
		if len(f.target) == 0 && len(r.Method) == 0 {
			d.request(b, flagHigh)
		}
	case fieldRoute:
		fill(&f.route)
	case fieldClient:
		if r.ClientIP == [16]byte{} {
			r.ClientIP = parseAddress(listFirst(b))
		}
	case fieldLatency:
		fillTime(&r.LatencyMicros, b, y.unit)
	case fieldUpstreamLatency:
		fillTime(&r.UpstreamLatencyMicros, b, y.unit)
	case fieldUpstreamStatus:
		if r.UpstreamStatus < 0 {
			r.UpstreamStatus = lastStatus(b)
		}
	case fieldBytes:
		if r.Bytes == 0 {
			r.Bytes = parseSize(b)
		}
	case fieldRequestID:
		fill(&r.RequestID)
	case fieldAgent:
		fill(&r.UserAgent)
	case fieldService:
		fill(&r.Service)
	case fieldGRPC:
		d.grpc(b)
	case fieldErrorType:
		if d.kind(y.node) == kindString {
			d.errorName(b)
		}
	case fieldMessage:
		fill(&r.Message)
	}
}

func fillTime(to *int64, b []byte, unit int) {
	switch {
	case *to >= 0:
	case unit == unitUntold:
		*to = toldMicros(b)
	default:
		*to = micros(b, unit)
	}
}
