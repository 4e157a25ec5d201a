package decode

// nginxJSON is an nginx access log in JSON. The user chooses the names; the usual
// ones, which repeat nginx's variables, are understood. Times are seconds; upstream
// times and statuses may be lists with one element per server tried.
type nginxJSON struct {
	TimeISO         node `at:"time_iso8601"`
	AtTime          node `at:"@timestamp"`
	Msec            node `at:"msec"`
	TimeLocal       node `at:"time_local"`
	Timestamp       node `at:"timestamp"`
	TimeEpoch       node `at:"time_epoch"`
	Time            node `at:"time"`
	RequestMethod   node `at:"request_method"`
	Method          node `at:"method"`
	Request         node `at:"request"`
	RequestURI      node `at:"request_uri"`
	URI             node `at:"uri"`
	Path            node `at:"path"`
	URL             node `at:"url"`
	Args            node `at:"args"`
	QueryString     node `at:"query_string"`
	RequestQuery    node `at:"request_query"`
	Status          node `at:"status"`
	RequestTime     node `at:"request_time"`
	Duration        node `at:"duration"`
	UpstreamTime    node `at:"upstream_response_time"`
	UpstreamStatus  node `at:"upstream_status"`
	BodyBytes       node `at:"body_bytes_sent"`
	BytesSent       node `at:"bytes_sent"`
	Size            node `at:"size"`
	RemoteAddr      node `at:"remote_addr"`
	ClientIP        node `at:"client_ip"`
	RealIP          node `at:"http_x_real_ip"`
	Forwarded       node `at:"http_x_forwarded_for"`
	RemoteUser      node `at:"remote_user"`
	Agent           node `at:"http_user_agent"`
	UserAgent       node `at:"user_agent"`
	AgentShort      node `at:"agent"`
	RequestID       node `at:"request_id"`
	ReqID           node `at:"req_id"`
	HeaderRequestID node `at:"http_x_request_id"`
	ServiceName     node `at:"service_name"`
	UpstreamName    node `at:"proxy_upstream_name"`
	ServerName      node `at:"server_name"`
	Host            node `at:"host"`
	HttpHost        node `at:"http_host"`
	Vhost           node `at:"vhost"`
	RespBody        node `at:"resp_body"`
	ResponseBody    node `at:"response_body"`
	Body            node `at:"body"`

	times, requests, strong nodeSet
}

func newNginxJSON(t *tree) jsonFormat {
	f := &nginxJSON{}
	t.fill(f)
	f.times = setOf(f.TimeISO, f.AtTime, f.Msec, f.TimeLocal, f.Timestamp, f.TimeEpoch, f.Time)
	f.requests = setOf(f.Request, f.RequestURI, f.URI, f.RequestMethod)
	f.strong = setOf(f.RemoteAddr, f.BodyBytes, f.RequestTime, f.UpstreamTime, f.TimeISO, f.Msec, f.TimeLocal,
		f.Forwarded, f.Agent)
	return f
}

func (*nginxJSON) about() Format {
	return Format{
		Name:        "nginx-json",
		Description: "nginx access log in JSON, with the usual names",
		Example: `{"time_iso8601":"2026-03-01T12:00:00+00:00","remote_addr":"203.0.113.7","remote_user":"","request_method":"GET","request_uri":"/3/movie/550?language=en","status":"200","body_bytes_sent":"5120",` +
			`"request_time":"0.105","upstream_response_time":"0.104","upstream_status":"200","http_user_agent":"curl/8.10.1","request_id":"9f1c0a","server_name":"api.example.com"}`,
	}
}

// claims a record with a status and an nginx variable that no other format
// uses, or with a request and a time.
func (f *nginxJSON) claims(seen *nodeSet) bool {
	return seen.has(f.Status) && (seen.containsAny(&f.strong) || seen.containsAny(&f.requests) &&
		seen.containsAny(&f.times))
}

func (f *nginxJSON) decode(d *Decoder) {
	r := d.r
	for _, n := range [...]node{f.Msec, f.TimeISO, f.AtTime, f.TimeLocal, f.TimeEpoch, f.Timestamp, f.Time} {
		if d.time(n) {
			break
		}
	}
	if d.kind(f.Request) == kindString {
		d.request(d.str(f.Request), flagHigh)
	}
	if b := d.first(f.RequestMethod, f.Method); len(b) > 0 {
		r.Method = b
	}
	if b := d.first(f.RequestURI, f.URI, f.Path, f.URL); len(b) > 0 {
		d.draft.target = b
	}
	d.setStatus(d.str(f.Status))
	if r.LatencyMicros = d.micros(f.RequestTime, unitSeconds); r.LatencyMicros < 0 {
		r.LatencyMicros = toldMicros(d.str(f.Duration))
	}
	r.UpstreamLatencyMicros = microsList(d.str(f.UpstreamTime), unitSeconds)
	r.UpstreamStatus = d.status(f.UpstreamStatus)
	r.Bytes = parseSize(d.first(f.BodyBytes, f.BytesSent, f.Size))
	r.ClientIP = parseAddress(d.first(f.RemoteAddr, f.ClientIP, f.RealIP, f.Forwarded))
	r.UserAgent = d.first(f.Agent, f.UserAgent, f.AgentShort)
	r.RequestID = d.first(f.RequestID, f.ReqID, f.HeaderRequestID)
	r.Service = hostOnly(d.first(f.ServiceName, f.UpstreamName, f.ServerName, f.Host, f.HttpHost, f.Vhost))
	if len(r.Service) == 1 && r.Service[0] == '_' {
		r.Service = nil // nginx's catch-all server
	}
	d.user(d.str(f.RemoteUser))
	d.keyFrom()
	if q := d.first(f.Args, f.QueryString, f.RequestQuery); len(q) > 0 && len(d.draft.key) == 0 {
		d.keyInQuery(q)
	}
	if !d.scan.seen.containsAny(&f.strong) {
		d.own.other.decode(d) // another server's line with the common names
	}
	for _, n := range [...]node{f.RespBody, f.ResponseBody, f.Body} {
		if d.has(n) {
			d.bodyAt(n)
		}
	}
	if d.has(f.UpstreamStatus) || d.has(f.UpstreamTime) {
		d.nginxReason()
	}
}

// keyInQuery takes the API key from a query string that is logged separately from the
// path.
func (d *Decoder) keyInQuery(query []byte) {
	d.scratch = d.appendQuery(d.scratch, query)[:len(d.scratch)]
}
