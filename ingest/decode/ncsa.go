package decode

// ncsa is the common and the combined log line of Apache and nginx, with or
// without the virtual host in front.
type ncsa struct{}

func (ncsa) about() Format {
	return Format{
		Name:        "combined",
		Description: "NCSA common and combined lines of Apache and nginx, also with the virtual host in front",
		Example:     `203.0.113.7 - alice [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`,
	}
}

func (ncsa) begins(c byte) bool { return c > ' ' }

func (ncsa) decode(d *Decoder, line []byte) bool {
	var l ncsaLine
	if !l.parse(line) {
		return false
	}
	d.ncsa(&l)
	return true
}

// ncsaLine is a line taken apart; quoted fields without their quotes.
type ncsaLine struct {
	vhost, user, time, request, status, size, agent []byte
	rest                                            []byte // what follows the user agent
	ip                                              [16]byte
	requestFlags, agentFlags                        uint8 // as of stringEnd
	more                                            bool  // fields behind the user agent, read by another format
}

// parse takes apart: [vhost] client ident user [time] "request" status size
// ["referer" "agent" [rest]]. ident or user may be missing, and the last quote.
func (l *ncsaLine) parse(b []byte) bool {
	at := 0
	for {
		at = indexByte(b, at, '[')
		if at < 1 || at+22 > len(b) {
			return false
		}
		if b[at+3] == '/' && b[at+7] == '/' && b[at-1] == ' ' {
			break
		}
		at++
	}
	end := at + 27 // [dd/Mon/yyyy:hh:mm:ss +zzzz]
	if end >= len(b) || b[end] != ']' {
		end = indexByte(b, at+20, ']')
	}
	if end < 0 || end > at+40 || end+3 > len(b) || b[end+1] != ' ' || b[end+2] != '"' {
		return false
	}
	l.time = b[at+1 : end]
	l.who(b[:at-1])
	i := 0
	i, l.requestFlags = stringEnd(b, end+3)
	if i < 0 {
		return false
	}
	l.request = b[end+3 : i]
	if i++; i >= len(b) || b[i] != ' ' {
		return false
	}
	if i+4 < len(b) && b[i+4] == ' ' && b[i+1]-'0' <= 9 {
		l.status, i = b[i+1:i+4], i+4
	} else {
		l.status, i = word(b, i+1)
	}
	l.size, i = word(b, i+1)
	if len(l.status) == 0 || len(l.status) > 3 {
		return false
	}
	if i+1 < len(b) && b[i+1] == '"' {
		if i+4 < len(b) && b[i+2] == '-' && b[i+3] == '"' {
			i += 4
		} else {
			_, i = quoted(b, i+1)
		}
		if i+1 < len(b) && b[i+1] == '"' {
			start := i + 2
			if i, l.agentFlags = stringEnd(b, start); i < 0 {
				// The line's end cuts it off.
				i, l.agentFlags = len(b)-1, flagEscaped|flagHigh
				l.agent = b[start:]
			} else {
				l.agent = b[start:i]
			}
			i++
		}
	}
	if i < len(b) {
		l.rest = b[i:]
	}
	return true
}

// who takes apart what precedes the time.
func (l *ncsaLine) who(b []byte) {
	if v4, n := parseIPv4(b); n > 0 && n < len(b) && b[n] == ' ' {
		l.ip = mapped(v4)
		if string(b[n:]) != " - -" {
			l.identity(b, n)
		}
		return
	}
	first, i := word(b, 0)
	if i < len(b) {
		second, j := word(b, i+1)
		if isAddress(second) && !isAddress(first) {
			l.vhost, first, i = first, second, j
		}
	}
	l.ip = parseAddress(first)
	l.identity(b, i)
}

// identity takes ident, which is never of use, and user from i on.
func (l *ncsaLine) identity(b []byte, i int) {
	if i >= len(b) {
		return
	}
	if _, i = word(b, i+1); i < len(b) {
		l.user = b[i+1:]
	}
}

func isAddress(b []byte) bool { return parseAddress(b) != [16]byte{} }

// word returns the bytes from i to the next blank and where that is.
func word(b []byte, i int) ([]byte, int) {
	if i >= len(b) {
		return nil, len(b)
	}
	j := indexByte(b, i, ' ')
	if j < 0 {
		j = len(b)
	}
	return b[i:j], j
}

// quoted returns the text of the quoted field at i and the index behind it. A
// field that the line's end cuts off counts.
func quoted(b []byte, i int) ([]byte, int) {
	end, _ := stringEnd(b, i+1)
	if end < 0 {
		return b[i+1:], len(b)
	}
	return b[i+1 : end], end + 1
}

// ncsa fills the response from a line taken apart.
func (d *Decoder) ncsa(l *ncsaLine) {
	r := d.r
	if (l.requestFlags|l.agentFlags) == 0 && len(l.vhost) == 0 && dash(l.user) && len(l.rest) == 0 && !l.more {
		d.dirty = false
	}
	ms, ok := d.clock.clf(l.time)
	d.setTime(ms, ok)
	d.request(l.request, l.requestFlags)
	d.setStatus(l.status)
	r.Bytes = parseSize(l.size)
	r.ClientIP = l.ip
	if !dash(l.user) {
		d.draft.id = d.plain(l.user)
	}
	d.agent(l.agent, l.agentFlags)
	if len(l.vhost) > 0 {
		r.Service = hostOnly(l.vhost)
	}
	if len(l.rest) > 0 {
		d.trailing(l.rest)
	}
}

// request takes a request line apart: method, target, protocol. What is no
// request line (scanners send anything) leaves both empty.
func (d *Decoder) request(b []byte, flags uint8) {
	method, i := word(b, 0)
	if i >= len(b) || !isMethod(method) {
		return
	}
	target := b[i+1:]
	if n := len(target); n > 9 && target[n-9] == ' ' && string(target[n-8:n-3]) == "HTTP/" {
		target = target[:n-9]
	} else if j := lastByte(target, ' '); j > 0 && hasPrefix(target[j+1:], "HTTP/") {
		target = target[:j]
	}
	if len(target) == 0 || target[0] != '/' && target[0] != '*' && schemeEnd(target) == 0 {
		return
	}
	d.r.Method = method
	if flags != 0 {
		target = d.plain(target)
	}
	d.draft.target = target
}

// hostOnly takes the port off a host.
func hostOnly(b []byte) []byte {
	if i := indexByte(b, 0, ':'); i > 0 && b[0] != '[' {
		return b[:i]
	}
	return b
}

// trailing reads the name=value fields that many configurations append:
// request time and upstream time in seconds, upstream status.
func (d *Decoder) trailing(b []byte) {
	for i := 0; i < len(b); {
		eq := i
		for eq < len(b) && b[eq] != ' ' && b[eq] != '=' {
			eq++
		}
		name := b[i:eq]
		i = eq + 1
		if eq >= len(b) || b[eq] == ' ' {
			continue
		}
		var value []byte
		if i < len(b) && b[i] == '"' {
			value, i = quoted(b, i)
		} else {
			value, i = word(b, i)
		}
		switch string(name) {
		case "rt", "request_time":
			d.r.LatencyMicros = micros(value, unitSeconds)
		case "urt", "upstream_response_time":
			d.r.UpstreamLatencyMicros = microsList(value, unitSeconds)
		case "us", "upstream_status":
			d.r.UpstreamStatus = lastStatus(value)
		}
	}
}
