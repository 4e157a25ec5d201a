package decode

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
	l.time, l.method, l.path, l.status = d.first(f.time, f.timestamp), d.str(f.method), d.first(f.originalPath, f.path),
		d.str(f.status)
	l.latency, l.upstreamLatency, l.clientIP = d.str(f.latency), d.str(f.upstreamLatency), d.first(f.clientIP, f.remote)
	l.apiKey, l.service, l.flag = d.str(f.apiKey), d.first(f.apiName, f.apiID), d.str(f.flag)
	l.upstreamStatus, l.agent, l.trace = d.str(f.upstreamStatus), d.str(f.agent), d.str(f.trace)
	d.tyk(&l)
}
