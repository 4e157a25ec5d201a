package decode

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"statline/classify"
)

// Report describes some lines of a log.
type Report struct {
	// Format is the format of most lines, "" when none is known.
	Format string `json:"format"`
	// Confidence is the share of the non-blank lines that Format decodes.
	Confidence float64 `json:"confidence"`
	// RunnerUp is the format that would otherwise understand most lines, and
	// RunnerUpConfidence the share that it would decode.
	RunnerUp           string  `json:"runner_up"`
	RunnerUpConfidence float64 `json:"runner_up_confidence"`
	Lines              int     `json:"lines"`
	Responses          int     `json:"responses"`
	Rejected           int     `json:"rejected"`
	// Reasons counts the rejected lines by reason.
	Reasons map[string]int `json:"reasons,omitempty"`
	// Record is the response with the most fields, field by field.
	Record []Field `json:"record"`
	// Missing lists the fields that no line has.
	Missing []string `json:"missing"`
	// Config is what pins Format in the configuration file.
	Config string `json:"config"`
	// Refused has the first rejects, with the number of their line.
	Refused []Refused `json:"refused,omitempty"`
	// Mapping is proposed for JSON that no format knows, nil otherwise.
	Mapping *Mapping `json:"mapping,omitempty"`
}

// Refused is a line that is no response.
type Refused struct {
	Line   int    `json:"line"` // counted from 1
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// maxRefused is how many rejects a probe lists.
const maxRefused = 10

// Field is one field of a decoded response.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Unit  string `json:"unit,omitempty"`
}

// maxProbed is how many lines a probe reads, maxCompared how many it reads again with
// every other format.
const (
	maxProbed   = 100_000
	maxCompared = 2000
)

// ProbeWith decodes the first 100,000 lines as cfg says but with format auto,
// and then pins each other format in turn for the first 2,000 lines, to find
// the runner-up.
func ProbeWith(cfg Config, lines [][]byte) (Report, error) {
	lines = lines[:min(len(lines), maxProbed)]
	cfg.Format = Auto
	d, err := New(cfg)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Reasons: map[string]int{}, Missing: []string{}, Record: []Field{}}
	p := prober{d: d, formats: map[string]*probed{}, reasons: rep.Reasons}
	for i, line := range lines {
		if len(bytes.TrimSpace(line)) > 0 {
			rep.Lines++
			p.line, p.text = i+1, line
			d.fileLine(line, &p)
		}
	}
	rep.Responses, rep.Rejected = p.responses, p.rejects
	var best *probed
	for _, f := range Formats() { // in a fixed order
		if got := p.formats[f.Name]; got != nil && (best == nil || got.responses > best.responses) {
			best, rep.Format = got, f.Name
		}
	}
	if best != nil {
		rep.Confidence = share(best.responses, p.responses+p.rejects)
		rep.Record = best.record
		for _, name := range fieldNames {
			if !best.seen[name] {
				rep.Missing = append(rep.Missing, name)
			}
		}
		rep.Config = "format: " + rep.Format + "\n"
	}
	rep.Refused = p.refused
	if m, ok := ProposeMapping(p.unknown); ok && p.rejects > p.responses {
		rep.Mapping, rep.Config = &m, mappingConfig(m)
	}
	rep.RunnerUp, rep.RunnerUpConfidence = runnerUp(cfg, lines[:min(len(lines), maxCompared)], rep.Format)
	return rep, nil
}

// runnerUp pins every format but best and returns the one that decodes most.
func runnerUp(cfg Config, lines [][]byte, best string) (name string, confidence float64) {
	score := 0
	for _, f := range Formats() {
		if f.Name == best || f.mapped() && cfg.Mapping == nil {
			continue
		}
		cfg.Format = f.Name
		d, err := New(cfg)
		if err != nil {
			continue
		}
		p := prober{d: d, formats: map[string]*probed{}, reasons: map[string]int{}}
		for _, line := range lines {
			d.fileLine(line, &p)
		}
		if s := p.fields + 100*p.responses; s > score {
			score, name, confidence = s, f.Name, share(p.responses, p.responses+p.rejects)
		}
	}
	if name == "" {
		name = relative(best)
	}
	return name, confidence
}

// relative is the nearest format by notation, for lines of which no other format
// decodes any.
func relative(best string) string {
	switch best {
	case "combined":
		return "ingress-nginx"
	case "envoy", "aws-alb", "haproxy", "tyk-access", "":
		return "combined"
	case "statline":
		return "nginx-json"
	}
	return "statline"
}

