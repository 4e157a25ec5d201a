package decode

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
