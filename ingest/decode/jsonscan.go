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

// slot is a value in a record: its bytes (without quotes for a string).
type slot struct {
	start, end uint32
	kind       uint8
}

// scanner walks one JSON object and records where the values are that formats read. It
// looks at every byte once, skips what nobody reads, allocates nothing, and guesses
// each key from the one before it. A wrong guess costs a table lookup and changes
// nothing else.
type scanner struct {
	tree  *tree
	next  [maxGuesses]node // the key that followed last time: a node of the tree, or one of misses
	seen  nodeSet
	flags uint8 // of all strings of the record
	vals  [maxNodes]slot

	names  *secretNames
	secret [3]slot // what may be the API key: in a header, a query parameter, a flat field
	quota  [quotaFields + quotaField(attemptFields)]slot
	told   uint32 // which quota fields the record has
	misses [maxMisses]missed
	buf    []byte // a key with escapes, unescaped
}

// The indexes of scanner.secret, in falling precedence.
const (
	inHeader = iota
	inQuery
	inField
)

// missed remembers what a key is that no format reads, so that its name is not
// analysed for every record, and can be guessed like any other.
type missed struct {
	shape           // its len is 0: free
	colon  [30]byte // key + `":`
	parent node
	is     node // unknownNode, a secretNode, a quotaNode or an attemptNode
}

const (
	maxMisses  = 256
	firstMiss  = attemptNode + node(attemptFields) // behind the pseudo nodes
	maxGuesses = firstMiss + maxMisses
)

func newScanner(t *tree, names *secretNames) *scanner {
	return &scanner{tree: t, names: names}
}

// reset forgets the last record but not the guesses.
func (s *scanner) reset() {
	s.seen = nodeSet{}
	s.secret = [3]slot{}
	s.flags, s.told = 0, 0
}

// object walks the object whose opening brace is before i and returns the
// index after its closing brace; -1 when it is not well formed.
// Long because it is one loop over the bytes, whose state stays in registers.
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
		var x *shape
		guess, n, after := s.next[last], root, 0
		if guess < maxNodes {
			if g := &t.nodes[guess]; g.parent == parent && guess != root {
				n, x = guess, &g.shape
			}
		} else if g := &s.misses[guess-firstMiss]; g.parent == parent {
			n, x = g.is, &g.shape
		}
		switch {
		case x == nil:
		case x.len > maxShape || len(b)-i <= maxShape:
			after = s.spelled(guess, b, i)
		case x.fits((*[maxShape + 1]byte)(b[i:])):
			after = i + int(x.len)
		}
		if after > 0 {
			i = after
		} else if guess, n, i = s.lookup(b, i, parent, last); i < 0 {
			return -1
		}
		last = guess
		if i = skipBlank(b, i); i >= len(b) {
			return -1
		}

		// The value. Strings and numbers are read here: a function call for each would
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
				high |= w & (1<<(at&63) - 1)
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
		case n != unknownNode:
			s.named(n, v)
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

// named records the value of a key that no format reads but whose name says what it
// is. The first one counts.
func (s *scanner) named(n node, v slot) {
	if v.kind&kindMask == kindNull {
		return
	}
	if n >= quotaNode {
		if i := n - quotaNode; s.told&(1<<i) == 0 {
			s.quota[i], s.told = v, s.told|1<<i
		}
		return
	}
	if p := &s.secret[n-secretNode]; p.kind == 0 {
		*p = v
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

// nested reads node n's value at i when it is neither string nor number, and returns
// the index after it and its kind. Objects are walked if some format reads a value in
// them.
func (s *scanner) nested(b []byte, i int, n node) (int, uint8) {
	switch b[i] {
	case '{':
		if n < unknownNode && s.tree.nodes[n].flags&isInner != 0 {
			return s.object(b, i+1, n), kindObject
		}
		return skipNested(b, i), kindObject
	case '[':
		s.flags |= flagHigh // its strings are not checked
		return skipNested(b, i), kindArray
	}
	return literal(b, i)
}

// Pseudo nodes for keys that no format reads.
const (
	unknownNode node = maxNodes + iota
	secretNode       // + inHeader, inQuery, inField
)

const (
	quotaNode   = secretNode + 3                // + a quotaField
	attemptNode = quotaNode + node(quotaFields) // + an attemptField
)

// spelled returns where the value begins if the key at i is the guessed one, written
// without white space; otherwise 0.
func (s *scanner) spelled(guess node, b []byte, i int) int {
	b = b[i:]
	if guess < maxNodes {
		if colon := s.tree.nodes[guess].colon; len(b) >= len(colon) && string(b[:len(colon)]) == colon {
			return i + len(colon)
		}
		return 0
	}
	x := &s.misses[guess-firstMiss]
	if n := int(x.len); len(b) >= n && string(b[:n]) == string(x.colon[:n]) {
		return i + n
	}
	return 0
}

// lookup reads the key at i and returns what to guess after it, its node and
// the index after the colon, -1 on a syntax error.
func (s *scanner) lookup(b []byte, i int, parent, last node) (guess, n node, after int) {
	end, flags := stringEnd(b, i)
	if end < 0 {
		return 0, 0, -1
	}
	key := b[i:end]
	i = end + 1
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	if i >= len(b) || b[i] != ':' {
		return 0, 0, -1
	}
	i++
	if flags&flagEscaped != 0 {
		s.buf = unescape(s.buf[:0], key)
		key = s.buf
	}
	if n = s.tree.find(parent, key); n != root {
		s.next[last] = n
		return n, n, i
	}
	if len(key)+2 > len(missed{}.colon) || flags != 0 {
		return last, s.unread(key, parent), i
	}
	slot := node(s.tree.slot(parent, key) & (maxMisses - 1))
	if m := &s.misses[slot]; int(m.len) != len(key)+2 || m.parent != parent ||
		string(m.colon[:len(key)]) != string(key) {
		m.remember(key, parent, s.unread(key, parent))
	}
	s.next[last] = firstMiss + slot
	return firstMiss + slot, s.misses[slot].is, i
}

func (m *missed) remember(key []byte, parent, is node) {
	*m = missed{parent: parent, is: is}
	copy(m.colon[copy(m.colon[:], key):], `":`)
	m.shape = shapeOf(m.colon[:len(key)+2])
}

// unread says what a key is that no format reads, by its name and position: a secret,
// a rate limit, a count of tries, or nothing.
func (s *scanner) unread(key []byte, parent node) node {
	flags := s.tree.nodes[parent].flags
	where := inField
	switch {
	case flags&isHeaders != 0:
		where = inHeader
	case flags&isQuery != 0:
		where = inQuery
	case parent != root && flags&isReply == 0:
		return unknownNode
	}
	if flags&isReply == 0 && s.names.names(key, where) {
		return secretNode + node(where)
	}
	if field, ok := attemptOf(key); ok && where != inQuery {
		return attemptNode + node(field)
	}
	if parent == root || flags&isReply != 0 {
		if field, ok := quotaOf(key, parent == root); ok {
			return quotaNode + node(field)
		}
	}
	return unknownNode
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

// skipNested returns the index after the object or array that begins at i, -1 when it
// does not end. It counts brackets and skips strings.
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
