package decode

import "bytes"

// errorNames is where APIs put their own name of an error, the most specific first:
// Google's reasons, codes that are words (OpenAI, Stripe, GraphQL), Google's and
// gRPC's status, AWS, Apigee, OAuth and Slack, RFC 9457.
type errorNames struct {
	// Arrays whose first object has a reason, code or extensions.code.
	Details node `at:"error.details"`
	Reasons node `at:"error.errors"`
	Errors  node `at:"errors"`

	Type    node `at:"type"`
	Title   node `at:"title"`
	RPCCode node `at:"error.code"`
	JSONRPC node `at:"jsonrpc"`

	plain []node
}

func newErrorNames(t *tree) errorNames {
	var n errorNames
	t.fill(&n)
	for _, path := range [...]string{
		"error.code", "error.status", "error.type", "error.name", "__type", "fault.detail.errorcode",
		"error_code", "errorCode", "error_type", "errorType", "code", "error", "Code",
	} {
		n.plain = append(n.plain, t.at(path))
	}
	return n
}

// bodyErrorName reads the name of the error in the scanned body.
func (d *Decoder) bodyErrorName() {
	if len(d.r.ErrorType) > 0 {
		return
	}
	n := &d.envelope.names
	if d.kind(n.JSONRPC) == kindString {
		if d.errorName([]byte(jsonRPCNames[string(d.str(n.RPCCode))])) {
			return
		}
	}
	for _, list := range [...]node{n.Details, n.Reasons, n.Errors} {
		if d.kind(list) == kindArray && d.listedName(list) {
			return
		}
	}
	for _, at := range n.plain {
		if d.kind(at) == kindString && d.errorName(d.str(at)) {
			return
		}
	}
	switch typ := d.str(n.Type); {
	case d.kind(n.Type) == kindString && string(typ) != "about:blank" && string(typ) != "error":
		d.errorName(typ)
	case d.kind(n.Title) == kindString:
		d.errorName(d.str(n.Title))
	}
}

// listedName reads the name in the first object of a list of errors.
func (d *Decoder) listedName(list node) bool {
	v := d.scan.vals[list]
	first := firstObject(d.buf[v.start:v.end])
	if first == nil {
		return false
	}
	var reason, code, extended []byte
	eachMember(first, func(name, value []byte, kind uint8) {
		switch {
		case kind == kindString && string(name) == "reason":
			reason = value
		case kind == kindString && string(name) == "code":
			code = value
		case kind == kindObject && string(name) == "extensions":
			eachMember(value, func(name, value []byte, kind uint8) {
				if kind == kindString && string(name) == "code" {
					extended = value
				}
			})
		}
	})
	for _, name := range [...][]byte{extended, reason, code} {
		if len(name) > 0 && d.errorName(name) {
			return true
		}
	}
	return false
}

// jsonRPCNames are the names that the specification gives to reserved codes. Others have none:
// a number is no name.
var jsonRPCNames = map[string]string{
	"-32700": "ParseError", "-32600": "InvalidRequest", "-32601": "MethodNotFound", "-32602": "InvalidParams",
	"-32603": "InternalError",
}

// maxErrorType is the longest name of an error.
const maxErrorType = 64

// errorName makes text the response's ErrorType if it is a name: at most 64 bytes of
// letters, digits and . _ : / -, without a secret, an id or a number in it. Other
// texts (a sentence, an address, somebody's id) are left out and counted, so that they
// do not become dimensions. A URI goes through the route rules. It reports whether
// text was a name.
func (d *Decoder) errorName(text []byte) bool {
	if len(text) == 0 || len(d.r.ErrorType) > 0 {
		return false
	}
	if i := bytes.LastIndexByte(text, '#'); i >= 0 {
		text = text[i+1:] // AWS: com.amazonaws.dynamodb.v20120810#ThrottlingException
	}
	if schemeEnd(text) > 0 {
		text = d.problemURI(text)
	}
	if !d.isErrorName(text) {
		d.counts.ErrorNames.Add(1)
		return false
	}
	d.r.ErrorType = text
	return true
}

func (d *Decoder) isErrorName(text []byte) bool {
	if len(text) == 0 || len(text) > maxErrorType {
		return false
	}
	letters := false
	for i, part := 0, 0; i <= len(text); i++ {
		if i < len(text) && text[i] != '/' && text[i] != ':' {
			class := charClass[text[i]]
			if class&(anyLetter|hasDigit|hasDash|hasDot) == 0 {
				return false
			}
			letters = letters || class&anyLetter != 0
			continue
		}
		if isValue(text[part:i]) {
			return false
		}
		part = i + 1
	}
	return letters
}

// isValue reports a part of a name that is an id, a number of at least four digits, or
// a secret by the route rules.
func isValue(part []byte) bool {
	if len(part) == 0 || len(part) == 1 && part[0] == '-' {
		return false
	}
	s := segment{text: part}
	digits, run := 0, 0
	for _, c := range part {
		s.mask |= charClass[c]
		if run++; c-'0' > 9 {
			run = 0
		}
		digits = max(digits, run)
	}
	return digits > 5 || looksSecret(part) || s.mask&hasDigit != 0 &&
		(s.mask&anyLetter == 0 || isUUID(part) || len(part) > 24 && digits > 2)
}

// problemURI makes a name of the type of RFC 9457: host and templated path, or the
// path alone where both are too long. {id} becomes :id:.
func (d *Decoder) problemURI(uri []byte) []byte {
	host := urlHost(uri)
	d.router.split(splitTarget(uri).path)
	start := len(d.scratch)
	d.scratch = d.router.template(append(d.scratch, host...))
	name := d.since(start)
	if len(name) > maxErrorType {
		name = name[len(host):]
	}
	for i, c := range name {
		if c == '{' || c == '}' {
			name[i] = ':'
		}
	}
	return name
}
