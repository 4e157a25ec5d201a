package decode

import "statline/classify"

// upstreamFailure reads an answer that the gateway gave because its upstream did not
// answer: 502, 503 and 504 are blamed on the upstream, 499 on the client.
func (d *Decoder) upstreamFailure() {
	r := d.r
	switch r.Status {
	case 502:
		r.Blame = classify.BlameUpstream
		if r.UpstreamStatus < 0 {
			r.Gateway = classify.Offline
		} else {
			r.Gateway = classify.ServerError
		}
	case 503:
		r.Blame, r.Gateway = classify.BlameUpstream, classify.Offline
	case 504:
		r.Blame, r.Gateway = classify.BlameUpstream, classify.Timeout
	case 499:
		r.Blame, r.Gateway = classify.BlameClient, classify.ClientClosed
	}
}

// blameByUpstream blames a failure on the upstream if that answered with the failure
// itself, otherwise on the gateway.
func (d *Decoder) blameByUpstream() {
	r := d.r
	switch {
	case r.Status < 400:
	case r.Status == 499:
		r.Blame = classify.BlameClient
	case r.UpstreamStatus >= 400:
		r.Blame = classify.BlameUpstream
	default:
		r.Blame = classify.BlameGateway
	}
}

// blameByTold blames a server-side failure of a format without a reason of its own, by
// what the line says about its upstream. A line that says nothing blames nobody.
func (d *Decoder) blameByTold() {
	switch r := d.r; {
	case r.UpstreamStatus >= 0:
		d.blameByUpstream()
	case r.Status >= 502 && r.Status <= 504 && r.UpstreamLatencyMicros >= 0:
		r.Blame = classify.BlameUpstream // it was asked and did not answer
	}
}

// nginxReason compares nginx's status with the last upstream's.
func (d *Decoder) nginxReason() {
	r := d.r
	d.blameByUpstream()
	if r.Status >= 499 && r.UpstreamStatus != r.Status || r.UpstreamLatencyMicros >= 0 &&
		(r.Status == 502 || r.Status == 504) {
		d.upstreamFailure()
	}
}
