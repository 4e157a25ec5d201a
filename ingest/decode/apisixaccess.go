package decode

// apisixAccess is the access log that APISIX writes by default: a combined line with
// the host before the request, the request time in seconds after the size, and
// address, status and time of the upstreams after the user agent.
type apisixAccess struct{}

func (apisixAccess) about() Format {
	return Format{
		Name:        "apisix-access",
		Description: "APISIX default access log line",
		Example:     `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] api.example.com "GET /3/movie/550 HTTP/1.1" 200 5120 0.012 "-" "curl/8.10.1" 10.0.0.5:80 200 0.010 "http://api.example.com"`,
	}
}

func (apisixAccess) begins(c byte) bool { return c > ' ' }

func (apisixAccess) decode(d *Decoder, b []byte) bool {
	var l ncsaLine
	end := l.head(b)
	if end < 0 || end+2 >= len(b) || b[end+1] != ' ' || b[end+2] == '"' {
		return false
	}
	host, i := word(b, end+2)
	if i+1 >= len(b) || b[i+1] != '"' {
		return false
	}
	if l.requestFlags, i = flagHigh, i+1; i+1 >= len(b) {
		return false
	}
	l.request, i = quoted(b, i)
	l.status, i = field(b, i)
	l.size, i = field(b, i)
	requestTime, i := field(b, i)
	if len(l.status) != 3 || !hasFraction(requestTime) {
		return false
	}
	_, i = field(b, i) // referer
	l.agent, i = field(b, i)
	l.agentFlags = flagHigh
	_, i = listed(b, i) // addresses
	upstreamStatus, i := listed(b, i)
	upstreamTime, _ := listed(b, i)
	l.more = true
	d.ncsa(&l)
	r := d.r
	if !dash(host) {
		r.Service = hostOnly(host)
	}
	r.LatencyMicros = micros(requestTime, unitSeconds)
	r.UpstreamLatencyMicros = microsList(upstreamTime, unitSeconds)
	r.UpstreamStatus = lastStatus(upstreamStatus)
	d.nginxReason()
	return true
}
