// Package agent tells what kind of program a User-Agent header names: a browser, an
// SDK, a command line, a crawler, an AI agent. Its guarantee: a name is one of a list
// that is fixed when statline is built, with at most two numbers for a version, so
// that nothing a stranger wrote leaves the package; what the list does not know is
// Unknown and has no name. It is pure. It cannot tell whether a header is true: who
// says GPTBot may be anybody.
//
// Crawlers, monitors, scanners, AI agents and many HTTP libraries are those of the
// list crawler-user-agents (see list.mk); own.go adds SDKs and command lines, and
// browsers are told by their own tokens.
package agent

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"statline/classify"
)

// Class is a kind of program.
type Class uint8

// The classes. Unknown is every agent that no list names.
const (
	Unknown Class = iota
	AI            // crawlers of AI companies, assistants and agents
	Crawler       // search engines, link previews, feed readers, archives
	Monitor
	Scanner    // looks for weaknesses, or counts what is on the internet
	Automation // a browser that a program drives
	CommandLine
	SDK // HTTP libraries and what is built on them
	Browser
	classes
)

// String is the stored name.
func (c Class) String() string {
	return [classes]string{"unknown", "ai", "crawler", "monitor", "scanner", "automation", "cli", "sdk", "browser"}[c]
}

// noRank is larger than the rank of every class.
const noRank = 4

// rank says which of several names in one header counts: the one with the smallest
// rank. A crawler names the library or the browser that it is made of, not the other
// way round.
func (c Class) rank() int {
	switch c {
	case AI:
		return 0
	case CommandLine, SDK:
		return 2
	case Browser:
		return 3
	default:
		return 1
	}
}

// product is a line of the lists: a header that has its text has its name.
type product struct {
	text, name string
	class      Class
	flags      uint8
}

// The products that are in no list. Numbers are indexes into products.
const (
	unknown  uint16 = 1
	firstOwn uint16 = 2
)

// products are all of them: none, unknown, browsers, own, listed.
var products = func() []product {
	all := make([]product, firstOwn, int(firstOwn)+len(browsers)+len(own)+len(listed))
	for _, b := range browsers {
		all = append(all, product{b.token, b.name, Browser, wordStart})
	}
	for _, o := range own {
		p := product{o.text, cmp.Or(o.name, o.text), o.class, word}
		switch {
		case o.whole:
			p.flags = headerStart | headerEnd
		case p.class.rank() == SDK.rank():
			p.flags = token
		}
		all = append(all, p)
	}
	return append(all, listed...)
}()

// ClassOf is the class of an agent.
func ClassOf(a classify.Agent) Class { return products[a.Product].class }

// Name is the stored name: the product's, and of SDKs and command lines the first
// two numbers of its version, of browsers the first: "okhttp/4.12", "Firefox/127".
// It is empty when the agent is unknown.
func Name(a classify.Agent) string {
	p := &products[a.Product]
	if a.Major == 0 {
		return p.name
	}
	b := append([]byte(p.name), '/')
	b = strconv.AppendUint(b, uint64(a.Major-1), 10)
	if a.Minor > 0 {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(a.Minor-1), 10)
	}
	return string(b)
}

// MaxLength is how many bytes of a header are read.
const MaxLength = 512

// Where a text must be in the header.
const (
	wordStart   uint8 = 1 << iota // not after a letter or a digit
	wordEnd                       // not before one
	headerStart                   // at its beginning
	headerEnd                     // at its end
	token                         // where a product and its version stand

	word = wordStart | wordEnd
)

// literal is a product with its number.
type literal struct {
	product
	number uint16
}

// literals are sorted by their first three bytes, then the longest first.
var literals = func() (list []literal) {
	for i, p := range products[firstOwn:] {
		list = append(list, literal{p, firstOwn + uint16(i)})
	}
	slices.SortStableFunc(list, func(a, b literal) int {
		return cmp.Or(cmp.Compare(a.text[:3], b.text[:3]), cmp.Compare(len(b.text), len(a.text)))
	})
	return list
}()

// Matcher finds what a header names. It is not changed after New.
type Matcher struct {
	heads [1 << 12]head // an open-addressing table
}

// head is where the literals with the same first three bytes are.
type head struct {
	bytes uint32 // 0 for a free slot
	first uint16 // index into literals
}

// New makes a Matcher: 32 KB, in some microseconds.
func New() *Matcher {
	m := &Matcher{}
	for i, l := range slices.Backward(literals) { // the first of a head is noted last
		*m.look(l.text[0], l.text[1], l.text[2]) = head{headBytes(l.text[0], l.text[1], l.text[2]), uint16(i)}
	}
	return m
}

func headBytes(a, b, c byte) uint32 { return uint32(a) | uint32(b)<<8 | uint32(c)<<16 | 1<<24 }

