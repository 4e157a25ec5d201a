package decode

// ingressNginx is ingress-nginx's default "upstreaminfo" line: a combined line
// followed by request length, request time in seconds, [upstream name],
// [alternative upstream], address, length, time and status of the upstreams
// and the request id.
type ingressNginx struct{}

func (ingressNginx) about() Format {
	return Format{
		Name:        "ingress-nginx",
		Description: "ingress-nginx upstreaminfo line",
		Example:     `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1" 98 0.105 [prod-movies-8080] [] 10.0.0.5:8080 5120 0.104 200 0f1e2d3c4b5a69788796a5b4c3d2e1f0`,
	}
}

func (ingressNginx) begins(c byte) bool { return c > ' ' }

func (ingressNginx) decode(d *Decoder, b []byte) bool {
	if n := len(b); n == 0 || b[n-1] == '"' {
		return false // a combined line
	}
	var l ncsaLine
	if !l.parse(b) || len(l.rest) < 10 {
		return false
	}
	_, i := field(l.rest, 0)
	requestTime, i := field(l.rest, i)
	name, i := bracketed(l.rest, i)
	if name == nil || len(requestTime) == 0 || requestTime[0]-'0' > 9 {
		return false
	}
	if i+1 < len(l.rest) && l.rest[i+1] == '[' {
		_, i = bracketed(l.rest, i)
	}
	_, i = listed(l.rest, i) // addresses
	_, i = listed(l.rest, i) // lengths
	upstreamTime, i := listed(l.rest, i)
	upstreamStatus, i := listed(l.rest, i)
	requestID, _ := field(l.rest, i)
	l.rest, l.more = nil, true
	d.ncsa(&l)
	r := d.r
	r.LatencyMicros = micros(requestTime, unitSeconds)
	r.UpstreamLatencyMicros = microsList(upstreamTime, unitSeconds)
	r.UpstreamStatus = lastStatus(upstreamStatus)
	if !dash(name) {
		r.Service = d.plain(name)
	}
	if !dash(requestID) {
		r.RequestID = requestID
	}
	d.nginxReason()
	return true
}
