package decode

import "statline/classify"

// statline is the project's own line: one flat JSON object. The names of the
// catalogue's envelope (status_code, status_message) are understood: with
// status beside it, status_code is the API's code; without, a number from 100
// to 599 is the HTTP status.
type statline struct {
	ts, service, method, path, route, status, code, message        node
	statusCode, statusMessage, apiKey, keyID, clientIP, latency    node
	upstreamStatus, upstreamLatency, bytes, requestID, userAgent   node
	body, responseBody, respBody, timestamp, time, response, reply node
	attempt                                                        node

	nodes, bodies, rare nodeSet
	times, results      nodeSet // the names of a time, and of what came of a request
	other               spellings
}

func newStatline(t *tree) *statline {
	f := &statline{
		ts: t.at("ts"), service: t.at("service"), method: t.at("method"), path: t.at("path"),
		route: t.at("route"), status: t.at("status"), code: t.at("code"), message: t.at("message"),
		statusCode: t.at("status_code"), statusMessage: t.at("status_message"),
		apiKey: t.at("api_key"), keyID: t.at("key_id"), clientIP: t.at("client_ip"),
		latency: t.at("latency_ms"), upstreamStatus: t.at("upstream_status"),
		upstreamLatency: t.at("upstream_latency_ms"), bytes: t.at("bytes"),
		requestID: t.at("request_id"), userAgent: t.at("user_agent"),
		body: t.at("body"), responseBody: t.at("response_body"), respBody: t.at("resp_body"),
		timestamp: t.at("timestamp"), time: t.at("time"), response: t.at("response"), reply: t.at("reply"),
		attempt: t.at("attempt"),
	}
	f.nodes = setOf(f.ts, f.status, f.code, f.statusCode, f.statusMessage, f.latency, f.apiKey, f.keyID,
		f.clientIP, f.path, f.service, f.route, f.responseBody)
	f.bodies = setOf(f.body, f.responseBody, f.respBody, f.response, f.reply)
	f.rare = setOf(f.statusCode, f.statusMessage, f.keyID, f.upstreamStatus, f.upstreamLatency, f.userAgent, f.attempt,
		f.body, f.responseBody, f.respBody, f.response, f.reply)
	f.other = newSpellings(t)
	f.times = setOf(f.ts, f.timestamp, f.time)
	f.results = setOf(f.status, f.code, f.statusCode, f.body, f.responseBody, f.respBody, f.response, f.reply)
	for i := range f.other.all {
		f.rare[i] |= f.other.all[i]
		f.nodes[i] |= f.other.enough[i]
		f.times[i] |= f.other.times[i]
		f.results[i] |= f.other.results[i]
	}
	t.headers("req.headers")
	return f
}

func (*statline) about() Format {
	return Format{
		Name:        "statline",
		Description: "statline's own JSON line",
		Example: `{"ts":"2026-03-01T12:00:00.250Z","service":"movies","method":"GET","path":"/3/movie/550","status":429,"code":25,` +
			`"message":"Your request count (41) is over the allowed limit of (40).","api_key":"0123456789abcdef0123456789abcdef","client_ip":"203.0.113.7","latency_ms":1.5,"bytes":98}`,
	}
}

// claims any object with one of the format's own names and one of a result: it comes
// last. An object without a result may be a shipper's envelope, or an application's
// line.
func (f *statline) claims(seen *nodeSet) bool {
	return seen.containsAny(&f.nodes) && seen.containsAny(&f.results)
}

func (f *statline) decode(d *Decoder) {
	r := d.r
	d.keyFrom(f.apiKey) // first: see setKey
	if !d.time(f.ts) && !d.time(f.timestamp) {
		d.time(f.time)
	}
	r.Service = d.str(f.service)
	r.Method = d.str(f.method)
	d.draft.route = d.str(f.route)
	d.setStatus(d.str(f.status))
	if d.has(f.code) {
		d.codeAt(f.code)
	}
	r.Message = d.str(f.message)
	if ip := d.str(f.clientIP); len(ip) > 0 {
		r.ClientIP = parseAddress(ip)
	}
	r.LatencyMicros = d.micros(f.latency, unitMillis)
	if b := d.str(f.bytes); len(b) > 0 {
		r.Bytes = parseSize(b)
	}
	r.RequestID = d.str(f.requestID)
	d.draft.target = d.str(f.path)
	if d.scan.seen.containsAny(&f.rare) {
		f.decodeRare(d)
	}
}

// decodeRare reads what most lines do not have.
func (f *statline) decodeRare(d *Decoder) {
	r := d.r
	f.decodeStatusCode(d)
	if len(r.Message) == 0 {
		r.Message = d.str(f.statusMessage)
	}
	d.draft.id = d.str(f.keyID)
	if d.has(f.upstreamStatus) {
		r.UpstreamStatus = d.status(f.upstreamStatus)
	}
	if d.has(f.upstreamLatency) {
		r.UpstreamLatencyMicros = microsList(d.str(f.upstreamLatency), unitMillis)
	}
	r.UserAgent = d.str(f.userAgent)
	if d.has(f.attempt) {
		d.attempt(attemptCount, d.str(f.attempt))
	}
	if d.scan.seen.containsAny(&f.other.all) {
		f.other.decode(d)
	}
	if d.scan.seen.containsAny(&f.bodies) {
		for _, n := range [...]node{f.body, f.responseBody, f.respBody, f.response, f.reply} {
			d.bodyAt(n)
		}
	}
}

// decodeStatusCode reads status_code. Beside a status it is the API's code, in the
// catalogue's envelope if status_message is there too. Alone, a number from 100 to 599
// is the HTTP status.
func (f *statline) decodeStatusCode(d *Decoder) {
	if !d.has(f.statusCode) {
		return
	}
	n, ok := parseInt(d.str(f.statusCode))
	if ok && d.r.Status < 0 && n >= 100 && n <= 599 {
		d.r.Status = int16(n)
		return
	}
	if d.r.Code == 0 {
		d.codeAt(f.statusCode)
		if d.has(f.statusMessage) {
			d.r.CodeFrom = classify.CodeEnvelope
		}
	}
}
