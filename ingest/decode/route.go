package decode

import (
	"fmt"
	"math/bits"
	"strings"
)

// RouteRule maps paths to a route of the user's choice. Pattern is a path whose
// segments are literals or {names}, which match any one segment; a last segment of **
// matches the rest. Route is the template to store, Pattern itself when empty. The
// first rule that matches wins.
type RouteRule struct {
	Pattern string `json:"pattern" koanf:"pattern" help:"path of literals and {names}; a last ** matches the rest"`
	Route   string `json:"route,omitempty" koanf:"route" help:"template that is stored; the pattern itself when empty"`
}

const (
	maxSegments = 8
	maxRoute    = 200
	maxPath     = 1024
)

// router makes route templates. A template is a pure function of the path and
// of the rules:
//
//   - the query, the fragment, a scheme and host, empty and "." segments, a
//     trailing slash and everything after a ; in a segment are left out, ".."
//     removes a segment, percent-encoding is undone;
//   - a segment of digits is {id}, except one or two digits at the front (or
//     after "api") with a word behind them: that is the API's version, and so
//     is a date there ("/2010-04-01/Accounts");
//   - digits with up to three letters before them, or with words behind a
//     dash, or an extension ("tt0137523", "550-fight-club", "12.json"), and
//     lists and decimal numbers are {id} too; so are a word and a number
//     ("user123", "ORD-123456", "PROJ-7"), flights, and what looks drawn at
//     random (see opaque): {token} from sixteen characters on;
//   - a key in brackets behind a word stays there: Products({id});
//   - {uuid}, {date} (2026-03-01, 20260301, 2026-03, and with a time),
//     {email}, {hash} (hexadecimal, nine digits and more; seven and eight are
//     {id}), {ip}, {pod} (of Kubernetes), {version} (1.25.3-alpine), {text}
//     (Chinese, Japanese, Korean), {token} (looks like a key or base64);
//   - {...} stands for a segment that holds anything but words, for one over
//     64 bytes, and for all that follows the eighth segment or 200 bytes.
type router struct {
	rules []routeRule
	segs  [2 * maxSegments]segment // of the path split last
	n     int
	more  bool   // the path has more segments than fit
	wary  bool   // the path may hold a secret
	buf   []byte // percent-decoded segments
}

type routeRule struct {
	segments []string // "" matches any
	rest     bool
	route    []byte
}

func newRouter(rules []RouteRule) (*router, error) {
	r := &router{}
	for i, rule := range rules {
		if !strings.HasPrefix(rule.Pattern, "/") {
			return nil, fmt.Errorf("route rule %d: got pattern %q; want one that begins with /", i+1, rule.Pattern)
		}
		c := routeRule{route: []byte(rule.Route)}
		if rule.Route == "" {
			c.route = []byte(rule.Pattern)
		}
		if len(c.route) > maxRoute {
			return nil, fmt.Errorf("route rule %d: got a route of %d bytes; want at most %d", i+1, len(c.route),
				maxRoute)
		}
		for _, s := range strings.Split(strings.Trim(rule.Pattern, "/"), "/") {
			switch {
			case s == "**":
				c.rest = true
			case c.rest:
				return nil, fmt.Errorf("route rule %d: got %q; want ** only at the end", i+1, rule.Pattern)
			case s == "*" || strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}"):
				c.segments = append(c.segments, "")
			case s != "":
				c.segments = append(c.segments, s)
			}
		}
		r.rules = append(r.rules, c)
	}
	return r, nil
}

// segment is one cleaned segment of a path.
type segment struct {
	text []byte
	mask uint16
}

// target is a parsed request target or URL.
type target struct {
	path  []byte // from the first slash on, without query
	query []byte
}

// splitTarget removes scheme, host, query and fragment.
func splitTarget(b []byte) (t target) {
	if len(b) > 0 && b[0] != '/' {
		if i := schemeEnd(b); i > 0 {
			b = b[i:]
			slash := 0
			for slash < len(b) && b[slash] != '/' && b[slash] != '?' {
				slash++
			}
			b = b[slash:]
		}
	}
	i := pathEnd(b)
	t.path = b[:i]
	if i < len(b) && b[i] == '?' {
		t.query = b[i+1:]
	}
	return t
}

