package decode

// tykText is the same access log as key=value pairs.
type tykText struct{}

func (tykText) about() Format {
	return Format{
		Name:        "tyk-access",
		Description: "Tyk access log as key=value pairs",
		Example:     `time="2026-03-01T12:00:00Z" level=info api_id=b1a41c9a api_key=00000000 api_name=movies client_ip="203.0.113.7" latency_total=62 method=GET path=/3/movie/550 prefix=access-log response_flag=RLT status=429 upstream_latency=61`,
	}
}

func (tykText) begins(c byte) bool { return charClass[c]&anyLetter != 0 }

func (tykText) decode(d *Decoder, b []byte) bool {
	if eq := indexByte(b[:min(len(b), 32)], 0, '='); eq < 1 || indexByte(b[:eq], 0, ' ') >= 0 {
		return false
	}
	var l tykLine
	var host, path []byte
	ours := false
	eachPair(b, func(name, value []byte) {
		switch string(name) {
		case "time":
			l.time = value
		case "method":
			l.method = value
		case "path":
			path = value
		case "original_path":
			l.path = value
		case "status":
			l.status = value
		case "latency_total":
			l.latency = value
		case "upstream_latency":
			l.upstreamLatency = value
		case "client_ip":
			l.clientIP = value
		case "remote_addr":
			host = value
		case "api_key":
			l.apiKey = value
		case "api_name":
			l.service = value
		case "api_id":
			if len(l.service) == 0 {
				l.service = value
			}
		case "response_flag":
			l.flag = value
		case "upstream_status":
			l.upstreamStatus = value
		case "user_agent":
			l.agent = value
		case "trace_id":
			l.trace = value
		case "prefix":
			ours = string(value) == "access-log"
		}
	})
	if !ours || len(l.time) == 0 {
		return false
	}
	if len(l.path) == 0 {
		l.path = path
	}
	if len(l.clientIP) == 0 {
		l.clientIP = host
	}
	l.path, l.agent, l.service = d.plain(l.path), d.plain(l.agent), d.plain(l.service)
	d.tyk(&l)
	return true
}
