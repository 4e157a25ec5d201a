package decode

import "statline/classify"

// tykPump is an analytics record of Tyk as the pump writes it to Kafka. Times
// are milliseconds; raw_response is a whole HTTP response in base64.
type tykPump struct {
	timestamp, method, path, rawPath, code, requestTimeMs, requestTime, latencyTotal node
	latencyUpstream, ip, apiKey, alias, oauthID, apiName, apiID, rawResponse, agent  node
	all, any                                                                         nodeSet
}

func newTykPump(t *tree) jsonFormat {
	f := &tykPump{
		timestamp: t.at("timestamp"), method: t.at("method"), path: t.at("path"), rawPath: t.at("raw_path"),
		code: t.at("response_code"), requestTimeMs: t.at("request_time_ms"), requestTime: t.at("request_time"),
		latencyTotal: t.at("latency.total"), latencyUpstream: t.at("latency.upstream"), ip: t.at("ip_address"),
		apiKey: t.at("api_key"), alias: t.at("alias"), oauthID: t.at("oauth_id"), apiName: t.at("api_name"),
		apiID: t.at("api_id"), rawResponse: t.at("raw_response"), agent: t.at("user_agent"),
	}
	f.all = setOf(f.code)
	f.any = setOf(f.apiID, f.apiName, f.rawPath, f.requestTimeMs, t.at("org_id"), f.rawResponse)
	return f
}

func (*tykPump) about() Format {
	return Format{
		Name:        "tyk",
		Description: "Tyk analytics record from the pump",
		Example: `{"timestamp":"2026-03-01T12:00:00.25Z","method":"GET","path":"/3/movie/550","raw_path":"/movies/3/movie/550","response_code":429,"alias":"acme","api_key":"5d4140","api_version":"v1","api_name":"movies",` +
			`"api_id":"b1a41c9a","org_id":"678e67","oauth_id":"","request_time_ms":12,"raw_request":"","raw_response":"","ip_address":"203.0.113.7","user_agent":"curl/8.10.1"}`,
	}
}

func (f *tykPump) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.all) && seen.containsAny(&f.any)
}

func (f *tykPump) decode(d *Decoder) {
	r := d.r
	d.time(f.timestamp)
	r.Service = d.first(f.apiName, f.apiID)
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.path, f.rawPath)
	d.setStatus(d.str(f.code))
	for _, n := range [...]node{f.requestTimeMs, f.requestTime, f.latencyTotal} {
		if r.LatencyMicros < 0 {
			r.LatencyMicros = d.micros(n, unitMillis)
		}
	}
	r.UpstreamLatencyMicros = d.micros(f.latencyUpstream, unitMillis)
	r.ClientIP = parseAddress(d.str(f.ip))
	r.UserAgent = d.str(f.agent)
	d.keyFrom(f.apiKey)
	if d.draft.keyName = d.str(f.alias); len(d.draft.key) == 0 {
		d.draft.id = d.first(f.oauthID, f.alias)
	}
	d.body(d.str(f.rawResponse))
}

// tykAccess is Tyk's access log in JSON. The key in it is hashed or masked.
type tykAccess struct {
	time, timestamp, method, path, originalPath, status, latency, upstreamLatency, clientIP, remote node
	apiKey, apiName, apiID, flag, details, source, upstreamStatus, agent, trace, prefix             node
	any                                                                                             nodeSet
}

func newTykAccess(t *tree) jsonFormat {
	f := &tykAccess{
		time: t.at("time"), timestamp: t.at("timestamp"), method: t.at("method"), path: t.at("path"),
		originalPath: t.at("original_path"), status: t.at("status"), latency: t.at("latency_total"),
		upstreamLatency: t.at("upstream_latency"), clientIP: t.at("client_ip"), remote: t.at("remote_addr"),
		apiKey: t.at("api_key"), apiName: t.at("api_name"), apiID: t.at("api_id"), flag: t.at("response_flag"),
		details: t.at("response_code_details"), source: t.at("error_source"), upstreamStatus: t.at("upstream_status"),
		agent: t.at("user_agent"), trace: t.at("trace_id"), prefix: t.at("prefix"),
	}
	f.any = setOf(f.flag, f.apiID, f.apiName, f.latency, f.source)
	return f
}

