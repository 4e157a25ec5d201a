package classify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
)

// Entry is one row of a catalogue: an API's own code or name of an error, the
// HTTP status that the API promises with it, its message, and what it means.
type Entry struct {
	// Code is the number, 0 for an entry that has none.
	Code uint16
	// Name is the API's own name of the error (see Response.ErrorType) in place
	// of a number; "quota.*" stands for quota and every name that begins with
	// "quota.". Both may be missing: then the message alone tells.
	Name string
	// HTTPStatus is what the API promises, 0 for any; AlsoStatus has further
	// ones.
	HTTPStatus int16
	AlsoStatus []int16
	// Message is the text exactly as the API sends it. When it contains "#",
	// every "#" and every number in it stands for any number: the first is the
	// request count, the second the limit (see Decision). "*" stands for any
	// text. AlsoMessages are further wordings.
	Message      string
	AlsoMessages []string
	Outcome      Outcome
	// Hint says in a sentence or two what the code means in practice and what
	// to look at next. It does not take part in Hash.
	Hint string
	// Later marks a row that came after the catalogue's first documentation.
	Later bool
}

// Label is how people refer to the entry: its number, its name, or its message.
func (e *Entry) Label() string {
	switch {
	case e.Code != 0:
		return strconv.Itoa(int(e.Code))
	case e.Name != "":
		return e.Name
	}
	return e.Message
}

// Promises reports that the API answers with status when it sends the entry.
func (e *Entry) Promises(status int16) bool {
	return e.HTTPStatus == 0 || e.HTTPStatus == status || slices.Contains(e.AlsoStatus, status)
}

// Catalogue is an immutable set of entries with their lookups. Any number of
// goroutines may use one.
type Catalogue struct {
	entries []Entry // ascending by code, then by name
	rules   []rule  // of the entries, one by one
	// byCode holds the rules of the numbers; its length is the highest code plus
	// one, so the lookup is one bounds check and one load.
	byCode   []*rule
	names    nameIndex
	messages messageIndex
	hash     string
}

// rule is an entry in the form that Decide needs. Its outcome is Unset for a code that
// the catalogue does not have.
type rule struct {
	also     []int16 // further statuses that the API promises
	code     uint16
	status   int16 // 0 for any
	outcome  Outcome
	numbered bool // a message carries numbers to read
}

// noRule is the rule for what the catalogue does not have.
var noRule rule

var builtin = newCatalogue(builtinTable[:])

// Builtin is the catalogue of TMDB's codes that statline uses by default.
func Builtin() *Catalogue { return builtin }

// None is the empty catalogue: codes and messages decide nothing.
func None() *Catalogue { return none }

var none = newCatalogue(nil)

// newCatalogue indexes entries whose codes and names are distinct.
func newCatalogue(entries []Entry) *Catalogue {
	c := &Catalogue{entries: slices.Clone(entries)}
	slices.SortStableFunc(c.entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name))
	})
	c.messages = indexMessages(c.entries)
	c.rules = make([]rule, len(c.entries))
	if n := len(c.entries); n > 0 {
		c.byCode = make([]*rule, int(c.entries[n-1].Code)+1)
	}
	for i := range c.byCode {
		c.byCode[i] = &noRule
	}
	for i := range c.entries {
		e := &c.entries[i]
		c.rules[i] = rule{e.AlsoStatus, e.Code, e.HTTPStatus, e.Outcome, c.messages.numbered(uint16(i + 1))}
		if e.Code != 0 {
			c.byCode[e.Code] = &c.rules[i]
		}
	}
	c.names = indexNames(c.entries, c.rules)
	c.hash = hashEntries(c.entries)
	return c
}

// Entry is the catalogue's row for code; ok is false when it has none.
func (c *Catalogue) Entry(code uint16) (e Entry, ok bool) {
	i, ok := slices.BinarySearchFunc(c.entries, code, func(e Entry, code uint16) int { return int(e.Code) - int(code) })
	if !ok || code == 0 {
		return Entry{}, false
	}
	return c.entries[i], true
}

// Entries lists every row, ascending by code. The caller owns the slice.
func (c *Catalogue) Entries() []Entry { return slices.Clone(c.entries) }

// Hash identifies what the catalogue decides: 16 hexadecimal characters of the
// SHA-256 over every code, HTTP status, message and outcome. Two catalogues
// with the same Hash classify alike; hints do not count.
func (c *Catalogue) Hash() string { return c.hash }

// rule is the rule for code, with the outcome Unset when there is none.
func (c *Catalogue) rule(code uint16) *rule {
	if int(code) >= len(c.byCode) {
		return &noRule
	}
	return c.byCode[code]
}

func hashEntries(entries []Entry) string {
	h := sha256.New()
	for _, e := range entries {
		e.Hint, e.Later = "", false
		fmt.Fprintf(h, "%d %q %d %d %s %q %q\n", e.Code, e.Name, e.HTTPStatus, e.AlsoStatus, e.Outcome, e.Message,
			e.AlsoMessages)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
