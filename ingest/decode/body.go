package decode

import "encoding/base64"

// envelope reads the API's own code and message out of a response body.
type envelope struct {
	scan                                    *scanner
	statusCode, code, errorCode             node
	statusMessage, message, detail, text    node
	errorMessage, errorDescription, errText node
}

func newEnvelope(names *secretNames) envelope {
	t := newTree()
	t.nodes[root].flags |= isQuery
	return envelope{
		scan:             newScanner(t, names),
		statusCode:       t.at("status_code"),
		code:             t.at("code"),
		errorCode:        t.at("error.code"),
		statusMessage:    t.at("status_message"),
		message:          t.at("message"),
		detail:           t.at("detail"),
		errorMessage:     t.at("error.message"),
		errorDescription: t.at("error_description"),
		errText:          t.at("error"),
		text:             t.at("msg"),
	}
}

// body reads a response body: JSON, JSON in base64, a whole HTTP response, or
// plain text. What the record itself says of code and message stays.
func (d *Decoder) body(b []byte) {
	b = trimSpace(b)
	if len(b) == 0 {
		return
	}
	d.dirty = true
	if b[0] != '{' && b[0] != '<' && isBase64(b) {
		start := len(d.scratch)
		room := base64.StdEncoding.DecodedLen(len(b))
		for cap(d.scratch)-start < room {
			d.scratch = append(d.scratch[:cap(d.scratch)], 0)
		}
		d.scratch = d.scratch[:start+room]
		enc := base64.StdEncoding
		if b[len(b)-1] != '=' && len(b)%4 != 0 {
			enc = base64.RawStdEncoding
		}
		n, err := enc.Decode(d.scratch[start:], b)
		d.scratch = d.scratch[:start+n]
		if text := trimSpace(d.scratch[start:]); err == nil && len(text) > 0 && (text[0] == '{' || hasPrefix(text, "HTTP/")) {
			b = text
		}
	}
	if hasPrefix(b, "HTTP/") {
		b = httpBody(b)
		if len(b) == 0 {
			return
		}
	}
	switch {
	case b[0] == '{':
		d.bodyObject(b)
	case b[0] == '<' || b[0] == '[' || len(d.r.Message) > 0 || len(b) > maxMessage:
	default:
		d.r.Message = b
	}
}

// bodyObject reads code and message from a JSON object.
func (d *Decoder) bodyObject(b []byte) {
	e := &d.envelope
	e.scan.reset()
	if e.scan.object(b, 1, root) < 0 {
		return
	}
	outer, buf := d.scan, d.buf
	d.dirty = d.dirty || e.scan.flags != 0
	d.scan, d.buf = e.scan, b
	if d.r.Code == 0 {
		if n, ok := parseInt(d.str(e.statusCode)); ok {
			d.setCode(n)
		} else if n, ok := parseInt(d.first(e.code, e.errorCode)); ok && n != int64(d.r.Status) && n >= 0 && n <= 65535 {
			d.setCode(n)
		}
	}
	if len(d.r.Message) == 0 {
		d.r.Message = d.first(e.statusMessage, e.message, e.errorMessage, e.errorDescription, e.detail, e.errText, e.text)
	}
	if len(d.draft.key) == 0 {
		if v := e.scan.secret[inQuery]; v.kind&kindMask == kindString {
			d.draft.key = d.value(v)
		}
	}
	d.scan, d.buf = outer, buf
}

// bodyAt reads the body in n: text, or an object of the record itself.
func (d *Decoder) bodyAt(n node) {
	switch d.kind(n) {
	case kindString:
		d.body(d.str(n))
	case kindObject:
		v := d.scan.vals[n]
		d.bodyObject(d.buf[v.start:v.end])
	}
}

// httpBody is what follows the headers of a whole HTTP message.
func httpBody(b []byte) []byte {
	for i := 0; i+1 < len(b); i++ {
		i = indexByte(b, i, '\n')
		if i < 0 || i+1 >= len(b) {
			return nil
		}
		if b[i+1] == '\n' {
			return trimSpace(b[i+2:])
		}
		if b[i+1] == '\r' && i+2 < len(b) && b[i+2] == '\n' {
			return trimSpace(b[i+3:])
		}
	}
	return nil
}

// isBase64 reports standard base64 of at least eight characters.
func isBase64(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	n := len(b)
	for n > 0 && b[n-1] == '=' && len(b)-n < 2 {
		n--
	}
	for _, c := range b[:n] {
		if charClass[c]&(anyLetter|hasDigit) == 0 && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

func hasPrefix(b []byte, p string) bool { return len(b) >= len(p) && string(b[:len(p)]) == p }

func trimSpace(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}
