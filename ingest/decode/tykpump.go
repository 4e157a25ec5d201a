package decode

// tykPump is an analytics record of Tyk as the pump writes it to Kafka. Times
// are milliseconds; raw_response is a whole HTTP response in base64.
type tykPump struct {
	Timestamp       node `at:"timestamp"`
	Method          node `at:"method"`
	Path            node `at:"path"`
	RawPath         node `at:"raw_path"`
	Code            node `at:"response_code"`
	RequestTimeMs   node `at:"request_time_ms"`
	RequestTime     node `at:"request_time"`
	LatencyTotal    node `at:"latency.total"`
	LatencyUpstream node `at:"latency.upstream"`
	IP              node `at:"ip_address"`
	APIKey          node `at:"api_key"`
	Alias           node `at:"alias"`
	OAuthID         node `at:"oauth_id"`
	APIName         node `at:"api_name"`
	APIID           node `at:"api_id"`
	RawResponse     node `at:"raw_response"`
	Agent           node `at:"user_agent"`

	claim
}

func newTykPump(t *tree) jsonFormat {
	f := &tykPump{}
	t.fill(f)
	f.claim = claim{setOf(f.Code),
		setOf(f.APIID, f.APIName, f.RawPath, f.RequestTimeMs, t.at("org_id"), f.RawResponse)}
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

func (f *tykPump) decode(d *Decoder) {
	r := d.r
	d.time(f.Timestamp)
	r.Service = d.first(f.APIName, f.APIID)
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.Path, f.RawPath)
	d.setStatus(d.str(f.Code))
	for _, n := range [...]node{f.RequestTimeMs, f.RequestTime, f.LatencyTotal} {
		if r.LatencyMicros < 0 {
			r.LatencyMicros = d.micros(n, unitMillis)
		}
	}
	r.UpstreamLatencyMicros = d.micros(f.LatencyUpstream, unitMillis)
	r.ClientIP = parseAddress(d.str(f.IP))
	r.UserAgent = d.str(f.Agent)
	d.keyFrom(f.APIKey)
	if d.draft.keyName = d.str(f.Alias); len(d.draft.key) == 0 {
		d.draft.id = d.first(f.OAuthID, f.Alias)
	}
	d.body(d.str(f.RawResponse))
}
