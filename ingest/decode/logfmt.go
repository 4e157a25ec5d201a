package decode

import "fmt"

// logfmt is a line of name=value pairs, read by the user's own mapping.
type logfmt struct {
	m    *Mapping
	unit int
}

func newLogfmt(m *Mapping) (textFormat, error) {
	if m == nil {
		return nil, fmt.Errorf(`format "logfmt": got no mapping; set one in the section mapping of the config file`)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	unit, err := m.unit()
	return logfmt{m, unit}, err
}

func (logfmt) about() Format {
	return Format{
		Name:        "logfmt",
		Description: "name=value pairs, by a mapping in the configuration",
		Example:     `when=2026-03-01T12:00:00Z level=info verb=GET target="/3/movie/550" code=200 took=12`,
	}
}

func (logfmt) begins(c byte) bool { return c > ' ' }

func (f logfmt) decode(d *Decoder, b []byte) bool {
	r, m := d.r, f.m
	var body []byte
	any := false
	eachPair(b, func(name, value []byte) {
		any = true
		if dash(value) {
			return
		}
		switch string(name) {
		case m.Time:
			d.timeIn(value, m.TimeLayout)
		case m.Service:
			r.Service = d.plain(value)
		case m.Method:
			r.Method = value
		case m.Path:
			d.draft.target = d.plain(value)
		case m.Route:
			d.draft.route = d.plain(value)
		case m.Status:
			d.setStatus(value)
		case m.Code:
			if n, ok := parseInt(value); ok {
				d.setCode(n)
			} else {
				d.errorName(value)
			}
		case m.Message:
			r.Message = d.plain(value)
		case m.ErrorType:
			d.errorName(value)
		case m.Body:
			body = d.plain(value)
		case m.Key:
			d.setKey(value)
		case m.KeyID:
			d.draft.id = d.plain(value)
		case m.KeyName:
			d.draft.keyName = d.plain(value)
		case m.ClientIP:
			r.ClientIP = parseAddress(listFirst(value))
		case m.Latency:
			r.LatencyMicros = micros(value, f.unit)
		case m.UpstreamLatency:
			r.UpstreamLatencyMicros = microsList(value, f.unit)
		case m.UpstreamStatus:
			r.UpstreamStatus = lastStatus(value)
		case m.Bytes:
			r.Bytes = parseSize(value)
		case m.RequestID:
			r.RequestID = value
		case m.Attempt:
			d.attempt(attemptCount, value)
		case m.UserAgent:
			r.UserAgent = d.plain(value)
		case m.Version:
			d.version(d.plain(value))
		}
	})
	if any {
		d.body(body)
	}
	return any
}
