package decode

import "bytes"

// w3cLine reads a line of the W3C extended log format by its column names; it returns
// false when the number of columns differs. IIS writes time-taken in milliseconds,
// CloudFront in seconds with a fraction.
func (d *Decoder) w3cLine(b []byte, sep byte, names [][]byte) bool {
	var date, clock, query, path, host []byte
	r := d.r
	i, seen := 0, 0
	for _, name := range names {
		if i > len(b) {
			break
		}
		j := indexByte(b, i, sep)
		if j < 0 {
			j = len(b)
		}
		value := b[i:j]
		i = j + 1
		seen++
		if len(value) == 0 || dash(value) {
			continue
		}
		switch string(name) {
		case "date":
			date = value
		case "time":
			clock = value
		case "cs-method":
			r.Method = value
		case "cs-uri-stem":
			path = value
		case "cs-uri-query":
			query = value
		case "cs-username":
			d.user(value)
		case "c-ip":
			r.ClientIP = parseAddress(value)
		case "cs(User-Agent)":
			r.UserAgent = d.plusDecoded(value)
		case "cs-host", "x-host-header":
			host = value
		case "cs(Host)":
			if len(host) == 0 {
				host = value
			}
		case "s-sitename", "s-computername":
			if len(host) == 0 {
				host = value
			}
		case "sc-status":
			d.setStatus(value)
		case "sc-bytes":
			r.Bytes = parseSize(value)
		case "x-edge-request-id":
			r.RequestID = value
		case "time-taken":
			if indexByte(value, 0, '.') >= 0 {
				r.LatencyMicros = micros(value, unitSeconds)
			} else if sep == ' ' {
				r.LatencyMicros = micros(value, unitMillis)
			}
		}
	}
	if seen < len(names) || sep == ' ' && i <= len(b) || len(date) != 10 || len(clock) < 8 || !isHTTPVerb(r.Method) ||
		r.Status < 0 {
		r.Reset()
		d.draft = draft{}
		return false
	}
	start := len(d.scratch)
	d.scratch = append(append(append(append(d.scratch, date...), 'T'), clock...), 'Z')
	d.setTime(d.clock.rfc3339(d.since(start)))
	r.Service = hostOnly(host)
	d.draft.target = path
	if len(query) > 0 {
		start := len(d.scratch)
		d.scratch = append(append(append(d.scratch, path...), '?'), query...)
		d.draft.target = d.since(start)
	}
	return true
}

// plusDecoded is a user agent whose blanks are written as + or %20.
func (d *Decoder) plusDecoded(b []byte) []byte {
	start := len(d.scratch)
	for _, c := range b {
		if c == '+' {
			c = ' '
		}
		d.scratch = append(d.scratch, c)
	}
	text := d.since(start)
	if indexByte(text, 0, '%') < 0 {
		return text
	}
	start = len(d.scratch)
	d.scratch = percentDecode(d.scratch, text)
	return d.since(start)
}

// directive reads a W3C line that begins with #; #Fields names the columns of the
// lines after it. It reports whether the line is one.
func (d *Decoder) directive(b []byte) bool {
	if FieldsLine(b) {
		d.columns = bytes.Fields(b[len(fieldsPrefix):])
		return true
	}
	for _, name := range [...]string{"#Version:", "#Software:", "#Date:", "#Remark:", "#Start-Date:", "#End-Date:"} {
		if hasPrefix(b, name) {
			return true
		}
	}
	return false
}
