package decode

// caddy is Caddy's JSON access log. Times are seconds, ts since the epoch;
// headers are arrays.
type caddy struct {
	TS         node `at:"ts"`
	Method     node `at:"request.method"`
	Host       node `at:"request.host"`
	URI        node `at:"request.uri"`
	ClientIP   node `at:"request.client_ip"`
	RemoteIP   node `at:"request.remote_ip"`
	UserID     node `at:"user_id"`
	Status     node `at:"status"`
	Duration   node `at:"duration"`
	Size       node `at:"size"`
	Agent      node `at:"request.headers.User-Agent"`
	RequestID  node `at:"request.headers.X-Request-Id"`
	UUID       node `at:"uuid"`
	RemoteAddr node `at:"request.remote_addr"`
	Logger     node `at:"logger"`
	Msg        node `at:"msg"`

	claim
}

func newCaddy(t *tree) jsonFormat {
	t.headers("request.headers")
	f := &caddy{}
	t.fill(f)
	f.claim = claim{setOf(f.TS), setOf(f.URI), setOf(f.Status, f.Duration, f.Size)}
	return f
}

func (*caddy) about() Format {
	return Format{
		Name:        "caddy",
		Description: "Caddy JSON access log",
		Example: `{"level":"info","ts":1772366400.25,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"40000","client_ip":"203.0.113.7",` +
			`"proto":"HTTP/2.0","method":"GET","host":"api.example.com","uri":"/3/movie/550","headers":{"User-Agent":["curl/8.10.1"]}},"bytes_read":0,"user_id":"","duration":0.0105,"size":5120,"status":200,"resp_headers":{"Server":["Caddy"]}}`,
	}
}

func (f *caddy) decode(d *Decoder) {
	r := d.r
	d.time(f.TS)
	r.Service = hostOnly(d.str(f.Host))
	r.Method = d.str(f.Method)
	d.draft.target = d.str(f.URI)
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.Duration, unitSeconds)
	r.Bytes = parseSize(d.str(f.Size))
	r.ClientIP = parseAddress(d.first(f.ClientIP, f.RemoteIP, f.RemoteAddr))
	r.UserAgent = d.str(f.Agent)
	r.RequestID = d.first(f.RequestID, f.UUID)
	d.user(d.str(f.UserID))
	d.keyFrom()
	f.reason(d)
}

// reason tells access lines from Caddy's other lines, which repeat the request with
// the same status: errors ("http.log.error") and debugging
// ("http.handlers.reverse_proxy"). Without a logger the message decides.
func (f *caddy) reason(d *Decoder) {
	logger, msg := d.str(f.Logger), d.str(f.Msg)
	switch {
	case hasPrefix(logger, "http.log.access"):
	case len(logger) > 0:
		d.draft.unlike = "caddy: a line of another logger than http.log.access"
	case len(msg) > 0 && string(msg) != "handled request":
		d.draft.unlike = "caddy: a line that is not \"handled request\""
	}
}