// pathEnd finds the ? or # that ends a path.
func pathEnd(b []byte) (i int) {
	for ; i+8 <= len(b); i += 8 {
		w := load64(b, i)
		if m := markByte(w, '?'*ones) | markByte(w, '#'*ones); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	if last := len(b) - 8; last >= 0 { // what is left, with bytes before it that are neither
		w := load64(b, last)
		if m := markByte(w, '?'*ones) | markByte(w, '#'*ones); m != 0 {
			return last + bits.TrailingZeros64(m)>>3
		}
		return len(b)
	}
	for i < len(b) && b[i] != '?' && b[i] != '#' {
		i++
	}
	return i
}

func schemeEnd(b []byte) int {
	for i := 0; i+2 < len(b) && i < 10; i++ {
		if b[i] == ':' && b[i+1] == '/' && b[i+2] == '/' {
			return i + 3
		}
	}
	return 0
}

// split splits path into clean segments.
func (r *router) split(path []byte) {
	r.n, r.more, r.wary, r.buf = 0, false, false, r.buf[:0]
	for i := 0; i < len(path); {
		if path[i] == '/' {
			i++
			continue
		}
		var mask uint16
		j := i
		for j < len(path) && path[j] != '/' {
			mask |= charClass[path[j]]
			j++
		}
		s := segment{path[i:j], mask}
		i = j
		if mask&^(anyLetter|hasDigit|hasDash) != 0 {
			if s = r.cleanSegment(s); len(s.text) == 0 {
				continue
			}
			if s.mask == hasDot && len(s.text) == 2 {
				r.n = max(r.n-1, 0)
				continue
			}
			r.wary = r.wary || s.mask&^(anyLetter|hasDigit|hasDash|hasDot) != 0
		}
		if len(s.text) >= 8 && (s.mask&hasDigit != 0 || len(s.text) >= 12) {
			r.wary = true
		}
		if r.n == len(r.segs) {
			r.more, r.wary = true, true
			return
		}
		r.segs[r.n] = s
		r.n++
	}
}

// template appends the template of the path split last to dst.
func (r *router) template(dst []byte) []byte {
	segs := r.segs[:r.n]
	if len(r.rules) > 0 {
		if route := r.match(segs); route != nil {
			return append(dst, route...)
		}
	}
	if len(segs) == 0 {
		return append(dst, '/')
	}
	more := r.more
	start := len(dst)
	for i := range segs {
		if i == maxSegments {
			more = true
			break
		}
		at := len(dst)
		dst = append(dst, '/')
		dst = appendSegment(dst, segs, i)
		if len(dst)-start > maxRoute-len("/{...}") {
			dst, more = dst[:at], true
			break
		}
	}
	if more {
		dst = append(dst, "/{...}"...)
	}
	return dst
}

// match returns the route of the first rule that matches, nil for none.
func (r *router) match(segs []segment) []byte {
rules:
	for i := range r.rules {
		rule := &r.rules[i]
		if len(segs) < len(rule.segments) || len(segs) > len(rule.segments) && !rule.rest {
			continue
		}
		for k, want := range rule.segments {
			if want != "" && want != string(segs[k].text) {
				continue rules
			}
		}
		return rule.route
	}
	return nil
}

// cleanSegment undoes percent-encoding and removes matrix parameters and ".".
func (r *router) cleanSegment(s segment) segment {
	t := s.text
	if s.mask&hasMark != 0 {
		if i := indexByte(t, 0, ';'); i >= 0 {
			t = t[:i]
		}
	}
	if s.mask&hasPercent != 0 && indexByte(t, 0, '%') >= 0 {
		start := len(r.buf)
		r.buf = percentDecode(r.buf, t)
		t = r.buf[start:len(r.buf):len(r.buf)]
	}
	if len(t) == 1 && t[0] == '.' {
		return segment{}
	}
	s = segment{text: t}
	for _, c := range t {
		s.mask |= charClass[c]
		if c == '/' {
			s.mask |= hasOther
		}
	}
	return s
}

// percentDecode appends b with %HH undone; invalid escapes are kept.
func percentDecode(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && hexValue(b[i+1]) < 16 && hexValue(b[i+2]) < 16 {
			dst = append(dst, hexValue(b[i+1])<<4|hexValue(b[i+2]))
			i += 2
			continue
		}
		dst = append(dst, b[i])
	}
	return dst
}
