package decode

import (
	"fmt"
)

// Mapping tells format "json" where its fields are: dotted paths into the record (a
// backslash keeps a dot that is part of a name). Time and one of Status, Code, Message
// and Body are required.
type Mapping struct {
	Time       string `json:"time" koanf:"time" help:"event time (needed)"`
	TimeLayout string `json:"time_layout,omitempty" koanf:"time_layout" help:"any known when empty; s, ms, us, ns, or Go's 2006-01-02 15:04"`
	Service    string `json:"service,omitempty" koanf:"service" help:"service"`
	Method     string `json:"method,omitempty" koanf:"method" help:"HTTP method"`
	Path       string `json:"path,omitempty" koanf:"path" help:"path, with or without the query"`
	Route      string `json:"route,omitempty" koanf:"route" help:"route, when the log has one"`
	Status     string `json:"status,omitempty" koanf:"status" help:"HTTP status"`
	Code       string `json:"code,omitempty" koanf:"code" help:"the API's own status code"`
	Message    string `json:"message,omitempty" koanf:"message" help:"the API's message"`
	ErrorType  string `json:"error_type,omitempty" koanf:"error_type" help:"the API's own name of the error"`
	Body       string `json:"body,omitempty" koanf:"body" help:"response body, with code and message in it"`
	Key        string `json:"key,omitempty" koanf:"key" help:"API key; it is hashed"`
	KeyID      string `json:"key_id,omitempty" koanf:"key_id" help:"the gateway's id of the key's owner"`
	KeyName    string `json:"key_name,omitempty" koanf:"key_name" help:"the owner's name"`
	ClientIP   string `json:"client_ip,omitempty" koanf:"client_ip" help:"client address"`
	Latency    string `json:"latency,omitempty" koanf:"latency" help:"time to answer"`
	// LatencyUnit is s, ms (the default), us or ns, for both latencies.
	LatencyUnit     string `json:"latency_unit,omitempty" koanf:"latency_unit" help:"s, ms (the default), us or ns, for both latencies"`
	UpstreamLatency string `json:"upstream_latency,omitempty" koanf:"upstream_latency" help:"time of the backend"`
	UpstreamStatus  string `json:"upstream_status,omitempty" koanf:"upstream_status" help:"HTTP status of the backend"`
	Bytes           string `json:"bytes,omitempty" koanf:"bytes" help:"bytes sent"`
	RequestID       string `json:"request_id,omitempty" koanf:"request_id" help:"id of the request"`
	Attempt         string `json:"attempt,omitempty" koanf:"attempt" help:"which try of a request it is: 1 is the first"`
	UserAgent       string `json:"user_agent,omitempty" koanf:"user_agent" help:"user agent"`
	Version         string `json:"version,omitempty" koanf:"version" help:"version of the service: another one that stays is a deploy"`
}

// mapped is format "json": a record read by the user's own mapping.
type mappedJSON struct {
	time, service, method, path, route, status, code, message, body node
	key, keyID, keyName, clientIP, latency, upstreamLatency         node
	upstreamStatus, bytes, requestID, agent, errorType, attempt     node
	version                                                         node
	unit                                                            int
	layout                                                          string
	any                                                             nodeSet
}

func newMapped(t *tree, m *Mapping) (jsonFormat, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	unit, err := m.unit()
	if err != nil {
		return nil, err
	}
	at := func(path string) node {
		if path == "" {
			return root // a node that is never seen
		}
		return t.at(path)
	}
	f := &mappedJSON{
		time: at(m.Time), service: at(m.Service), method: at(m.Method), path: at(m.Path), route: at(m.Route),
		status: at(m.Status), code: at(m.Code), message: at(m.Message), body: at(m.Body), key: at(m.Key),
		keyID: at(m.KeyID), keyName: at(m.KeyName), clientIP: at(m.ClientIP), latency: at(m.Latency),
		upstreamLatency: at(m.UpstreamLatency), upstreamStatus: at(m.UpstreamStatus), bytes: at(m.Bytes),
		requestID: at(m.RequestID), agent: at(m.UserAgent), errorType: at(m.ErrorType), attempt: at(m.Attempt),
		version: at(m.Version),
		layout:  m.TimeLayout, unit: unit,
	}
	for _, n := range [...]node{f.status, f.code, f.message, f.body} {
		if n != root {
			f.any.add(n)
		}
	}
	return f, nil
}

func (*mappedJSON) about() Format {
	return Format{
		Name:        "json",
		Description: "any JSON object, by a mapping in the configuration",
		Example:     `{"when":"2026-03-01T12:00:00Z","http":{"verb":"GET","target":"/3/movie/550","code":200},"took_us":10500}`,
	}
}

// claims a record that has the mapped time and one of the mapped results.
func (f *mappedJSON) claims(seen *nodeSet) bool { return seen.has(f.time) && seen.containsAny(&f.any) }

func (f *mappedJSON) decode(d *Decoder) {
	r := d.r
	f.decodeTime(d)
	r.Service = d.str(f.service)
	r.Method = d.str(f.method)
	d.draft.target = d.str(f.path)
	d.draft.route = d.str(f.route)
	d.setStatus(d.str(f.status))
	d.codeAt(f.code)
	r.Message = d.str(f.message)
	d.draft.id, d.draft.keyName = d.str(f.keyID), d.str(f.keyName)
	d.keyFrom(f.key)
	r.ClientIP = parseAddress(d.str(f.clientIP))
	r.LatencyMicros = d.micros(f.latency, f.unit)
	r.UpstreamLatencyMicros = microsList(d.str(f.upstreamLatency), f.unit)
	r.UpstreamStatus = d.status(f.upstreamStatus)
	r.Bytes = parseSize(d.str(f.bytes))
	r.RequestID = d.str(f.requestID)
	r.UserAgent = d.str(f.agent)
	d.errorName(d.str(f.errorType))
	d.attempt(attemptCount, d.str(f.attempt))
	d.version(d.str(f.version))
	d.bodyAt(f.body)
}

func (f *mappedJSON) decodeTime(d *Decoder) {
	if b := d.str(f.time); len(b) > 0 {
		d.timeIn(b, f.layout)
	}
}

// unit is the unit of the mapping's latencies.
func (m *Mapping) unit() (int, error) {
	switch m.LatencyUnit {
	case "s":
		return unitSeconds, nil
	case "", "ms":
		return unitMillis, nil
	case "us":
		return unitMicros, nil
	case "ns":
		return unitNanos, nil
	}
	return 0, fmt.Errorf("mapping: got latency unit %q; want s, ms, us or ns", m.LatencyUnit)
}

// check says what is wrong with a mapping.
func (m *Mapping) check() error {
	if m.Time == "" {
		return fmt.Errorf("mapping: got no time; want the path of the event's time")
	}
	if m.Status == "" && m.Code == "" && m.Message == "" && m.Body == "" {
		return fmt.Errorf("mapping: got none of status, code, message and body; want at least one")
	}
	return nil
}
