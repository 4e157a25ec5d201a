package classify

import (
	"bytes"
	"slices"
	"strings"
)

// nameIndex finds the entry of a name. It is immutable.
type nameIndex struct {
	exact    map[string]*rule
	families []family // the longest first
}

// family is an entry whose name ends in ".*".
type family struct {
	name string // without ".*"
	rule *rule
}

func indexNames(entries []Entry, rules []rule) nameIndex {
	n := nameIndex{exact: map[string]*rule{}}
	for i, e := range entries {
		if name, ok := strings.CutSuffix(e.Name, ".*"); ok {
			n.families = append(n.families, family{name, &rules[i]})
		} else if e.Name != "" {
			n.exact[e.Name] = &rules[i]
		}
	}
	slices.SortStableFunc(n.families, func(a, b family) int { return len(b.name) - len(a.name) })
	return n
}

// find returns the rule of name, nil for none: its own, or that of its nearest
// family.
func (n *nameIndex) find(name []byte) *rule {
	if r := n.exact[string(name)]; r != nil {
		return r
	}
	for i := range n.families {
		f := &n.families[i]
		if rest, ok := bytes.CutPrefix(name, []byte(f.name)); ok && (len(rest) == 0 || rest[0] == '.') {
			return f.rule
		}
	}
	return nil
}
