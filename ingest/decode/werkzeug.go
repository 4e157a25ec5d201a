package decode

// werkzeug is the line of Werkzeug's development server (Flask): a common line
// whose time has a blank between date and time, and no zone.
type werkzeug struct{}

func (werkzeug) about() Format {
	return Format{
		Name:        "werkzeug",
		Description: "Werkzeug (Flask) access log line",
		Example:     `203.0.113.7 - - [01/Mar/2026 12:00:00] "GET /3/movie/550 HTTP/1.1" 200 -`,
	}
}

func (werkzeug) begins(c byte) bool { return c > ' ' }

func (werkzeug) decode(d *Decoder, b []byte) bool {
	if hasPrefix(b, "INFO:werkzeug:") {
		b = b[len("INFO:werkzeug:"):]
	}
	at := indexByte(b, 0, '[')
	if at < 8 || at+24 > len(b) || b[at+12] != ' ' || b[at+21] != ']' || b[at+3] != '/' {
		return false
	}
	client, _ := word(b, 0)
	request, i := quoted(b, at+23)
	status, i := field(b, i)
	size, _ := field(b, i)
	if len(status) != 3 || b[at+22] != ' ' || b[at+23] != '"' {
		return false
	}
	start := len(d.scratch)
	d.scratch = append(d.scratch, b[at+1:at+21]...)
	d.scratch[start+11] = ':'
	d.setTime(d.clock.clf(d.scratch[start:]))
	d.r.ClientIP = parseAddress(client)
	d.request(request, flagHigh)
	d.setStatus(status)
	d.r.Bytes = parseSize(size)
	return true
}
