package decode

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml"
)

// ProposeMapping proposes a mapping for a JSON record that no format knows, by the
// names and values of its members; ok is false when it finds no time or no status. A
// duration without a unit in its name is left out.
func ProposeMapping(record []byte) (m Mapping, ok bool) {
	d, err := New(Config{})
	if err != nil {
		return m, false // the default configuration is valid
	}
	p := proposal{d: d}
	p.walk("", bytes.TrimSpace(record), 0)
	return p.m, p.m.Time != "" && p.m.Status != ""
}

type proposal struct {
	d *Decoder
	m Mapping
}

// walk looks at the members of the object b, whose path is prefix.
func (p *proposal) walk(prefix string, b []byte, depth int) {
	if len(b) == 0 || b[0] != '{' || depth > 4 {
		return
	}
	eachMember(b, func(name, value []byte, kind uint8) {
		path := prefix + strings.ReplaceAll(string(name), ".", `\.`)
		if kind == kindObject {
			p.walk(path+".", value, depth+1)
			return
		}
		p.leaf(path, string(squash(nil, name)), value, kind)
	})
}

// leaf assigns a path to the first field that its value fits.
func (p *proposal) leaf(path, name string, value []byte, kind uint8) {
	is := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(name, w) {
				return true
			}
		}
		return false
	}
	set := func(to *string) {
		if *to == "" {
			*to = path
		}
	}
	status, isStatus := parseStatus(value)
	_, isTime := p.d.clock.any(value)
	_, isNumber := parseDecimal(value)
	switch {
	case kind != kindString && kind != kindNumber:
	case isStatus && status >= 100 && len(value) == 3 && is("upstream", "backend", "origin") && is("status", "code"):
		set(&p.m.UpstreamStatus)
	case isStatus && status >= 100 && len(value) == 3 && is("status", "code", "http", "result", "rc"):
		set(&p.m.Status)
	case isTime && (!isNumber && len(value) >= 19 || isNumber && len(value) >= 10 &&
		is("time", "date", "ts", "when", "at", "start")):
		set(&p.m.Time)
	case kind == kindString && isHTTPVerb(value):
		set(&p.m.Method)
	case kind == kindString && len(value) > 0 && (value[0] == '/' || schemeEnd(value) > 0) &&
		!is("referer", "referrer"):
		set(&p.m.Path)
	case kind == kindString && isAddress(value) && !is("server", "upstream", "backend"):
		set(&p.m.ClientIP)
	case is("latency", "duration", "elapsed", "took", "resptime", "responsetime") && p.m.Latency == "":
		if unit := unitOf(path, value); unit != "" {
			p.m.Latency, p.m.LatencyUnit = path, unit
		}
	case kind == kindNumber && is("bytes", "size", "length"):
		set(&p.m.Bytes)
	case kind == kindString && is("useragent", "agent"):
		set(&p.m.UserAgent)
	case is("requestid", "reqid", "traceid", "correlationid", "xid"):
		set(&p.m.RequestID)
	case kind == kindString && is("service", "app", "vhost", "hostname"):
		set(&p.m.Service)
	}
}

// unitOf is the unit at the end of a name or of a value; "" for none.
func unitOf(path string, value []byte) string {
	if toldMicros(value) >= 0 {
		return "ms" // the value's own unit counts
	}
	lower := strings.ToLower(path)
	for _, u := range [...]struct{ suffix, unit string }{
		{"_ms", "ms"}, {"millis", "ms"}, {"ms", "ms"}, {"_us", "us"}, {"micros", "us"}, {"_ns", "ns"}, {"nanos", "ns"},
		{"_s", "s"}, {"_sec", "s"}, {"seconds", "s"}, {"secs", "s"},
	} {
		if strings.HasSuffix(lower, u.suffix) {
			return u.unit
		}
	}
	return ""
}

// mappingConfig is the configuration that a proposal needs.
func mappingConfig(m Mapping) string {
	text, err := yaml.Marshal(map[string]any{"mapping": m})
	if err != nil {
		return "" // a struct of strings
	}
	return "format: json\n" + string(text)
}
