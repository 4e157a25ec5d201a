package decode

import "bytes"

// maxPrefixes is how many shippers' prefixes a line may have.
const maxPrefixes = 4

// unprefixed removes what log shippers put before a line: the CRI prefix of
// Kubernetes, timestamps (docker logs -t, kubectl logs --timestamps), names of
// containers and pods (compose, swarm, stern, kubectl --prefix), syslog headers of RFC
// 3164 and RFC 5424 with and without a tag, journald's, and colours. A time among them
// becomes the line's when its format has none.
func (d *Decoder) unprefixed(b []byte) []byte {
	for range maxPrefixes {
		if len(b) > 0 && b[0] == 0x1b {
			plain := d.uncoloured(b)
			if len(plain) == 0 {
				return b // a line of colours only
			}
			b = plain
		}
		rest := trimSpace(d.onePrefix(b))
		if len(rest) == len(b) || len(rest) == 0 {
			return b
		}
		b = rest
	}
	return b
}

// onePrefix removes the outermost prefix; it returns b when there is none.
func (d *Decoder) onePrefix(b []byte) []byte {
	if len(b) < 8 {
		return b
	}
	switch c := b[0]; {
	case c == '<':
		return d.priority(b)
	case c == '[' && hasPrefix(b, "[pod/"):
		if end := indexByte(b, 1, ']'); end > 0 && end+1 < len(b) && b[end+1] == ' ' {
			return b[end+2:]
		}
		return b
	case c-'0' <= 9:
		return d.numberPrefix(b)
	case charClass[c]&anyLetter == 0:
		return b
	}
	if i := dateStamp(b); i > 0 {
		return host(b, i)
	}
	first, i := word(b, 0)
	if i >= len(b) {
		return b
	}
	if rest := piped(b, first, i); rest != nil {
		return rest
	}
	if string(first) == "ACCESS" && i+1 < len(b) && b[i+1] == '[' {
		return b[i+1:] // Emissary
	}
	if rest := stern(b, first, i); rest != nil {
		return rest
	}
	return tagged(b, 0)
}

// numberPrefix removes a prefix that begins with a digit: a timestamp, or the length
// that syslog sends first over TCP. An address is no prefix.
func (d *Decoder) numberPrefix(b []byte) []byte {
	stamp, i := word(b, 0)
	switch {
	case i+1 >= len(b) || b[i+1] == '-': // an address and its ident
		return b
	case len(stamp) >= 20 && stamp[4] == '-' && stamp[7] == '-' && stamp[10] == 'T':
		if isELB(b) || !d.stamp(stamp) {
			return b // the time is the line's own
		}
		return afterStamp(b, i)
	case i <= 5 && b[i+1] == '<': // octet counting
		return d.priority(b[i+1:])
	case len(stamp) > 10 && stamp[10] == '.' && len(stamp) <= 17: // journald, short-unix
		if _, ok := parseDecimal(stamp); ok && indexByte(stamp, 11, '.') < 0 {
			if rest := host(b, i+1); len(rest) < len(b)-i-1 {
				return rest
			}
		}
	}
	if rest := piped(b, stamp, i); rest != nil {
		return rest
	}
	return b
}

// stamp records a prefix's time if it has a zone; it reports whether it is a time.
func (d *Decoder) stamp(b []byte) bool {
	ms, ok := d.clock.rfc3339(b)
	if ok {
		d.stamped, d.hasStamp = ms, true
	}
	return ok
}

// afterStamp removes what follows a timestamp at i: CRI's stream and tag, or syslog's
// host and tag.
func afterStamp(b []byte, i int) []byte {
	stream, j := word(b, i+1)
	if string(stream) == "stdout" || string(stream) == "stderr" {
		if tag, k := word(b, j+1); len(tag) == 1 && (tag[0] == 'F' || tag[0] == 'P') && k < len(b) {
			return b[k+1:]
		}
	}
	return host(b, i+1)
}

// dateStamp is the index after a date that begins with the name of a month or a day
// ("Mar  1 12:00:00 ", "Sun 2026-03-01 12:00:00 UTC "), 0 when there is none.
func dateStamp(b []byte) int {
	switch {
	case len(b) > 16 && monthOf(b) > 0 && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':':
		if _, i := word(b, 7); i < len(b) { // with a fraction or without
			return i + 1
		}
	case len(b) > 28 && b[3] == ' ' && b[8] == '-' && b[11] == '-' && b[14] == ' ' && b[17] == ':' && b[20] == ':':
		if _, i := word(b, 15); i < len(b) {
			if _, i = word(b, i+1); i < len(b) {
				return i + 1
			}
		}
	}
	return 0
}

