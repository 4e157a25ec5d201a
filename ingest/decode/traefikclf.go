package decode

import "statline/classify"

// traefikCLF is Traefik's common log line: a combined line followed by the request
// count, the router, the server's URL and the duration in milliseconds. The status is
// the origin's: "-" when Traefik answered itself.
type traefikCLF struct{}

func (traefikCLF) about() Format {
	return Format{
		Name:        "traefik-clf",
		Description: "Traefik common log line",
		Example:     `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1" 42 "movies@docker" "http://10.0.0.5:8080" 12ms`,
	}
}

func (traefikCLF) begins(c byte) bool { return c > ' ' }

func (traefikCLF) decode(d *Decoder, b []byte) bool {
	if n := len(b); n < 40 || b[n-1] != 's' || b[n-2] != 'm' || b[n-3]-'0' > 9 {
		return false
	}
	var l ncsaLine
	if !l.parse(b) || len(l.rest) < 10 {
		return false
	}
	count, i := field(l.rest, 0)
	router, i := field(l.rest, i)
	server, i := field(l.rest, i)
	duration, i := field(l.rest, i)
	if _, ok := parseInt(count); !ok && !dash(count) || i != len(l.rest) || len(duration) < 3 {
		return false
	}
	l.rest, l.more = nil, true
	d.ncsa(&l)
	r := d.r
	r.LatencyMicros = micros(duration, unitMillis)
	if !dash(router) {
		r.Service = d.plain(router)
		if d.cfg.RouteFrom == "gateway" {
			d.draft.route = r.Service
		}
	}
	switch {
	case r.Status >= 400:
		r.UpstreamStatus = r.Status
		r.Blame = classify.BlameUpstream
	case r.Status >= 0:
		r.UpstreamStatus = r.Status
	case dash(router): // no router matched: Traefik's own 404, which this format does not tell
		r.Gateway, r.Blame = classify.NotFound, classify.BlameGateway
	case dash(server):
		r.Gateway, r.Blame = classify.Unknown, classify.BlameGateway
	default:
		r.Gateway, r.Blame = classify.Offline, classify.BlameUpstream
	}
	return true
}
