package decode

import (
	"bytes"

	"statline/classify"
)

// setTime records the event's time and whether it could be read.
func (d *Decoder) setTime(unixMilli int64, ok bool) {
	d.draft.timeSeen = true
	d.draft.timeOK = ok
	d.r.UnixMilli = unixMilli
}

// setStatus reads an HTTP status as written.
func (d *Decoder) setStatus(b []byte) {
	s, ok := parseStatus(b)
	d.r.Status = s
	d.draft.badState = !ok
}

// setKey records the API key and begins to look up its id: the earlier a format calls
// it, the less its line waits for memory.
func (d *Decoder) setKey(b []byte) {
	d.draft.key, d.draft.keyHash = b, d.keys.touch(b)
}

// setCode records the API's own code.
func (d *Decoder) setCode(n int64) {
	if n < 0 || n > 65535 {
		d.draft.badCode = true
		return
	}
	d.r.Code = uint16(n)
}

// finish does what all formats have in common: it completes the response of a line and
// passes it on, or rejects the line.
func (d *Decoder) finish(raw []byte) {
	r, f := d.r, &d.draft
	if f.noTime && !f.timeSeen {
		d.borrowTime()
	}
	switch {
	case !f.timeSeen:
		d.reject(ReasonNoTime, "no time of the event", raw)
		return
	case !f.timeOK:
		d.reject(ReasonBadTime, "the time of the event cannot be read", raw)
		return
	case f.badCode:
		d.reject(ReasonBadCode, "the code is not within 0 and 65535", raw)
		return
	case f.badState:
		d.reject(ReasonBadStatus, "the HTTP status is not within 100 and 599", raw)
		return
	case f.unlike != "":
		d.reject(ReasonNotResponse, f.unlike, raw)
		return
	case r.Status < 0 && r.Gateway == classify.Unset && r.Mark == classify.MarkNone &&
		(r.Code == 0 || len(r.Method) == 0 && len(f.target) == 0 && len(f.route) == 0):
		d.reject(ReasonNotResponse, "neither an HTTP status nor a request with an API code", raw)
		return
	}
	if len(r.ErrorType) > 0 && r.Status >= 100 && r.Status < 400 && r.Mark < classify.MarkPartial {
		r.ErrorType = nil // the error name of a success
	}
	if r.LatencyMicros > maxLatency || r.UpstreamLatencyMicros > maxLatency {
		d.dropTimes()
	}
	if r.Blame == classify.BlameNone && r.Status >= 500 {
		d.blameByTold()
	}
	if n := len(f.key); n >= 4 && max(len(f.target), len(f.route)) >= n && indexByte(f.key, 0, '/') >= 0 {
		d.hide(&f.target, f.key) // before it is split at slashes
		d.hide(&f.route, f.key)
	}
	if d.cfg.KeepAddress != nil {
		r.ClientIP = d.cfg.KeepAddress.address(r.ClientIP)
	}
	d.setTarget()
	l := &d.late
	if len(r.UserAgent) > 0 {
		r.Agent = d.agentOf(r.UserAgent)
	}
	*l = late{path: f.path, query: f.query, agent: r.UserAgent, requestID: r.RequestID}
	r.UserAgent, r.RequestID = nil, nil // only after they are scrubbed
	if len(f.key) >= 4 {
		d.hideKey(f.key)
		l.key = f.key
	}
	if len(r.Service) == 0 {
		r.Service = d.service
	} else {
		r.Service = cut(d.valid(r.Service), maxName)
	}
	if len(f.idempotency) > 0 {
		d.sameAgain()
	}
	if len(r.Method) > 0 && !isMethod(r.Method) {
		r.Method = nil
	}
	if len(r.Message) > 0 {
		r.Message = d.anonymised(d.scrubbed(&d.messages, cut(r.Message, maxMessage)))
	}
	l.dirty = d.dirty
	d.identify()
	d.index++
	r.Late = d
	d.sink.Response(r)
}

