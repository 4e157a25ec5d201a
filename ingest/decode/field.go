package decode

import "bytes"

// word returns the bytes from i to the next blank, and the blank's index.
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

// quoted returns the text of the quoted field at i and the index after it. A field may
// be cut off by the line's end.
func quoted(b []byte, i int) ([]byte, int) {
	end, _ := stringEnd(b, i+1)
	if end < 0 {
		return b[i+1:], len(b)
	}
	return b[i+1 : end], end + 1
}

// field returns the blank-separated field that follows index i (a blank or the end),
// without its quotes, and the index after it.
func field(b []byte, i int) ([]byte, int) {
	if i >= len(b) {
		return nil, len(b)
	}
	if b[i] == ' ' {
		i++
	}
	if i < len(b) && b[i] == '"' {
		return quoted(b, i)
	}
	return word(b, i)
}

// bracketed returns the [field] that follows index i, nil when there is none.
func bracketed(b []byte, i int) ([]byte, int) {
	if i+1 >= len(b) || b[i] != ' ' || b[i+1] != '[' {
		return nil, i
	}
	end := indexByte(b, i+2, ']')
	if end < 0 {
		return nil, i
	}
	return b[i+2 : end], end + 1
}

// listed returns the field that follows index i; "a, b" and "a : b" are one.
func listed(b []byte, i int) ([]byte, int) {
	if i >= len(b) {
		return nil, len(b)
	}
	start := i + 1
	for {
		_, i = word(b, i+1)
		if i >= len(b) || i == 0 {
			return b[min(start, len(b)):], len(b)
		}
		switch {
		case b[i-1] == ',':
			continue
		case i+2 < len(b) && b[i+1] == ':' && b[i+2] == ' ':
			i += 2
			continue
		}
		return b[start:i], i
	}
}

func contains(b []byte, sub string) bool { return bytes.Contains(b, []byte(sub)) }
