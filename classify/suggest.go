package classify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxSuggested bounds the names and messages that a Suggester tells apart.
const maxSuggested = 5000

// Suggester proposes a catalogue for an API from its failing responses: each of
// the API's own names of errors, numbers, or else messages, with the HTTP
// statuses that it came with and a guess of its outcome.
type Suggester struct {
	seen map[string]*suggestion
}

type suggestion struct {
	entry    Entry
	count    uint64
	examples uint64 // responses that are not in count
	statuses map[int16]uint64
	messages map[string]uint64
}

// Add looks at n responses like r. What is no failure, and says nothing of
// itself but its HTTP status, is passed over.
func (s *Suggester) Add(r *Response, n uint64) {
	message := messagePattern(r.Message)
	x := s.of(r, message)
	if x == nil {
		return
	}
	x.count += n
	x.came(r.Status, n)
	x.said(message, n)
}

// AddExample looks at n responses like r that Add has counted, or that are only
// some of those that there are: they give the message.
func (s *Suggester) AddExample(r *Response, n uint64) {
	message := messagePattern(r.Message)
	x := s.of(r, message)
	if x == nil {
		return
	}
	x.examples += n
	if x.count == 0 {
		x.came(r.Status, n)
	}
	x.said(message, n)
}

func (x *suggestion) came(status int16, n uint64) {
	if status > 0 {
		x.statuses[status] += n
	}
}

func (x *suggestion) said(message string, n uint64) {
	if message != "" && (len(x.messages) < 100 || x.messages[message] > 0) {
		x.messages[message] += n
	}
}

// of is what r's answer is gathered in; nil when it is none of a failure that
// says something of itself.
func (s *Suggester) of(r *Response, message string) *suggestion {
	if r.Status < 400 && r.Mark != MarkError {
		return nil
	}
	entry := Entry{Name: string(r.ErrorType)}
	switch {
	case entry.Name != "":
	case r.Code != 0:
		entry.Code = r.Code
	case message != "":
		entry.Message = message
	default:
		return nil
	}
	if s.seen == nil {
		s.seen = map[string]*suggestion{}
	}
	key := fmt.Sprintf("%d %q %q", entry.Code, entry.Name, entry.Message)
	x := s.seen[key]
	if x == nil && len(s.seen) < maxSuggested {
		x = &suggestion{entry: entry, statuses: map[int16]uint64{}, messages: map[string]uint64{}}
		s.seen[key] = x
	}
	return x
}

// Entries is the proposal, the most frequent first.
func (s *Suggester) Entries() []Entry {
	keys := slices.SortedFunc(maps.Keys(s.seen), func(a, b string) int {
		x, y := s.seen[a], s.seen[b]
		return cmp.Or(cmp.Compare(y.count, x.count), cmp.Compare(y.examples, x.examples), cmp.Compare(a, b))
	})
	var all []Entry
	for _, key := range keys {
		all = append(all, s.seen[key].proposed())
	}
	return all
}

func (x *suggestion) proposed() Entry {
	e := x.entry
	var said []string
	for i, status := range byCount(x.statuses) {
		said = append(said, fmt.Sprintf("HTTP %d %d times", status, x.statuses[status]))
		switch {
		case i == 0:
			e.HTTPStatus = status
		case i < 5:
			e.AlsoStatus = append(e.AlsoStatus, status)
		}
	}
	if messages := byCount(x.messages); len(messages) > 0 {
		e.Message = messages[0]
		if len(messages) > 1 {
			said = append(said, fmt.Sprintf("%d wordings", len(messages)))
		}
	}
	e.Outcome = guess(e)
	if e.Code != 0 && e.HTTPStatus == 0 {
		e.HTTPStatus = 200 // a number needs one
	}
	seen := fmt.Sprintf("Seen %d times", x.count)
	if x.count == 0 {
		seen = fmt.Sprintf("In %d stored examples", x.examples)
	}
	e.Hint = fmt.Sprintf("%s: %s. The outcome is a guess.", seen, strings.Join(said, ", "))
	return e
}

// byCount lists the keys of m, the most frequent first.
func byCount[K cmp.Ordered](m map[K]uint64) []K {
	return slices.SortedFunc(maps.Keys(m), func(a, b K) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
}

// guess is the outcome that an entry's name, or else its message, implies where
// its HTTP status does not contradict; otherwise that of the HTTP status.
func guess(e Entry) Outcome {
	by := OfHTTPStatus(e.HTTPStatus)
	if e.HTTPStatus == 0 || e.HTTPStatus < 400 {
		by = Unknown
	}
	for _, text := range []string{e.Name, e.Message} {
		o := OfName([]byte(text))
		server := o == Timeout || o == Offline || o == InternalError || o == RateLimited
		if o != Unset && (e.HTTPStatus < 500 || server) {
			return o
		}
	}
	return by
}

// messagePattern is a message with "#" for its numbers and "*" for its words
// that hold digits, at signs or slashes and for what is quoted, so that
// messages about different things are one. "" for what is too long or markup.
func messagePattern(message []byte) string {
	text := strings.TrimSpace(string(message))
	if text == "" || len(text) > maxMessage/2 || strings.ContainsAny(text[:1], "<{[") ||
		strings.ContainsAny(text, "*#") {
		return ""
	}
	words := strings.Fields(text)
	for i, w := range words {
		core := strings.Trim(w, `.,:;!?()`)
		switch {
		case core == "":
		case strings.Trim(core, "0123456789") == "":
			words[i] = strings.Replace(w, core, "#", 1)
		case strings.ContainsAny(core, `0123456789@/'"`) && !strings.ContainsAny(core[1:max(len(core)-1, 1)], "'"):
			words[i] = strings.Replace(w, core, "*", 1)
		}
	}
	pattern := strings.Join(slices.Compact(words), " ")
	if strings.Trim(pattern, "*# .,") == "" {
		return ""
	}
	return pattern
}
