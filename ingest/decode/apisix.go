package decode

import "statline/classify"

// apisix is the record of APISIX's kafka-logger, http-logger and the like.
// Times are milliseconds with a fraction.
type apisix struct {
	startTime, service, serviceID, routeName, routeID, method, uri, url, host node
	status, size, latency, upstreamLatency, clientIP, username, body, agent   node
	requestID, upstream, server                                               node
	all, any                                                                  nodeSet
}

func newApisix(t *tree) jsonFormat {
	t.headers("request.headers")
	t.query("request.querystring")
	f := &apisix{
		startTime: t.at("start_time"), service: t.at("service_name"), serviceID: t.at("service_id"),
		routeName: t.at("route_name"), routeID: t.at("route_id"), method: t.at("request.method"),
		uri: t.at("request.uri"), url: t.at("request.url"), host: t.at("request.headers.host"),
		status: t.at("response.status"), size: t.at("response.size"), latency: t.at("latency"),
		upstreamLatency: t.at("upstream_latency"), clientIP: t.at("client_ip"),
		username: t.at("consumer.username"), body: t.at("response.body"), agent: t.at("request.headers.user-agent"),
		requestID: t.at("request.headers.x-request-id"), upstream: t.at("upstream"), server: t.at("server.hostname"),
	}
	f.all = setOf(f.startTime)
	f.any = setOf(f.status, t.at("apisix_latency"), f.upstreamLatency)
	return f
}

func (*apisix) about() Format {
	return Format{
		Name:        "apisix",
		Description: "APISIX kafka-logger records",
		Example: `{"start_time":1772366400250,"latency":12.5,"apisix_latency":0.75,"upstream_latency":11.75,"client_ip":"203.0.113.7","route_id":"r-1","service_id":"movies",` +
			`"upstream":"10.0.0.5:8080","request":{"method":"GET","uri":"/3/movie/550","url":"http://api.example.com:9080/3/movie/550","size":83,"querystring":{},"headers":{"user-agent":"curl/8.10.1"}},` +
			`"response":{"status":200,"size":475,"headers":{}}}`,
	}
}

func (f *apisix) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.all) && seen.containsAny(&f.any)
}

func (f *apisix) decode(d *Decoder) {
	r := d.r
	d.time(f.startTime)
	r.Service = d.first(f.service, f.serviceID)
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.uri, f.url)
	d.draft.route = d.str(f.routeName)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.first(f.routeName, f.routeID)
	}
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.latency, unitMillis)
	r.UpstreamLatencyMicros = d.micros(f.upstreamLatency, unitMillis)
	r.Bytes = parseSize(d.str(f.size))
	r.ClientIP = parseAddress(d.str(f.clientIP))
	r.UserAgent = d.str(f.agent)
	r.RequestID = d.str(f.requestID)
	d.draft.id = d.str(f.username)
	d.keyFrom()
	d.bodyAt(f.body)
	switch {
	case r.Status < 400:
	case len(d.str(f.upstream)) == 0:
		r.Blame = classify.BlameGateway
	default:
		r.Blame = classify.BlameUpstream
		if r.Status == 504 {
			r.Gateway = classify.Timeout
		}
	}
}
