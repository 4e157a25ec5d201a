package decode

// hostOnly removes the port from a host.
func hostOnly(b []byte) []byte {
	if i := indexByte(b, 0, ':'); i > 0 && b[0] != '[' {
		return b[:i]
	}
	return b
}

// urlHost is the host of an absolute URL without its port, nil for a path.
func urlHost(b []byte) []byte {
	if len(b) == 0 || b[0] == '/' {
		return nil
	}
	start := schemeEnd(b)
	if start == 0 {
		return nil
	}
	end := start
	for end < len(b) && b[end] != '/' && b[end] != '?' {
		end++
	}
	return hostOnly(b[start:end])
}
