package classify

import (
	"fmt"
	"math"
	"strings"

	"github.com/goccy/go-yaml"
)

// maxCatalogue bounds a catalogue file; the built-in one takes 10 KB.
const maxCatalogue = 1 << 20

// catalogueKeys are the keys of one entry in a catalogue file.
var catalogueKeys = [...]string{"code", "name", "http_status", "message", "messages", "outcome", "hint", "later"}

// ParseCatalogue reads another API's catalogue:
//
//	codes:
//	  - code: 25             # 1 to 65535, once each
//	    http_status: 429     # 100 to 599, or a list: the first is the rule
//	    message: "Your request count (#) is over the allowed limit of (40)."
//	    messages: ["Slow down, *"]  # further wordings
//	    outcome: rate_limited  # left out: what the HTTP status implies
//	    hint: "What it means and what to do."  # optional
//	  - name: quota.exceeded # in place of code: the API's own name of the error;
//	    outcome: rate_limited  # quota.* is quota and all that begins with quota.
//	  - message: "Try later*"  # no code, no name: the message alone tells
//	    outcome: offline
//
// In a message # and every number stand for any number, * for any text.
//
// Unknown keys, repeated codes and names, unknown outcomes and values out of
// range are errors that name the entry, the key, the value and what is
// accepted. YAML (of Builtin, say) writes the same shape.
func ParseCatalogue(data []byte) (*Catalogue, error) {
	if len(data) > maxCatalogue {
		return nil, fmt.Errorf("catalogue: got %d bytes; want at most %d", len(data), maxCatalogue)
	}
	var doc any
	if err := yaml.UnmarshalWithOptions(data, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	top, ok := doc.(yaml.MapSlice)
	if !ok {
		return nil, fmt.Errorf("catalogue: got %s; want a mapping with the key codes", kindOf(doc))
	}
	var entries []Entry
	for _, item := range top {
		if item.Key != "codes" {
			return nil, fmt.Errorf("catalogue: unknown key %q; want codes", fmt.Sprint(item.Key))
		}
		list, ok := item.Value.([]any)
		if !ok {
			return nil, fmt.Errorf("catalogue: codes: got %s; want a list of entries", kindOf(item.Value))
		}
		for i, v := range list {
			e, err := parseEntry(v)
			if err != nil {
				return nil, fmt.Errorf("catalogue: codes[%d]: %w", i, err)
			}
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("catalogue: codes: got no entry; want at least one")
	}
	if len(entries) > math.MaxUint16-1 {
		return nil, fmt.Errorf("catalogue: codes: got %d entries; want at most %d", len(entries), math.MaxUint16-1)
	}
	first := make(map[string]int, len(entries))
	for i, e := range entries {
		key, label := "code", e.Label()
		if e.Code == 0 && e.Name != "" {
			key = "name"
		} else if e.Code == 0 {
			key = "message"
		}
		if j, seen := first[key+label]; seen {
			return nil, fmt.Errorf("catalogue: codes[%d]: %s: got %s, which codes[%d] has already; want each %s once",
				i, key, label, j, key)
		}
		first[key+label] = i
	}
	return newCatalogue(entries), nil
}

func parseEntry(v any) (Entry, error) {
	fields, ok := v.(yaml.MapSlice)
	if !ok {
		return Entry{}, fmt.Errorf("got %s; want a mapping with the keys %s", kindOf(v),
			strings.Join(catalogueKeys[:], ", "))
	}
	var e Entry
	for _, f := range fields {
		if err := e.set(f.Key, f.Value); err != nil {
			return Entry{}, err
		}
	}
	if e.Code == 0 && e.Name == "" && e.Message == "" {
		return Entry{}, fmt.Errorf("code: missing; want an integer from 1 to %d, or a name, or a message",
			math.MaxUint16)
	}
	if e.Code != 0 && e.Name != "" {
		return Entry{}, fmt.Errorf("name: got %q beside code %d; want one of them", e.Name, e.Code)
	}
	if e.HTTPStatus == 0 && e.Code != 0 {
		return Entry{}, fmt.Errorf("http_status: missing; want an integer from 100 to 599")
	}
	if e.Outcome == Unset {
		if e.HTTPStatus == 0 {
			return Entry{}, fmt.Errorf("outcome: missing, and no http_status implies one; want one of %s",
				outcomeList())
		}
		e.Outcome = OfHTTPStatus(e.HTTPStatus)
	}
	return e, nil
}

// set reads one key of an entry.
func (e *Entry) set(key, value any) error {
	var err error
	switch key {
	case "code":
		var code int
		code, err = intBetween(value, 1, math.MaxUint16)
		e.Code = uint16(code)
	case "name":
		if e.Name, err = stringOf(value); err == nil && !isEntryName(e.Name) {
			err = fmt.Errorf("got %q; want at most 64 letters, digits and . _ : / -, with .* at the end for a family",
				e.Name)
		}
	case "http_status":
		var list []int16
		if list, err = statusesOf(value); err == nil {
			e.HTTPStatus, e.AlsoStatus = list[0], list[1:]
			if len(e.AlsoStatus) == 0 {
				e.AlsoStatus = nil
			}
		}
	case "message":
		e.Message, err = messageOf(value)
	case "messages":
		e.AlsoMessages, err = messagesOf(value)
	case "outcome":
		e.Outcome, err = outcomeOf(value)
	case "hint":
		e.Hint, err = stringOf(value)
	case "later":
		var ok bool
		if e.Later, ok = value.(bool); !ok {
			err = fmt.Errorf("got %s; want true or false", kindOf(value))
		}
	default:
		return fmt.Errorf("unknown key %q; want one of %s", fmt.Sprint(key), strings.Join(catalogueKeys[:], ", "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// isEntryName accepts possible values of Response.ErrorType, and families of them.
func isEntryName(s string) bool {
	s, _ = strings.CutSuffix(s, ".*")
	for _, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && !isDigit(c) && strings.IndexByte("._:/-", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func statusesOf(v any) ([]int16, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 || len(list) > 20 {
		return nil, fmt.Errorf("got %d statuses; want 1 to 20", len(list))
	}
	var all []int16
	for _, item := range list {
		n, err := intBetween(item, 100, 599)
		if err != nil {
			return nil, err
		}
		all = append(all, int16(n))
	}
	return all, nil
}

func messageOf(v any) (string, error) {
	s, err := stringOf(v)
	if err == nil && len(s) > maxMessage {
		err = fmt.Errorf("got %d bytes; want at most %d", len(s), maxMessage)
	}
	return s, err
}

func messagesOf(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("got %s; want a list of strings", kindOf(v))
	}
	var all []string
	for _, item := range list {
		s, err := messageOf(item)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func intBetween(v any, low, high int) (int, error) {
	var n int64
	switch x := v.(type) {
	case uint64:
		n = int64(min(x, math.MaxInt64))
	case int64:
		n = x
	default:
		return 0, fmt.Errorf("got %s; want an integer from %d to %d", kindOf(v), low, high)
	}
	if n < int64(low) || n > int64(high) {
		return 0, fmt.Errorf("got %d; want an integer from %d to %d", n, low, high)
	}
	return int(n), nil
}

func stringOf(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("got %s; want a string", kindOf(v))
	}
	return s, nil
}

func outcomeOf(v any) (Outcome, error) {
	name, _ := v.(string)
	o, ok := ParseOutcome(name)
	if !ok {
		return Unset, fmt.Errorf("got %s; want one of %s", kindOf(v), outcomeList())
	}
	return o, nil
}

func outcomeList() string {
	var names []string
	for _, o := range Outcomes() {
		names = append(names, o.String())
	}
	return strings.Join(names, ", ")
}

// kindOf describes a YAML value in an error, short enough to read.
func kindOf(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case yaml.MapSlice:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		if len(x) > 60 {
			x = x[:60] + "..."
		}
		return fmt.Sprintf("%q", x)
	}
	return fmt.Sprint(v)
}

// YAML is the catalogue in the shape that ParseCatalogue reads: a start for
// writing another one.
func (c *Catalogue) YAML() ([]byte, error) { return EntriesYAML(c.entries) }

// EntriesYAML writes entries in the shape that ParseCatalogue reads.
func EntriesYAML(entries []Entry) ([]byte, error) {
	type entry struct {
		Code       uint16   `yaml:"code,omitempty"`
		Name       string   `yaml:"name,omitempty"`
		HTTPStatus any      `yaml:"http_status,omitempty"`
		Message    string   `yaml:"message,omitempty"`
		Messages   []string `yaml:"messages,omitempty"`
		Outcome    string   `yaml:"outcome"`
		Hint       string   `yaml:"hint,omitempty"`
		Later      bool     `yaml:"later,omitempty"`
	}
	doc := struct {
		Codes []entry `yaml:"codes"`
	}{}
	for _, e := range entries {
		out := entry{e.Code, e.Name, nil, e.Message, e.AlsoMessages, e.Outcome.String(), e.Hint, e.Later}
		switch {
		case len(e.AlsoStatus) > 0:
			out.HTTPStatus = append([]int16{e.HTTPStatus}, e.AlsoStatus...)
		case e.HTTPStatus != 0:
			out.HTTPStatus = e.HTTPStatus
		}
		doc.Codes = append(doc.Codes, out)
	}
	out, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write catalogue: %w", err)
	}
	return out, nil
}
