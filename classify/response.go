// Package classify decides why an API response was what it was: from the
// API's own status code, from its message, from the gateway's flags and, last,
// from the HTTP status. It is pure: no clock, file, socket, lock, goroutine or
// randomness, so the same Response always gives the same Decision. It does not
// read log lines (see ingest/decode) and does not count (see classify/aggregate).
package classify

import (
	"encoding/base32"
	"math"
)

// RecordTime in place of a Response's UnixMilli stands for the time of the
// record that it came in: some formats write none.
const RecordTime int64 = -1 << 62

// Response is one decoded API response, the only type that crosses the whole
// pipeline. Its byte slices alias the buffer of the record it was decoded
// from: they are valid until that buffer is reused, and whoever keeps them
// longer copies them. A decoder reuses one Response and calls Reset first.
type Response struct {
	// UnixMilli is the event time in milliseconds since the epoch, UTC, or
	// RecordTime.
	UnixMilli int64
	// Service, Method and Route are the grouping dimensions. Route is a
	// template ("/3/movie/{id}"), never a raw path.
	Service, Method, Route []byte
	// Status is the HTTP status sent to the client; -1 when the log has none.
	// 0 is what some gateways write when the client left.
	Status int16
	// Code is the API's own status code, 0 when the record carries none.
	Code uint16
	// CodeFrom says what Code's word is worth.
	CodeFrom Evidence
	// Mark says whether the response itself tells of an error, whatever its
	// HTTP status.
	Mark Mark
	// Attempt says which try of a request this is, as the request or the gateway
	// declares: 1 is the first, 0 is unknown.
	Attempt uint16
	// Message is the API's own status message, or the body's text.
	Message []byte
	// ErrorType is the API's own name of an error (OpenTelemetry's error.type):
	// at most 64 bytes of [A-Za-z0-9._:/-], checked and scrubbed by the decoder;
	// empty when the record names none.
	ErrorType []byte
	// Version is the version of the service that answered, as OpenTelemetry's
	// service.version tells it: at most 64 bytes of [A-Za-z0-9._+:/@~-], checked by the
	// decoder; empty when the record tells none.
	Version []byte
	// Key identifies the API key without revealing it; the zero value means
	// that the request carried none.
	Key KeyID
	// KeyName is the gateway's own public name for the key or its owner (a
	// consumer name, a key id). It is not a secret. Empty when there is none.
	KeyName []byte
	// ClientIP is the client's address, IPv4 in its IPv4-mapped form; all
	// zeroes when unknown.
	ClientIP [16]byte
	// LatencyMicros is the whole request's duration in microseconds, -1 when
	// unknown. UpstreamLatencyMicros is the part spent in the upstream.
	LatencyMicros, UpstreamLatencyMicros int64
	// UpstreamStatus is what the upstream answered, -1 when it was not
	// reached or is not logged.
	UpstreamStatus int16
	// Agent is what the User-Agent header names; the zero value when the record has
	// none.
	Agent Agent
	// Bytes is the size of the response sent, 0 when unknown.
	Bytes int64
	// Path is the raw path with secrets scrubbed. Path, RequestID and UserAgent
	// only reach samples and the bounded sets of refused keys, which is one
	// response in many: they are complete after Detail.
	Path, RequestID, UserAgent []byte
	// Late fills them in; nil when they are.
	Late Detailer
	// Gateway is the outcome that the gateway's own flags name (Envoy "UT",
	// HAProxy "sH--", Tyk "RLT"); Unset when they say nothing.
	Gateway Outcome
	// Blame says who produced the failure, when the record tells.
	Blame Blame
	// Quota is what the response tells the key of its rate limit.
	Quota Quota
}

// Agent is what a User-Agent header names, by package agent: the number of a product
// there, and the first two numbers of its version plus one each, 0 for none. Its
// numbers are those of one binary: rows have the names.
type Agent struct{ Product, Major, Minor uint16 }

// Quota is a rate limit as the headers of a response tell it, refused or not; all
// zeroes when they tell nothing.
type Quota struct {
	Limit      uint32 // requests allowed in Window
	Window     uint32 // seconds
	RetryAfter uint32 // seconds to wait, of Retry-After
	// Low is 4294967295 less the requests that are left: the largest is the least
	// left, and 0 says that the headers do not tell.
	Low uint32
}