// host removes "host tag[pid]: ", "tag: " or a host alone at i. A word alone is a host
// only if an address or a time in brackets follows.
func host(b []byte, i int) []byte {
	if i >= len(b) {
		return b
	}
	if rest := tagged(b, i); len(rest) < len(b) {
		return rest
	}
	name, j := word(b, i)
	if j >= len(b) || len(name) == 0 || isAddress(name) || charClass[name[0]]&(anyLetter|hasDigit) == 0 {
		return b[i:]
	}
	if rest := tagged(b, j+1); len(rest) < len(b) {
		return rest
	}
	if next, _ := word(b, j+1); indexByte(name, 0, '=') < 0 && isAddress(next) {
		return b[j+1:]
	}
	return b[i:]
}

// priority removes "<134>" and the header that follows it.
func (d *Decoder) priority(b []byte) []byte {
	end := indexByte(b[:min(len(b), 8)], 1, '>')
	if end < 2 {
		return b
	}
	for _, c := range b[1:end] {
		if c-'0' > 9 {
			return b
		}
	}
	return d.syslogHeader(b[end+1:])
}

// syslogHeader removes what follows <priority>.
func (d *Decoder) syslogHeader(b []byte) []byte {
	if i := dateStamp(b); i > 0 {
		return host(b, i)
	}
	version, i := word(b, 0)
	if string(version) != "1" {
		return tagged(b, 0)
	}
	for n := 0; n < 5; n++ { // time, host, app, process, message id
		var part []byte
		if part, i = word(b, i+1); n == 0 {
			d.stamp(part)
		}
	}
	if i+1 >= len(b) {
		return b
	}
	b = b[i+1:]
	switch { // structured data: - or [...][...]
	case b[0] == '-':
		b = b[1:]
	case b[0] == '[' && len(b) > 1 && charClass[b[1]]&anyLetter != 0:
		for len(b) > 0 && b[0] == '[' {
			end := 1
			for end < len(b) && (b[end] != ']' || b[end-1] == '\\') {
				end++
			}
			b = b[min(end+1, len(b)):]
		}
	}
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if hasPrefix(b, "\xef\xbb\xbf") {
		b = b[3:]
	}
	return b
}

// tagged removes "tag: " or "tag[pid]: " at i.
func tagged(b []byte, i int) []byte {
	if i >= len(b) {
		return b
	}
	tag, j := word(b, i)
	n := len(tag)
	if n < 2 || tag[n-1] != ':' || j+1 >= len(b) || charClass[tag[0]]&anyLetter == 0 {
		return b
	}
	if tag[n-2] == ']' || indexByte(tag[:n-1], 0, ':') < 0 && indexByte(tag, 0, '"') < 0 && indexByte(tag, 0, '=') < 0 {
		return b[j+1:]
	}
	return b
}

// piped removes "name   | " as compose and swarm write it; nil when there is none.
func piped(b, name []byte, i int) []byte {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	if i+1 >= len(b) || b[i] != '|' || b[i+1] != ' ' || !isContainer(name) {
		return nil
	}
	return b[i+2:]
}

// isContainer accepts possible names of a container or a task: web-1,
// stack_web.1.abc@node.
func isContainer(name []byte) bool {
	for _, c := range name {
		if charClass[c]&(anyLetter|hasDigit|hasDash|hasDot|hasAt) == 0 {
			return false
		}
	}
	return len(name) > 0
}

// stern removes "pod container "; nil when the line does not begin so. A pod's name
// ends in five characters after a dash, or in a number, and an address or a record
// follows.
func stern(b, pod []byte, i int) []byte {
	container, j := word(b, i+1)
	if len(container) == 0 || j+1 >= len(b) || !isPod(pod) || !isLabel(container) {
		return nil
	}
	rest := b[j+1:]
	if next, _ := word(rest, 0); rest[0] == '{' || rest[0] == '[' || isAddress(next) {
		return rest
	}
	return nil
}

func isPod(name []byte) bool {
	dash := bytes.LastIndexByte(name, '-')
	if dash < 1 || !isLabel(name) {
		return false
	}
	tail := name[dash+1:]
	_, number := parseInt(tail)
	return number || len(tail) == 5
}

// isLabel accepts lower-case letters, digits and dashes.
func isLabel(name []byte) bool {
	for _, c := range name {
		if charClass[c]&(anyLower|hasDigit) == 0 && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

// uncoloured is b without the escape sequences for terminal colours.
func (d *Decoder) uncoloured(b []byte) []byte {
	start := len(d.scratch)
	for i := 0; i < len(b); i++ {
		if b[i] != 0x1b || i+1 >= len(b) || b[i+1] != '[' {
			d.scratch = append(d.scratch, b[i])
			continue
		}
		for i += 2; i < len(b) && (b[i] < '@' || b[i] > '~'); i++ {
		}
	}
	return d.since(start)
}

// isELB reports a line whose timestamp is its own and not a shipper's: a name, an
// address with a port and another one follow.
func isELB(b []byte) bool {
	_, i := word(b, 0)
	_, i = word(b, i+1)
	client, i := word(b, i+1)
	backend, _ := word(b, i+1)
	return addressPort(client) != [16]byte{} && bytes.LastIndexByte(client, ':') > 0 &&
		(dash(backend) || addressPort(backend) != [16]byte{})
}
