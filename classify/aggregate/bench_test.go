package aggregate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"statline/classify"
)

// stream is traffic like the generator's scenario bench: 20 services, 100
// routes, Zipf(1.05) keys that use at most 3 services and 2 of 10,000 client
// addresses each, event time at 10,000 responses a second. It is stored small
// and made into one Response again and again, as a decoder does, so that
// reading it does not crowd the table out of the caches.
type stream struct {
	services, routes, agents, methods [][]byte
	entries                           []classify.Entry
	list                              []compact
	r                                 classify.Response
}

type compact struct {
	key, latency, ip                      uint32
	bytes                                 uint16
	service, route, method, agent, answer uint8
}

func newStream(n, keys int) *stream {
	rng := rand.New(rand.NewPCG(7, uint64(keys)))
	s := &stream{list: make([]compact, n)}
	for i := range 20 {
		s.services = append(s.services, fmt.Appendf(nil, "service-%02d", i))
	}
	for i := range 100 {
		s.routes = append(s.routes, fmt.Appendf(nil, "/3/resource-%d/{id}/details", i))
	}
	for i := range 50 {
		s.agents = append(s.agents, fmt.Appendf(nil, "client-library/%d.%d (linux; x86_64)", i/10, i%10))
	}
	s.methods = [][]byte{[]byte("GET"), []byte("GET"), []byte("GET"), []byte("POST")}
	for _, code := range []uint16{1, 25, 7, 24, 10, 34, 6, 5, 11, 9, 31} {
		e, _ := classify.Builtin().Entry(code)
		s.entries = append(s.entries, e)
	}
	zipf := newZipf(keys, 1.05)
	for i := range s.list {
		c := &s.list[i]
		c.key = uint32(zipf.draw(rng))
		h := hashPair(uint64(c.key), 1)
		c.service = uint8((h + uint64(rng.IntN(3))) % 20)
		c.route = c.service*5 + uint8(rng.IntN(5))
		c.method = uint8(rng.IntN(4))
		c.ip = uint32((h>>20 + uint64(rng.IntN(2))*7919) % 10000)
		c.agent = uint8(h >> 40 % 50)
		if rng.IntN(10) == 0 {
			c.answer = uint8(1 + min(rng.IntN(10), rng.IntN(10)))
		}
		c.latency = uint32(math.Exp(rng.NormFloat64()*0.7 + 10))
		c.bytes = uint16(rng.IntN(5000))
	}
	return s
}

var (
	benchMessages = [][]byte{[]byte("Success."), []byte("Your request count (41) is over the allowed limit of (40)."),
		[]byte("Failed.")}
	benchID = []byte("0123456789abcdef")
)

// response makes the i-th response; it is valid until the next call.
func (s *stream) response(i int) *classify.Response {
	c, r := &s.list[i], &s.r
	r.Reset()
	binary.BigEndian.PutUint64(r.Key[:8], mixWords(uint64(c.key), 1))
	binary.BigEndian.PutUint64(r.Key[8:], mixWords(uint64(c.key), 2))
	r.UnixMilli = 1_700_000_000_000 + int64(i)/10
	r.Service, r.Route, r.Method = s.services[c.service], s.routes[c.route], s.methods[c.method]
	binary.BigEndian.PutUint64(r.ClientIP[8:], 0xffff_0a01_0000|uint64(c.ip))
	r.UserAgent, r.RequestID, r.Path = s.agents[c.agent], benchID, r.Route
	e := &s.entries[c.answer]
	r.Code, r.Status, r.Message = e.Code, e.HTTPStatus, benchMessages[min(c.answer, 2)]
	r.LatencyMicros, r.UpstreamLatencyMicros = int64(c.latency), int64(c.latency)*9/10
	r.UpstreamStatus, r.Bytes = r.Status, int64(c.bytes)
	return r
}

type zipf []float64

func newZipf(n int, s float64) zipf {
	z := make(zipf, n)
	sum := 0.0
	for i := range z {
		sum += math.Pow(float64(i+1), -s)
		z[i] = sum
	}
	for i := range z {
		z[i] /= sum
	}
	return z
}

func (z zipf) draw(rng *rand.Rand) int { return min(sort.SearchFloat64s(z, rng.Float64()), len(z)-1) }

// BenchmarkAdd classifies and folds minutes of traffic, one block each. The
// cost of making the responses (BenchmarkStream) is in it.
func BenchmarkAdd(b *testing.B) {
	for _, keys := range []int{1000, 20_000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			s := newStream(600_000, keys)
			table := New(DefaultConfig())
			c := classify.Builtin()
			for i := range s.list { // the memory of an earlier block
				r := s.response(i)
				table.Add(r, c.Decide(r), Position{1, int64(i)})
			}
			i := len(s.list)
			for b.Loop() {
				if i == len(s.list) {
					table.Reset()
					i = 0
				}
				r := s.response(i)
				table.Add(r, c.Decide(r), Position{1, int64(i)})
				i++
			}
			b.ReportMetric(float64(len(table.keys.rows)), "keyrows")
			b.ReportMetric(float64(len(table.clients.rows)), "clientrows")
			b.ReportMetric(float64(len(table.responses.rows)), "responserows")
		})
	}
}

// BenchmarkAddKnown folds a minute of traffic whose rows are all there.
func BenchmarkAddKnown(b *testing.B) {
	for _, keys := range []int{1000, 20_000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			s := newStream(600_000, keys)
			table := New(DefaultConfig())
			c := classify.Builtin()
			for i := range s.list {
				r := s.response(i)
				table.Add(r, c.Decide(r), Position{1, int64(i)})
			}
			i := 0
			for b.Loop() {
				if i == len(s.list) {
					i = 0
				}
				r := s.response(i)
				table.Add(r, c.Decide(r), Position{1, int64(i)})
				i++
			}
		})
	}
}

// BenchmarkStream is what BenchmarkAdd spends on making its responses.
func BenchmarkStream(b *testing.B) {
	s := newStream(600_000, 20_000)
	i := 0
	for b.Loop() {
		if i == len(s.list) {
			i = 0
		}
		s.response(i)
		i++
	}
}

// BenchmarkRows measures a block's rows, per response folded.
func BenchmarkRows(b *testing.B) {
	for _, n := range []int{50_000, 600_000} {
		b.Run(fmt.Sprintf("responses=%d", n), func(b *testing.B) {
			s := newStream(n, 20_000)
			table := New(DefaultConfig())
			c := classify.Builtin()
			for i := range s.list {
				r := s.response(i)
				table.Add(r, c.Decide(r), Position{1, int64(i)})
			}
			b.ReportAllocs()
			var rows Rows
			for b.Loop() {
				rows = table.Rows()
			}
			b.ReportMetric(float64(rows.Keys.Len()), "keyrows")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/response")
		})
	}
}
