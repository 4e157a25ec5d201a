package decode

import (
	"bytes"

	"statline/classify"
)

// haproxy is HAProxy's HTTP log line ("option httplog"), with or without the
// syslog tag. Its date has no zone; its times are milliseconds, -1 when a
// phase was not reached.
type haproxy struct{}

func (haproxy) about() Format {
	return Format{
		Name:        "haproxy",
		Description: "HAProxy HTTP log line (option httplog)",
		Example:     `203.0.113.7:40000 [01/Mar/2026:12:00:00.250] public movies/srv1 0/0/1/104/105 200 5120 - - ---- 10/10/2/1/0 0/0 "GET /3/movie/550 HTTP/1.1"`,
	}
}

func (haproxy) begins(c byte) bool { return isAddressByte(c) || c == 'u' } // unix:1

func (haproxy) decode(d *Decoder, b []byte) bool {
	client, i := word(b, 0)
	date, i := bracketed(b, i)
	if len(date) < 20 || date[2] != '/' || len(client) < 3 {
		return false
	}
	frontend, i := field(b, i)
	backend, i := field(b, i)
	timers, i := field(b, i)
	status, i := field(b, i)
	size, i := field(b, i)
	_, i = field(b, i) // captured cookies
	_, i = field(b, i)
	state, i := field(b, i)
	conns, i := field(b, i)
	if len(state) < 2 || len(state) > 4 || indexByte(timers, 0, '/') < 0 || indexByte(conns, 0, '/') < 0 {
		return false
	}
	quote := indexByte(b, i, '"')
	if quote < 0 {
		return false
	}
	request, _ := quoted(b, quote)

	r := d.r
	d.setTime(d.clock.clf(date))
	if colon := bytes.LastIndexByte(client, ':'); colon > 0 {
		client = client[:colon]
	}
	r.ClientIP = parseAddress(client)
	d.request(request, flagHigh)
	d.setStatus(status)
	r.Bytes = parseSize(size)
	server := bytes.LastIndexByte(backend, '/')
	if server > 0 {
		r.Service = backend[:server]
	} else {
		r.Service = frontend
	}
	haproxyTimers(r, timers)
	reached := server > 0 && len(backend) > server+1 && backend[server+1] != '<'
	haproxyState(r, state, reached)
	return true
}

// haproxyTimers reads TR/Tw/Tc/Tr/Ta: Ta is the whole request, Tr the wait
// for the server.
func haproxyTimers(r *classify.Response, b []byte) {
	for n := 0; len(b) > 0; n++ {
		j := indexByte(b, 0, '/')
		if j < 0 {
			j = len(b)
		}
		value := b[:j]
		if len(value) > 0 && value[0] == '+' {
			value = value[1:]
		}
		switch n {
		case 3:
			r.UpstreamLatencyMicros = micros(value, unitMillis)
		case 4:
			r.LatencyMicros = micros(value, unitMillis)
		}
		b = b[min(j+1, len(b)):]
	}
}

// haproxyState reads the termination state: who ended the session, and in
// which phase. Source: HAProxy configuration manual, "Session state at
// disconnection".
func haproxyState(r *classify.Response, state []byte, reached bool) {
	phase := state[1]
	switch state[0] {
	case 'C', 'c': // the client aborted, or sent nothing in time
		r.Blame = classify.BlameClient
		if phase != 'D' && phase != 'L' || r.Status <= 0 {
			r.Gateway = classify.ClientClosed
		}
	case 's': // the server timed out, in whatever phase
		r.Gateway, r.Blame = classify.Timeout, classify.BlameUpstream
	case 'S': // the server refused or aborted
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
		if phase == 'C' || phase == 'Q' {
			r.Gateway = classify.Offline
		}
	case 'P': // the proxy refused; a bad response of the server in phase H
		r.Blame = classify.BlameGateway
		if phase == 'H' {
			r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
		}
	case 'R': // out of resources
		r.Gateway, r.Blame = classify.Offline, classify.BlameGateway
	case 'I':
		r.Gateway, r.Blame = classify.InternalError, classify.BlameGateway
	case 'D', 'U', 'K': // the server was taken down, the session killed
		r.Gateway, r.Blame = classify.Offline, classify.BlameUpstream
	default:
		switch {
		case r.Status < 400:
		case reached:
			r.Blame = classify.BlameUpstream
		default:
			r.Blame = classify.BlameGateway
		}
	}
	if r.Status == -1 && r.Gateway == classify.Unset {
		r.Gateway = classify.Unknown
	}
	if r.Blame == classify.BlameUpstream && state[0] == '-' {
		r.UpstreamStatus = r.Status
	}
}
