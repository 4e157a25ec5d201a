package classify

import (
	"bytes"
	"math"
	"strings"
)

const (
	// maxMessage bounds a catalogue's messages, so that the normal form of an
	// observed text fits a buffer on the stack.
	maxMessage = 480
	// maxEnvelope bounds how far into a body the envelope's message is sought.
	maxEnvelope = 4096
)

// messageIndex recognises messages by their text. It is immutable.
type messageIndex struct {
	exact  textTable // text as the catalogue has it, no numbers
	normal textTable // normal form
	// counted is the normal form with every number replaced by "#", for the
	// entries that carry numbers; templates holds their literal parts for the
	// fast path.
	counted   textTable
	templates []template
	// patterns are the messages with "*", in their order.
	patterns []pattern
	// starts has the first characters of all normal forms: most texts that are
	// no message of the catalogue are told by theirs.
	starts [256]bool
}

// template is the text of an entry that carries numbers, cut at the numbers:
// n numbers lie between n+1 literals.
type template struct {
	entry    uint16
	literals []string
}

// pattern is a message with "*": the parts between them, normal and with every
// number as "#". The first is at the start, the last at the end.
type pattern struct {
	entry    uint16
	numbered bool
	parts    []string
}

// indexMessages indexes the messages of the entries. An entry is known by its
// place, counted from 1.
func indexMessages(entries []Entry) messageIndex {
	var exact, normal, counted []text
	var m messageIndex
	add := func(entry uint16, message string) {
		var b normalBuffer
		n := b.normalise([]byte(message))
		if len(n) == 0 {
			return
		}
		if strings.Contains(message, "*") {
			n, _, _ = maskNumbers(n)
			m.patterns = append(m.patterns, pattern{entry, strings.Contains(message, "#"),
				strings.Split(string(n), "*")})
			return
		}
		m.starts[n[0]] = true
		if isDigit(n[0]) {
			m.starts['#'] = true
		}
		if n[0] == '#' {
			for d := '0'; d <= '9'; d++ {
				m.starts[d] = true
			}
		}
		if !strings.Contains(message, "#") {
			exact = append(exact, text{message, entry})
			normal = append(normal, text{string(n), entry})
			return
		}
		n, _, _ = maskNumbers(n)
		counted = append(counted, text{string(n), entry})
		m.templates = append(m.templates, template{entry, cutAtNumbers(message)})
	}
	for i, e := range entries {
		add(uint16(i+1), e.Message)
		for _, message := range e.AlsoMessages {
			add(uint16(i+1), message)
		}
	}
	m.exact, m.normal, m.counted = newTextTable(exact), newTextTable(normal), newTextTable(counted)
	// What the normal form cannot tell apart is ambiguous: recognise neither.
	for _, t := range exact {
		if m.normal.find(normalForm(t.text)) == 0 {
			m.exact.drop(t.text)
		}
	}
	kept := m.templates[:0]
	for _, t := range m.templates {
		masked, _, _ := maskNumbers(normalForm(strings.Join(t.literals, "#")))
		if m.counted.find(masked) != 0 {
			kept = append(kept, t)
		}
	}
	m.templates = kept
	return m
}

// numbered reports whether an entry's message carries numbers to read.
func (m *messageIndex) numbered(entry uint16) bool {
	for i := range m.templates {
		if m.templates[i].entry == entry {
			return true
		}
	}
	return false
}

// recognise returns the entry whose message msg is, counted from 1 (0 for none), and the request
// count and limit in it (0 where it has none, at most 4294967295). It forgives surrounding space,
// letter case, a missing or doubled trailing period, runs of white space, JSON escapes, and what is
// left of a JSON envelope around the text. A text that several entries share is recognised as none.
func (m *messageIndex) recognise(msg []byte) (entry uint16, count, limit uint32) {
	if entry := m.exact.find(msg); entry != 0 {
		return entry, 0, 0
	}
	for i := range m.templates {
		if count, limit, ok := m.templates[i].match(msg); ok {
			return m.templates[i].entry, count, limit
		}
	}
	msg = trimLeft(envelopeMessage(msg))
	if len(msg) == 0 {
		return 0, 0, 0
	}
	if first, _ := nextCharacter(msg); !m.starts[first] && len(m.patterns) == 0 {
		return 0, 0, 0
	}
	return m.recogniseNormal(msg)
}

// recogniseNormal compares the normal form of msg.
func (m *messageIndex) recogniseNormal(msg []byte) (entry uint16, count, limit uint32) {
	var b normalBuffer
	n := b.normalise(msg)
	if len(n) == 0 {
		return 0, 0, 0
	}
	if entry := m.normal.find(n); entry != 0 {
		return entry, 0, 0
	}
	if m.counted.n == 0 && len(m.patterns) == 0 {
		return 0, 0, 0
	}
	n, count, limit = maskNumbers(n)
	if entry := m.counted.find(n); entry != 0 {
		return entry, count, limit
	}
	for i := range m.patterns {
		if p := &m.patterns[i]; p.match(n) {
			if !p.numbered {
				return p.entry, 0, 0
			}
			return p.entry, count, limit
		}
	}
	return 0, 0, 0
}

// match reports that the normal text n has the pattern's parts in their order.
func (p *pattern) match(n []byte) bool {
	last := len(p.parts) - 1
	if len(n) < len(p.parts[0]) || string(n[:len(p.parts[0])]) != p.parts[0] {
		return false
	}
	n = n[len(p.parts[0]):]
	for _, part := range p.parts[1:last] {
		i := bytes.Index(n, []byte(part))
		if i < 0 {
			return false
		}
		n = n[i+len(part):]
	}
	return bytes.HasSuffix(n, []byte(p.parts[last]))
}

