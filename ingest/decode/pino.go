package decode

// pino is the line of pino-http, Fastify's and others' request logger: time in
// milliseconds since the epoch, responseTime in milliseconds beside req and
// res, which are pino-http's.
type pino struct {
	Time         node `at:"time"`
	Method       node `at:"req.method"`
	URL          node `at:"req.url"`
	Host         node `at:"req.headers.host"`
	Forwarded    node `at:"req.headers.x-forwarded-for"`
	Remote       node `at:"req.remoteAddress"`
	Status       node `at:"res.statusCode"`
	ResponseTime node `at:"responseTime"`
	RequestID    node `at:"req.id"`
	Agent        node `at:"req.headers.user-agent"`
	Length       node `at:"res.headers.content-length"`
	ErrorMessage node `at:"err.message"`

	claim
}

func newPino(t *tree) jsonFormat {
	t.headers("req.headers")
	f := &pino{}
	t.fill(f)
	f.claim = claim{setOf(f.Status), setOf(f.ResponseTime), setOf(f.Method, f.URL)}
	return f
}

func (*pino) about() Format {
	return Format{
		Name:        "pino-http",
		Description: "pino-http request log (Express, Fastify)",
		Example: `{"level":30,"time":1772366400250,"pid":7,"hostname":"web-1","req":{"id":1,"method":"GET","url":"/3/movie/550","headers":{"host":"api.example.com","user-agent":"curl/8.10.1"},` +
			`"remoteAddress":"203.0.113.7","remotePort":40000},"res":{"statusCode":200,"headers":{"content-length":"5120"}},"responseTime":12,"msg":"request completed"}`,
	}
}

func (f *pino) decode(d *Decoder) {
	r := d.r
	d.time(f.Time)
	r.Service = hostOnly(d.str(f.Host))
	r.Method = d.str(f.Method)
	d.draft.target = d.str(f.URL)
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.ResponseTime, unitMillis)
	r.Bytes = parseSize(d.str(f.Length))
	if r.ClientIP = parseAddress(listFirst(d.str(f.Forwarded))); r.ClientIP == [16]byte{} {
		r.ClientIP = parseAddress(d.str(f.Remote))
	}
	r.RequestID = d.str(f.RequestID)
	r.UserAgent = d.str(f.Agent)
	r.Message = d.str(f.ErrorMessage)
	d.keyFrom()
}
