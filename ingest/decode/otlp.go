package decode

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// OpenTelemetry's messages, as the Collector's kafkaexporter writes them: many
// log records or spans in one. Spans of kind server are responses; others are
// the same requests seen from elsewhere and are passed over. A log record is a
// response when it has the attributes of one; otherwise its body may be a line.
const (
	otlpProtoName = "otlp_proto"
	otlpJSONName  = "otlp_json"
)

func otlpFormats() []Format {
	return []Format{
		{
			Name:        otlpJSONName,
			Description: "OpenTelemetry log records and server spans, OTLP JSON",
			Example: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"movies"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",` +
				`"name":"GET /3/movie/{id}","kind":2,"startTimeUnixNano":"1772366400250000000","endTimeUnixNano":"1772366400260500000","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},` +
				`{"key":"url.path","value":{"stringValue":"/3/movie/550"}},{"key":"http.route","value":{"stringValue":"/3/movie/{id}"}},{"key":"http.response.status_code","value":{"intValue":"200"}},` +
				`{"key":"client.address","value":{"stringValue":"203.0.113.7"}}]}]}]}]}`,
		},
		{Name: otlpProtoName, Description: "the same in protobuf: a whole message of Kafka", Example: "(binary)"},
	}
}

// otlpFirst is the first byte of such a message: field 1, bytes.
const otlpFirst = 0x0a

// isOTLP reports a message that consists only of resource spans or resource logs:
// field 1, one after the other, to the last byte.
func isOTLP(b []byte) bool {
	if len(b) < 4 || b[0] != otlpFirst {
		return false
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || number != 1 || kind != protowire.BytesType {
			return false
		}
		_, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return false
		}
		b = b[n+m:]
	}
	return true
}

// holdsSpans tells spans from log records: a span's first field is its trace id, a log
// record's its time.
func holdsSpans(b []byte) bool {
	for _, field := range [...]protowire.Number{1, 2, 2} { // resource, scope, item
		inner := fieldOf(b, field)
		if inner == nil {
			return false
		}
		b = inner
	}
	return len(fieldOf(b, 1)) == 16
}

// fieldOf is the first field of b with the number, when it holds bytes.
func fieldOf(b []byte, number protowire.Number) []byte {
	for len(b) > 0 {
		got, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		if got == number && kind == protowire.BytesType {
			v, m := protowire.ConsumeBytes(b[n:])
			if m < 0 {
				return nil
			}
			return v
		}
		m := protowire.ConsumeFieldValue(got, kind, b[n:])
		if m < 0 {
			return nil
		}
		b = b[n+m:]
	}
	return nil
}

// otlpProto decodes a protobuf message.
func (d *Decoder) otlpProto(b []byte) {
	if !d.otlp(b, holdsSpans(b), otlpProtoName, proto.Unmarshal) {
		d.begin(otlpProtoName)
		d.reject(ReasonSyntax, "no OTLP message of log records or spans", nil)
	}
}

// otlpJSON decodes the JSON of the same messages. Its ids are hexadecimal where
// protobuf's JSON has base64; they are turned back.
func (d *Decoder) otlpJSON(b []byte, isSpans bool) {
	if !d.otlp(b, isSpans, otlpJSONName, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal) {
		d.begin(otlpJSONName)
		d.reject(ReasonSyntax, "no OTLP JSON of log records or spans", b)
	}
}

func (d *Decoder) otlp(b []byte, isSpans bool, format string, unmarshal func([]byte, proto.Message) error) bool {
	if isSpans {
		var m tracepb.TracesData
		if unmarshal(b, &m) != nil || format == otlpProtoName && len(m.ResourceSpans) == 0 {
			return false
		}
		d.spans(&m, format)
		return true
	}
	var m logspb.LogsData
	if unmarshal(b, &m) != nil || format == otlpProtoName && len(m.ResourceLogs) == 0 {
		return false
	}
	d.logRecords(&m, format)
	return true
}

