package decode

import (
	"fmt"
	"math/bits"
	"strings"
)

// Format describes a log format that can be decoded.
type Format struct {
	Name        string `json:"name"` // what Config.Format and the rejects call it
	Description string `json:"description"`
	Example     string `json:"example"` // one line of it
	// Preset is the named mapping that format json uses for it.
	Preset string `json:"preset,omitempty"`
}

// mapped reports a format that the user's mapping defines.
func (f Format) mapped() bool { return f.Name == "json" || f.Name == "logfmt" }

// jsonFormat is a format whose records are JSON objects.
type jsonFormat interface {
	about() Format
	// claims reports that a record with these keys is one of the format's. It depends
	// on the set of keys alone.
	claims(seen *nodeSet) bool
	// decode reads the record's values from d and fills d's response.
	decode(d *Decoder)
}

// textFormat is a format whose records are lines of text.
type textFormat interface {
	about() Format
	// begins reports that a line of the format may begin with c.
	begins(c byte) bool
	// decode fills d's response from the line. It returns false, and leaves d
	// untouched, when the line does not have the format's shape.
	decode(d *Decoder, line []byte) bool
}

// jsonFormats lists the JSON formats; the first that claims a record decodes it. The
// most distinctive come first, those with common names last.
func jsonFormats(t *tree, own jsonFormat) []jsonFormat {
	return []jsonFormat{
		newKong(t),
		newApisix(t),
		newCaddy(t),
		newTraefikJSON(t),
		newCloudflare(t),
		newEnvoyJSON(t),
		newTykPump(t),
		newTykAccess(t),
		newApigee(t),
		newAPIGateway(t),
		newPino(t),
		newECS(t),
		newNginxJSON(t),
		own,
	}
}

// textFormats lists the line formats in the order in which they are tried, the
// strictest first.
func textFormats() []textFormat {
	return []textFormat{
		envoy{},
		alb{},
		elb{},
		haproxy{},
		tykText{},
		heroku{},
		lograge{},
		morganTiny{},
		proxyManager{},
		cloudFront{},
		w3c{},
		traefikCLF{},
		ingressNginx{},
		ncsa{},
		apisixAccess{},
		werkzeug{},
		uvicorn{},
	}
}

// Formats lists every format, with an example line each.
func Formats() []Format {
	var all []Format
	t := newTree()
	for _, f := range jsonFormats(t, newStatline(t)) {
		all = append(all, f.about())
	}
	for _, f := range textFormats() {
		all = append(all, f.about())
	}
	all = append(all, otlpFormats()...)
	all = append(all, (*mappedJSON)(nil).about(), logfmt{}.about())
	for i, f := range all {
		if f.Name == "statline" {
			copy(all[1:i+1], all[:i])
			all[0] = f
		}
	}
	return all
}

// register builds the formats and pins the configured one.
func (d *Decoder) register(t *tree) error {
	if err := d.choose(t); err != nil {
		return err
	}
	for _, f := range d.json {
		d.jsonName = append(d.jsonName, f.about().Name)
	}
	for i, f := range d.text {
		d.textName = append(d.textName, f.about().Name)
		switch f.(type) {
		case elb, cloudFront, w3c:
			d.dated |= 1 << i
		}
		for c := range d.begins {
			if f.begins(byte(c)) {
				d.begins[c] |= 1 << i
			}
		}
	}
	return nil
}

func (d *Decoder) choose(t *tree) error {
	d.own = newStatline(t) // its nodes come first and are adjacent
	d.json = jsonFormats(t, d.own)
	d.text = textFormats()
	d.wrap = [...]node{t.at("log"), t.at("message"), t.at("msg"), t.at("event.original"), t.at("MESSAGE")}
	want := strings.ToLower(d.cfg.Format)
	for _, path := range replies {
		t.reply(path)
	}
	d.records = t.at("records")
	d.otlpNodes = [2]node{t.at("resourceLogs"), t.at("resourceSpans")}
	d.versions = [2]node{t.at("service.version"), t.at(`service\.version`)}
	if other, ok := aliases[want]; ok {
		want = other
	}
	if want == otlpProtoName || want == otlpJSONName {
		d.pin, d.json, d.text = want, nil, nil
		return nil
	}
	if want == (logfmt{}).about().Name {
		f, err := newLogfmt(d.cfg.Mapping)
		if err != nil {
			return err
		}
		d.pin, d.json, d.text = want, nil, []textFormat{f}
		return nil
	}
	if d.cfg.Mapping != nil {
		f, err := newMapped(t, d.cfg.Mapping)
		if err != nil {
			return err
		}
		d.json = append([]jsonFormat{f}, d.json...)
	} else if want == "json" {
		return fmt.Errorf(`format "json": got no mapping; set one in the section mapping, or name a built-in one with --mapping`)
	}
	if want == Auto {
		return nil
	}
	for _, f := range d.json {
		if f.about().Name == want {
			d.pin, d.json, d.text = want, []jsonFormat{f}, nil
			return nil
		}
	}
	for _, f := range d.text {
		if f.about().Name == want {
			d.pin, d.json, d.text = want, nil, []textFormat{f}
			return nil
		}
	}
	names := []string{Auto}
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return fmt.Errorf("got format %q; want one of %s", d.cfg.Format, strings.Join(names, ", "))
}

