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
var catalogueKeys = [...]string{"code", "http_status", "message", "outcome", "hint"}

// ParseCatalogue reads another API's catalogue:
//
//	codes:
//	  - code: 25             # 1 to 65535, once each
//	    http_status: 429     # 100 to 599
//	    message: "Your request count (#) is over the allowed limit of (40)."
//	    outcome: rate_limited  # left out: what the HTTP status implies
//	    hint: "What it means and what to do."  # optional
//
// Unknown keys, repeated codes, unknown outcomes and values out of range are
// errors that name the entry, the key, the value and what is accepted. YAML
// (of Builtin, say) writes the same shape.
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
	first := make(map[uint16]int, len(entries))
	for i, e := range entries {
		if j, seen := first[e.Code]; seen {
			return nil, fmt.Errorf("catalogue: codes[%d]: code: got %d, which codes[%d] has already; want each code once", i, e.Code, j)
		}
		first[e.Code] = i
	}
	return newCatalogue(entries), nil
}

func parseEntry(v any) (Entry, error) {
	fields, ok := v.(yaml.MapSlice)
	if !ok {
		return Entry{}, fmt.Errorf("got %s; want a mapping with the keys %s", kindOf(v), strings.Join(catalogueKeys[:], ", "))
	}
	var e Entry
	var code, status int
	for _, f := range fields {
		var err error
		switch f.Key {
		case "code":
			code, err = intBetween(f.Value, 1, math.MaxUint16)
		case "http_status":
			status, err = intBetween(f.Value, 100, 599)
		case "message":
			if e.Message, err = stringOf(f.Value); err == nil && len(e.Message) > maxMessage {
				err = fmt.Errorf("got %d bytes; want at most %d", len(e.Message), maxMessage)
			}
		case "outcome":
			e.Outcome, err = outcomeOf(f.Value)
		case "hint":
			e.Hint, err = stringOf(f.Value)
		default:
			return Entry{}, fmt.Errorf("unknown key %q; want one of %s", fmt.Sprint(f.Key), strings.Join(catalogueKeys[:], ", "))
		}
		if err != nil {
			return Entry{}, fmt.Errorf("%s: %w", f.Key, err)
		}
	}
	switch {
	case code == 0:
		return Entry{}, fmt.Errorf("code: missing; want an integer from 1 to %d", math.MaxUint16)
	case status == 0:
		return Entry{}, fmt.Errorf("http_status: missing; want an integer from 100 to 599")
	}
	e.Code, e.HTTPStatus = uint16(code), int16(status)
	if e.Outcome == Unset {
		e.Outcome = OfHTTPStatus(e.HTTPStatus)
	}
	return e, nil
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
func (c *Catalogue) YAML() ([]byte, error) {
	type entry struct {
		Code       uint16 `yaml:"code"`
		HTTPStatus int16  `yaml:"http_status"`
		Message    string `yaml:"message"`
		Outcome    string `yaml:"outcome"`
		Hint       string `yaml:"hint,omitempty"`
	}
	doc := struct {
		Codes []entry `yaml:"codes"`
	}{}
	for _, e := range c.entries {
		doc.Codes = append(doc.Codes, entry{e.Code, e.HTTPStatus, e.Message, e.Outcome.String(), e.Hint})
	}
	out, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write catalogue: %w", err)
	}
	return out, nil
}
