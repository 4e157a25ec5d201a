package decode

import "statline/classify"

// traefikJSON is Traefik's JSON access log. Times are nanoseconds; the origin's answer
// and the client's may differ.
type traefikJSON struct {
	startUTC, startLocal, time, method, path, router, downstream, origin node
	duration, originDuration, size, clientHost, clientAddr, username     node
	service, host, agent, requestID, overhead, backend                   node
	any, more                                                            nodeSet
}

func newTraefikJSON(t *tree) jsonFormat {
	f := &traefikJSON{
		startUTC: t.at("StartUTC"), startLocal: t.at("StartLocal"), time: t.at("time"), method: t.at("RequestMethod"),
		path: t.at("RequestPath"), router: t.at("RouterName"), downstream: t.at("DownstreamStatus"),
		origin:   t.at("OriginStatus"),
		duration: t.at("Duration"), originDuration: t.at("OriginDuration"), size: t.at("DownstreamContentSize"),
		clientHost: t.at("ClientHost"), clientAddr: t.at("ClientAddr"), username: t.at("ClientUsername"),
		service: t.at("ServiceName"), host: t.at("RequestHost"), agent: t.at("request_User-Agent"),
		requestID: t.at("request_X-Request-Id"), overhead: t.at("Overhead"), backend: t.at("BackendName"),
	}
	f.any = setOf(f.downstream, f.origin)
	f.more = setOf(f.method, f.path, f.router, f.startUTC, f.duration, f.overhead)
	return f
}

func (*traefikJSON) about() Format {
	return Format{
		Name:        "traefik-json",
		Description: "Traefik JSON access log, v1 to v3",
		Example: `{"ClientHost":"203.0.113.7","ClientUsername":"-","DownstreamContentSize":356,"DownstreamStatus":404,"Duration":215563,"OriginDuration":204708,"OriginStatus":404,"Overhead":10855,` +
			`"RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/3/movie/550","RouterName":"movies@docker","ServiceName":"movies@docker","StartUTC":"2026-03-01T12:00:00.250Z","time":"2026-03-01T12:00:00Z"}`,
	}
}

func (f *traefikJSON) claims(seen *nodeSet) bool {
	return seen.containsAny(&f.any) && seen.containsAny(&f.more)
}

func (f *traefikJSON) decode(d *Decoder) {
	r := d.r
	if !d.time(f.startUTC) && !d.time(f.startLocal) {
		d.time(f.time)
	}
	if r.Service = d.first(f.service, f.backend); len(r.Service) == 0 {
		r.Service = hostOnly(d.str(f.host))
	}
	r.Method = d.str(f.method)
	d.draft.target = d.str(f.path)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.str(f.router)
	}
	r.UpstreamStatus = d.status(f.origin)
	if d.has(f.downstream) {
		d.setStatus(d.str(f.downstream))
	} else {
		r.Status = r.UpstreamStatus
	}
	r.LatencyMicros = d.micros(f.duration, unitNanos)
	r.UpstreamLatencyMicros = d.micros(f.originDuration, unitNanos)
	if r.UpstreamLatencyMicros == 0 && r.UpstreamStatus < 0 {
		r.UpstreamLatencyMicros = -1
	}
	r.Bytes = parseSize(d.str(f.size))
	r.ClientIP = parseAddress(d.first(f.clientHost, f.clientAddr))
	r.UserAgent = d.str(f.agent)
	r.RequestID = d.str(f.requestID)
	d.user(d.str(f.username))
	d.keyFrom()
	f.reason(d)
}

// reason compares the client's answer with the origin's.
func (f *traefikJSON) reason(d *Decoder) {
	r := d.r
	d.blameByUpstream()
	if r.Status >= 499 && r.UpstreamStatus != r.Status {
		d.upstreamFailure()
	} else if r.Status == 404 && r.UpstreamStatus < 0 && len(d.str(f.router)) == 0 {
		r.Gateway = classify.NotFound
	}
}