// aliases are other names by which users look for a format.
var aliases = map[string]string{
	"common": "combined", "apache": "combined", "nginx": "combined", "clf": "combined", "ncsa": "combined",
	"kong-kafka-log": "kong", "kong-http-log": "kong", "alb": "aws-alb", "apigateway": "aws-apigateway",
	"haproxy-httplog": "haproxy", "ingress": "ingress-nginx", "envoy-text": "envoy",
	"otlp-proto": otlpProtoName, "otlp": otlpProtoName, "otlp-json": otlpJSONName,
}

// seen decodes the object b[start:end] that the scanner has walked.
func (d *Decoder) seen(b []byte, start, end int) {
	d.buf = b
	s := &d.scan.seen
	if *s != d.lastSeen || d.lastIs < 0 {
		d.lastSeen, d.lastIs = *s, d.which(s)
	}
	if d.lastIs >= len(d.json) {
		d.unusual(b, start, end)
		return
	}
	f := d.json[d.lastIs]
	d.begin("")
	d.dirty = d.scan.flags != 0
	f.decode(d)
	if d.scan.told != 0 {
		d.scannedQuota()
	}
	if d.scan.seen.has(d.versions[0]) || d.scan.seen.has(d.versions[1]) {
		d.version(d.first(d.versions[:]...))
	}
	d.format = d.jsonName[d.lastIs]
	d.finish(b[start:end])
}

// unusual decodes an object that holds several records, or that no format claims.
func (d *Decoder) unusual(b []byte, start, end int) {
	s := &d.scan.seen
	if isSpans := s.has(d.otlpNodes[1]); isSpans || s.has(d.otlpNodes[0]) {
		d.otlpJSON(b[start:end], isSpans)
		return
	}
	if s.has(d.records) && !d.nested && d.kind(d.records) == kindArray {
		v := d.scan.vals[d.records]
		d.nested = true // Azure: {"records":[...]}
		d.array(b[:v.end], int(v.start))
		d.nested = false
		return
	}
	d.unclaimed(b[start:end])
}

// which returns the index of the format that claims a set of keys; len(d.json) for
// none, and for an object that holds several records.
func (d *Decoder) which(s *nodeSet) int {
	if s.has(d.records) || s.has(d.otlpNodes[0]) || s.has(d.otlpNodes[1]) {
		return len(d.json)
	}
	if d.pin != "" && len(d.json) == 1 {
		return 0
	}
	if i, ok := d.known[*s]; ok {
		return i
	}
	i := 0
	for i < len(d.json) && !d.json[i].claims(s) {
		i++
	}
	if len(d.known) >= 1024 {
		clear(d.known)
	}
	d.known[*s] = i
	return i
}

// unclaimed decodes an object that no format knows: a shipper's envelope around a line
// (log, message, msg), or a reject. An application's own line has its message in the
// same place; one with our field names is no response.
func (d *Decoder) unclaimed(raw []byte) {
	reason := ReasonUnknown
	if d.scan.seen.containsAny(&d.own.nodes) {
		reason = ReasonNotResponse
	}
	if !d.nested {
		d.begin("")
		if text := trimSpace(d.first(d.wrap[:]...)); len(text) > 0 && d.pin == "" {
			d.around, d.aroundWhy = reason, d.lacking(raw)
			d.hasStamp = false
			d.stamp(d.first(d.own.Time, d.own.Timestamp))
			d.inner(text, raw)
			d.around = ""
			return
		}
	}
	d.begin("")
	d.reject(reason, d.lacking(raw), raw)
}

