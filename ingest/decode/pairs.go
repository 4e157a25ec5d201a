package decode

// eachPair calls f with every name=value of a logfmt line; a quoted value comes
// without its quotes. Anything else is skipped.
func eachPair(b []byte, f func(name, value []byte)) {
	for i := 0; i < len(b); {
		eq := i
		for eq < len(b) && b[eq] != '=' && b[eq] != ' ' {
			eq++
		}
		name := b[i:eq]
		if i = eq + 1; eq >= len(b) || b[eq] == ' ' {
			continue
		}
		var value []byte
		if i < len(b) && b[i] == '"' {
			value, i = quoted(b, i)
		} else {
			value, i = word(b, i)
		}
		i++
		f(name, value)
	}
}

// isHTTPVerb accepts the methods that HTTP registers and servers log.
func isHTTPVerb(b []byte) bool {
	switch string(b) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "REPORT":
		return true
	}
	return false
}
