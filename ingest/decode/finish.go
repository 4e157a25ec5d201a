package decode

import (
	"bytes"
	"math/bits"

	"statline/classify"
)

// setTime notes a time that a format has parsed.
func (d *Decoder) setTime(unixMilli int64, ok bool) {
	d.draft.timeSeen = true
	d.draft.timeOK = ok
	d.r.UnixMilli = unixMilli
}

// setStatus reads an HTTP status as written.
func (d *Decoder) setStatus(b []byte) {
	s, ok := parseStatus(b)
	d.r.Status = s
	d.draft.badState = !ok
}

// setCode notes the API's own code.
func (d *Decoder) setCode(n int64) {
	if n < 0 || n > 65535 {
		d.draft.badCode = true
		return
	}
	d.r.Code = uint16(n)
}

// finish completes the response of a line and hands it on, or rejects the
// line: everything that formats have in common.
func (d *Decoder) finish(raw []byte) {
	r, f := d.r, &d.draft
	switch {
	case !f.timeSeen:
		d.reject(ReasonNoTime, "no time of the event", raw)
		return
	case !f.timeOK:
		d.reject(ReasonBadTime, "the time of the event cannot be read", raw)
		return
	case f.badCode:
		d.reject(ReasonBadCode, "the code is not within 0 and 65535", raw)
		return
	case f.badState:
		d.reject(ReasonBadStatus, "the HTTP status is not within 0 and 999", raw)
		return
	case r.Status < 0 && r.Code == 0 && len(r.Message) == 0 && r.Gateway == classify.Unset:
		d.reject(ReasonNoStatus, "neither status, code nor message", raw)
		return
	}
	if len(f.key) >= 4 && indexByte(f.key, 0, '/') >= 0 {
		d.hide(&f.target, f.key) // before it is cut at its slashes
		d.hide(&f.route, f.key)
	}
	d.setTarget()
	l := &d.waiting[(d.oldest+d.waits)%len(d.waiting)].late
	*l = late{path: f.path, query: f.query, agent: r.UserAgent, requestID: r.RequestID}
	r.UserAgent, r.RequestID = nil, nil // not before they are scrubbed
	if len(f.key) >= 4 {
		d.hideKey(f.key)
		l.key = f.key
	}
	var key []byte // whose id is looked up later
	if len(f.id) > 0 {
		r.Key = d.keys.named(f.id)
		r.KeyName = cut(d.valid(f.id), maxName)
		if len(f.keyName) > 0 {
			r.KeyName = cut(d.valid(f.keyName), maxName)
		}
	} else if len(f.key) > 0 {
		key = f.key
		if len(f.keyName) > 0 {
			r.KeyName = cut(d.valid(f.keyName), maxName)
		}
	}
	if len(r.Service) == 0 {
		r.Service = d.service
	} else {
		r.Service = cut(d.valid(r.Service), maxName)
	}
	if len(r.Method) > 0 && !isMethod(r.Method) {
		r.Method = nil
	}
	if len(r.Message) > 0 {
		r.Message = d.scrubbed(&d.messages, cut(r.Message, maxMessage))
	}
	l.dirty = d.dirty
	d.wait(key)
}

// Detail implements classify.Detailer, for the response that the sink has.
func (d *Decoder) Detail(r *classify.Response) {
	defer func() {
		// What is shown of one response is not worth a block.
		if recover() != nil {
			r.Path, r.UserAgent, r.RequestID = []byte(redacted), nil, nil
		}
	}()
	l := &d.delivered.late
	d.dirty, d.draft.key = l.dirty, l.key
	if len(l.query) > 0 {
		start := len(d.scratch)
		d.scratch = d.appendQuery(append(d.scratch, l.path...), l.query)
		r.Path = d.valid(cut(d.scratch[start:len(d.scratch):len(d.scratch)], maxPath))
	} else if len(l.path) > 0 {
		r.Path = d.valid(l.path)
	}
	r.UserAgent, r.RequestID = l.agent, l.requestID
	if key := l.key; len(key) > 0 {
		d.hide(&r.UserAgent, key)
		d.hide(&r.Path, key)
		d.hide(&r.RequestID, key)
	}
	if len(r.UserAgent) > 0 {
		r.UserAgent = d.scrubbed(&d.agents, cut(r.UserAgent, maxAgent))
	}
	if len(r.RequestID) > 0 {
		r.RequestID = cut(d.valid(r.RequestID), maxName)
	}
}

// The longest texts that leave the decoder.
const (
	maxName    = 200
	maxMessage = 512
	maxAgent   = 256
)

// isMethod accepts what can be an HTTP method: up to 20 letters, - and _.
func isMethod(b []byte) bool {
	if len(b) > 20 {
		return false
	}
	for _, c := range b {
		if charClass[c]&(anyLetter|hasDash) == 0 {
			return false
		}
	}
	return true
}