// inner decodes text that was found inside whole.
func (d *Decoder) inner(text, whole []byte) {
	d.nested, d.whole = true, whole
	d.lines(text)
	d.nested, d.whole = false, nil
}

// line decodes one line of text.
func (d *Decoder) line(line []byte) {
	if len(line) == 0 {
		return
	}
	if !d.nested {
		d.hasStamp = false
	}
	if line[0] == '#' && d.directive(line) {
		d.begin("")
		d.reject(ReasonNotResponse, "w3c: a directive, which names the columns of the lines after it", line)
		return
	}
	d.begin("")
	rest := d.unprefixed(line)
	if rest[0] == '{' && !d.nested {
		d.inner(rest, line)
		return
	}
	d.dirty = true
	may := d.begins[rest[0]]
	if len(rest) < 5 || rest[4] != '-' {
		may &^= d.dated
	}
	for ; may != 0; may &= may - 1 {
		i := bits.TrailingZeros32(may)
		if d.text[i].decode(d, rest) {
			d.format = d.textName[i]
			d.finish(line)
			return
		}
	}
	if len(d.columns) > 0 && dateInFront(rest) {
		d.reject(ReasonSyntax, d.misfit(rest), line)
		return
	}
	d.reject(ReasonSyntax, unshaped(rest), line)
}

// The values of the object that the scanner has walked.

// has reports that n was there, even if null.
func (d *Decoder) has(n node) bool { return d.scan.seen.has(n) }

// str is the text of n: a string (unescaped), a number as written, the first string of
// an array; nil for anything else and for "-".
func (d *Decoder) str(n node) []byte {
	if !d.scan.seen.has(n) {
		return nil
	}
	v := &d.scan.vals[n]
	if (v.kind == kindString || v.kind == kindNumber) && v.end-v.start > 4 {
		return d.buf[v.start:v.end]
	}
	return d.value(*v)
}

func (d *Decoder) value(v slot) []byte {
	b := d.buf[v.start:v.end]
	switch v.kind &^ flagHigh {
	case kindString, kindNumber:
		if dash(b) {
			return nil
		}
		return b
	case kindString | flagEscaped:
		start := len(d.scratch)
		d.scratch = unescape(d.scratch, b)
		return d.since(start)
	case kindArray:
		for i := 1; i < len(b); i++ {
			if b[i] == '"' {
				if end, flags := stringEnd(b, i+1); end >= 0 {
					at := v.start
					return d.value(slot{at + uint32(i) + 1, at + uint32(end), kindString | flags})
				}
			}
			if b[i] > ' ' {
				return nil
			}
		}
	}
	return nil
}

// first is the text of the first of some nodes that has one.
func (d *Decoder) first(nodes ...node) []byte {
	for _, n := range nodes {
		if b := d.str(n); len(b) > 0 {
			return b
		}
	}
	return nil
}

// kind is the kind of n's value, 0 when it is missing.
func (d *Decoder) kind(n node) uint8 {
	if !d.scan.seen.has(n) {
		return 0
	}
	return d.scan.vals[n].kind & kindMask
}

// micros reads n as a duration in unit, -1 when there is none.
func (d *Decoder) micros(n node, unit int) int64 {
	b := d.str(n)
	if len(b) == 0 {
		return -1
	}
	return micros(b, unit)
}

// status reads n as an upstream's status; -1 for 0 and for lists without a status.
func (d *Decoder) status(n node) int16 {
	b := d.str(n)
	if len(b) == 0 {
		return -1
	}
	return lastStatus(b)
}

// time reads n as the event's time in any notation.
func (d *Decoder) time(n node) bool {
	b := d.str(n)
	if len(b) == 0 {
		return false
	}
	d.setTime(d.clock.any(b))
	return true
}

// keyFrom takes the API key from n, or from a header, parameter or field whose name is
// a key's.
func (d *Decoder) keyFrom(nodes ...node) {
	if b := d.first(nodes...); len(b) > 0 {
		d.setKey(b)
		return
	}
	for i := range d.scan.secret {
		if v := d.scan.secret[i]; v.kind != 0 {
			if b := d.value(v); len(b) > 0 {
				d.setKey(b)
				return
			}
		}
	}
}
