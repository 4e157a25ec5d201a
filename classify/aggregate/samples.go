package aggregate

import (
	"bytes"
	"cmp"

	"statline/classify"
)

// samples keeps, per (minute, service, outcome), the responses whose position has
// the smallest hash.
type samples struct {
	slots  int // per failure
	dims   *dimensions
	groups pairs
	heads  []sampleHead
	kept   []sample // slots to a group
	text   int      // bytes of all kept texts
}

// sampleHead decides most offers without reading the samples.
type sampleHead struct {
	worst uint64 // the greatest kept hash, when full
	n     uint8
	size  uint8
}

type sample struct {
	hash  uint64
	at    Position
	dim   uint32
	milli int64
	// text is path, message, request id and user agent, one after the other;
	// ends are where the first three end.
	text           []byte
	ends           [3]int
	status         uint16
	code           uint16
	key            classify.KeyID
	ip             [16]byte
	latency        int64
	upstreamStatus int16
}

func (s *samples) reset() {
	s.groups.reset()
	s.heads = s.heads[:0]
	s.kept = s.kept[:0] // the texts' buffers stay, for the next block
	s.text = 0
}

// group numbers (minute, service, outcome).
func (s *samples) group(minute, service uint32, o classify.Outcome) uint32 {
	n, fresh := s.groups.number([2]uint64{minuteAnd(minute, service), uint64(o)})
	if fresh {
		size := 1
		if o.Failure() {
			size = s.slots
		}
		s.heads = append(s.heads, sampleHead{size: uint8(size)})
		for range s.slots {
			if len(s.kept) < cap(s.kept) {
				s.kept = s.kept[:len(s.kept)+1] // with the buffer it had
			} else {
				s.kept = append(s.kept, sample{})
			}
		}
	}
	return n
}

// wants reports that a response whose position has this hash may be among the smallest
// of its group.
func (s *samples) wants(group uint32, hash uint64) bool {
	head := &s.heads[group]
	return hash <= head.worst || head.n < head.size
}

// keep makes room for r when its position is among the smallest of its group.
func (s *samples) keep(group uint32, r *classify.Response, d classify.Decision, at Position, dim uint32, hash uint64) {
	r.Detail()
	head := &s.heads[group]
	kept := s.kept[int(group)*s.slots:][:s.slots]
	if head.n < head.size {
		s.text += kept[head.n].fill(r, d, at, dim, hash)
		head.n++
	} else {
		worst := 0
		for i := range kept[:head.n] {
			if s.compare(&kept[worst], &kept[i]) < 0 {
				worst = i
			}
		}
		w := &kept[worst]
		if hash == w.hash {
			// Two responses of one record: their content decides.
			var candidate sample
			candidate.fill(r, d, at, dim, hash)
			if s.compare(&candidate, w) >= 0 {
				return
			}
		}
		s.text -= len(w.text)
		s.text += w.fill(r, d, at, dim, hash)
	}
	head.worst = 0
	for i := range kept[:head.n] {
		head.worst = max(head.worst, kept[i].hash)
	}
}

// fill overwrites s, reusing its buffer, and returns the text's length.
func (s *sample) fill(r *classify.Response, d classify.Decision, at Position, dim uint32, hash uint64) int {
	text := s.text[:0]
	var ends [3]int
	for i, part := range [...][]byte{r.Path, r.Message, r.RequestID} {
		text = append(text, part[:min(len(part), maxSampleText)]...)
		ends[i] = len(text)
	}
	text = append(text, r.UserAgent[:min(len(r.UserAgent), maxUserAgent)]...)
	*s = sample{
		hash: hash, at: at, dim: dim, milli: r.UnixMilli, text: text, ends: ends,
		status: uint16(max(r.Status, 0)), code: d.Code, key: r.Key, ip: r.ClientIP,
		latency: r.LatencyMicros, upstreamStatus: r.UpstreamStatus,
	}
	return len(text)
}

// compare orders samples of one group by hash and then by everything that a
// row shows, so that equal means interchangeable.
func (p *samples) compare(s, o *sample) int {
	if s.hash != o.hash {
		return cmp.Compare(s.hash, o.hash)
	}
	a, b := &p.dims.list[s.dim], &p.dims.list[o.dim]
	return cmp.Or(
		cmp.Compare(a.route, b.route),
		cmp.Compare(a.method, b.method),
		cmp.Compare(s.at.Partition, o.at.Partition),
		cmp.Compare(s.at.Offset, o.at.Offset),
		cmp.Compare(s.milli, o.milli),
		bytes.Compare(s.text, o.text),
		cmp.Compare(s.ends[0], o.ends[0]),
		cmp.Compare(s.ends[1], o.ends[1]),
		cmp.Compare(s.ends[2], o.ends[2]),
		cmp.Compare(s.status, o.status),
		cmp.Compare(s.code, o.code),
		bytes.Compare(s.key[:], o.key[:]),
		bytes.Compare(s.ip[:], o.ip[:]),
		cmp.Compare(s.latency, o.latency),
		cmp.Compare(s.upstreamStatus, o.upstreamStatus),
	)
}

func (s *samples) bytes() int { return len(s.kept)*(176+264) + 2*s.text + len(s.heads)*48 }
