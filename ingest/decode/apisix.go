package decode

import "statline/classify"

// apisix is the record of APISIX's kafka-logger, http-logger and the like.
// Times are milliseconds with a fraction.
type apisix struct {
	StartTime       node `at:"start_time"`
	Service         node `at:"service_name"`
	ServiceID       node `at:"service_id"`
	RouteName       node `at:"route_name"`
	RouteID         node `at:"route_id"`
	Method          node `at:"request.method"`
	URI             node `at:"request.uri"`
	URL             node `at:"request.url"`
	Host            node `at:"request.headers.host"`
	Status          node `at:"response.status"`
	Size            node `at:"response.size"`
	Latency         node `at:"latency"`
	UpstreamLatency node `at:"upstream_latency"`
	ClientIP        node `at:"client_ip"`
	Username        node `at:"consumer.username"`
	Body            node `at:"response.body"`
	Agent           node `at:"request.headers.user-agent"`
	RequestID       node `at:"request.headers.x-request-id"`
	Upstream        node `at:"upstream"`
	Server          node `at:"server.hostname"`

	claim
}

func newApisix(t *tree) jsonFormat {
	t.headers("request.headers")
	t.query("request.querystring")
	f := &apisix{}
	t.fill(f)
	f.claim = claim{setOf(f.StartTime), setOf(f.Status, t.at("apisix_latency"), f.UpstreamLatency)}
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

func (f *apisix) decode(d *Decoder) {
	r := d.r
	d.time(f.StartTime)
	r.Service = d.first(f.Service, f.ServiceID)
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.URI, f.URL)
	d.draft.route = d.str(f.RouteName)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.first(f.RouteName, f.RouteID)
	}
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.Latency, unitMillis)
	r.UpstreamLatencyMicros = d.micros(f.UpstreamLatency, unitMillis)
	r.Bytes = parseSize(d.str(f.Size))
	r.ClientIP = parseAddress(d.str(f.ClientIP))
	r.UserAgent = d.str(f.Agent)
	r.RequestID = d.str(f.RequestID)
	d.draft.id = d.str(f.Username)
	d.keyFrom()
	d.bodyAt(f.Body)
	switch {
	case r.Status < 400:
	case len(d.str(f.Upstream)) == 0:
		r.Blame = classify.BlameGateway
	default:
		r.Blame = classify.BlameUpstream
		if r.Status == 504 {
			r.Gateway = classify.Timeout
		}
	}
}
