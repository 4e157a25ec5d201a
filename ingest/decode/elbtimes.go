package decode

import "statline/classify"

// elbTimes reads the three times of a load balancer's line: until the request was sent
// on, until the backend answered, until the answer was sent.
func elbTimes(r *classify.Response, wait, backend, send []byte) {
	w, b, s := micros(wait, unitSeconds), micros(backend, unitSeconds), micros(send, unitSeconds)
	r.UpstreamLatencyMicros = b
	if w >= 0 || b >= 0 || s >= 0 {
		r.LatencyMicros = max(w, 0) + max(b, 0) + max(s, 0)
	}
}
