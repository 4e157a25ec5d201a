// Package decode turns the value of a Kafka record into classified-ready
// responses. Its guarantee: decoding is a pure function of the record's bytes
// and of the configuration, whatever was decoded before; it never panics, and
// every non-blank line ends as a Response or as a Reject. Keys are replaced by
// their HMAC here; nothing that leaves this package holds one in clear. It
// does not look at Kafka's timestamps and does not classify.
//
// One file holds one format. JSON formats share one walk over the record
// (scanner): it notes where the values are that any format reads, what was
// seen decides the format, and the format's mapping reads the values.
package decode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"statline/classify"
	"statline/classify/agent"
)

// Version changes whenever the same record becomes another response or reject; it
// is part of config_hash and of every reject row.
const Version = 10

// Sink receives what a record holds, in order. r and the Reject's Raw are
// valid during the call only.
type Sink interface {
	Response(r *classify.Response)
	Reject(Reject)
}

// Reject is a line that is no response, with the reason in one word
// (syntax, no_time, bad_time, not_a_response, ...) and a detail for people.
type Reject struct {
	Index  int // position inside the record
	Reason string
	Detail string
	Format string
	Raw    []byte // scrubbed of secrets, at most 64 KiB
}

// The reasons of a Reject.
const (
	ReasonSyntax  = "syntax"         // broken JSON, or a line of no known shape
	ReasonUnknown = "unknown_format" // an object that no format claims
	ReasonNoTime  = "no_time"
	ReasonBadTime = "bad_time"
	// ReasonNotResponse: neither an HTTP nor a gRPC status, and no request with
	// an API code or a gateway's flag: an application's log, a TCP connection.
	ReasonNotResponse = "not_a_response"
	ReasonBadStatus   = "bad_status"
	ReasonBadCode     = "bad_code" // the API's code is negative or over 65535
)

const maxRaw = 64 << 10

// Auto is the format that recognises every line by itself.
const Auto = "auto"

// Config says how to decode. Everything in it is part of Fingerprint.
type Config struct {
	// Format is a name from Formats, or Auto (the default).
	Format string
	// Service is the service of records that name none; "default" when empty.
	Service string
	// Secret keys the HMAC that replaces API keys.
	Secret []byte
	// Location is the zone of times that have none; UTC when nil.
	Location *time.Location
	// Routes are the user's own rules for route templates.
	Routes []RouteRule
	// RouteFrom says where routes come from: "auto" (the default) takes what
	// the record gives as an endpoint and templates the path otherwise,
	// "path" always templates the path, "gateway" also takes the names of
	// routing rules (Envoy's route_name, Traefik's RouterName, ...).
	RouteFrom string
	// KeyNames are further names of headers and query parameters that carry
	// an API key.
	KeyNames []string
	// Columns names the columns of W3C lines without a #Fields line before them: of
	// records that are a line each. When empty, IIS's and CloudFront's own.
	Columns string
	// Mapping is where format "json" finds its fields.
	Mapping *Mapping
	// KeepAddress is how much of each client's address is kept; nil is all of it. The
	// rest is removed before anything is counted, and from every text that is kept:
	// paths, messages, user agents, request ids and the lines of rejects.
	KeepAddress *AddressBits
	// ShortAgents keeps only product and version of a user agent.
	ShortAgents bool
	// KeyMemo bounds the memo of key ids, in keys; 196,608 when 0. It never
	// changes a result.
	KeyMemo int
	// Counts counts what the decoder leaves out; nil counts nothing.
	Counts *Counts
}

