package decode

// unprefixed takes off what log shippers put in front of a line: the CRI
// prefix of Kubernetes ("2026-03-01T12:00:00.5Z stdout F "), a syslog header
// of RFC 3164 or RFC 5424, and a syslog tag ("haproxy[123]: ").
func unprefixed(b []byte) []byte {
	if len(b) < 8 {
		return b
	}
	switch c := b[0]; {
	case c == '<':
		end := indexByte(b[:8], 1, '>')
		if end < 2 {
			return b
		}
		for _, c := range b[1:end] {
			if c-'0' > 9 {
				return b
			}
		}
		return syslogHeader(b[end+1:])
	case c-'0' <= 9 && len(b) > 30 && b[4] == '-' && b[7] == '-' && b[10] == 'T':
		stamp, i := word(b, 0)
		if len(stamp) < 20 {
			return b
		}
		stream, j := word(b, i+1)
		if string(stream) == "stdout" || string(stream) == "stderr" {
			if tag, k := word(b, j+1); len(tag) == 1 && (tag[0] == 'F' || tag[0] == 'P') && k < len(b) {
				return b[k+1:]
			}
			return b
		}
		return syslogTag(b, i+1)
	case monthOf(b) > 0 && len(b) > 16 && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':':
		return syslogTag(b, 16)
	}
	return tagged(b, 0)
}

// syslogHeader takes off what follows <priority>.
func syslogHeader(b []byte) []byte {
	if len(b) > 16 && monthOf(b) > 0 && b[3] == ' ' && b[9] == ':' {
		return syslogTag(b, 16)
	}
	version, i := word(b, 0)
	if string(version) != "1" {
		return tagged(b, 0)
	}
	for n := 0; n < 5; n++ { // time, host, app, process, message id
		_, i = word(b, i+1)
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

// syslogTag takes off "host tag[pid]: " at i; without a tag the line stays.
func syslogTag(b []byte, i int) []byte {
	if i >= len(b) {
		return b
	}
	if rest := tagged(b, i); len(rest) < len(b) {
		return rest
	}
	if _, j := word(b, i); j < len(b) {
		return tagged(b, j+1)
	}
	return b
}

// tagged takes off "tag: " or "tag[pid]: " at i.
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
