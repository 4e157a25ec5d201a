package decode

import (
	"sort"
	"strings"
)

// maxChildren is how many different words may be in one position of a route before
// they count as values.
const maxChildren = 20

// Suggest proposes route rules for paths (raw, or routes as stored): where more than
// twenty different words are in the same position, they are probably names of things
// and not of endpoints. It returns one rule per route to be, sorted by pattern.
func Suggest(paths []string) []RouteRule {
	top := &branch{}
	for _, p := range paths {
		top.add(routeSegments(p))
	}
	var rules []RouteRule
	top.rules("", "", false, &rules)
	sort.Slice(rules, func(i, j int) bool { return rules[i].Pattern < rules[j].Pattern })
	return rules
}

// routeSegments is the template of a path, by segment; placeholders in it are kept.
func routeSegments(p string) []string {
	r := &router{}
	t := splitTarget([]byte(p))
	r.split(t.path)
	var out []string
	for i := 0; i < r.n && i < maxSegments; i++ {
		text := string(r.segs[i].text)
		if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
			text = string(appendSegment(nil, r.segs[:r.n], i))
		}
		out = append(out, text)
	}
	return out
}

// branch is one segment of the routes seen.
type branch struct {
	children map[string]*branch
	end      bool // a route ends here
}

func (b *branch) add(segments []string) {
	if len(segments) == 0 {
		b.end = true
		return
	}
	if b.children == nil {
		b.children = map[string]*branch{}
	}
	child := b.children[segments[0]]
	if child == nil {
		child = &branch{}
		b.children[segments[0]] = child
	}
	child.add(segments[1:])
}

// rules walks the routes below b, whose pattern is prefix, and appends a rule for each
// that passes a position with too many words.
func (b *branch) rules(prefix, last string, folded bool, out *[]RouteRule) {
	if b.end && folded && prefix != "" {
		*out = append(*out, RouteRule{Pattern: prefix})
	}
	var words, values []string
	for name := range b.children {
		if strings.HasPrefix(name, "{") {
			values = append(values, name)
		} else {
			words = append(words, name)
		}
	}
	sort.Strings(words)
	sort.Strings(values)
	if len(words) <= maxChildren {
		for _, w := range words {
			b.children[w].rules(prefix+"/"+w, w, folded, out)
		}
		for _, v := range values {
			b.children[v].rules(prefix+"/"+v, last, folded, out)
		}
		return
	}
	merged := &branch{}
	for _, name := range append(words, values...) {
		merged.merge(b.children[name])
	}
	merged.rules(prefix+"/{"+placeholder(last)+"}", last, true, out)
}

func (b *branch) merge(other *branch) {
	b.end = b.end || other.end
	for name, child := range other.children {
		if b.children == nil {
			b.children = map[string]*branch{}
		}
		if b.children[name] == nil {
			b.children[name] = &branch{}
		}
		b.children[name].merge(child)
	}
}

// placeholder names the values behind a word: users -> user.
func placeholder(word string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(word) {
		if c >= 'a' && c <= 'z' || c == '_' {
			b.WriteRune(c)
		}
	}
	name := b.String()
	switch {
	case name == "":
		return "name"
	case strings.HasSuffix(name, "ies") && len(name) > 4:
		return name[:len(name)-3] + "y"
	case strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss") && len(name) > 2:
		return name[:len(name)-1]
	}
	return name
}
