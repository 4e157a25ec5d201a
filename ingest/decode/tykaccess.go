package decode

// tykAccess is Tyk's access log in JSON. The key in it is hashed or masked.
type tykAccess struct {
	Time            node `at:"time"`
	Timestamp       node `at:"timestamp"`
	Method          node `at:"method"`
	Path            node `at:"path"`
	OriginalPath    node `at:"original_path"`
	Status          node `at:"status"`
	Latency         node `at:"latency_total"`
	UpstreamLatency node `at:"upstream_latency"`
	ClientIP        node `at:"client_ip"`
	Remote          node `at:"remote_addr"`
	APIKey          node `at:"api_key"`
	APIName         node `at:"api_name"`
	APIID           node `at:"api_id"`
	Flag            node `at:"response_flag"`
	Details         node `at:"response_code_details"`
	Source          node `at:"error_source"`
	UpstreamStatus  node `at:"upstream_status"`
	Agent           node `at:"user_agent"`
	Trace           node `at:"trace_id"`
	Prefix          node `at:"prefix"`

	claim
}

func newTykAccess(t *tree) jsonFormat {
	f := &tykAccess{}
	t.fill(f)
	f.claim = claim{setOf(f.Prefix), setOf(f.Status), setOf(f.Flag, f.APIID, f.APIName, f.Latency, f.Source)}
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

func (f *tykAccess) decode(d *Decoder) {
	var l tykLine
	l.time, l.method, l.path, l.status = d.first(f.Time, f.Timestamp), d.str(f.Method), d.first(f.OriginalPath, f.Path),
		d.str(f.Status)
	l.latency, l.upstreamLatency, l.clientIP = d.str(f.Latency), d.str(f.UpstreamLatency), d.first(f.ClientIP, f.Remote)
	l.apiKey, l.service, l.flag = d.str(f.APIKey), d.first(f.APIName, f.APIID), d.str(f.Flag)
	l.upstreamStatus, l.agent, l.trace = d.str(f.UpstreamStatus), d.str(f.Agent), d.str(f.Trace)
	d.tyk(&l)
}
