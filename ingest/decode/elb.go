package decode

// elb is the access log of a classic AWS load balancer. Its three times are seconds,
// -1 when the backend was not reached.
type elb struct{}

func (elb) about() Format {
	return Format{
		Name:        "aws-elb",
		Description: "AWS Classic Load Balancer access log",
		Example:     `2026-03-01T12:00:00.250000Z my-loadbalancer 203.0.113.7:40000 10.0.0.5:80 0.000073 0.001048 0.000057 200 200 0 5120 "GET https://api.example.com:443/3/movie/550 HTTP/1.1" "curl/8.10.1" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2`,
	}
}

func (elb) begins(c byte) bool { return c-'0' <= 9 }

func (elb) decode(d *Decoder, b []byte) bool {
	if len(b) < 60 || b[4] != '-' || b[10] != 'T' {
		return false
	}
	var f [13][]byte
	i := 0
	for n := range f {
		if i >= len(b) {
			return false
		}
		if n == 0 {
			f[0], i = word(b, 0)
		} else {
			f[n], i = field(b, i)
		}
	}
	if addressPort(f[2]) == [16]byte{} || indexByte(f[4], 0, '.') < 0 && string(f[4]) != "-1" {
		return false
	}
	r := d.r
	d.setTime(d.clock.rfc3339(f[0]))
	r.ClientIP = addressPort(f[2])
	elbTimes(r, f[4], f[5], f[6])
	d.setStatus(f[7])
	r.UpstreamStatus = lastStatus(f[8])
	r.Bytes = parseSize(f[10])
	d.request(f[11], flagHigh)
	r.Service = urlHost(d.draft.target)
	d.agent(f[12], flagHigh)
	d.blameByUpstream()
	if r.UpstreamStatus < 0 {
		d.upstreamFailure()
	}
	return true
}
