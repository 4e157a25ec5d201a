package decode

// caddy is Caddy's JSON access log. Times are seconds, ts since the epoch;
// headers are arrays.
type caddy struct {
	ts, method, host, uri, clientIP, remoteIP, userID, status, duration, size node
	agent, requestID, uuid, remoteAddr, logger, msg                           node
	all, any                                                                  nodeSet
}

func newCaddy(t *tree) jsonFormat {
	t.headers("request.headers")
	f := &caddy{
		ts: t.at("ts"), method: t.at("request.method"), host: t.at("request.host"), uri: t.at("request.uri"),
		clientIP: t.at("request.client_ip"), remoteIP: t.at("request.remote_ip"), userID: t.at("user_id"),
		status: t.at("status"), duration: t.at("duration"), size: t.at("size"),
		agent: t.at("request.headers.User-Agent"), requestID: t.at("request.headers.X-Request-Id"), uuid: t.at("uuid"),
		remoteAddr: t.at("request.remote_addr"), logger: t.at("logger"), msg: t.at("msg"),
	}
	f.all = setOf(f.ts, f.uri)
	f.any = setOf(f.status, f.duration, f.size)
	return f
}

func (*caddy) about() Format {
	return Format{
		Name:        "caddy",
		Description: "Caddy JSON access log",
		Example: `{"level":"info","ts":1772366400.25,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"40000","client_ip":"203.0.113.7",` +
			`"proto":"HTTP/2.0","method":"GET","host":"api.example.com","uri":"/3/movie/550","headers":{"User-Agent":["curl/8.10.1"]}},"bytes_read":0,"user_id":"","duration":0.0105,"size":5120,"status":200,"resp_headers":{"Server":["Caddy"]}}`,
	}
}

func (f *caddy) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.all) && seen.containsAny(&f.any)
}

func (f *caddy) decode(d *Decoder) {
	r := d.r
	d.time(f.ts)
	r.Service = hostOnly(d.str(f.host))
	r.Method = d.str(f.method)
	d.draft.target = d.str(f.uri)
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.duration, unitSeconds)
	r.Bytes = parseSize(d.str(f.size))
	r.ClientIP = parseAddress(d.first(f.clientIP, f.remoteIP, f.remoteAddr))
	r.UserAgent = d.str(f.agent)
	r.RequestID = d.first(f.requestID, f.uuid)
	d.user(d.str(f.userID))
	d.keyFrom()
	f.reason(d)
}

// reason tells access lines from Caddy's other lines, which repeat the request with
// the same status: errors ("http.log.error") and debugging
// ("http.handlers.reverse_proxy"). Without a logger the message decides.
func (f *caddy) reason(d *Decoder) {
	logger, msg := d.str(f.logger), d.str(f.msg)
	switch {
	case hasPrefix(logger, "http.log.access"):
	case len(logger) > 0:
		d.draft.unlike = "caddy: a line of another logger than http.log.access"
	case len(msg) > 0 && string(msg) != "handled request":
		d.draft.unlike = "caddy: a line that is not \"handled request\""
	}
}