func share(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

// prober is a Sink that records which formats and fields were found.
type prober struct {
	d                          *Decoder
	formats                    map[string]*probed
	reasons                    map[string]int
	responses, rejects, fields int

	line    int    // the number of the current line
	text    []byte // the line itself
	refused []Refused
	unknown []byte // the first JSON record that no format knows
}

type probed struct {
	responses int
	record    []Field
	seen      map[string]bool
}

func (p *prober) Response(r *classify.Response) {
	r.Detail()
	p.responses++
	f := p.formats[p.d.format]
	if f == nil {
		f = &probed{seen: map[string]bool{}}
		p.formats[p.d.format] = f
	}
	f.responses++
	record := fieldsOf(r, p.d.service)
	p.fields += len(record)
	for _, field := range record {
		f.seen[field.Name] = true
	}
	if len(record) > len(f.record) {
		f.record = record
	}
}

func (p *prober) Reject(r Reject) {
	p.rejects++
	p.reasons[r.Reason]++
	if len(p.refused) < maxRefused {
		p.refused = append(p.refused, Refused{p.line, r.Reason, r.Detail})
	}
	if p.unknown == nil && (r.Reason == ReasonUnknown || r.Reason == ReasonNotResponse) {
		p.unknown = p.text
	}
	if r.Reason != ReasonSyntax && r.Reason != ReasonUnknown {
		p.fields += len(fieldsOf(p.d.r, p.d.service)) // found before it was refused
	}
}

// fieldNames are the fields of a response that can be reported as missing, in the
// order of a record. Most logs do not have rate-limit headers.
var fieldNames = [...]string{
	"time", "service", "method", "route", "path", "status", "code", "error_type", "message", "key", "key_name",
	"client_ip",
	"latency", "upstream_latency", "upstream_status", "bytes", "request_id", "user_agent", "gateway", "blame",
}

// fieldsOf lists the fields of r that are known.
func fieldsOf(r *classify.Response, defaultService []byte) []Field {
	var all []Field
	add := func(name, value, unit string) {
		if value != "" {
			all = append(all, Field{Name: name, Value: value, Unit: unit})
		}
	}
	if r.UnixMilli != 0 && r.UnixMilli != classify.RecordTime {
		add("time", time.UnixMilli(r.UnixMilli).UTC().Format("2006-01-02T15:04:05.000Z07:00"), "UTC")
	}
	if !bytes.Equal(r.Service, defaultService) {
		add("service", string(r.Service), "")
	}
	add("method", string(r.Method), "")
	add("route", string(r.Route), "")
	add("path", string(r.Path), "")
	if r.Status >= 0 {
		add("status", strconv.Itoa(int(r.Status)), "")
	}
	if r.Code > 0 && r.CodeFrom != classify.CodeBare { // a bare one may be another API's
		add("code", strconv.Itoa(int(r.Code)), "")
	}
	add("error_type", string(r.ErrorType), "")
	add("message", string(r.Message), "")
	add("key", r.Key.Short(), "id")
	add("key_name", string(r.KeyName), "")
	if r.ClientIP != [16]byte{} {
		add("client_ip", netip.AddrFrom16(r.ClientIP).Unmap().String(), "")
	}
	if r.LatencyMicros >= 0 {
		add("latency", millis(r.LatencyMicros), "ms")
	}
	if r.UpstreamLatencyMicros >= 0 {
		add("upstream_latency", millis(r.UpstreamLatencyMicros), "ms")
	}
	if r.UpstreamStatus >= 0 {
		add("upstream_status", strconv.Itoa(int(r.UpstreamStatus)), "")
	}
	if r.Bytes > 0 {
		add("bytes", strconv.FormatInt(r.Bytes, 10), "bytes")
	}
	add("request_id", string(r.RequestID), "")
	add("user_agent", string(r.UserAgent), "")
	add("gateway", r.Gateway.String(), "outcome")
	add("blame", r.Blame.String(), "")
	quota := func(name string, n uint32, unit string) {
		if n > 0 {
			add(name, strconv.FormatUint(uint64(n), 10), unit)
		}
	}
	quota("quota_limit", r.Quota.Limit, "requests")
	if left, ok := r.Quota.Left(); ok {
		add("quota_left", strconv.FormatUint(uint64(left), 10), "requests")
	}
	quota("quota_window", r.Quota.Window, "s")
	quota("retry_after", r.Quota.RetryAfter, "s")
	quota("attempt", uint32(r.Attempt), "")
	add("version", string(r.Version), "")
	return all
}

func millis(micros int64) string {
	return fmt.Sprintf("%d.%03d", micros/1000, micros%1000)
}
