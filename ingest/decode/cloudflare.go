package decode

import "statline/classify"

// cloudflare is a record of Cloudflare Logpush, dataset http_requests. The
// timestamps are RFC 3339, or numbers of seconds or nanoseconds.
type cloudflare struct {
	start, end, method, uri, path, host, status, firstByte, originMs, originNs node
	bytes, clientIP, originStatus, agent, ray, action, waf, zone               node
	any                                                                        nodeSet
}

func newCloudflare(t *tree) jsonFormat {
	t.headers("RequestHeaders")
	f := &cloudflare{
		start: t.at("EdgeStartTimestamp"), end: t.at("EdgeEndTimestamp"), method: t.at("ClientRequestMethod"),
		uri: t.at("ClientRequestURI"), path: t.at("ClientRequestPath"), host: t.at("ClientRequestHost"),
		status: t.at("EdgeResponseStatus"), firstByte: t.at("EdgeTimeToFirstByteMs"),
		originMs: t.at("OriginResponseDurationMs"), originNs: t.at("OriginResponseTime"),
		bytes:    t.at("EdgeResponseBytes"),
		clientIP: t.at("ClientIP"), originStatus: t.at("OriginResponseStatus"), agent: t.at("ClientRequestUserAgent"),
		ray: t.at("RayID"), action: t.at("SecurityAction"), waf: t.at("WAFAction"), zone: t.at("ZoneName"),
	}
	f.any = setOf(f.status, f.start)
	return f
}

func (*cloudflare) about() Format {
	return Format{
		Name:        "cloudflare",
		Description: "Cloudflare Logpush, dataset http_requests",
		Example: `{"ClientIP":"203.0.113.7","ClientRequestHost":"api.example.com","ClientRequestMethod":"GET","ClientRequestURI":"/3/movie/550","ClientRequestUserAgent":"curl/8.10.1","EdgeEndTimestamp":"2026-03-01T12:00:01Z",` +
			`"EdgeResponseBytes":5120,"EdgeResponseStatus":522,"EdgeStartTimestamp":"2026-03-01T12:00:00Z","EdgeTimeToFirstByteMs":533,"OriginResponseDurationMs":519,"OriginResponseStatus":0,"RayID":"71b2c3d4e5f60718","SecurityAction":""}`,
	}
}

func (f *cloudflare) claims(seen *nodeSet) bool { return seen.containsAny(&f.any) }

func (f *cloudflare) decode(d *Decoder) {
	r := d.r
	if !d.time(f.start) {
		d.time(f.end)
	}
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.uri, f.path)
	r.Service = hostOnly(d.first(f.host, f.zone))
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.firstByte, unitMillis)
	if r.UpstreamStatus = d.status(f.originStatus); r.UpstreamStatus > 0 || !d.has(f.originStatus) {
		if r.UpstreamLatencyMicros = d.micros(f.originMs, unitMillis); r.UpstreamLatencyMicros < 0 {
			r.UpstreamLatencyMicros = d.micros(f.originNs, unitNanos)
		}
	}
	r.Bytes = parseSize(d.str(f.bytes))
	r.ClientIP = parseAddress(d.str(f.clientIP))
	r.UserAgent = d.str(f.agent)
	r.RequestID = d.str(f.ray)
	d.keyFrom()
	cloudflareReason(r, d.first(f.action, f.waf))
}

// cloudflareReason reads the statuses that Cloudflare makes for an origin it
// cannot reach, and its own refusals. Source: Cloudflare, 5xx errors.
func cloudflareReason(r *classify.Response, action []byte) {
	if r.Status >= 400 && r.UpstreamStatus < 400 {
		switch string(action) {
		case "block", "drop", "managed_challenge", "managedChallenge", "challenge", "jschallenge", "connection_close",
			"connectionClose":
			r.Gateway, r.Blame = classify.AccessDenied, classify.BlameGateway
			if r.Status == 429 {
				r.Gateway = classify.RateLimited
			}
			return
		}
	}
	switch r.Status {
	case 520:
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
	case 521, 523, 525, 526:
		r.Gateway, r.Blame = classify.Offline, classify.BlameUpstream
	case 522, 524:
		r.Gateway, r.Blame = classify.Timeout, classify.BlameUpstream
	case 499:
		r.Gateway, r.Blame = classify.ClientClosed, classify.BlameClient
	default:
		switch {
		case r.Status < 400:
		case r.UpstreamStatus >= 400:
			r.Blame = classify.BlameUpstream
		default:
			r.Blame = classify.BlameGateway
		}
	}
}
