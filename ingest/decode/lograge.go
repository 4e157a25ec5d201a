package decode

import "bytes"

// lograge is the request line of lograge (Rails): key=value with controller and
// action, durations in milliseconds. It has no time of its own.
type lograge struct{}

func (lograge) about() Format {
	return Format{
		Name:        "lograge",
		Description: "lograge (Rails) request line",
		Example:     `method=GET path=/3/movie/550 format=json controller=MoviesController action=show status=200 allocations=1234 duration=58.33 view=40.43 db=15.26`,
	}
}

func (lograge) begins(c byte) bool { return charClass[c]&anyLetter != 0 }

func (lograge) decode(d *Decoder, b []byte) bool {
	if at := bytes.Index(b, []byte("-- : method=")); at >= 0 {
		b = b[at+len("-- : "):] // skip Ruby's logger prefix
	}
	if !hasPrefix(b, "method=") || !contains(b, " controller=") {
		return false
	}
	r := d.r
	eachPair(b, func(name, value []byte) {
		switch string(name) {
		case "method":
			r.Method = value
		case "path":
			d.draft.target = d.plain(value)
		case "status":
			d.setStatus(value)
		case "duration":
			r.LatencyMicros = micros(value, unitMillis)
		case "host":
			r.Service = hostOnly(value)
		case "request_id":
			r.RequestID = value
		case "ip", "remote_ip":
			r.ClientIP = parseAddress(value)
		}
	})
	d.draft.noTime = true
	return true
}
