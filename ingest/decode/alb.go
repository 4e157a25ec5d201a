package decode

import "statline/classify"

// alb is the access log of an AWS Application Load Balancer. Its three times
// are seconds, -1 when the target was not reached; the time is that of the
// response.
type alb struct{}

func (alb) about() Format {
	return Format{
		Name:        "aws-alb",
		Description: "AWS Application Load Balancer access log",
		Example: `https 2026-03-01T12:00:00.250000Z app/public/50dc6c495c0c9188 203.0.113.7:40000 10.0.0.5:80 0.001 0.048 0.000 200 200 98 5120 "GET https://api.example.com:443/3/movie/550 HTTP/1.1" "curl/8.10.1" ` +
			`ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/movies/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "api.example.com" "-" 0 2026-03-01T12:00:00.201000Z "forward" "-" "-" "10.0.0.5:80" "200" "-" "-"`,
	}
}

func (alb) begins(c byte) bool { return c == 'h' || c == 'g' || c == 'w' }

func (alb) decode(d *Decoder, b []byte) bool {
	kind, i := word(b, 0)
	switch string(kind) {
	case "http", "https", "h2", "grpcs", "ws", "wss":
	default:
		return false
	}
	// Fields are numbered as in the documentation, from 0 on.
	var f [26][]byte
	n := 1
	for ; n < len(f) && i < len(b); n++ {
		f[n], i = field(b, i)
	}
	if n < 13 || len(f[1]) < 20 {
		return false
	}
	r := d.r
	d.setTime(d.clock.rfc3339(f[1]))
	r.ClientIP = addressPort(f[3])
	elbTimes(r, f[5], f[6], f[7])
	d.setStatus(f[8])
	r.UpstreamStatus = lastStatus(f[9])
	r.Bytes = parseSize(f[11])
	d.request(f[12], flagHigh)
	if host := urlHost(d.draft.target); len(host) > 0 {
		r.Service = host
	} else if !dash(f[18]) {
		r.Service = f[18]
	}
	d.agent(f[13], flagHigh)
	if !dash(f[17]) {
		r.RequestID = f[17]
	}
	albReason(r, f[22], f[24])
	return true
}

// albReason reads who failed: the target's status is "-" when the load
// balancer answered itself. Source: AWS, access logs and troubleshooting of
// Application Load Balancers (status 460 to 464, 561, error_reason).
func albReason(r *classify.Response, actions, reason []byte) {
	if r.Status < 400 {
		return
	}
	if r.UpstreamStatus >= 400 {
		r.Blame = classify.BlameUpstream
		return
	}
	r.Blame = classify.BlameGateway
	switch r.Status {
	case 460:
		r.Gateway, r.Blame = classify.ClientClosed, classify.BlameClient
	case 463, 464:
		r.Gateway, r.Blame = classify.InvalidRequest, classify.BlameClient
	case 561:
		r.Gateway = classify.AuthFailed
	case 502:
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
	case 503:
		r.Gateway, r.Blame = classify.Offline, classify.BlameUpstream
	case 504:
		r.Gateway, r.Blame = classify.Timeout, classify.BlameUpstream
	case 403:
		if contains(actions, "waf") {
			r.Gateway = classify.AccessDenied
		}
	}
	switch {
	case hasPrefix(reason, "Auth") || hasPrefix(reason, "JWT"):
		r.Gateway, r.Blame = classify.AuthFailed, classify.BlameGateway
	case hasPrefix(reason, "Lambda"):
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
	case hasPrefix(reason, "WAF"):
		r.Gateway, r.Blame = classify.AccessDenied, classify.BlameGateway
	}
}