// look is the slot of three bytes, a free one when no literal begins with them.
func (m *Matcher) look(a, b, c byte) *head {
	key := headBytes(a, b, c)
	for i := key * 0x9e3779b1 >> 20; ; i++ {
		if h := &m.heads[i%uint32(len(m.heads))]; h.bytes == key || h.bytes == 0 {
			return h
		}
	}
}

// found is the literal of a header that counts so far.
type found struct {
	product    uint16
	rank       int
	start, end int
}

// Of is what a header names; the zero value for an empty one. Of several literals the
// class decides, then the first, then the longest.
func (m *Matcher) Of(header []byte) classify.Agent {
	header = header[:min(len(header), MaxLength)]
	if len(header) == 0 {
		return classify.Agent{}
	}
	best := found{rank: noRank}
	for i := 0; i+3 <= len(header) && best.rank > 0; i++ {
		h := m.look(header[i], header[i+1], header[i+2])
		if h.bytes != 0 {
			best.among(literals[h.first:], header, i)
		}
	}
	switch {
	case best.rank == noRank || best.rank == Browser.rank() && !isBrowser(header, best.product):
		return classify.Agent{Product: unknown}
	case best.rank == Browser.rank():
		major, _ := number(header, best.end)
		return classify.Agent{Product: best.product, Major: major}
	case best.rank == SDK.rank():
		major, minor := version(header, best.end)
		return classify.Agent{Product: best.product, Major: major, Minor: minor}
	default:
		return classify.Agent{Product: best.product}
	}
}

// among tries the literals at the front of a list that begin as the header does at i.
func (f *found) among(list []literal, header []byte, i int) {
	key := header[i : i+3]
	for n := range list {
		l := &list[n]
		if l.text[:3] != string(key) {
			return
		}
		r, end := l.class.rank(), i+len(l.text)
		better := r < f.rank || r == f.rank && i == f.start && end > f.end
		if r == f.rank && r == Browser.rank() {
			better = l.number < f.product // what most others call themselves comes last
		}
		if better && l.lies(header, i) {
			*f = found{l.number, r, i, end}
		}
	}
}

func (l *literal) lies(header []byte, i int) bool {
	if len(header)-i < len(l.text) || string(header[i:i+len(l.text)]) != l.text {
		return false
	}
	end := i + len(l.text)
	return (l.flags&headerStart == 0 || i == 0) && (l.flags&headerEnd == 0 || end == len(header)) &&
		(l.flags&token == 0 || isToken(header, i, end)) &&
		(l.flags&wordStart == 0 || i == 0 || !inWord(header[i-1])) &&
		(l.flags&wordEnd == 0 || end == len(header) || !inWord(header[end]) || !inWord(header[end-1]))
}

// isToken reports that header[i:end] stands alone, or before a version.
func isToken(header []byte, i, end int) bool {
	if i > 0 && header[i-1] != ' ' && header[i-1] != '(' && header[i-1] != ';' {
		return false
	}
	rest := header[end:]
	if len(rest) == 0 || rest[0] == '/' {
		return true
	}
	if rest = bytes.TrimPrefix(rest[1:], []byte("v")); header[end] != ' ' {
		return false
	}
	return len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'
}

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
}

// mostVersion is the largest number in a version: larger ones are builds or dates, and
// would make too many names.
const mostVersion = 9999

// version reads "/2.31.0" or " v2.31" at i: its first two numbers plus one each, 0
// for none.
func version(header []byte, i int) (major, minor uint16) {
	if i > 0 && i < len(header) && header[i-1] != '/' {
		if header[i] != '/' && header[i] != ' ' {
			return 0, 0
		}
		i++
	}
	if i < len(header) && header[i] == 'v' {
		i++
	}
	major, i = number(header, i)
	if major > 0 && i < len(header) && header[i] == '.' {
		minor, _ = number(header, i+1)
	}
	return major, minor
}

// number reads a number at i, plus one; 0 when there is none or it is too large.
func number(header []byte, i int) (n uint16, end int) {
	value, start := 0, i
	for ; i < len(header) && header[i] >= '0' && header[i] <= '9'; i++ {
		if value = value*10 + int(header[i]-'0'); value > mostVersion {
			return 0, i
		}
	}
	if i == start {
		return 0, i
	}
	return uint16(value) + 1, i
}

// isBrowser reports that a header with a browser's token is a browser's. Programs that
// call themselves compatible or give an address are none, whatever else they say.
func isBrowser(header []byte, product uint16) bool {
	switch {
	case !bytes.HasPrefix(header, []byte("Mozilla/")) && !bytes.HasPrefix(header, []byte("Opera/")):
		return false
	case bytes.Contains(header, []byte("http")) || bytes.IndexByte(header, '@') >= 0:
		return false
	case bytes.Contains(header, []byte("compatible;")) && !bytes.Contains(header, []byte("MSIE ")):
		return false
	}
	also := browsers[product-firstOwn].also
	return also == "" || bytes.Contains(header, []byte(also))
}
