package decode

// user takes the name of an authenticated user as the id of the key, if it can be one:
// one word, not "-", no address. What proxies and shippers write instead of a name is
// ignored.
func (d *Decoder) user(b []byte) {
	if dash(b) || !isUser(b) {
		return
	}
	d.draft.id = d.plain(b)
}

func isUser(b []byte) bool {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		b = b[1 : len(b)-1]
	}
	var mask uint16
	address := false // as far as its bytes tell
	for _, c := range b {
		switch c {
		case '.', ':':
			address = true
		case ' ', ',', ';', '"', '\'', '[', ']', '(', ')', '{', '}', '<', '>', '|':
			return false
		}
		mask |= charClass[c]
	}
	if mask&(anyLetter|hasDigit|hasWide) == 0 {
		return false
	}
	switch string(b) {
	case "-", "null", "(null)", "none", "unknown":
		return false
	}
	return !address || !isAddress(b)
}