// SetLeft notes how many requests are left in the window. It saturates.
func (q *Quota) SetLeft(n uint32) { q.Low = math.MaxUint32 - min(n, math.MaxUint32-1) }

// Left is how many requests are left in the window; ok is false when the headers
// do not say.
func (q Quota) Left() (n uint32, ok bool) { return math.MaxUint32 - q.Low, q.Low != 0 }

// Join makes q the larger of each of both: the largest limit, window and wait,
// and the least that was left.
func (q *Quota) Join(o Quota) {
	q.Limit, q.Window = max(q.Limit, o.Limit), max(q.Window, o.Window)
	q.RetryAfter, q.Low = max(q.RetryAfter, o.RetryAfter), max(q.Low, o.Low)
}

// Evidence says where a Response's Code is from.
type Evidence uint8

// From the best to the weakest.
const (
	// CodeNamed: a field that the log format or the user's mapping calls the
	// API's code.
	CodeNamed Evidence = iota
	// CodeEnvelope: the catalogue's own envelope, status_code beside
	// status_message or success.
	CodeEnvelope
	// CodeDenied: the same envelope, and it says success: false.
	CodeDenied
	// CodeBare: a body's member called code, which may be anybody's: the
	// catalogue's, google.rpc.Code, or a voucher's.
	CodeBare
)

// Mark is what a response itself says of its success: its body, or its gRPC
// status.
type Mark uint8

const (
	// MarkNone: it says nothing.
	MarkNone Mark = iota
	// MarkFine: gRPC status OK.
	MarkFine
	// MarkPartial: data and errors, as GraphQL answers: a success with gaps.
	MarkPartial
	// MarkError: an error. ErrorType may name it.
	MarkError
)

// Detailer fills in Path, RequestID and UserAgent of a response.
type Detailer interface{ Detail(r *Response) }

// Detail completes Path, RequestID and UserAgent. Whoever reads them calls it
// first, while the response is valid.
func (r *Response) Detail() {
	if late := r.Late; late != nil {
		r.Late = nil
		late.Detail(r)
	}
}

// Reset makes r an empty response: nothing known.
func (r *Response) Reset() {
	*r = Response{Status: -1, UpstreamStatus: -1, LatencyMicros: -1, UpstreamLatencyMicros: -1}
}

// KeyID is the 128-bit identity of an API key: a truncated HMAC-SHA-256, never
// the key. The zero value means no key.
type KeyID [16]byte

// OtherKey stands for all keys beyond the cardinality budget of a block.
var OtherKey = KeyID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Other is how everything beyond a cardinality budget is named.
const Other = "__other__"

var keyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the stored form: 26 lower-case base32 characters, "" for no key
// and "__other__" for OtherKey.
func (k KeyID) String() string {
	switch k {
	case KeyID{}:
		return ""
	case OtherKey:
		return Other
	}
	return keyEncoding.EncodeToString(k[:])
}

// Append appends the stored form to dst; it allocates only to grow dst.
func (k KeyID) Append(dst []byte) []byte {
	switch k {
	case KeyID{}:
		return dst
	case OtherKey:
		return append(dst, Other...)
	}
	return keyEncoding.AppendEncode(dst, k[:])
}

// ParseKeyID reads the stored form of a key's id; ok is false for anything
// else, OtherKey and the empty id included.
func ParseKeyID(s string) (id KeyID, ok bool) {
	if len(s) != keyEncoding.EncodedLen(len(id)) {
		return KeyID{}, false
	}
	_, err := keyEncoding.Decode(id[:], []byte(s))
	return id, err == nil && id.String() == s
}

// Short is the displayed form: the first 10 characters (50 bits) of String.
func (k KeyID) Short() string {
	s := k.String()
	if len(s) > 10 {
		return s[:10]
	}
	return s
}

// Blame says whose side a failure came from.
type Blame uint8

// The sides. BlameNone means that the record does not tell.
const (
	BlameNone Blame = iota
	BlameClient
	BlameGateway
	BlameUpstream
)

// String is the stored name, "" for BlameNone.
func (b Blame) String() string {
	return [...]string{"", "client", "gateway", "upstream"}[b&3]
}
