package decode

import (
	"fmt"
	"reflect"
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

// mappedJSON is format "json": a record read by the user's own mapping.
type mappedJSON struct {
	mappedNodes
	unit   int
	layout string
	claim
}

// mappedNodes are the nodes of a Mapping's paths, by their names in it. Without a path it is
// the root, which is never seen.
type mappedNodes struct {
	Time, Service, Method, Path, Route, Status, Code, Message, Body node
	Key, KeyID, KeyName, ClientIP, Latency, UpstreamLatency         node
	UpstreamStatus, Bytes, RequestID, UserAgent, ErrorType, Attempt node
	Version                                                         node
}

func newMapped(t *tree, m *Mapping) (jsonFormat, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	unit, err := m.unit()
	if err != nil {
		return nil, err
	}
	f := &mappedJSON{unit: unit, layout: m.TimeLayout}
	paths, nodes := reflect.ValueOf(m).Elem(), reflect.ValueOf(&f.mappedNodes).Elem()
	for i := range nodes.NumField() {
		if path := paths.FieldByName(nodes.Type().Field(i).Name).String(); path != "" {
			nodes.Field(i).SetUint(uint64(t.at(path)))
		}
	}
	f.claim = claim{setOf(f.Time), setOf(f.Status, f.Code, f.Message, f.Body)}
	return f, nil
}

func (*mappedJSON) about() Format {
	return Format{
		Name:        "json",
		Description: "any JSON object, by a mapping in the configuration",
		Example:     `{"when":"2026-03-01T12:00:00Z","http":{"verb":"GET","target":"/3/movie/550","code":200},"took_us":10500}`,
	}
}

func (f *mappedJSON) decode(d *Decoder) {
	r := d.r
	if b := d.str(f.Time); len(b) > 0 {
		d.timeIn(b, f.layout)
	}
	r.Service = d.str(f.Service)
	r.Method = d.str(f.Method)
	d.draft.target = d.str(f.Path)
	d.draft.route = d.str(f.Route)
	d.setStatus(d.str(f.Status))
	d.codeAt(f.Code)
	r.Message = d.str(f.Message)
	d.draft.id, d.draft.keyName = d.str(f.KeyID), d.str(f.KeyName)
	d.keyFrom(f.Key)
	r.ClientIP = parseAddress(d.str(f.ClientIP))
	r.LatencyMicros = d.micros(f.Latency, f.unit)
	r.UpstreamLatencyMicros = microsList(d.str(f.UpstreamLatency), f.unit)
	r.UpstreamStatus = d.status(f.UpstreamStatus)
	r.Bytes = parseSize(d.str(f.Bytes))
	r.RequestID = d.str(f.RequestID)
	r.UserAgent = d.str(f.UserAgent)
	d.errorName(d.str(f.ErrorType))
	d.attempt(attemptCount, d.str(f.Attempt))
	d.version(d.str(f.Version))
	d.bodyAt(f.Body)
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