// hideKey makes sure that no text that leaves the decoder repeats the key,
// however plain a word it is. The dimensions keep words of up to seven
// characters: a key called "movies" is no secret. An id that holds the key is
// none.
func (d *Decoder) hideKey(key []byte) {
	r, f := d.r, &d.draft
	if n := len(key); len(r.Message) >= n || len(r.Path) >= n {
		d.hide(&r.Message, key)
		d.hide(&r.Path, key)
	}
	if n := len(key); n >= 8 && (len(r.Route) >= n || len(r.Service) >= n) {
		d.hide(&r.Route, key)
		d.hide(&r.Service, key)
	}
	if bytes.Contains(f.id, key) {
		f.id = nil
	}
	if bytes.Contains(f.keyName, key) {
		f.keyName = nil
	}
}

func (d *Decoder) hide(text *[]byte, key []byte) {
	if len(*text) < len(key) || hmacOff {
		return
	}
	i := bytes.Index(*text, key)
	if i < 0 {
		return
	}
	start := len(d.scratch)
	rest := *text
	for ; i >= 0; i = bytes.Index(rest, key) {
		d.scratch = append(d.scratch, rest[:i]...)
		d.scratch = append(d.scratch, redacted...)
		rest = rest[i+len(key):]
	}
	d.scratch = append(d.scratch, rest...)
	*text = d.scratch[start:len(d.scratch):len(d.scratch)]
}

// setTarget makes Route and Path of the raw path, and takes the key from it
// when there is no other.
func (d *Decoder) setTarget() {
	r, f := d.r, &d.draft
	if len(f.target) == 0 && len(f.route) > 0 && !d.pathRoutes {
		if known, _ := d.routes.has(f.route); known {
			r.Route = f.route
			return
		}
	}
	t := splitTarget(f.target)
	d.router.split(t.path)
	d.dirty = d.dirty || len(d.router.buf) > 0 // percent-decoded
	if len(f.route) > 0 && !d.pathRoutes {
		if known, slot := d.routes.has(f.route); known {
			r.Route = f.route
		} else {
			r.Route = d.explicitRoute(f.route)
			d.router.split(t.path)
			if string(r.Route) == string(f.route) {
				d.routes.remember(slot, f.route)
			}
		}
	} else if len(t.path) > 0 {
		start := len(d.scratch)
		d.scratch = d.router.template(d.scratch)
		r.Route = d.valid(d.scratch[start:len(d.scratch):len(d.scratch)])
	}
	if !d.router.wary && len(t.path) <= maxPath {
		if len(f.key) == 0 {
			f.key = d.queryKey(t.query)
		}
		f.path, f.query = t.path, t.query // for Detail
		return
	}
	start := len(d.scratch)
	d.scratch = d.appendPath(d.scratch, cut(t.path, maxPath))
	if len(t.query) > 0 {
		d.scratch = d.appendQuery(d.scratch, t.query)
	}
	r.Path = d.valid(cut(d.scratch[start:len(d.scratch):len(d.scratch)], maxPath))
}

// explicitRoute is a route that the record gives, without query, at most 200
// bytes; a segment that looks like a secret is folded.
func (d *Decoder) explicitRoute(route []byte) []byte {
	if i := indexByte(route, 0, '?'); i >= 0 {
		route = route[:i]
	}
	route = cut(d.valid(route), maxRoute)
	d.router.split(route)
	if !d.router.wary {
		return route
	}
	return d.foldSecrets(route)
}

// foldSecrets puts {token} for the segments that look like secrets.
func (d *Decoder) foldSecrets(route []byte) []byte {
	start := len(d.scratch)
	found := false
	for i := 0; i < len(route); {
		j := indexByte(route, i, '/')
		if j < 0 {
			j = len(route)
		}
		if seg := route[i:j]; len(seg) >= 12 && (seg[0] != '{') && looksSecret(seg) {
			d.scratch = append(d.scratch, "{token}"...)
			found = true
		} else {
			d.scratch = append(d.scratch, seg...)
		}
		if j < len(route) {
			d.scratch = append(d.scratch, '/')
		}
		i = j + 1
	}
	if !found {
		d.scratch = d.scratch[:start]
		return route
	}
	return d.scratch[start:len(d.scratch):len(d.scratch)]
}

// appendPath appends path to dst, its secrets redacted. A
// segment behind one that is called key or token is the API key when it looks
// like one.
func (d *Decoder) appendPath(dst, path []byte) []byte {
	named := false
	for i := 0; i < len(path); {
		if path[i] == '/' {
			dst = append(dst, '/')
			i++
			continue
		}
		j := i
		var mask uint16
		for j < len(path) && path[j] != '/' {
			mask |= charClass[path[j]]
			j++
		}
		seg := path[i:j]
		i = j
		switch {
		case named && len(seg) >= 8 && (mask&hasDigit != 0 || len(seg) >= 16):
			if len(d.draft.key) == 0 {
				d.draft.key = d.percentDecoded(seg)
			}
			dst = append(dst, redacted...)
		case d.secretSegment(seg, mask):
			dst = append(dst, redacted...)
		case mask&hasMark != 0 && indexByte(seg, 0, ';') >= 0:
			dst = append(dst, seg[:indexByte(seg, 0, ';')]...)
			dst = append(dst, ";"+redacted...)
		default:
			dst = append(dst, seg...)
		}
		named = len(seg) >= 3 && len(seg) <= 24 && d.names.names(seg, inQuery)
	}
	return dst
}