// identify sets whose request it is.
func (d *Decoder) identify() {
	r, f := d.r, &d.draft
	switch {
	case len(f.id) > 0:
		r.Key = d.keys.named(f.id)
		r.KeyName = cut(d.valid(f.id), maxName)
	case len(f.key) > 0:
		r.Key = d.keys.find(f.key, f.keyHash)
	default:
		return
	}
	if len(f.keyName) > 0 {
		r.KeyName = cut(d.valid(f.keyName), maxName)
	}
}

// borrowTime takes the time that a shipper put before a line whose format has none;
// without one, the record's time is used.
func (d *Decoder) borrowTime() {
	if d.hasStamp {
		d.setTime(d.stamped, true)
		return
	}
	d.setTime(classify.RecordTime, true)
}

// maxLatency is the longest time that a request can take: a day.
const maxLatency = 24 * 3600 * 1_000_000

// dropTimes leaves out impossible durations: their unit is not the format's.
func (d *Decoder) dropTimes() {
	for _, t := range [...]*int64{&d.r.LatencyMicros, &d.r.UpstreamLatencyMicros} {
		if *t > maxLatency {
			*t = -1
			d.counts.Times.Add(1)
		}
	}
}

// Detail implements classify.Detailer, for the response that the sink is given.
func (d *Decoder) Detail(r *classify.Response) {
	defer func() {
		// The texts of one response are not worth a block.
		if recover() != nil {
			r.Path, r.UserAgent, r.RequestID = []byte(redacted), nil, nil
		}
	}()
	l := &d.late
	d.dirty, d.draft.key = l.dirty, l.key
	if len(l.query) > 0 {
		start := len(d.scratch)
		d.scratch = d.appendQuery(append(d.scratch, l.path...), l.query)
		r.Path = d.valid(cut(d.since(start), maxPath))
	} else if len(l.path) > 0 {
		r.Path = d.valid(l.path)
	}
	r.UserAgent, r.RequestID = l.agent, l.requestID
	if key := l.key; len(key) > 0 {
		d.hide(&r.UserAgent, key)
		d.hide(&r.Path, key)
		d.hide(&r.RequestID, key)
	}
	if d.cfg.ShortAgents {
		r.UserAgent = shortAgent(r.UserAgent)
	}
	if len(r.UserAgent) > 0 {
		r.UserAgent = d.anonymised(d.scrubbed(&d.agents, cut(r.UserAgent, maxAgent)))
	}
	if len(r.RequestID) > 0 {
		r.RequestID = d.anonymised(cut(d.valid(r.RequestID), maxName))
	}
	r.Path = d.anonymised(r.Path)
}

// The longest texts that leave the decoder.
const (
	maxName    = 200
	maxMessage = 512
	maxAgent   = 256
)

// hideKey removes the key from every text that leaves the decoder, even if it is a
// plain word. Dimensions keep words of up to seven characters: a key called "movies"
// is no secret. An id that contains the key is dropped.
func (d *Decoder) hideKey(key []byte) {
	r, f := d.r, &d.draft
	if n := len(key); len(r.Message) >= n || len(r.Path) >= n {
		d.hide(&r.Message, key)
		d.hide(&r.Path, key)
	}
	if n := len(key); n >= 8 && (len(r.Route) >= n || len(r.Service) >= n) {
		d.hide(&r.Route, key)
		d.hide(&r.Service, key)
	}
	if max(len(r.ErrorType), len(r.Version), len(f.id), len(f.keyName)) < len(key) {
		return
	}
	for _, name := range [...]*[]byte{&r.ErrorType, &r.Version, &f.id, &f.keyName} {
		if bytes.Contains(*name, key) {
			*name = nil
		}
	}
}

func (d *Decoder) hide(text *[]byte, key []byte) {
	if len(*text) < len(key) {
		return
	}
	i := bytes.Index(*text, key)
	if i < 0 {
		return
	}
	start := len(d.scratch)
	rest := *text
	for ; i >= 0; i = bytes.Index(rest, key) {
		d.scratch = append(d.scratch, rest[:i]...)
		d.scratch = append(d.scratch, redacted...)
		rest = rest[i+len(key):]
	}
	d.scratch = append(d.scratch, rest...)
	*text = d.since(start)
}
