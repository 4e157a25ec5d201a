package decode

import (
	"fmt"
	"strings"
)

// RouteRule maps paths to a route by the user's own words. Pattern is a path
// whose segments are literals or {names} that match any one segment; a last
// segment of ** matches the rest. Route is the template stored, Pattern
// itself when empty. The first rule that matches wins.
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
//     after "api") with a word behind them: that is the API's version;
//   - digits with up to three letters before them, or with words behind a
//     dash, or an extension ("tt0137523", "550-fight-club", "12.json"), and
//     lists and decimal numbers are {id} too;
//   - {uuid}, {date} (2026-03-01, 20260301, 2026-03, and with a time),
//     {email}, {hash} (hexadecimal, 8 or more with 3 digits), {token} (looks
//     like a key or base64);
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
			return nil, fmt.Errorf("route rule %d: got a route of %d bytes; want at most %d", i+1, len(c.route), maxRoute)
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

// target is what a request line or URL says.
type target struct {
	path  []byte // from the first slash on, without query
	query []byte
}

// splitTarget takes scheme, host, query and fragment off.
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
	for i, c := range b {
		if c == '?' {
			t.path, t.query = b[:i], b[i+1:]
			return t
		}
		if c == '#' {
			t.path = b[:i]
			return t
		}
	}
	t.path = b
	return t
}

func schemeEnd(b []byte) int {
	for i := 0; i+2 < len(b) && i < 10; i++ {
		if b[i] == ':' && b[i+1] == '/' && b[i+2] == '/' {
			return i + 3
		}
	}
	return 0
}

// split takes path apart into clean segments.
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

// cleanSegment undoes percent-encoding, cuts matrix parameters and drops ".".
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

// percentDecode appends b with %HH undone; what is no valid escape stays.
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

func appendSegment(dst []byte, segs []segment, i int) []byte {
	s := segs[i]
	if s.mask&(hasDigit|hasOther|hasPercent|hasWide|hasAt|hasMark) == 0 && len(s.text) < 16 {
		return append(dst, s.text...) // a plain word
	}
	if s.mask == hasDigit && len(s.text) <= 2 && isVersion(segs, i) {
		return append(dst, s.text...)
	}
	if name := variable(s); name != "" {
		dst = append(dst, name...)
		if ext := extension(s); ext > 0 && name == "{id}" {
			dst = append(dst, s.text[ext:]...)
		}
		return dst
	}
	return append(dst, s.text...)
}

// isVersion reports that the digits at i are an API version: they are at the
// front, or behind "api", and a word follows.
func isVersion(segs []segment, i int) bool {
	if i+1 >= len(segs) || i > 1 || i == 1 && !equalFold(segs[0].text, "api") {
		return false
	}
	return charClass[segs[i+1].text[0]]&anyLetter != 0
}

// variable names the placeholder for a segment that holds a value; "" for a
// word.
func variable(s segment) string {
	t, n := s.text, len(s.text)
	switch {
	case s.mask == hasDigit:
		if n == 8 && isDate(t[:4], t[4:6], t[6:8]) {
			return "{date}"
		}
		return "{id}"
	case s.mask&(hasOther|hasPercent) != 0:
		return "{...}"
	case isUUID(t):
		return "{uuid}"
	case n >= 7 && t[4] == '-' && isDatePath(t):
		return "{date}"
	case s.mask&hasAt != 0 && isEmail(t):
		return "{email}"
	case s.mask&^anyHex == 0 && n >= 8 && isHash(t):
		return "{hash}"
	case s.mask&^(hasDigit|hasDot|hasMark|hasDash) == 0 && s.mask&hasDigit != 0:
		if n <= 4 && s.mask == hasDigit|hasDot {
			return "" // 2.0
		}
		return "{id}"
	case looksSecret(t):
		return "{token}"
	case s.mask&hasDigit != 0 && isNumbered(t):
		return "{id}"
	case n > 64 || s.mask&hasWide != 0 && !printable(t):
		return "{...}"
	}
	return ""
}

// isNumbered: digits with words behind a dash or an extension, or with up to
// three letters before them.
func isNumbered(t []byte) bool {
	letters := 0
	for letters < len(t) && letters < 4 && charClass[t[letters]]&anyLetter != 0 {
		letters++
	}
	i := letters
	for i < len(t) && t[i]-'0' <= 9 {
		i++
	}
	digits := i - letters
	switch {
	case digits == 0 || letters > 3:
		return false
	case i == len(t) || t[i] == '.' && letters == 0:
		return letters == 0 || digits >= 4
	case t[i] == '-':
		return letters == 0
	}
	return false
}

// extension is where a file extension of up to five letters begins, 0 for
// none.
func extension(s segment) int {
	if s.mask&hasDot == 0 {
		return 0
	}
	t := s.text
	for i := len(t) - 1; i > 0 && len(t)-i <= 6; i-- {
		if t[i] == '.' {
			if i == len(t)-1 || t[i-1]-'0' > 9 {
				return 0
			}
			return i
		}
		if charClass[t[i]]&anyLetter == 0 {
			return 0
		}
	}
	return 0
}

func isUUID(t []byte) bool {
	if len(t) == 38 && t[0] == '{' && t[37] == '}' {
		t = t[1:37]
	}
	if len(t) != 36 || t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-' {
		return false
	}
	for i, c := range t {
		if i != 8 && i != 13 && i != 18 && i != 23 && charClass[c]&anyHex == 0 {
			return false
		}
	}
	return true
}

// isHash: hexadecimal digits with at least three decimal ones, so that words
// like "decade" stay.
func isHash(t []byte) bool {
	digits := 0
	for _, c := range t {
		if c-'0' <= 9 {
			digits++
		}
	}
	return digits >= 3
}

func isDate(y, m, d []byte) bool {
	year, ok1 := parseInt(y)
	month, ok2 := parseInt(m)
	day, ok3 := parseInt(d)
	return ok1 && ok2 && ok3 && year >= 1900 && year < 2100 && validDate(year, month, day)
}

func isDatePath(t []byte) bool {
	if len(t) == 7 {
		return isDate(t[:4], t[5:7], []byte{'0', '1'})
	}
	if len(t) < 10 || t[7] != '-' || !isDate(t[:4], t[5:7], t[8:10]) {
		return false
	}
	return len(t) == 10 || t[10] == 'T' || t[10] == ' ' || t[10] == '_'
}

func isEmail(t []byte) bool {
	at := indexByte(t, 0, '@')
	return at > 0 && indexByte(t, at+2, '.') > 0
}

// printable reports valid UTF-8 without control characters.
func printable(t []byte) bool {
	cleaned := appendValid(make([]byte, 0, 3*64), t)
	return string(cleaned) == string(t)
}
