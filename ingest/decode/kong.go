package decode

import (
	"math"

	"statline/classify"
)

// kong is the record of Kong's http-log, kafka-log, tcp-log and file-log
// plugins. Times are milliseconds, -1 when there was no upstream.
type kong struct {
	StartedAt       node `at:"started_at"`
	Service         node `at:"service.name"`
	ServiceHost     node `at:"service.host"`
	Method          node `at:"request.method"`
	URI             node `at:"request.uri"`
	URL             node `at:"request.url"`
	Route           node `at:"route.name"`
	Status          node `at:"response.status"`
	Latency         node `at:"latencies.request"`
	Proxy           node `at:"latencies.proxy"`
	Size            node `at:"response.size"`
	ClientIP        node `at:"client_ip"`
	Entity          node `at:"authenticated_entity.id"`
	Username        node `at:"consumer.username"`
	CustomID        node `at:"consumer.custom_id"`
	Consumer        node `at:"consumer.id"`
	UpstreamStatus  node `at:"upstream_status"`
	Source          node `at:"source"`
	Body            node `at:"response.body"`
	RequestID       node `at:"request.id"`
	Agent           node `at:"request.headers.user-agent"`
	HeaderRequestID node `at:"request.headers.x-request-id"`
	Tries           node `at:"tries"`

	claim
}

func newKong(t *tree) jsonFormat {
	t.headers("request.headers")
	t.query("request.querystring")
	f := &kong{}
	t.fill(f)
	f.claim = claim{setOf(f.StartedAt), setOf(f.Latency, f.Proxy, t.at("latencies.kong"), f.Status)}
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

func (f *kong) decode(d *Decoder) {
	r := d.r
	d.time(f.StartedAt)
	r.Service = d.first(f.Service, f.ServiceHost)
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.URI, f.URL)
	d.draft.route = d.str(f.Route)
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.Latency, unitMillis)
	r.UpstreamLatencyMicros = d.micros(f.Proxy, unitMillis)
	r.Bytes = parseSize(d.str(f.Size))
	r.ClientIP = parseAddress(d.str(f.ClientIP))
	r.RequestID = d.first(f.RequestID, f.HeaderRequestID)
	r.UserAgent = d.str(f.Agent)
	r.UpstreamStatus = d.status(f.UpstreamStatus)
	d.draft.keyName = d.first(f.Username, f.CustomID)
	d.draft.id = d.first(f.Entity, f.Username, f.CustomID, f.Consumer)
	d.keyFrom()
	d.bodyAt(f.Body)
	if d.kind(f.Tries) == kindArray {
		v := &d.scan.vals[f.Tries]
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
	switch string(d.str(f.Source)) {
	case "upstream", "service":
		r.Blame = classify.BlameUpstream
	case "kong", "exit", "error":
		r.Blame = classify.BlameGateway
		d.upstreamFailure()
	default:
		d.blameByUpstream()
	}
}
