package decode

import (
	"math"

	"statline/classify"
)

// kong is the record of Kong's http-log, kafka-log, tcp-log and file-log
// plugins. Times are milliseconds, -1 when there was no upstream.
type kong struct {
	startedAt, service, serviceHost, method, uri, url, route   node
	status, latency, proxy, size, clientIP, entity             node
	username, customID, consumer, upstreamStatus, source, body node
	requestID, agent, headerRequestID, tries                   node
	all, latencies                                             nodeSet
}

func newKong(t *tree) jsonFormat {
	t.headers("request.headers")
	t.query("request.querystring")
	f := &kong{
		startedAt: t.at("started_at"), service: t.at("service.name"), serviceHost: t.at("service.host"),
		method: t.at("request.method"), uri: t.at("request.uri"), url: t.at("request.url"), route: t.at("route.name"),
		status: t.at("response.status"), latency: t.at("latencies.request"), proxy: t.at("latencies.proxy"),
		size: t.at("response.size"), clientIP: t.at("client_ip"), entity: t.at("authenticated_entity.id"),
		username: t.at("consumer.username"), customID: t.at("consumer.custom_id"), consumer: t.at("consumer.id"),
		upstreamStatus: t.at("upstream_status"), source: t.at("source"), body: t.at("response.body"),
		requestID: t.at("request.id"), agent: t.at("request.headers.user-agent"),
		headerRequestID: t.at("request.headers.x-request-id"), tries: t.at("tries"),
	}
	f.all = setOf(f.startedAt)
	f.latencies = setOf(f.latency, f.proxy, t.at("latencies.kong"), f.status)
	return f
}

func (*kong) about() Format {
	return Format{
		Name:        "kong",
		Description: "Kong http-log, kafka-log, tcp-log and file-log records",
		Example: `{"request":{"id":"9f1c0a","uri":"/3/movie/550","method":"GET","size":98,"querystring":{},"headers":{"user-agent":"curl/8.10.1","host":"api.example.com"}},` +
			`"response":{"status":504,"size":312,"headers":{}},"latencies":{"request":60012,"kong":8,"proxy":60004,"receive":0},"service":{"name":"movies"},` +
			`"route":{"name":"movie-by-id"},"consumer":{"username":"acme"},"client_ip":"203.0.113.7","started_at":1772366400250,"source":"kong","upstream_status":"504"}`,
	}
}

func (f *kong) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.all) && seen.containsAny(&f.latencies)
}

func (f *kong) decode(d *Decoder) {
	r := d.r
	d.time(f.startedAt)
	r.Service = d.first(f.service, f.serviceHost)
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.uri, f.url)
	d.draft.route = d.str(f.route)
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.latency, unitMillis)
	r.UpstreamLatencyMicros = d.micros(f.proxy, unitMillis)
	r.Bytes = parseSize(d.str(f.size))
	r.ClientIP = parseAddress(d.str(f.clientIP))
	r.RequestID = d.first(f.requestID, f.headerRequestID)
	r.UserAgent = d.str(f.agent)
	r.UpstreamStatus = d.status(f.upstreamStatus)
	d.draft.keyName = d.first(f.username, f.customID)
	d.draft.id = d.first(f.entity, f.username, f.customID, f.consumer)
	d.keyFrom()
	d.bodyAt(f.body)
	if d.kind(f.tries) == kindArray {
		v := &d.scan.vals[f.tries]
		r.Attempt = uint16(min(elements(d.buf[v.start:v.end]), math.MaxUint16))
	}
	f.reason(d)
}

// reason reads who answered: source is "upstream", or "kong" for an answer
// of Kong's own.
func (f *kong) reason(d *Decoder) {
	r := d.r
	if r.Status < 400 {
		return
	}
	switch string(d.str(f.source)) {
	case "upstream", "service":
		r.Blame = classify.BlameUpstream
	case "kong", "exit", "error":
		r.Blame = classify.BlameGateway
		d.upstreamFailure()
	default:
		d.blameByUpstream()
	}
}
