package decode

import "statline/classify"

// traefikJSON is Traefik's JSON access log. Times are nanoseconds; the origin's answer
// and the client's may differ.
type traefikJSON struct {
	StartUTC       node `at:"StartUTC"`
	StartLocal     node `at:"StartLocal"`
	Time           node `at:"time"`
	Method         node `at:"RequestMethod"`
	Path           node `at:"RequestPath"`
	Router         node `at:"RouterName"`
	Downstream     node `at:"DownstreamStatus"`
	Origin         node `at:"OriginStatus"`
	Duration       node `at:"Duration"`
	OriginDuration node `at:"OriginDuration"`
	Size           node `at:"DownstreamContentSize"`
	ClientHost     node `at:"ClientHost"`
	ClientAddr     node `at:"ClientAddr"`
	Username       node `at:"ClientUsername"`
	Service        node `at:"ServiceName"`
	Host           node `at:"RequestHost"`
	Agent          node `at:"request_User-Agent"`
	RequestID      node `at:"request_X-Request-Id"`
	Overhead       node `at:"Overhead"`
	Backend        node `at:"BackendName"`

	claim
}

func newTraefikJSON(t *tree) jsonFormat {
	f := &traefikJSON{}
	t.fill(f)
	f.claim = claim{setOf(f.Downstream, f.Origin),
		setOf(f.Method, f.Path, f.Router, f.StartUTC, f.Duration, f.Overhead)}
	return f
}

func (*traefikJSON) about() Format {
	return Format{
		Name:        "traefik-json",
		Description: "Traefik JSON access log, v1 to v3",
		Example: `{"ClientHost":"203.0.113.7","ClientUsername":"-","DownstreamContentSize":356,"DownstreamStatus":404,"Duration":215563,"OriginDuration":204708,"OriginStatus":404,"Overhead":10855,` +
			`"RequestHost":"api.example.com","RequestMethod":"GET","RequestPath":"/3/movie/550","RouterName":"movies@docker","ServiceName":"movies@docker","StartUTC":"2026-03-01T12:00:00.250Z","time":"2026-03-01T12:00:00Z"}`,
	}
}

func (f *traefikJSON) decode(d *Decoder) {
	r := d.r
	if !d.time(f.StartUTC) && !d.time(f.StartLocal) {
		d.time(f.Time)
	}
	if r.Service = d.first(f.Service, f.Backend); len(r.Service) == 0 {
		r.Service = hostOnly(d.str(f.Host))
	}
	r.Method = d.str(f.Method)
	d.draft.target = d.str(f.Path)
	if d.cfg.RouteFrom == "gateway" {
		d.draft.route = d.str(f.Router)
	}
	r.UpstreamStatus = d.status(f.Origin)
	if d.has(f.Downstream) {
		d.setStatus(d.str(f.Downstream))
	} else {
		r.Status = r.UpstreamStatus
	}
	r.LatencyMicros = d.micros(f.Duration, unitNanos)
	r.UpstreamLatencyMicros = d.micros(f.OriginDuration, unitNanos)
	if r.UpstreamLatencyMicros == 0 && r.UpstreamStatus < 0 {
		r.UpstreamLatencyMicros = -1
	}
	r.Bytes = parseSize(d.str(f.Size))
	r.ClientIP = parseAddress(d.first(f.ClientHost, f.ClientAddr))
	r.UserAgent = d.str(f.Agent)
	r.RequestID = d.str(f.RequestID)
	d.user(d.str(f.Username))
	d.keyFrom()
	f.reason(d)
}

// reason compares the client's answer with the origin's.
func (f *traefikJSON) reason(d *Decoder) {
	r := d.r
	d.blameByUpstream()
	if r.Status >= 499 && r.UpstreamStatus != r.Status {
		d.upstreamFailure()
	} else if r.Status == 404 && r.UpstreamStatus < 0 && len(d.str(f.Router)) == 0 {
		r.Gateway = classify.NotFound
	}
}
