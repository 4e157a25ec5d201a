package decode

import "unicode/utf8"

// unescape appends the text of a JSON string (without its quotes) to dst. Escapes that
// JSON does not know are read as nginx and Apache write them (\xHH) or kept as their
// character.
func unescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '\\' || i+1 >= len(b) {
			dst = append(dst, c)
			continue
		}
		i++
		switch b[i] {
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'v':
			dst = append(dst, '\v')
		case 'x':
			if i+2 < len(b) && hexValue(b[i+1]) < 16 && hexValue(b[i+2]) < 16 {
				dst = append(dst, hexValue(b[i+1])<<4|hexValue(b[i+2]))
				i += 2
			} else {
				dst = append(dst, 'x')
			}
		case 'u':
			r, ok := hex4(b, i+1)
			if !ok {
				dst = append(dst, 'u')
				continue
			}
			i += 4
			if r >= 0xd800 && r < 0xdc00 && i+2 < len(b) && b[i+1] == '\\' && b[i+2] == 'u' {
				if low, ok := hex4(b, i+3); ok && low >= 0xdc00 && low < 0xe000 {
					r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, b[i])
		}
	}
	return dst
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		h := hexValue(c)
		if h > 15 {
			return 0, false
		}
		r = r<<4 | rune(h)
	}
	return r, true
}

// appendValid appends b with every byte that is not valid UTF-8, and every control
// character, replaced by U+FFFD, so that what is stored can be shown.
func appendValid(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < 0x20 {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 || r >= 0x80 && r < 0xa0 {
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, b[i:i+size]...)
		}
		i += size
	}
	return dst
}

// since is what was appended to the scratch buffer from start on.
func (d *Decoder) since(start int) []byte { return d.scratch[start:len(d.scratch):len(d.scratch)] }

// valid returns b as valid UTF-8 without control characters: b itself when it
// is, otherwise a copy in the scratch buffer.
func (d *Decoder) valid(b []byte) []byte {
	if !d.dirty || clean(b) {
		return b
	}
	start := len(d.scratch)
	d.scratch = appendValid(d.scratch, b)
	return d.since(start)
}

// plain undoes the \xHH and \" escapes of a quoted field of a text line.
func (d *Decoder) plain(b []byte) []byte {
	if indexByte(b, 0, '\\') < 0 {
		return d.valid(b)
	}
	start := len(d.scratch)
	d.scratch = unescape(d.scratch, b)
	return d.valid(d.since(start))
}

// cut limits b to n bytes without splitting a character.
func cut(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// dash reports a field that means "nothing".
func dash(b []byte) bool {
	return len(b) == 0 || len(b) == 1 && b[0] == '-' || len(b) == 4 && string(b) == "null"
}
