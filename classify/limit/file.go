package limit

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is the limits file that an operator wrote: who has which limit. It is valid as a
// whole or not at all; errors name the line. A nil File has no limits.
type File struct {
	tiers  map[string]Allowed
	of     map[string]Allowed // by a customer's name, or a key's whole id
	others *Allowed           // everybody else
}

// Allowed is a limit and the tier that it is of, "" for none.
type Allowed struct {
	Tier string
	Limit
}

// The sources of a key's limit.
const (
	FromHeaders  = "headers"  // of the key's responses
	FromFile     = "file"     // the operator's
	FromRefusals = "refusals" // the numbers that they tell
)

// maxFile is the longest limits file in bytes.
const maxFile = 4 << 20

// ParseFile reads a limits file, which is YAML of three keys:
//
//	tiers:               # a name and a limit each
//	  free: 60/1m
//	  gold: 600/1m
//	keys:                # customers by their names, or keys by their whole ids:
//	  "ACME, Inc.": gold # a tier,
//	  Initech: 5000/1h   # or a limit
//	others: free         # everybody else; without it only those above have a limit
//
// A window is a number of whole minutes that divides a day. Errors call the file path and
// count lines from 1.
func ParseFile(path string, text []byte) (*File, error) {
	f, err := parseFile(text)
	var at *lineError
	switch {
	case errors.As(err, &at):
		return nil, fmt.Errorf("limits %s:%d: %w", path, at.line, at.err)
	case err != nil:
		return nil, fmt.Errorf("limits %s: %w", path, err)
	}
	return f, nil
}

type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func wrong(n ast.Node, format string, args ...any) error {
	return &lineError{n.GetToken().Position.Line, fmt.Errorf(format, args...)}
}

func parseFile(text []byte) (*File, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("got %d bytes; want at most %d", len(text), maxFile)
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	const want = "tiers, keys or others"
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, fmt.Errorf("got %d documents; want one, with the keys %s", len(parsed.Docs), want)
	}
	parts := map[string]ast.Node{}
	if err := pairs(parsed.Docs[0].Body, func(name string, key, value ast.Node) error {
		if !slices.Contains([]string{"tiers", "keys", "others"}, name) {
			return wrong(key, "got the key %q; want %s", name, want)
		}
		parts[name] = value
		return nil
	}); err != nil {
		return nil, err
	}
	f := &File{tiers: map[string]Allowed{}, of: map[string]Allowed{}}
	// Tiers first, wherever they are in the file.
	if err := pairs(parts["tiers"], func(name string, _, value ast.Node) error {
		l, err := oneLimit(value)
		f.tiers[name] = Allowed{name, l}
		return err
	}); err != nil {
		return nil, err
	}
	if err := pairs(parts["keys"], func(who string, _, value ast.Node) (err error) {
		f.of[who], err = f.allowed(value)
		return err
	}); err != nil {
		return nil, err
	}
	if n := parts["others"]; n != nil {
		others, err := f.allowed(n)
		if err != nil {
			return nil, err
		}
		f.others = &others
	}
	if len(f.of) == 0 && f.others == nil {
		return nil, errors.New("nobody has a limit; want one below keys, or others")
	}
	return f, nil
}

// pairs calls each for the pairs of a mapping, in their order; nil has none.
func pairs(n ast.Node, each func(name string, key, value ast.Node) error) error {
	if n == nil {
		return nil
	}
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return wrong(n, "got %q; want keys with a value each", strings.TrimSpace(n.GetToken().Value))
	}
	seen := map[string]int{}
	for _, v := range values {
		name, err := scalar(v.Key)
		if err != nil {
			return err
		}
		if first, twice := seen[name]; twice {
			return wrong(v.Key, "got %q, which line %d has already; want each once", name, first)
		}
		seen[name] = v.Key.GetToken().Position.Line
		if err := each(name, v.Key, v.Value); err != nil {
			return err
		}
	}
	return nil
}

// scalar is a text of one line, as it stands.
func scalar(n ast.Node) (string, error) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		if text := strings.TrimSpace(n.GetToken().Value); text != "" {
			return text, nil
		}
	}
	return "", wrong(n, "got %q; want a name or a limit on one line", strings.TrimSpace(n.GetToken().Value))
}

// allowed reads a tier's name or a limit.
func (f *File) allowed(n ast.Node) (Allowed, error) {
	text, err := scalar(n)
	if err != nil {
		return Allowed{}, err
	}
	if a, ok := f.tiers[text]; ok {
		return a, nil
	}
	if !strings.Contains(text, "/") {
		known := "a limit such as 600/1m"
		if len(f.tiers) > 0 {
			known = "one of " + strings.Join(slices.Sorted(maps.Keys(f.tiers)), ", ") + ", or " + known
		}
		return Allowed{}, wrong(n, "got the tier %q; want %s", text, known)
	}
	l, err := oneLimit(n)
	return Allowed{Limit: l}, err
}

func oneLimit(n ast.Node) (Limit, error) {
	const minute, day = 60, 86400
	text, err := scalar(n)
	if err != nil {
		return Limit{}, err
	}
	all, err := Parse(text)
	switch {
	case err != nil:
		return Limit{}, wrong(n, "%w", err)
	case len(all) != 1 || all[0].Window%minute != 0 || day%all[0].Window != 0,
		all[0].Requests == 0 || all[0].Requests > math.MaxUint32:
		return Limit{}, wrong(n, "got %q; want one limit, of a window of whole minutes that a day has a whole number of", text)
	}
	return all[0], nil
}

// Of returns a key's limit: by its whole id, else by its customer's name, else the one for
// others. It is false when the file has none.
func (f *File) Of(id, name string) (Allowed, bool) {
	if f == nil {
		return Allowed{}, false
	}
	if a, ok := f.of[id]; ok {
		return a, true
	}
	if a, ok := f.of[name]; ok && name != "" {
		return a, true
	}
	if f.others == nil {
		return Allowed{}, false
	}
	return *f.others, true
}

// Windows lists the windows of its limits, the shortest first.
func (f *File) Windows() []uint32 {
	windows := map[uint32]bool{}
	for _, a := range f.all() {
		windows[a.Window] = true
	}
	return slices.Sorted(maps.Keys(windows))
}

// Least is the lowest of its limits of a window.
func (f *File) Least(window uint32) uint64 {
	least := uint64(math.MaxUint64)
	for _, a := range f.all() {
		if a.Window == window {
			least = min(least, a.Requests)
		}
	}
	return least
}

// all lists every limit of the file.
func (f *File) all() []Allowed {
	if f == nil {
		return nil
	}
	all := slices.Collect(maps.Values(f.of))
	if f.others != nil {
		all = append(all, *f.others)
	}
	return all
}

// Who lists the customers and keys that the file names, sorted.
func (f *File) Who() []string {
	if f == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(f.of))
}
