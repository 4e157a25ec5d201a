package decode

// envoyJSON is Envoy's JSON access log with the names that Envoy Gateway and
// Istio use. Times are milliseconds; code 0 means that the client left.
type envoyJSON struct {
	StartTime     node `at:"start_time"`
	Method        node `at:"method"`
	Path          node `at:"path"`
	OriginPath    node `at:"x-envoy-origin-path"`
	OriginalPath  node `at:"x-envoy-original-path"`
	HeaderPath    node `at:":path"`
	Code          node `at:"response_code"`
	Flags         node `at:"response_flags"`
	Details       node `at:"response_code_details"`
	Duration      node `at:"duration"`
	UpstreamTime  node `at:"x-envoy-upstream-service-time"`
	UpstreamTime2 node `at:"upstream_service_time"`
	Sent          node `at:"bytes_sent"`
	Remote        node `at:"downstream_remote_address"`
	Forwarded     node `at:"x-forwarded-for"`
	Route         node `at:"route_name"`
	Authority     node `at:":authority"`
	Authority2    node `at:"authority"`
	RequestID     node `at:"x-request-id"`
	RequestID2    node `at:"request_id"`
	Agent         node `at:"user-agent"`
	Agent2        node `at:"user_agent"`
	UpstreamHost  node `at:"upstream_host"`
	APIKey        node `at:"x-api-key"`
	Grpc          node `at:"grpc_status"`

	claim
}

func newEnvoyJSON(t *tree) jsonFormat {
	f := &envoyJSON{}
	t.fill(f)
	f.claim = claim{setOf(f.StartTime), setOf(f.Code),
		setOf(f.Flags, f.Details, f.Duration, f.Authority, f.Remote, f.UpstreamHost)}
	return f
}

func (*envoyJSON) about() Format {
	return Format{
		Name:        "envoy-json",
		Description: "Envoy JSON access log (Envoy Gateway, Istio)",
		Example: `{":authority":"api.example.com","bytes_received":0,"bytes_sent":512,"downstream_remote_address":"203.0.113.7:40000","duration":15000,"method":"GET","protocol":"HTTP/2","response_code":504,` +
			`"response_code_details":"upstream_response_timeout","response_flags":"UT","route_name":"movies","start_time":"2026-03-01T12:00:00.250Z","upstream_cluster":"movies","upstream_host":"10.0.0.5:8080",` +
			`"user-agent":"curl/8.10.1","x-envoy-origin-path":"/3/movie/550","x-envoy-upstream-service-time":null,"x-forwarded-for":"203.0.113.7","x-request-id":"9f1c0a"}`,
	}
}

func (f *envoyJSON) decode(d *Decoder) {
	r := d.r
	d.time(f.StartTime)
	r.Service = hostOnly(d.first(f.Authority, f.Authority2))
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.OriginPath, f.OriginalPath, f.Path, f.HeaderPath)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.str(f.Route)
	}
	d.setStatus(d.str(f.Code))
	r.LatencyMicros = d.micros(f.Duration, unitMillis)
	if r.UpstreamLatencyMicros = d.micros(f.UpstreamTime, unitMillis); r.UpstreamLatencyMicros < 0 {
		r.UpstreamLatencyMicros = d.micros(f.UpstreamTime2, unitMillis)
	}
	r.Bytes = parseSize(d.str(f.Sent))
	r.ClientIP = parseAddress(d.first(f.Remote, f.Forwarded))
	r.RequestID = d.first(f.RequestID, f.RequestID2)
	r.UserAgent = d.first(f.Agent, f.Agent2)
	d.keyFrom(f.APIKey)
	d.grpc(d.str(f.Grpc))
	d.envoyReason(d.str(f.Flags), d.str(f.Details))
	d.envoyConnection()
}