// spans decodes the spans of servers. Spans of other kinds tell nothing of a request
// that was answered here; a message without any span is a reject.
func (d *Decoder) spans(m *tracepb.TracesData, format string) {
	some := false
	for _, of := range m.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			some = some || len(scope.Spans) > 0
			for _, s := range scope.Spans {
				if s.Kind != tracepb.Span_SPAN_KIND_SERVER {
					continue
				}
				d.otlpBegin(of.Resource, format)
				var a otlpAttributes
				a.read(s.Attributes)
				d.setTime(int64(s.StartTimeUnixNano/1e6), s.StartTimeUnixNano > 0)
				if s.EndTimeUnixNano >= s.StartTimeUnixNano {
					d.r.LatencyMicros = int64((s.EndTimeUnixNano - s.StartTimeUnixNano + 500) / 1000)
				}
				d.r.RequestID = traceID(s.TraceId, format)
				d.attributes(&a)
				d.otlpFinish(s)
			}
		}
	}
	if !some {
		d.otlpEmpty(format)
	}
}

func (d *Decoder) logRecords(m *logspb.LogsData, format string) {
	some := false
	for _, of := range m.ResourceLogs {
		for _, scope := range of.ScopeLogs {
			some = some || len(scope.LogRecords) > 0
			for _, l := range scope.LogRecords {
				var a otlpAttributes
				a.read(l.Attributes)
				if body := l.Body.GetStringValue(); !a.answer() && body != "" {
					d.logBody(l, []byte(body))
					continue
				}
				d.otlpBegin(of.Resource, format)
				at := l.TimeUnixNano
				if at == 0 {
					at = l.ObservedTimeUnixNano
				}
				d.setTime(int64(at/1e6), at > 0)
				d.r.RequestID = traceID(l.TraceId, format)
				d.attributes(&a)
				if d.r.Status >= 400 {
					d.r.Message = []byte(l.Body.GetStringValue())
				}
				d.otlpFinish(l)
			}
		}
	}
	if !some {
		d.otlpEmpty(format)
	}
}

// otlpEmpty rejects a message without an item.
func (d *Decoder) otlpEmpty(format string) {
	d.begin(format)
	d.reject(ReasonSyntax, "an OTLP message without a log record or span", nil)
}

// logBody decodes a line that a log record carries.
func (d *Decoder) logBody(l *logspb.LogRecord, body []byte) {
	d.stamped, d.hasStamp = int64(l.TimeUnixNano/1e6), l.TimeUnixNano > 0
	nested, whole := d.nested, d.whole
	d.nested, d.whole = true, body
	d.lines(body)
	d.nested, d.whole = nested, whole
}

// otlpBegin begins the response of a log record or span of a resource.
func (d *Decoder) otlpBegin(of *resourcepb.Resource, format string) {
	d.begin(format)
	d.dirty = true
	for _, kv := range of.GetAttributes() {
		switch kv.Key {
		case "service.name":
			d.r.Service = attribute(kv.Value)
		case "service.version":
			d.version(attribute(kv.Value))
		}
	}
}

func (d *Decoder) otlpFinish(item proto.Message) {
	text, err := protojson.Marshal(item)
	if err != nil {
		text = nil // it has just been read; a reject has no bytes
	}
	d.finish(text)
}

// otlpAttributes are the attributes of the HTTP and RPC conventions, stable
// names and older ones.
type otlpAttributes struct {
	method, path, query, url, route, status, client, agent, size []byte
	grpc, rpcService, rpcMethod, errorType, user, took, resends  []byte
	headers                                                      [][2][]byte
	quota                                                        quotaTexts
	told                                                         bool // quota has something
}

// answer reports attributes that tell the result of a request.
func (a *otlpAttributes) answer() bool { return len(a.status) > 0 || len(a.grpc) > 0 }

