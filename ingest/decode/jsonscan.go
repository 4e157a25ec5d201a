package decode

import "math/bits"

// The kinds of a JSON value, and what is known of its text.
const (
	kindString uint8 = 1 + iota
	kindNumber
	kindTrue
	kindFalse
	kindNull
	kindObject
	kindArray

	kindMask    uint8 = 0x0f
	flagEscaped uint8 = 0x10 // holds a backslash
	flagHigh    uint8 = 0x20 // holds a byte above 127 or a control character
)

// slot is a value of a record: its bytes (without quotes for a string).
type slot struct {
	start, end uint32
	kind       uint8
}

// scanner walks one JSON object and notes where the values are that formats
// read. It looks at every byte once, skips what nobody reads, allocates
// nothing, and guesses each key from the one before: a wrong guess costs a
// table lookup and changes nothing else.
type scanner struct {
	tree  *tree
	next  [maxNodes]node // the key that followed last time
	seen  nodeSet
	flags uint8 // of all strings of the record
	vals  [maxNodes]slot

	names  *secretNames
	secret [3]slot // what looks like the API key: in a header, a query parameter, a flat field
	misses [256]missed
	buf    []byte // a key with escapes, unescaped
}

// The places of scanner.secret, in falling precedence.
const (
	inHeader = iota
	inQuery
	inField
)

// missed remembers what an unknown key is, so that its name is not taken
// apart for every record.
type missed struct {
	key    [30]byte
	len    uint8 // 0: free
	secret bool
	parent node
}

func newScanner(t *tree, names *secretNames) *scanner {
	return &scanner{tree: t, names: names}
}

// reset forgets the last record, not the guesses.
func (s *scanner) reset() {
	s.seen = nodeSet{}
	s.secret = [3]slot{}
	s.flags = 0
}

// object walks the object whose opening brace is before i and returns the
// index after its closing brace; -1 when it is not well formed.
func (s *scanner) object(b []byte, i int, parent node) int {
	t := s.tree
	last := parent
	first := true
	for {
		if i = skipBlank(b, i); i >= len(b) {
			return -1
		}
		if b[i] != '"' {
			if b[i] == '}' && first {
				return i + 1
			}
			return -1
		}
		i++
		first = false

		// The key: as guessed, or looked up.
		n := s.next[last]
		if after := t.nodes[n].matches(b, i); after > 0 && t.nodes[n].parent == parent && n != root {
			i = after
		} else if n, i = s.lookup(b, i, parent, last); i < 0 {
			return -1
		}
		if i = skipBlank(b, i); i >= len(b) {
			return -1
		}

		// The value. Strings and numbers are read here: a call for each would
		// cost as much as reading them.
		var v slot
		switch c := b[i]; {
		case c == '"':
			i++
			end, high := i, uint64(0)
			for end+8 <= len(b) { // most strings are plain
				w := load64(b, end)
				m := markStringEnd(w)
				if m == 0 {
					high |= w
					end += 8
					continue
				}
				at := uint(bits.TrailingZeros64(m)) &^ 7
				high |= w & (1<<at - 1)
				end += int(at >> 3)
				break
			}
			if end < len(b) && b[end] == '"' && high&highs == 0 {
				v = slot{uint32(i), uint32(end), kindString}
			} else {
				var flags uint8
				if end, flags = stringEnd(b, i); end < 0 {
					return -1
				}
				v = slot{uint32(i), uint32(end), kindString | flags}
				s.flags |= flags
			}
			i = end + 1
		case c-'0' <= 9 || c == '-':
			v.start = uint32(i)
			for i++; i < len(b) && isNumberByte(b[i]); i++ {
			}
			v.end, v.kind = uint32(i), kindNumber
		default:
			v.start = uint32(i)
			if i, v.kind = s.nested(b, i, n); i < 0 {
				return -1
			}
			v.end = uint32(i)
		}
		switch {
		case n < unknownNode:
			s.vals[n] = v
			s.seen.add(n)
			last = n
		case n != unknownNode:
			if p := &s.secret[n-secretNode]; p.kind == 0 && v.kind&kindMask != kindNull {
				*p = v
			}
		}

		if i = skipBlank(b, i); i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i++
	}
}

