package decode

import "math/bits"

// setTarget makes Route and Path from the raw path, and takes the key from it if there
// is no other.
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
		r.Route = d.valid(d.since(start))
	}
	if !d.router.wary && len(t.path) <= maxPath {
		if len(f.key) == 0 {
			d.setKey(d.queryKey(t.query))
		}
		f.path, f.query = t.path, t.query // for Detail
		return
	}
	start := len(d.scratch)
	d.scratch = d.appendPath(d.scratch, cut(t.path, maxPath))
	if len(t.query) > 0 {
		d.scratch = d.appendQuery(d.scratch, t.query)
	}
	r.Path = d.valid(cut(d.since(start), maxPath))
}

// explicitRoute is a route that the record names, without query, at most 200 bytes;
// segments that look like secrets are replaced.
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

// foldSecrets replaces segments that look like secrets with {token}.
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
	return d.since(start)
}

// appendPath appends path to dst with its secrets redacted. A segment after one called
// key or token is the API key if it looks like one.
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
				d.setKey(d.percentDecoded(seg))
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

// secretSegment reports a raw path segment that must not be shown: a hash, a UUID, a
// person's address, or what looks like a token.
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

// queryKey is the value of the first parameter with a key's name, nil when there is
// none. It reads the query as appendQuery does.
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

// appendQuery appends ?query to dst. The values of sensitive parameters, and those
// that look like secrets, are redacted; the first one with a key's name is the API key
// if there is no other.
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
			d.setKey(d.percentDecoded(value))
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

// percentDecoded is b with %HH and + undone, b itself if it has none. The copy is not
// in the scratch buffer, which is being written.
func (d *Decoder) percentDecoded(b []byte) []byte {
	if indexByte(b, 0, '%') < 0 {
		return b
	}
	start := len(d.decoded)
	d.decoded = percentDecode(d.decoded, b)
	d.dirty = true
	return d.decoded[start:len(d.decoded):len(d.decoded)]
}