// match compares msg with the template byte by byte.
func (t *template) match(msg []byte) (count, limit uint32, ok bool) {
	for i, literal := range t.literals {
		if len(msg) < len(literal) || string(msg[:len(literal)]) != literal {
			return 0, 0, false
		}
		msg = msg[len(literal):]
		if i == len(t.literals)-1 {
			break
		}
		number, length := leadingNumber(msg)
		if length == 0 {
			return 0, 0, false
		}
		msg = msg[length:]
		switch i {
		case 0:
			count = number
		case 1:
			limit = number
		}
	}
	return count, limit, len(msg) == 0
}

// leadingNumber reads decimal digits, saturating, or one "#", which stands for
// a number that was not filled in (0).
func leadingNumber(b []byte) (number uint32, length int) {
	if len(b) > 0 && b[0] == '#' {
		return 0, 1
	}
	var n uint64
	for length < len(b) && isDigit(b[length]) {
		n = min(n*10+uint64(b[length]-'0'), math.MaxUint32)
		length++
	}
	return uint32(n), length
}

func cutAtNumbers(message string) []string {
	var literals []string
	start := 0
	for i := 0; i < len(message); {
		_, n := leadingNumber([]byte(message[i:]))
		if n == 0 {
			i++
			continue
		}
		literals = append(literals, message[start:i])
		i += n
		start = i
	}
	return append(literals, message[start:])
}

// maskNumbers replaces every number in n by "#", in place, and returns the
// first two.
func maskNumbers(n []byte) (masked []byte, count, limit uint32) {
	w, seen := 0, 0
	for i := 0; i < len(n); {
		number, length := leadingNumber(n[i:])
		if length == 0 {
			n[w] = n[i]
			i, w = i+1, w+1
			continue
		}
		switch seen {
		case 0:
			count = number
		case 1:
			limit = number
		}
		seen++
		n[w] = '#'
		i, w = i+length, w+1
	}
	return n[:w], count, limit
}

// envelopeMessage is the value of status_message when msg is (part of) the
// catalogue's JSON envelope, otherwise msg.
func envelopeMessage(msg []byte) []byte {
	head := msg[:min(len(msg), maxEnvelope)]
	const name = "status_message"
	at := bytes.Index(head, []byte(name))
	if at < 0 {
		return msg
	}
	return msg[at+len(name):]
}

// normalBuffer holds a normal form. It lives on the caller's stack.
type normalBuffer [maxMessage + 32]byte

func normalForm(s string) []byte {
	var b normalBuffer
	return bytes.Clone(b.normalise([]byte(s)))
}

// normalise writes the normal form of a text into b: letters in lower case,
// white space runs as one space, JSON escapes undone, what a JSON envelope
// leaves before and after dropped, no trailing period. It returns nil for a
// text that is longer than any catalogue's message.
func (b *normalBuffer) normalise(msg []byte) []byte {
	msg = trimLeft(msg)
	w := 0
	for i := 0; i < len(msg); {
		c, length := nextCharacter(msg[i:])
		if c == '"' && endsString(msg[i+length:]) {
			break
		}
		i += length
		if c == ' ' && w > 0 && b[w-1] == ' ' {
			continue
		}
		if w == len(b) {
			return nil
		}
		b[w] = c
		w++
	}
	for w > 0 && (isLeftOver(b[w-1]) || b[w-1] == '.' || b[w-1] == '}' || b[w-1] == ']') {
		w--
	}
	return b[:w]
}

func trimLeft(msg []byte) []byte {
	for len(msg) > 0 && isLeftOver(msg[0]) {
		msg = msg[1:]
	}
	return msg
}

// nextCharacter reads one character of the normal form and how many bytes of
// msg it took. msg is not empty.
func nextCharacter(msg []byte) (c byte, length int) {
	c, length = msg[0], 1
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A', 1
	case c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f':
		return ' ', 1
	case c == 0xe2 && len(msg) > 2 && msg[1] == 0x80 && (msg[2] == 0x99 || msg[2] == 0x98):
		return '\'', 3 // typographic apostrophe
	case c == 0xc2 && len(msg) > 1 && msg[1] == 0xa0:
		return ' ', 2 // no-break space
	case c != '\\':
		return c, 1
	}
	// An escape; a string inside a string has several backslashes.
	for length < len(msg) && msg[length] == '\\' {
		length++
	}
	if length == len(msg) {
		return ' ', length
	}
	c = msg[length]
	switch {
	case c == 'n' || c == 't' || c == 'r':
		return ' ', length + 1
	case c == 'u' && len(msg) >= length+5:
		if r, ok := hex4(msg[length+1:]); ok {
			return foldRune(r), length + 5
		}
	}
	// Whatever else was escaped stands for itself.
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c, length + 1
}

// foldRune is the normal form of an escaped character. Beyond ASCII only the
// apostrophes matter; no message contains what the rest becomes.
func foldRune(r rune) byte {
	switch {
	case r == 0x2019 || r == 0x2018:
		return '\''
	case r <= ' ' || r == 0xa0:
		return ' '
	case r >= 'A' && r <= 'Z':
		return byte(r) + 'a' - 'A'
	case r < 0x80:
		return byte(r)
	}
	return 0xff
}

func hex4(b []byte) (r rune, ok bool) {
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// endsString reports whether a quote that rest follows closes a JSON string.
func endsString(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\n', '\r', '\\':
			continue
		case ',', '}', ']':
			return true
		}
		return false
	}
	return true
}

// isLeftOver reports whether c may surround a message in a log line without
// belonging to it.
func isLeftOver(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '"', '\'', '`', ':', '=', '\\', '{', '[', ',', 0:
		return true
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
