package decode

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time. The masks mark bytes of a word. The lowest mark is exact;
// marks above it may be false, so only the lowest is used.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load64 is the eight bytes at i; with both bounds there is only one check.
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8]) }

// markByte marks the bytes of w equal to c (given as c*ones).
func markByte(w, c uint64) uint64 {
	x := w ^ c
	return (x - ones) &^ x & highs
}

// markControl marks the bytes below 0x20.
func markControl(w uint64) uint64 { return (w - 0x20*ones) &^ w & highs }

// markStringEnd marks quotes, backslashes and control characters.
func markStringEnd(w uint64) uint64 {
	quote := (w ^ '"'*ones) - ones
	slash := (w ^ '\\'*ones) - ones
	control := w - 0x20*ones
	return (quote | slash | control) &^ w & highs
}

// stringEnd finds the quote that closes a JSON string whose text starts at i.
// flags tells whether the text holds an escape or a byte above 127. It returns
// -1 when the string is not closed or holds a line feed.
func stringEnd(b []byte, i int) (end int, flags uint8) {
	var high uint64
	for i+8 <= len(b) {
		w := load64(b, i)
		m := markStringEnd(w)
		if m == 0 {
			high |= w
			i += 8
			continue
		}
		at := bits.TrailingZeros64(m) >> 3
		high |= w & (1<<(8*uint(at)) - 1)
		i += at
		switch b[i] {
		case '"':
			if high&highs != 0 {
				flags |= flagHigh
			}
			return i, flags
		case '\\':
			flags |= flagEscaped
			i += 2
		case '\n':
			return -1, 0
		default:
			flags |= flagHigh // a raw control character: cleaned like bad UTF-8
			i++
		}
	}
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if high&highs != 0 {
				flags |= flagHigh
			}
			return i, flags
		case c == '\\':
			flags |= flagEscaped
			i++
		case c == '\n':
			return -1, 0
		case c < 0x20 || c >= 0x80:
			flags |= flagHigh
		}
	}
	return -1, 0
}

// clean reports that b is ASCII without control characters (but DEL).
func clean(b []byte) bool {
	var bad uint64
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := load64(b, i)
		bad |= (w | markControl(w)) & highs
	}
	if bad != 0 {
		return false
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 || b[i] >= 0x80 {
			return false
		}
	}
	return true
}

// indexByte finds c in b from i on, -1 when it is not there. Over short distances it
// is faster than bytes.IndexByte.
func indexByte(b []byte, i int, c byte) int {
	pattern := uint64(c) * ones
	start, last := i, len(b)-8
	for ; i <= last; i += 8 {
		if m := markByte(load64(b, i), pattern); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	if last >= start { // what is left, with bytes before it that were looked at
		if m := markByte(load64(b, last), pattern); m != 0 {
			return last + bits.TrailingZeros64(m)>>3
		}
		return -1
	}
	for ; i < len(b); i++ {
		if b[i] == c {
			return i
		}
	}
	return -1
}
