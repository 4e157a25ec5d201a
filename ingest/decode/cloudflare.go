package decode

import "statline/classify"

// cloudflare is a record of Cloudflare Logpush, dataset http_requests. The
// timestamps are RFC 3339, or numbers of seconds or nanoseconds.
type cloudflare struct {
	Start        node `at:"EdgeStartTimestamp"`
	End          node `at:"EdgeEndTimestamp"`
	Method       node `at:"ClientRequestMethod"`
	URI          node `at:"ClientRequestURI"`
	Path         node `at:"ClientRequestPath"`
	Host         node `at:"ClientRequestHost"`
	Status       node `at:"EdgeResponseStatus"`
	FirstByte    node `at:"EdgeTimeToFirstByteMs"`
	OriginMs     node `at:"OriginResponseDurationMs"`
	OriginNs     node `at:"OriginResponseTime"`
	Bytes        node `at:"EdgeResponseBytes"`
	ClientIP     node `at:"ClientIP"`
	OriginStatus node `at:"OriginResponseStatus"`
	Agent        node `at:"ClientRequestUserAgent"`
	Ray          node `at:"RayID"`
	Action       node `at:"SecurityAction"`
	Waf          node `at:"WAFAction"`
	Zone         node `at:"ZoneName"`

	claim
}

func newCloudflare(t *tree) jsonFormat {
	t.headers("RequestHeaders")
	f := &cloudflare{}
	t.fill(f)
	f.claim = claim{setOf(f.Status, f.Start)}
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

func (f *cloudflare) decode(d *Decoder) {
	r := d.r
	if !d.time(f.Start) {
		d.time(f.End)
	}
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.URI, f.Path)
	r.Service = hostOnly(d.first(f.Host, f.Zone))
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.FirstByte, unitMillis)
	if r.UpstreamStatus = d.status(f.OriginStatus); r.UpstreamStatus > 0 || !d.has(f.OriginStatus) {
		if r.UpstreamLatencyMicros = d.micros(f.OriginMs, unitMillis); r.UpstreamLatencyMicros < 0 {
			r.UpstreamLatencyMicros = d.micros(f.OriginNs, unitNanos)
		}
	}
	r.Bytes = parseSize(d.str(f.Bytes))
	r.ClientIP = parseAddress(d.str(f.ClientIP))
	r.UserAgent = d.str(f.Agent)
	r.RequestID = d.str(f.Ray)
	d.keyFrom()
	cloudflareReason(r, d.first(f.Action, f.Waf))
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