func (a *otlpAttributes) read(list []*commonpb.KeyValue) {
	fill := func(to *[]byte, v *commonpb.AnyValue) {
		if len(*to) == 0 {
			*to = attribute(v)
		}
	}
	for _, kv := range list {
		switch kv.Key {
		case "http.request.method", "http.method":
			fill(&a.method, kv.Value)
		case "url.path":
			fill(&a.path, kv.Value)
		case "url.query":
			fill(&a.query, kv.Value)
		case "http.target", "url.full", "http.url":
			fill(&a.url, kv.Value)
		case "http.route":
			fill(&a.route, kv.Value)
		case "http.response.status_code", "http.status_code":
			fill(&a.status, kv.Value)
		case "client.address", "http.client_ip", "net.sock.peer.addr", "network.peer.address":
			fill(&a.client, kv.Value)
		case "user_agent.original", "http.user_agent":
			fill(&a.agent, kv.Value)
		case "http.response.body.size", "http.response_content_length":
			fill(&a.size, kv.Value)
		case "rpc.grpc.status_code", "rpc.response.status_code":
			fill(&a.grpc, kv.Value)
		case "rpc.service":
			fill(&a.rpcService, kv.Value)
		case "rpc.method":
			fill(&a.rpcMethod, kv.Value)
		case "error.type":
			fill(&a.errorType, kv.Value)
		case "enduser.id", "user.id":
			fill(&a.user, kv.Value)
		case "http.server.request.duration":
			fill(&a.took, kv.Value)
		case "http.request.resend_count", "http.resend_count":
			fill(&a.resends, kv.Value)
		default:
			if name, ok := cutPrefix(kv.Key, "http.request.header."); ok {
				a.headers = append(a.headers, [2][]byte{name, attribute(kv.Value)})
			} else if name, ok := cutPrefix(kv.Key, "http.response.header."); ok {
				if field, is := quotaOf(name, false); is && len(a.quota[field]) == 0 {
					a.quota[field], a.told = attribute(kv.Value), true
				}
			}
		}
	}
}

// attributes fills the response.
func (d *Decoder) attributes(a *otlpAttributes) {
	r := d.r
	r.Method = a.method
	d.draft.target = a.url
	if len(a.path) > 0 {
		d.draft.target = a.path
		if len(a.query) > 0 {
			d.draft.target = append(append(append([]byte(nil), a.path...), '?'), a.query...)
		}
	}
	d.draft.route = a.route
	if len(d.draft.target) == 0 && len(a.rpcMethod) > 0 {
		d.draft.target = append(append(append([]byte("/"), a.rpcService...), '/'), a.rpcMethod...)
		if len(a.rpcService) == 0 {
			d.draft.target = append([]byte("/"), a.rpcMethod...)
		}
	}
	d.setStatus(a.status)
	r.ClientIP = parseAddress(a.client)
	r.UserAgent = a.agent
	r.Bytes = parseSize(a.size)
	if r.LatencyMicros < 0 {
		r.LatencyMicros = micros(a.took, unitSeconds)
	}
	d.grpc(a.grpc)
	if _, isStatus := parseInt(a.errorType); !isStatus {
		d.errorName(a.errorType)
	}
	d.user(a.user)
	if a.told {
		d.quota(&a.quota)
	}
	d.attempt(attemptRetries, a.resends)
	for _, h := range a.headers {
		if field, ok := attemptOf(h[0]); ok {
			d.attempt(field, h[1])
		}
		if len(d.draft.key) == 0 && d.names.names(h[0], inHeader) {
			d.setKey(h[1])
		}
	}
}

// attribute is a value as text: a string, a number, or the first element of a list.
func attribute(v *commonpb.AnyValue) []byte {
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return []byte(x.StringValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.AppendInt(nil, x.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.AppendFloat(nil, x.DoubleValue, 'f', -1, 64)
	case *commonpb.AnyValue_ArrayValue:
		if len(x.ArrayValue.GetValues()) > 0 && x.ArrayValue.Values[0].GetArrayValue() == nil {
			return attribute(x.ArrayValue.Values[0])
		}
	}
	return nil
}

// traceID is a trace id in hexadecimal. From OTLP JSON it has been decoded as base64
// first.
func traceID(id []byte, format string) []byte {
	if len(id) == 0 {
		return nil
	}
	if format == otlpJSONName {
		return base64.StdEncoding.AppendEncode(nil, id)
	}
	return hex.AppendEncode(nil, id)
}

func cutPrefix(s, prefix string) ([]byte, bool) {
	if len(s) <= len(prefix) || s[:len(prefix)] != prefix {
		return nil, false
	}
	return []byte(s[len(prefix):]), true
}
