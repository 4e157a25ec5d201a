package decode

import (
	"encoding/base64"

	"statline/classify"
)

// envelope reads what a response body says of its own success: the API's code
// and message, the name of an error, and whether it is one.
type envelope struct {
	StatusCode       node `at:"status_code"`
	Code             node `at:"code"`
	ErrorCode        node `at:"error.code"`
	StatusMessage    node `at:"status_message"`
	Message          node `at:"message"`
	Detail           node `at:"detail"`
	ErrorMessage     node `at:"error.message"`
	ErrorDescription node `at:"error_description"`
	ErrText          node `at:"error"`
	Text             node `at:"msg"`
	Success          node `at:"success"`
	OK               node `at:"ok"`
	Errors           node `at:"errors"`
	Data             node `at:"data"`
	JSONRPC          node `at:"jsonrpc"`
	Status           node `at:"status"`

	scan  *scanner
	names errorNames
}

func newEnvelope(names *secretNames) envelope {
	t := newTree()
	t.nodes[root].flags |= isQuery
	e := envelope{scan: newScanner(t, names), names: newErrorNames(t)}
	t.fill(&e)
	return e
}

// body reads a response body: JSON, JSON in base64, a whole HTTP response, AWS's XML,
// or plain text. Code and message of the record itself take precedence.
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
		if text := trimSpace(d.scratch[start:]); err == nil && len(text) > 0 &&
			(text[0] == '{' || hasPrefix(text, "HTTP/")) {
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
	case b[0] == '<':
		d.bodyXML(b)
	case b[0] == '[' || len(d.r.Message) > 0 || len(b) > maxMessage:
	default:
		d.r.Message = b
	}
}

// bodyObject reads a JSON object.
func (d *Decoder) bodyObject(b []byte) {
	e := &d.envelope
	e.scan.reset()
	if e.scan.object(b, 1, root) < 0 {
		return
	}
	outer, buf := d.scan, d.buf
	d.dirty = d.dirty || e.scan.flags != 0
	d.scan, d.buf = e.scan, b
	d.bodyCode()
	if d.succeeded() {
		d.r.Mark = d.bodyMark(b)
	}
	if d.r.Mark != classify.MarkNone || !d.succeeded() {
		d.bodyErrorName()
	}
	if len(d.r.Message) == 0 && (!d.succeeded() || d.r.Mark == classify.MarkError || onlyEnvelope(b, false)) {
		// The message of a resource can be any text.
		d.r.Message = d.first(e.StatusMessage, e.Message, e.ErrorMessage, e.ErrorDescription, e.Detail, e.ErrText,
			e.Text)
	}
	if len(d.draft.key) == 0 {
		if v := e.scan.secret[inQuery]; v.kind&kindMask == kindString {
			d.setKey(d.value(v))
		}
	}
	d.scan, d.buf = outer, buf
}

// succeeded reports an HTTP status of success.
func (d *Decoder) succeeded() bool { return d.r.Status >= 200 && d.r.Status < 300 }

// bodyCode reads the API's code and how reliable it is: status_code beside
// status_message or success is the catalogue's own envelope; anything else may be
// another API's. A number that repeats the HTTP status is no code.
func (d *Decoder) bodyCode() {
	r, e := d.r, &d.envelope
	if r.Code != 0 {
		return
	}
	n, ok := parseInt(d.str(e.StatusCode))
	from := classify.CodeEnvelope
	switch {
	case !ok:
		n, ok = parseInt(d.first(e.Code, e.ErrorCode))
		from = classify.CodeBare
	case !d.has(e.StatusMessage) && !d.has(e.Success) || n == int64(r.Status):
		from = classify.CodeBare
	case d.kind(e.Success) == kindFalse:
		from = classify.CodeDenied
	}
	if !ok || n < 0 || n > 65535 && from == classify.CodeBare {
		return
	}
	if n == int64(r.Status) && !d.has(e.StatusCode) {
		return
	}
	d.setCode(n)
	r.CodeFrom = from
}

// bodyMark says whether a body with an HTTP status of success is an error.
func (d *Decoder) bodyMark(b []byte) classify.Mark {
	e := &d.envelope
	failed := !d.emptyAt(e.ErrText)
	listed := !d.emptyAt(e.Errors)
	switch {
	case d.kind(e.JSONRPC) == kindString && failed:
		return classify.MarkError
	case d.kind(e.OK) == kindFalse || d.kind(e.Success) == kindFalse:
		return classify.MarkError
	case listed && !d.emptyData(): // GraphQL
		if d.kind(e.Errors) == kindArray && onlyEnvelope(b, true) {
			return classify.MarkPartial
		}
	case failed || listed:
		if onlyEnvelope(b, false) {
			return classify.MarkError
		}
	case string(d.str(e.Status)) == "error" && d.kind(e.Message) == kindString: // JSend
		if onlyEnvelope(b, false) {
			return classify.MarkError
		}
	}
	return classify.MarkNone
}

// emptyAt reports that n is missing or says nothing.
func (d *Decoder) emptyAt(n node) bool {
	if !d.has(n) {
		return true
	}
	v := d.scan.vals[n]
	return empty(d.buf[v.start:v.end], v.kind&kindMask)
}

// emptyData reports that the body has no data, or null.
func (d *Decoder) emptyData() bool {
	k := d.kind(d.envelope.Data)
	return k == 0 || k == kindNull
}

// onlyEnvelope reports that the object b has no member that belongs to a resource,
// only members about the answer itself. data belongs to the envelope when it is null,
// and always for GraphQL.
func onlyEnvelope(b []byte, graphQL bool) bool {
	only := true
	eachMember(b, func(name, value []byte, kind uint8) {
		switch string(name) {
		case "error", "errors", "ok", "success", "status", "code", "message", "request_id", "jsonrpc", "id":
		case "error_description", "error_code", "error_message", "error_uri", "errorCode", "errorMessage",
			"status_code", "status_message", "statusCode", "requestId", "trace_id", "traceId", "documentation_url":
		case "data":
			only = only && (graphQL || kind == kindNull)
		case "extensions":
		default:
			only = false
		}
	})
	return only
}

// bodyXML reads AWS's error document: the first <Code> is its name, <Message> its
// text. Other markup is ignored.
func (d *Decoder) bodyXML(b []byte) {
	b = b[:min(len(b), 4096)]
	if !contains(b, "<Error") {
		return
	}
	if !d.succeeded() {
		d.errorName(xmlText(b, "Code"))
	}
	if len(d.r.Message) == 0 {
		d.r.Message = cut(xmlText(b, "Message"), maxMessage)
	}
}

// xmlText is the text of the first element called name, nil when there is
// none.
func xmlText(b []byte, name string) []byte {
	for i := 0; ; {
		i = indexByte(b, i, '<')
		if i < 0 || i+len(name)+2 > len(b) {
			return nil
		}
		i++
		if !hasPrefix(b[i:], name) || b[i+len(name)] != '>' {
			continue
		}
		start := i + len(name) + 1
		end := indexByte(b, start, '<')
		if end < 0 {
			return nil
		}
		return trimSpace(b[start:end])
	}
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
