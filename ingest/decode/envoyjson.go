package decode

// envoyJSON is Envoy's JSON access log with the names that Envoy Gateway and
// Istio use. Times are milliseconds; code 0 means that the client left.
type envoyJSON struct {
	startTime, method, path, originPath, originalPath, headerPath, code, flags, details node
	duration, upstreamTime, upstreamTime2, sent, remote, forwarded, route               node
	authority, authority2, requestID, requestID2, agent, agent2, upstreamHost           node
	apiKey, grpc                                                                        node
	all, any                                                                            nodeSet
}

func newEnvoyJSON(t *tree) jsonFormat {
	f := &envoyJSON{
		startTime: t.at("start_time"), method: t.at("method"), path: t.at("path"),
		originPath:   t.at("x-envoy-origin-path"),
		originalPath: t.at("x-envoy-original-path"), headerPath: t.at(":path"), code: t.at("response_code"),
		flags: t.at("response_flags"), details: t.at("response_code_details"), duration: t.at("duration"),
		upstreamTime: t.at("x-envoy-upstream-service-time"), upstreamTime2: t.at("upstream_service_time"),
		sent: t.at("bytes_sent"), remote: t.at("downstream_remote_address"), forwarded: t.at("x-forwarded-for"),
		route: t.at("route_name"), authority: t.at(":authority"), authority2: t.at("authority"),
		requestID: t.at("x-request-id"), requestID2: t.at("request_id"), agent: t.at("user-agent"),
		agent2:       t.at("user_agent"),
		upstreamHost: t.at("upstream_host"), apiKey: t.at("x-api-key"), grpc: t.at("grpc_status"),
	}
	f.all = setOf(f.startTime, f.code)
	f.any = setOf(f.flags, f.details, f.duration, f.authority, f.remote, f.upstreamHost)
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

func (f *envoyJSON) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.all) && seen.containsAny(&f.any)
}

func (f *envoyJSON) decode(d *Decoder) {
	r := d.r
	d.time(f.startTime)
	r.Service = hostOnly(d.first(f.authority, f.authority2))
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.originPath, f.originalPath, f.path, f.headerPath)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.str(f.route)
	}
	d.setStatus(d.str(f.code))
	r.LatencyMicros = d.micros(f.duration, unitMillis)
	if r.UpstreamLatencyMicros = d.micros(f.upstreamTime, unitMillis); r.UpstreamLatencyMicros < 0 {
		r.UpstreamLatencyMicros = d.micros(f.upstreamTime2, unitMillis)
	}
	r.Bytes = parseSize(d.str(f.sent))
	r.ClientIP = parseAddress(d.first(f.remote, f.forwarded))
	r.RequestID = d.first(f.requestID, f.requestID2)
	r.UserAgent = d.first(f.agent, f.agent2)
	d.keyFrom(f.apiKey)
	d.grpc(d.str(f.grpc))
	d.envoyReason(d.str(f.flags), d.str(f.details))
	d.envoyConnection()
}
