package decode

import "slices"

// ecs is a record in the names of the Elastic Common Schema, nested or with
// dots in its names. Durations are nanoseconds.
type ecs struct {
	Time         node    `at:"@timestamp"`
	Service      [2]node `at:"service.name"`
	Host         [2]node `at:"url.domain"`
	Method       [2]node `at:"http.request.method"`
	Path         [2]node `at:"url.path"`
	Original     [2]node `at:"url.original"`
	Full         [2]node `at:"url.full"`
	Status       [2]node `at:"http.response.status_code"`
	Size         [2]node `at:"http.response.body.bytes"`
	Client       [2]node `at:"client.ip"`
	Source       [2]node `at:"source.ip"`
	Agent        [2]node `at:"user_agent.original"`
	Duration     [2]node `at:"event.duration"`
	Trace        [2]node `at:"trace.id"`
	RequestID    [2]node `at:"http.request.id"`
	User         [2]node `at:"user.name"`
	Version      [2]node `at:"ecs.version"`
	ErrorType    [2]node `at:"error.type"`
	ErrorMessage [2]node `at:"error.message"`

	claim
}

func newECS(t *tree) jsonFormat {
	f := &ecs{}
	t.fill(f)
	f.claim = claim{setOf(f.Time), setOf(f.Status[:]...),
		setOf(slices.Concat(f.Version[:], f.Method[:], f.Path[:], f.Original[:])...)}
	return f
}

func (*ecs) about() Format {
	return Format{
		Name:        "ecs",
		Description: "Elastic Common Schema JSON, nested or with dotted names",
		Example: `{"@timestamp":"2026-03-01T12:00:00.250Z","ecs.version":"8.11.0","service.name":"movies","http.request.method":"GET","url.path":"/3/movie/550","http.response.status_code":200,` +
			`"http.response.body.bytes":5120,"source.ip":"203.0.113.7","user_agent.original":"curl/8.10.1","event.duration":10500000,"trace.id":"9f1c0a"}`,
	}
}

func (f *ecs) decode(d *Decoder) {
	str := func(n [2]node) []byte { return d.first(n[:]...) }
	r := d.r
	d.time(f.Time)
	if r.Service = str(f.Service); len(r.Service) == 0 {
		r.Service = hostOnly(str(f.Host))
	}
	r.Method = str(f.Method)
	for _, n := range [...][2]node{f.Original, f.Full, f.Path} {
		if len(d.draft.target) == 0 {
			d.draft.target = str(n)
		}
	}
	d.setStatus(str(f.Status))
	r.Bytes = parseSize(str(f.Size))
	if r.ClientIP = parseAddress(str(f.Client)); r.ClientIP == [16]byte{} {
		r.ClientIP = parseAddress(str(f.Source))
	}
	r.UserAgent = str(f.Agent)
	r.LatencyMicros = micros(str(f.Duration), unitNanos)
	if r.RequestID = str(f.RequestID); len(r.RequestID) == 0 {
		r.RequestID = str(f.Trace)
	}
	d.user(str(f.User))
	d.errorName(str(f.ErrorType))
	if r.Status >= 400 {
		r.Message = str(f.ErrorMessage)
	}
	d.keyFrom()
}