// secretSegment reports that a raw path segment is better not shown: a hash,
// a UUID, an address of a person, or what looks like a token.
func (d *Decoder) secretSegment(seg []byte, mask uint16) bool {
	if len(seg) < 8 {
		return false
	}
	if mask&hasPercent != 0 {
		start := len(d.decoded)
		d.decoded = percentDecode(d.decoded, seg)
		seg = d.decoded[start:]
		d.decoded = d.decoded[:start]
	}
	if mask&hasAt != 0 && isEmail(seg) || isUUID(seg) {
		return true
	}
	if len(seg) >= 16 && mask&^anyHex == 0 && mask&hasDigit != 0 && mask&anyLetter != 0 {
		return true
	}
	return looksSecret(seg) || mask&hasMark != 0 && len(seg) >= 24 && mask&hasDigit != 0 && mask&anyLetter != 0
}

// queryKey is the value of the first parameter that is called like a key, nil
// when there is none. It reads the query as appendQuery does.
func (d *Decoder) queryKey(query []byte) []byte {
	for i := 0; i < len(query); {
		eq, escaped := i, false
		for eq < len(query) && query[eq] != '=' && query[eq] != '&' && query[eq] != ';' {
			escaped = escaped || query[eq] == '%'
			eq++
		}
		if eq == len(query) || query[eq] != '=' {
			i = eq + 1
			continue
		}
		end := pairEnd(query, eq+1)
		name, value := query[i:eq], query[eq+1:end]
		i = end + 1
		if len(value) == 0 {
			continue
		}
		if escaped {
			name = d.percentDecoded(name)
		}
		if d.params.look(d.names, name)&paramKey != 0 {
			return d.percentDecoded(value)
		}
	}
	return nil
}

// appendQuery appends ?query to dst. The values of sensitive
// parameters, and those that look like secrets, are redacted; the first one
// with a key's name is the API key when there is no other.
func (d *Decoder) appendQuery(dst, query []byte) []byte {
	sep := byte('?')
	for i := 0; i < len(query); {
		eq, escaped := i, false
		for eq < len(query) && query[eq] != '=' && query[eq] != '&' && query[eq] != ';' {
			escaped = escaped || query[eq] == '%'
			eq++
		}
		j := eq
		if eq < len(query) && query[eq] == '=' {
			j = pairEnd(query, eq+1)
		}
		pair := query[i:j]
		eq -= i
		next := byte('&')
		if j < len(query) {
			next = query[j]
		}
		i = j + 1
		if len(pair) == 0 {
			continue
		}
		dst = append(dst, sep)
		sep = next
		name := pair[:eq]
		if escaped {
			name = d.percentDecoded(name)
		}
		if len(name) > 64 || looksSecret(name) {
			dst = append(dst, redacted...)
		} else {
			dst = append(dst, pair[:eq]...)
		}
		if eq == len(pair) {
			continue
		}
		dst = append(dst, '=')
		value := pair[eq+1:]
		is := d.params.look(d.names, name)
		if is&paramKey != 0 && len(d.draft.key) == 0 && len(value) > 0 {
			d.draft.key = d.percentDecoded(value)
		}
		if len(value) > 0 && (is&paramSensitive != 0 || d.secretValue(value)) {
			dst = append(dst, redacted...)
		} else {
			dst = append(dst, value...)
		}
	}
	return dst
}

// pairEnd finds the & or ; that ends a parameter's value.
func pairEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := load64(b, i)
		if m := markByte(w, '&'*ones) | markByte(w, ';'*ones); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != '&' && b[i] != ';' {
		i++
	}
	return i
}

// secretValue reports that a query value looks like a secret.
func (d *Decoder) secretValue(value []byte) bool {
	if len(value) < 12 {
		return false
	}
	var mask uint16
	for _, c := range value {
		mask |= charClass[c]
	}
	return d.secretSegment(value, mask)
}

// percentDecoded is b with %HH and + undone, b itself when it has none. The
// copy does not live in the scratch buffer, which is being written.
func (d *Decoder) percentDecoded(b []byte) []byte {
	if indexByte(b, 0, '%') < 0 {
		return b
	}
	start := len(d.decoded)
	d.decoded = percentDecode(d.decoded, b)
	d.dirty = true
	return d.decoded[start:len(d.decoded):len(d.decoded)]
}