func isNumberByte(c byte) bool {
	return c-'0' <= 9 || c == '.' || c == '-' || c == '+' || c|0x20 == 'e'
}

func skipBlank(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return i
}

// nested reads node n's value at i when it is neither string nor number, and
// returns the index after it and its kind. Objects are walked when something
// in them is read.
func (s *scanner) nested(b []byte, i int, n node) (int, uint8) {
	switch b[i] {
	case '{':
		if n < unknownNode && s.tree.nodes[n].flags&isInner != 0 {
			return s.object(b, i+1, n), kindObject
		}
		return skipNested(b, i), kindObject
	case '[':
		s.flags |= flagHigh // its strings are not looked at
		return skipNested(b, i), kindArray
	}
	return literal(b, i)
}

// Pseudo nodes for keys that no format reads.
const (
	unknownNode node = maxNodes + iota
	secretNode       // + inHeader, inQuery, inField
)

// matches reports where the value begins when the key at i is this node's,
// written without white space; 0 otherwise.
func (x *treeNode) matches(b []byte, i int) int {
	end := i + len(x.colon)
	if end > len(b) {
		return 0
	}
	if n := len(x.colon); n >= 8 && n <= 16 {
		if load64(b, i) == x.head && load64(b, end-8) == x.tail {
			return end
		}
		return 0
	}
	if string(b[i:end]) == x.colon {
		return end
	}
	return 0
}

// lookup reads the key at i and returns its node and the index after the
// colon, -1 on a syntax error.
func (s *scanner) lookup(b []byte, i int, parent, last node) (node, int) {
	end, flags := stringEnd(b, i)
	if end < 0 {
		return 0, -1
	}
	key := b[i:end]
	i = end + 1
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	if i >= len(b) || b[i] != ':' {
		return 0, -1
	}
	i++
	if flags&flagEscaped != 0 {
		s.buf = unescape(s.buf[:0], key)
		key = s.buf
	}
	n := s.tree.find(parent, key)
	if n != root {
		s.next[last] = n
		return n, i
	}
	flagsOf := s.tree.nodes[parent].flags
	if parent != root && flagsOf&(isHeaders|isQuery) == 0 {
		return unknownNode, i
	}
	place := inField
	if flagsOf&isHeaders != 0 {
		place = inHeader
	} else if flagsOf&isQuery != 0 {
		place = inQuery
	}
	if s.isSecret(key, parent, place) {
		return secretNode + node(place), i
	}
	return unknownNode, i
}

func (s *scanner) isSecret(key []byte, parent node, place int) bool {
	if len(key) == 0 || len(key) > len(missed{}.key) {
		return s.names.names(key, place)
	}
	m := &s.misses[s.tree.slot(parent, key)&255]
	if int(m.len) == len(key) && m.parent == parent && string(m.key[:m.len]) == string(key) {
		return m.secret
	}
	m.len = uint8(copy(m.key[:], key))
	m.parent = parent
	m.secret = s.names.names(key, place)
	return m.secret
}

// literal reads true, false or null.
func literal(b []byte, i int) (int, uint8) {
	rest := b[i:]
	switch {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		return i + 4, kindTrue
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return i + 5, kindFalse
	case len(rest) >= 4 && string(rest[:4]) == "null":
		return i + 4, kindNull
	}
	return -1, 0
}

// skipNested returns the index after the object or array that begins at i,
// -1 when it does not end. It counts brackets and passes over strings.
func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		case '"':
			end, _ := stringEnd(b, i+1)
			if end < 0 {
				return -1
			}
			i = end
		}
		i++
	}
	return -1
}
