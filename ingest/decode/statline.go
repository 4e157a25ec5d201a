package decode

import "statline/classify"

// statline is the project's own line: one flat JSON object. The names of the
// catalogue's envelope (status_code, status_message) are understood: with
// status beside it, status_code is the API's code; without, a number from 100
// to 599 is the HTTP status.
type statline struct {
	TS              node `at:"ts"`
	Service         node `at:"service"`
	Method          node `at:"method"`
	Path            node `at:"path"`
	Route           node `at:"route"`
	Status          node `at:"status"`
	Code            node `at:"code"`
	Message         node `at:"message"`
	StatusCode      node `at:"status_code"`
	StatusMessage   node `at:"status_message"`
	APIKey          node `at:"api_key"`
	KeyID           node `at:"key_id"`
	ClientIP        node `at:"client_ip"`
	Latency         node `at:"latency_ms"`
	UpstreamStatus  node `at:"upstream_status"`
	UpstreamLatency node `at:"upstream_latency_ms"`
	Bytes           node `at:"bytes"`
	RequestID       node `at:"request_id"`
	UserAgent       node `at:"user_agent"`
	Body            node `at:"body"`
	ResponseBody    node `at:"response_body"`
	RespBody        node `at:"resp_body"`
	Timestamp       node `at:"timestamp"`
	Time            node `at:"time"`
	Response        node `at:"response"`
	Reply           node `at:"reply"`
	Attempt         node `at:"attempt"`

	nodes, bodies, rare nodeSet
	times, results      nodeSet // the names of a time, and of what came of a request
	other               spellings
}

func newStatline(t *tree) *statline {
	f := &statline{}
	t.fill(f)
	f.nodes = setOf(f.TS, f.Status, f.Code, f.StatusCode, f.StatusMessage, f.Latency, f.APIKey, f.KeyID,
		f.ClientIP, f.Path, f.Service, f.Route, f.ResponseBody)
	f.bodies = setOf(f.Body, f.ResponseBody, f.RespBody, f.Response, f.Reply)
	f.rare = setOf(f.StatusCode, f.StatusMessage, f.KeyID, f.UpstreamStatus, f.UpstreamLatency, f.UserAgent, f.Attempt,
		f.Body, f.ResponseBody, f.RespBody, f.Response, f.Reply)
	f.other = newSpellings(t)
	f.times = setOf(f.TS, f.Timestamp, f.Time)
	f.results = setOf(f.Status, f.Code, f.StatusCode, f.Body, f.ResponseBody, f.RespBody, f.Response, f.Reply)
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
	d.keyFrom(f.APIKey) // first: see setKey
	if !d.time(f.TS) && !d.time(f.Timestamp) {
		d.time(f.Time)
	}
	r.Service = d.str(f.Service)
	r.Method = d.str(f.Method)
	d.draft.route = d.str(f.Route)
	d.setStatus(d.str(f.Status))
	if d.has(f.Code) {
		d.codeAt(f.Code)
	}
	r.Message = d.str(f.Message)
	if ip := d.str(f.ClientIP); len(ip) > 0 {
		r.ClientIP = parseAddress(ip)
	}
	r.LatencyMicros = d.micros(f.Latency, unitMillis)
	if b := d.str(f.Bytes); len(b) > 0 {
		r.Bytes = parseSize(b)
	}
	r.RequestID = d.str(f.RequestID)
	d.draft.target = d.str(f.Path)
	if d.scan.seen.containsAny(&f.rare) {
		f.decodeRare(d)
	}
}

// decodeRare reads what most lines do not have.
func (f *statline) decodeRare(d *Decoder) {
	r := d.r
	f.decodeStatusCode(d)
	if len(r.Message) == 0 {
		r.Message = d.str(f.StatusMessage)
	}
	d.draft.id = d.str(f.KeyID)
	if d.has(f.UpstreamStatus) {
		r.UpstreamStatus = d.status(f.UpstreamStatus)
	}
	if d.has(f.UpstreamLatency) {
		r.UpstreamLatencyMicros = microsList(d.str(f.UpstreamLatency), unitMillis)
	}
	r.UserAgent = d.str(f.UserAgent)
	if d.has(f.Attempt) {
		d.attempt(attemptCount, d.str(f.Attempt))
	}
	if d.scan.seen.containsAny(&f.other.all) {
		f.other.decode(d)
	}
	if d.scan.seen.containsAny(&f.bodies) {
		for _, n := range [...]node{f.Body, f.ResponseBody, f.RespBody, f.Response, f.Reply} {
			d.bodyAt(n)
		}
	}
}

// decodeStatusCode reads status_code. Beside a status it is the API's code, in the
// catalogue's envelope if status_message is there too. Alone, a number from 100 to 599
// is the HTTP status.
func (f *statline) decodeStatusCode(d *Decoder) {
	if !d.has(f.StatusCode) {
		return
	}
	n, ok := parseInt(d.str(f.StatusCode))
	if ok && d.r.Status < 0 && n >= 100 && n <= 599 {
		d.r.Status = int16(n)
		return
	}
	if d.r.Code == 0 {
		d.codeAt(f.StatusCode)
		if d.has(f.StatusMessage) {
			d.r.CodeFrom = classify.CodeEnvelope
		}
	}
}
