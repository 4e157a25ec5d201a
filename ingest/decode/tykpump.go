package decode

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
