package decode

// ncsaLine is a parsed line; quoted fields are without their quotes.
type ncsaLine struct {
	vhost, user, time, request, status, size, agent []byte
	requestID                                       []byte
	rest                                            []byte // what follows the user agent
	ip                                              [16]byte
	requestFlags, agentFlags                        uint8 // as of stringEnd
	more                                            bool  // fields behind the user agent, read by another format
	lacks                                           string
}

// parse parses [vhost] client ident user [time] "request" status size ["referer"
// "agent" [rest]]. ident or user may be missing, and the last quote. If it is no such
// line, lacks says what is missing.
func (l *ncsaLine) parse(b []byte) bool {
	end := l.head(b)
	if end < 0 {
		return false
	}
	if end+3 > len(b) || b[end+1] != ' ' || b[end+2] != '"' {
		l.lacks = `a "request" behind the time`
		return false
	}
	return l.answer(b, end+2)
}

// head reads what precedes the request and returns the index of the bracket after the
// time, -1 when there is none.
func (l *ncsaLine) head(b []byte) int {
	at := 0
	for {
		at = indexByte(b, at, '[')
		if at < 1 || at+22 > len(b) {
			l.lacks = "[day/Mon/year:time zone]"
			return -1
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
	if end < 0 || end > at+40 || b[at+12] != ':' {
		l.lacks = "[day/Mon/year:time zone]"
		return -1
	}
	l.time = b[at+1 : end]
	l.who(b[:at-1])
	return end
}

// answer reads the quoted request at i and what follows it.
func (l *ncsaLine) answer(b []byte, i int) bool {
	start := i + 1
	i, l.requestFlags = stringEnd(b, start)
	if i < 0 {
		l.lacks = "the quote that ends the request"
		return false
	}
	l.request = b[start:i]
	if i++; i >= len(b) || b[i] != ' ' {
		l.lacks = "a status behind the request"
		return false
	}
	if i = l.numbers(b, i); i < 0 {
		return false
	}
	if i+1 < len(b) && b[i+1] == '"' {
		if i+4 < len(b) && b[i+2] == '-' && b[i+3] == '"' {
			i += 4
		} else {
			_, i = quoted(b, i+1)
		}
		i = l.agentAt(b, i)
	}
	if i < len(b) {
		l.rest = b[i:]
	}
	return true
}

// numbers reads status and size, which follow the request at i, and returns the index
// after them, -1 when they cannot be told from other numbers.
func (l *ncsaLine) numbers(b []byte, i int) int {
	if i+4 < len(b) && b[i+4] == ' ' && b[i+1]-'0' <= 9 {
		var j int
		if l.size, j = word(b, i+5); j >= len(b) || j+1 < len(b) && b[j+1] == '"' {
			l.status = b[i+1 : i+4]
			return j
		}
	}
	var fields [6][]byte
	n, end := 0, i
	for n < len(fields) && end+1 < len(b) && b[end+1] != '"' && b[end+1] != '[' && b[end+1] != '{' {
		f, j := word(b, end+1)
		if indexByte(f, 0, '=') >= 0 {
			break
		}
		fields[n], end = f, j
		n++
	}
	s := statusAmong(fields[:n])
	if s < 0 {
		l.lacks = "a status that can be told from the other numbers"
		return -1
	}
	l.status = fields[s]
	l.size = nil
	whole := 0
	for k, f := range fields[:n] {
		if _, ok := parseInt(f); ok && k != s {
			l.size = f
			whole++
		}
	}
	if whole > 1 {
		l.size = nil // size or a time: unknown
	}
	return end
}

// statusAmong finds the status among the numbers that follow a request. It is the
// first when only status and size follow. Otherwise it is the one that is a documented
// status, or else the first; if two are, the line is undecided (-1).
func statusAmong(fields [][]byte) int {
	if len(fields) == 0 {
		return -1
	}
	if len(fields) <= 2 && len(fields[0]) <= 3 && indexByte(fields[0], 0, '.') < 0 {
		return 0
	}
	found := -1
	for i, f := range fields[:min(len(fields), 3)] {
		s, ok := parseStatus(f)
		if !ok || len(f) != 3 || s < 100 || !documented(s) {
			continue
		}
		if found >= 0 && len(fields) > 2 && found == i-1 && i < len(fields)-1 {
			return -1 // a time and a status, or a status and a time
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

// documented reports a status that is registered, or documented by a widely used
// server.
func documented(s int16) bool {
	switch {
	case s >= 100 && s <= 103, s >= 200 && s <= 208, s == 226, s >= 300 && s <= 308, s >= 400 && s <= 431,
		s == 440, s == 444, s >= 449 && s <= 451, s >= 460 && s <= 464, s >= 494 && s <= 499,
		s >= 500 && s <= 511, s >= 520 && s <= 530, s == 561, s == 598, s == 599:
		return true
	}
	return false
}

// agentAt reads the user agent, the quoted field at i, and returns the index after it.
// If the field is an address, it is a proxy's list of clients, and the agent follows.
func (l *ncsaLine) agentAt(b []byte, i int) int {
	for range 2 {
		if i+1 >= len(b) || b[i+1] != '"' {
			return i
		}
		start := i + 2
		end, flags := stringEnd(b, start)
		if end < 0 {
			// The line's end cuts it off.
			l.agent, l.agentFlags = b[start:], flagEscaped|flagHigh
			return len(b)
		}
		l.agent, l.agentFlags = b[start:end], flags
		if i = end + 1; end == start || b[start]-'0' > 9 || !isAddress(l.agent) {
			return i
		}
		l.agent = nil
	}
	return i
}

// who parses what precedes the time.
func (l *ncsaLine) who(b []byte) {
	const ident = " - "
	if v4, n := parseIPv4(b); n > 0 && n+len(ident) < len(b) && string(b[n:n+len(ident)]) == ident {
		if user := b[n+len(ident):]; user[0] != '"' && indexByte(user, 0, ' ') < 0 {
			l.ip, l.user = mapped(v4), user
			return
		}
	}
	l.parties(b)
}

// parties finds client and user among the words before the time. The client is the
// first address; a single word before it is the virtual host. The user is the word
// after client and ident, or after the client's address repeated in brackets (old
// ingress-nginx).
func (l *ncsaLine) parties(b []byte) {
	var words [8][]byte
	n := 0
	for i := 0; i < len(b); {
		if b[i] == ' ' {
			i++
			continue
		}
		if n == len(words) {
			l.ip = parseAddress(words[0])
			return
		}
		words[n], i = listWord(b, i)
		n++
	}
	client := 0
	for client < n && !isAddress(listFirst(words[client])) {
		client++
	}
	switch {
	case client == n: // a host name, or nothing
		client = 0
		if n > 3 {
			return
		}
	case client == 0 && n > 1 && hasPort(words[0]) && isAddress(words[1]):
		l.vhost, client = words[0], 1
	case client == 1 && !dash(words[0]) && !isList(words[0]):
		l.vhost = words[0]
	}
	if n == 0 {
		return
	}
	l.ip = parseAddress(listFirst(words[client]))
	switch after := words[client+1 : n]; {
	case len(after) == 2:
		l.user = after[1]
	case len(after) == 3 && dash(after[0]) && dash(after[2]) && len(l.vhost) > 0:
		l.requestID = after[1] // BunkerWeb: host client - id user
	case len(after) == 4 && dash(after[0]) && dash(after[2]) && isAddress(after[1]):
		l.user = after[3]
	}
}

// listWord returns the word at i and the index after it: a quoted text, or a list in
// which every element but the last ends in a comma.
func listWord(b []byte, i int) ([]byte, int) {
	if b[i] == '"' {
		return quoted(b, i)
	}
	start := i
	for {
		_, i = word(b, i)
		if i >= len(b) || b[i-1] != ',' {
			return b[start:i], i
		}
		for i < len(b) && b[i] == ' ' {
			i++
		}
	}
}

// listFirst is b from its first meaningful element on: proxies put "-" and "unknown"
// into their lists of clients.
func listFirst(b []byte) []byte {
	for {
		comma := indexByte(b, 0, ',')
		if comma < 0 {
			return b
		}
		if first := trimSpace(b[:comma]); !dash(first) && string(first) != "unknown" {
			return b
		}
		b = trimSpace(b[comma+1:])
	}
}

func isList(b []byte) bool { return indexByte(b, 0, ',') >= 0 }

// hasPort reports an address with a port.
func hasPort(b []byte) bool {
	_, n := parseIPv4(b)
	if n > 0 {
		return n < len(b) && b[n] == ':'
	}
	return len(b) > 2 && b[0] == '[' && contains(b, "]:")
}

// ncsa fills the response from a parsed line.
func (d *Decoder) ncsa(l *ncsaLine) {
	r := d.r
	if (l.requestFlags|l.agentFlags) == 0 && len(l.vhost) == 0 && dash(l.user) && len(l.rest) == 0 && !l.more {
		d.dirty = false
	}
	d.setTime(d.clock.clf(l.time))
	d.request(l.request, l.requestFlags)
	d.setStatus(l.status)
	r.Bytes = parseSize(l.size)
	r.ClientIP = l.ip
	d.user(l.user)
	d.agent(l.agent, l.agentFlags)
	if len(l.vhost) > 0 {
		r.Service = hostOnly(l.vhost)
	}
	r.RequestID = l.requestID
	if len(l.rest) > 0 {
		d.trailing(l.rest)
	}
}
