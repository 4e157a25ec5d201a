package decode

// pino is the line of pino-http, Fastify's and others' request logger: time in
// milliseconds since the epoch, responseTime in milliseconds beside req and
// res, which are pino-http's.
type pino struct {
	time, method, url, host, forwarded, remote, status, responseTime node
	requestID, agent, length, errorMessage                           node
	responses, requests                                              nodeSet
}

func newPino(t *tree) jsonFormat {
	t.headers("req.headers")
	f := &pino{
		time: t.at("time"), method: t.at("req.method"), url: t.at("req.url"), host: t.at("req.headers.host"),
		forwarded: t.at("req.headers.x-forwarded-for"), remote: t.at("req.remoteAddress"),
		status: t.at("res.statusCode"), responseTime: t.at("responseTime"), requestID: t.at("req.id"),
		agent: t.at("req.headers.user-agent"), length: t.at("res.headers.content-length"),
		errorMessage: t.at("err.message"),
	}
	f.responses = setOf(f.status, f.responseTime)
	f.requests = setOf(f.method, f.url)
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

// claims a record with res.statusCode and responseTime beside a req.
func (f *pino) claims(seen *nodeSet) bool {
	return seen.containsAll(&f.responses) && seen.containsAny(&f.requests)
}

func (f *pino) decode(d *Decoder) {
	r := d.r
	d.time(f.time)
	r.Service = hostOnly(d.str(f.host))
	r.Method = d.str(f.method)
	d.draft.target = d.str(f.url)
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.responseTime, unitMillis)
	r.Bytes = parseSize(d.str(f.length))
	if r.ClientIP = parseAddress(listFirst(d.str(f.forwarded))); r.ClientIP == [16]byte{} {
		r.ClientIP = parseAddress(d.str(f.remote))
	}
	r.RequestID = d.str(f.requestID)
	r.UserAgent = d.str(f.agent)
	r.Message = d.str(f.errorMessage)
	d.keyFrom()
}
