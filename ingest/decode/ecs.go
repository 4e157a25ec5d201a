package decode

// ecs is a record in the names of the Elastic Common Schema, nested or with
// dots in its names. Durations are nanoseconds.
type ecs struct {
	time, service, host, method, path, original, full, query, status, size [2]node
	client, source, agent, duration, trace, requestID, user                [2]node
	errorType, errorMessage, version                                       [2]node
	results, requests                                                      nodeSet
}

func newECS(t *tree) jsonFormat {
	at := func(path string) [2]node {
		return [2]node{t.at(path), t.at(flatName(path))}
	}
	f := &ecs{
		time: [2]node{t.at("@timestamp"), t.at("@timestamp")}, service: at("service.name"), host: at("url.domain"),
		method: at("http.request.method"), path: at("url.path"), original: at("url.original"), full: at("url.full"),
		query: at("url.query"), status: at("http.response.status_code"), size: at("http.response.body.bytes"),
		client: at("client.ip"), source: at("source.ip"), agent: at("user_agent.original"),
		duration: at("event.duration"),
		trace:    at("trace.id"), requestID: at("http.request.id"), user: at("user.name"), version: at("ecs.version"),
		errorType: at("error.type"), errorMessage: at("error.message"),
	}
	f.results = setOf(f.status[0], f.status[1])
	f.requests = setOf(f.version[0], f.version[1], f.method[0], f.method[1], f.path[0], f.path[1], f.original[0],
		f.original[1])
	return f
}

// flatName is path as one name with dots in it.
func flatName(path string) string {
	var b []byte
	for _, c := range []byte(path) {
		if c == '.' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

func (*ecs) about() Format {
	return Format{
		Name:        "ecs",
		Description: "Elastic Common Schema JSON, nested or with dotted names",
		Example: `{"@timestamp":"2026-03-01T12:00:00.250Z","ecs.version":"8.11.0","service.name":"movies","http.request.method":"GET","url.path":"/3/movie/550","http.response.status_code":200,` +
			`"http.response.body.bytes":5120,"source.ip":"203.0.113.7","user_agent.original":"curl/8.10.1","event.duration":10500000,"trace.id":"9f1c0a"}`,
	}
}

// claims a record with ECS's status and its time, and a request.
func (f *ecs) claims(seen *nodeSet) bool {
	return seen.has(f.time[0]) && seen.containsAny(&f.results) && seen.containsAny(&f.requests)
}

func (f *ecs) decode(d *Decoder) {
	str := func(n [2]node) []byte { return d.first(n[:]...) }
	r := d.r
	d.time(f.time[0])
	if r.Service = str(f.service); len(r.Service) == 0 {
		r.Service = hostOnly(str(f.host))
	}
	r.Method = str(f.method)
	for _, n := range [...][2]node{f.original, f.full, f.path} {
		if len(d.draft.target) == 0 {
			d.draft.target = str(n)
		}
	}
	d.setStatus(str(f.status))
	r.Bytes = parseSize(str(f.size))
	if r.ClientIP = parseAddress(str(f.client)); r.ClientIP == [16]byte{} {
		r.ClientIP = parseAddress(str(f.source))
	}
	r.UserAgent = str(f.agent)
	r.LatencyMicros = micros(str(f.duration), unitNanos)
	if r.RequestID = str(f.requestID); len(r.RequestID) == 0 {
		r.RequestID = str(f.trace)
	}
	d.user(str(f.user))
	d.errorName(str(f.errorType))
	if r.Status >= 400 {
		r.Message = str(f.errorMessage)
	}
	d.keyFrom()
}