func (*tykAccess) about() Format {
	return Format{
		Name:        "tyk-access-json",
		Description: "Tyk access log in JSON",
		Example: `{"time":"2026-03-01T12:00:00Z","level":"info","prefix":"access-log","api_id":"b1a41c9a","api_name":"movies","api_key":"00000000","client_ip":"203.0.113.7","latency_total":62,"upstream_latency":61,` +
			`"method":"GET","path":"/3/movie/550","status":429,"response_flag":"RLT","response_code_details":"session_rate_limited","error_source":"RateLimitAndQuotaCheck"}`,
	}
}

func (f *tykAccess) claims(seen *nodeSet) bool {
	return seen.has(f.prefix) && seen.has(f.status) && seen.containsAny(&f.any)
}

func (f *tykAccess) decode(d *Decoder) {
	var l tykLine
	l.time, l.method, l.path, l.status = d.first(f.time, f.timestamp), d.str(f.method), d.first(f.originalPath, f.path), d.str(f.status)
	l.latency, l.upstreamLatency, l.clientIP = d.str(f.latency), d.str(f.upstreamLatency), d.first(f.clientIP, f.remote)
	l.apiKey, l.service, l.flag = d.str(f.apiKey), d.first(f.apiName, f.apiID), d.str(f.flag)
	l.upstreamStatus, l.agent, l.trace = d.str(f.upstreamStatus), d.str(f.agent), d.str(f.trace)
	d.tyk(&l)
}

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
	for i := 0; i < len(b); {
		eq := i
		for eq < len(b) && b[eq] != '=' && b[eq] != ' ' {
			eq++
		}
		name := b[i:eq]
		if i = eq + 1; eq >= len(b) || b[eq] == ' ' {
			continue
		}
		var value []byte
		if i < len(b) && b[i] == '"' {
			value, i = quoted(b, i)
			i++
		} else {
			value, i = word(b, i)
			i++
		}
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
	}
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

// tykLine is what both notations of the access log say.
type tykLine struct {
	time, method, path, status, latency, upstreamLatency, clientIP []byte
	apiKey, service, flag, upstreamStatus, agent, trace            []byte
}

func (d *Decoder) tyk(l *tykLine) {
	r := d.r
	if len(l.time) > 0 {
		ms, ok := d.clock.any(l.time)
		d.setTime(ms, ok)
	}
	r.Service, r.Method = l.service, l.method
	d.draft.target = l.path
	d.setStatus(l.status)
	r.LatencyMicros = micros(l.latency, unitMillis)
	r.UpstreamLatencyMicros = micros(l.upstreamLatency, unitMillis)
	r.ClientIP = parseAddress(l.clientIP)
	if !dash(l.apiKey) {
		d.draft.key = l.apiKey
	}
	r.UpstreamStatus = lastStatus(l.upstreamStatus)
	r.UserAgent, r.RequestID = l.agent, l.trace
	r.Gateway, r.Blame = tykFlag(l.flag)
}

// tykFlag reads response_flag. Source: Tyk, customizing error responses, flag
// reference.
func tykFlag(flag []byte) (classify.Outcome, classify.Blame) {
	switch string(flag) {
	case "RLT", "QEX": // rate limit, quota
		return classify.RateLimited, classify.BlameGateway
	case "AKI": // API key invalid
		return classify.InvalidKey, classify.BlameGateway
	case "AMF", "TKE", "TKI", "TCV", "CRQ", "CMM": // field missing, token expired or invalid, certificate
		return classify.AuthFailed, classify.BlameGateway
	case "EAD": // external authentication denied
		return classify.AccessDenied, classify.BlameGateway
	case "BTL", "CLM", "BIV", "IHD": // body or header refused
		return classify.InvalidRequest, classify.BlameGateway
	case "URT", "UCT": // no response or no connection in time
		return classify.Timeout, classify.BlameUpstream
	case "UCF", "URR", "EPI", "CAB", "NRS", "DNS", "NRH", "NHU", "TLE", "TLI", "TLM", "TLN", "TLH", "TLP", "TLA", "TLC":
		return classify.Offline, classify.BlameUpstream
	case "UPE": // protocol error
		return classify.ServerError, classify.BlameUpstream
	case "CBO": // circuit breaker open
		return classify.Offline, classify.BlameGateway
	case "CDC":
		return classify.ClientClosed, classify.BlameClient
	case "URS": // the upstream's own 5xx: the status says which
		return classify.Unset, classify.BlameUpstream
	}
	return classify.Unset, classify.BlameNone
}