// Fingerprint is a hash over everything that changes what is decoded, the
// secret only by its SecretID.
func (c Config) Fingerprint() string {
	h := sha256.New()
	zone := "UTC"
	if c.Location != nil {
		zone = c.Location.String()
	}
	fmt.Fprintf(h, "%d|%q|%q|%s|%q|%q|%q|%q", Version, c.Format, c.Service, SecretID(c.Secret), zone, c.Routes,
		c.RouteFrom, c.KeyNames)
	if c.Mapping != nil {
		fmt.Fprintf(h, "|%q", *c.Mapping)
	}
	if c.Columns != "" { // hashes from before it was an option stay
		fmt.Fprintf(h, "|columns %q", c.Columns)
	}
	if c.KeepAddress != nil {
		fmt.Fprintf(h, "|addresses %s", c.KeepAddress)
	}
	if c.ShortAgents {
		fmt.Fprint(h, "|short agents")
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Decoder decodes records. It is not safe for concurrent use: one per
// goroutine.
type Decoder struct {
	cfg        Config
	counts     *Counts
	pathRoutes bool // routes are templates of the path, even if the record names one
	service    []byte
	clock      clock
	keys       *keyring
	names      *secretNames
	router     *router
	scan       *scanner
	own        *statline // our own format, which knows the common names
	json       []jsonFormat
	text       []textFormat
	jsonName   []string // the names of json and of text
	textName   []string
	pin        string      // the one format allowed, "" for all
	begins     [256]uint32 // which of text a line with this first byte may be
	buf        []byte      // what the scanner's slots point into
	envelope   envelope
	known      map[nodeSet]int // which JSON format a set of seen nodes is
	lastSeen   nodeSet         // the last set looked up in known
	lastIs     int
	agents     textMemo
	matcher    *agent.Matcher
	agentsOf   agentMemo
	messages   textMemo
	routes     textMemo
	params     paramMemo
	decoded    []byte // decoded query parameters of this line

	sink      Sink
	index     int
	format    string
	r         *classify.Response // the current response; reused
	draft     draft
	late      late
	scratch   []byte
	raw       []byte
	dirty     bool   // the record may hold escapes, bad UTF-8 or control characters
	nested    bool   // inside an envelope: the scratch buffer holds the text
	whole     []byte // the envelope
	wrap      [5]node
	dated     uint32 // which of text begin with a year
	records   node
	otlpNodes [2]node  // resourceLogs, resourceSpans
	versions  [2]node  // service.version, nested and with a dot in its name
	columns   [][]byte // of the W3C lines that follow in this record
	inForce   [][]byte // of those in the next record
	named     string   // the #Fields line that inForce is from
	stamped   int64    // the time that a shipper put in front of the line, or beside it
	hasStamp  bool
	tries     map[uint64]uint16 // of this record's requests with an idempotency key
	same      []byte            // what a key of tries is the hash of
	around    string            // why the envelope around a line would itself be rejected
	aroundWhy string
}

// draft is what a format finds in a line, before finish makes a Response of it.
type draft struct {
	key      []byte // the API key in clear, by setKey
	keyHash  uint64
	id       []byte // the gateway's own id of the key or its owner
	target   []byte // raw path or URL, query included
	route    []byte // an explicit route
	path     []byte // what Detail makes Response.Path of
	query    []byte
	timeSeen bool
	timeOK   bool
	badCode  bool
	badState bool
	noTime   bool // the format's lines have no time
	// unlike says why the line is no response although it looks like one; "" when it is
	// one.
	unlike  string
	keyName []byte // the gateway's name of the key's owner, if it is not an id
	// idempotency tells a request's tries from other requests.
	idempotency []byte
}

// late is what Detail makes rarely needed texts from.
type late struct {
	path, query      []byte // raw, of a path without secrets
	agent, requestID []byte // raw
	key              []byte // in clear, to be hidden
	dirty            bool
}

// New makes a Decoder. It fails for an unknown format, and for a bad route rule or
// mapping.
func New(cfg Config) (*Decoder, error) {
	if cfg.Format == "" {
		cfg.Format = Auto
	}
	if cfg.Service == "" {
		cfg.Service = "default"
	}
	switch cfg.RouteFrom {
	case "", "auto", "path", "gateway":
	default:
		return nil, fmt.Errorf("got route-from %q; want auto, path or gateway", cfg.RouteFrom)
	}
	limit := 1 << 18
	if cfg.KeyMemo > 0 {
		limit = 16
		for limit*3/4 < cfg.KeyMemo && limit < 1<<28 {
			limit <<= 1
		}
	}
	if err := cfg.KeepAddress.check(); err != nil {
		return nil, err
	}
	columns, err := cfg.columns()
	if err != nil {
		return nil, err
	}
	r, err := newRouter(cfg.Routes)
	if err != nil {
		return nil, err
	}
	names := newSecretNames(cfg.KeyNames)
	counts := cfg.Counts
	if counts == nil {
		counts = &Counts{}
	}
	d := &Decoder{
		cfg:     cfg,
		counts:  counts,
		service: []byte(cfg.Service),
		clock:   newClock(cfg.Location),
		keys:    newKeyring(cfg.Secret, limit),
		names:   names,
		router:  r,
		known:   map[nodeSet]int{},
		lastIs:  -1,
		inForce: columns,
		r:       &classify.Response{},
	}
	d.matcher = agent.New()
	d.pathRoutes = cfg.RouteFrom == "path"
	t := newTree()
	d.scan = newScanner(t, names)
	d.envelope = newEnvelope(names)
	if err := d.register(t); err != nil {
		return nil, err
	}
	if t.full {
		return nil, fmt.Errorf("mapping: got too many fields; want at most %d in all formats", maxNodes)
	}
	return d, nil
}

// Decode decodes one record and passes what it holds to sink, in order. The record is
// one line, several lines, a JSON value over several lines, or a JSON array of
// records.
func (d *Decoder) Decode(value []byte, sink Sink) {
	d.sink, d.index, d.columns = sink, 0, d.inForce
	if len(d.tries) > maxTries {
		d.tries = nil // one huge record does not keep its memory
	}
	clear(d.tries)
	if len(value) >= 3 && value[0] == 0xef && value[1] == 0xbb && value[2] == 0xbf {
		value = value[3:]
	}
	if d.pin == otlpProtoName || d.pin == "" && len(value) > 0 && value[0] == otlpFirst && isOTLP(value) {
		d.otlpProto(value)
	} else {
		d.lines(value)
	}
	if cap(d.scratch) > maxRaw || cap(d.raw) > 2*maxRaw {
		d.scratch, d.raw = nil, nil // one huge line does not keep its memory
	}
	d.sink, d.buf = nil, nil
}

// begin starts a new response.
func (d *Decoder) begin(format string) {
	d.r.Reset()
	d.draft = draft{}
	d.format = format
	d.decoded = d.decoded[:0]
	if !d.nested {
		d.scratch = d.scratch[:0]
	}
}

// reject reports the line raw, scrubbed.
func (d *Decoder) reject(reason, detail string, raw []byte) {
	if d.whole != nil {
		raw = d.whole
		if d.around != "" && detail == noShape {
			reason, detail = d.around, d.aroundWhy // an application's message
		}
	}
	d.raw = d.names.scrub(d.raw[:0], cut(raw, maxRaw), true)
	kept := d.anonymised(d.raw)
	d.sink.Reject(Reject{Index: d.index, Reason: reason, Detail: detail, Format: d.format, Raw: cut(kept, maxRaw)})
	d.index++
}
