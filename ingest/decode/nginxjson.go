package decode

// nginxJSON is an nginx access log in JSON. The user chooses the names; the usual
// ones, which repeat nginx's variables, are understood. Times are seconds; upstream
// times and statuses may be lists with one element per server tried.
type nginxJSON struct {
	timeISO, atTime, msec, timeLocal, timestamp, timeEpoch, time   node
	requestMethod, method, request, requestURI, uri, path, url     node
	args, queryString, requestQuery, status, requestTime, duration node
	upstreamTime, upstreamStatus, bodyBytes, bytesSent, size       node
	remoteAddr, clientIP, realIP, forwarded, remoteUser, agent     node
	userAgent, agentShort, requestID, reqID, headerRequestID       node
	serviceName, upstreamName, serverName, host, httpHost, vhost   node
	respBody, responseBody, body                                   node
	times, requests, strong                                        nodeSet
}

func newNginxJSON(t *tree) jsonFormat {
	f := &nginxJSON{
		timeISO: t.at("time_iso8601"), atTime: t.at("@timestamp"), msec: t.at("msec"), timeLocal: t.at("time_local"),
		timestamp: t.at("timestamp"), timeEpoch: t.at("time_epoch"), time: t.at("time"),
		requestMethod: t.at("request_method"), method: t.at("method"), request: t.at("request"),
		requestURI: t.at("request_uri"), uri: t.at("uri"), path: t.at("path"), url: t.at("url"),
		args: t.at("args"), queryString: t.at("query_string"), requestQuery: t.at("request_query"),
		status: t.at("status"), requestTime: t.at("request_time"), duration: t.at("duration"),
		upstreamTime: t.at("upstream_response_time"), upstreamStatus: t.at("upstream_status"),
		bodyBytes: t.at("body_bytes_sent"), bytesSent: t.at("bytes_sent"), size: t.at("size"),
		remoteAddr: t.at("remote_addr"), clientIP: t.at("client_ip"), realIP: t.at("http_x_real_ip"),
		forwarded: t.at("http_x_forwarded_for"), remoteUser: t.at("remote_user"), agent: t.at("http_user_agent"),
		userAgent: t.at("user_agent"), agentShort: t.at("agent"), requestID: t.at("request_id"), reqID: t.at("req_id"),
		headerRequestID: t.at("http_x_request_id"), serviceName: t.at("service_name"),
		upstreamName: t.at("proxy_upstream_name"),
		serverName:   t.at("server_name"), host: t.at("host"), httpHost: t.at("http_host"), vhost: t.at("vhost"),
		respBody: t.at("resp_body"), responseBody: t.at("response_body"), body: t.at("body"),
	}
	f.times = setOf(f.timeISO, f.atTime, f.msec, f.timeLocal, f.timestamp, f.timeEpoch, f.time)
	f.requests = setOf(f.request, f.requestURI, f.uri, f.requestMethod)
	f.strong = setOf(f.remoteAddr, f.bodyBytes, f.requestTime, f.upstreamTime, f.timeISO, f.msec, f.timeLocal,
		f.forwarded, f.agent)
	return f
}

func (*nginxJSON) about() Format {
	return Format{
		Name:        "nginx-json",
		Description: "nginx access log in JSON, with the usual names",
		Example: `{"time_iso8601":"2026-03-01T12:00:00+00:00","remote_addr":"203.0.113.7","remote_user":"","request_method":"GET","request_uri":"/3/movie/550?language=en","status":"200","body_bytes_sent":"5120",` +
			`"request_time":"0.105","upstream_response_time":"0.104","upstream_status":"200","http_user_agent":"curl/8.10.1","request_id":"9f1c0a","server_name":"api.example.com"}`,
	}
}

// claims a record with a status and an nginx variable that no other format
// uses, or with a request and a time.
func (f *nginxJSON) claims(seen *nodeSet) bool {
	return seen.has(f.status) && (seen.containsAny(&f.strong) || seen.containsAny(&f.requests) &&
		seen.containsAny(&f.times))
}

func (f *nginxJSON) decode(d *Decoder) {
	r := d.r
	for _, n := range [...]node{f.msec, f.timeISO, f.atTime, f.timeLocal, f.timeEpoch, f.timestamp, f.time} {
		if d.time(n) {
			break
		}
	}
	if d.kind(f.request) == kindString {
		d.request(d.str(f.request), flagHigh)
	}
	if b := d.first(f.requestMethod, f.method); len(b) > 0 {
		r.Method = b
	}
	if b := d.first(f.requestURI, f.uri, f.path, f.url); len(b) > 0 {
		d.draft.target = b
	}
	d.setStatus(d.str(f.status))
	if r.LatencyMicros = d.micros(f.requestTime, unitSeconds); r.LatencyMicros < 0 {
		r.LatencyMicros = toldMicros(d.str(f.duration))
	}
	r.UpstreamLatencyMicros = microsList(d.str(f.upstreamTime), unitSeconds)
	r.UpstreamStatus = d.status(f.upstreamStatus)
	r.Bytes = parseSize(d.first(f.bodyBytes, f.bytesSent, f.size))
	r.ClientIP = parseAddress(d.first(f.remoteAddr, f.clientIP, f.realIP, f.forwarded))
	r.UserAgent = d.first(f.agent, f.userAgent, f.agentShort)
	r.RequestID = d.first(f.requestID, f.reqID, f.headerRequestID)
	r.Service = hostOnly(d.first(f.serviceName, f.upstreamName, f.serverName, f.host, f.httpHost, f.vhost))
	if len(r.Service) == 1 && r.Service[0] == '_' {
		r.Service = nil // nginx's catch-all server
	}
	d.user(d.str(f.remoteUser))
	d.keyFrom()
	if q := d.first(f.args, f.queryString, f.requestQuery); len(q) > 0 && len(d.draft.key) == 0 {
		d.keyInQuery(q)
	}
	if !d.scan.seen.containsAny(&f.strong) {
		d.own.other.decode(d) // another server's line with the common names
	}
	for _, n := range [...]node{f.respBody, f.responseBody, f.body} {
		if d.has(n) {
			d.bodyAt(n)
		}
	}
	if d.has(f.upstreamStatus) || d.has(f.upstreamTime) {
		d.nginxReason()
	}
}

// keyInQuery takes the API key from a query string that is logged separately from the
// path.
func (d *Decoder) keyInQuery(query []byte) {
	d.scratch = d.appendQuery(d.scratch, query)[:len(d.scratch)]
}
