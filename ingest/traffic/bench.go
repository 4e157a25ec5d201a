package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// The shape of the bench scenario: a busy API, with nothing planted.
const (
	benchServices  = 20
	benchRoutes    = 100
	benchKeys      = 20_000
	benchClients   = 10_000
	benchZipf      = 1.05
	benchKeyRoutes = 3 // services of a key
	benchKeyIPs    = 2 // client addresses of a key
)

// bench makes lines of eleven fields (a failure has a twelfth, its message) from prepared
// pieces: making a line must cost little compared with reading it.
type bench struct {
	services  []service
	routes    []benchRoute // five of each service, in order
	keys      []benchKey
	pick      alias
	pcg       *rand.PCG
	failures  alias
	codes     []uint16
	latencies *[4096]int64
	n         uint64 // lines so far
}

type benchRoute struct {
	head []byte // `","service":"...","method":"...","route":"...","status":`
	ok   uint16 // code of a success
}

type benchKey struct {
	services  [benchKeyRoutes]uint8
	nServices uint8
	ips       [benchKeyIPs][]byte // `,"api_key":"...","client_ip":"...","latency_ms":`
	nIPs      uint8
	partition uint64
}

func newBench(seed uint64) *bench {
	r := stream(seed, "bench", 0)
	b := &bench{
		pick:      newAlias(zipf(benchKeys, benchZipf)),
		pcg:       rand.NewPCG(r.Uint64(), r.Uint64()),
		keys:      make([]benchKey, benchKeys),
		latencies: newBenchLatencies(),
	}
	b.planRoutes()
	for i := range b.keys {
		b.keys[i] = newBenchKey(r)
	}
	// One response in twenty is a failure.
	b.codes = []uint16{0, 25, 6, 5, 33, 7, 24, 8, 11}
	b.failures = newAlias([]float64{0.95, 0.016, 0.02, 0.004, 0.004, 0.003, 0.0012, 0.0014, 0.0004})
	return b
}

func (b *bench) planRoutes() {
	names := [benchServices]string{"auth", "search", "movies", "tv", "people", "images", "account", "lists",
		"reviews", "ratings", "genres", "networks", "keywords", "companies", "trending", "discover",
		"changes", "releases", "certs", "jobs"}
	shapes := [benchRoutes / benchServices]struct {
		method, suffix string
		ok             uint16
	}{{"GET", "", 1}, {"GET", "/{id}", 1}, {"GET", "/{id}/credits", 1}, {"POST", "/{id}/items", 12},
		{"DELETE", "/{id}", 13}}
	for _, name := range names {
		b.services = append(b.services, service{name: name})
		for _, s := range shapes {
			b.routes = append(b.routes, benchRoute{ok: s.ok, head: []byte(
				`","service":"` + name + `","method":"` + s.method + `","route":"/` + name + s.suffix + `","status":`)})
		}
	}
}

func newBenchKey(r *rand.Rand) benchKey {
	text := newKey(r)
	k := benchKey{partition: hashString(text)}
	var services []uint8
	for range 1 + r.IntN(benchKeyRoutes) {
		services = append(services, uint8(r.IntN(benchServices)))
	}
	slices.Sort(services)
	k.nServices = uint8(copy(k.services[:], slices.Compact(services)))
	k.nIPs = uint8(1 + r.IntN(benchKeyIPs))
	for i := range k.nIPs {
		c := r.IntN(benchClients)
		k.ips[i] = fmt.Appendf(nil, `,"api_key":"%s","client_ip":"198.18.%d.%d","latency_ms":`, text, c/250, 1+c%250)
	}
	return k
}

// nextBench appends the next line of the bench scenario.
func (g *Generator) nextBench(line []byte) ([]byte, int64, uint64, bool) {
	b := g.bench
	at := g.start + int64(float64(b.n)*1000/g.cfg.BenchRate)
	b.n++
	g.clock = float64(at)
	x, y, id := b.pcg.Uint64(), b.pcg.Uint64(), b.pcg.Uint64()
	key := &b.keys[b.pick.pick(x)]
	s := int(key.services[(y&0xff)*uint64(key.nServices)>>8])
	// The five routes of a service have 8, 4, 2, 1 and 1 sixteenths of it.
	r := &b.routes[s*len(b.routes)/benchServices+[16]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4}[y>>8&15]]
	code := b.codes[b.failures.pick(mix(y))]
	if code == 0 {
		code = r.ok
	}
	row := &statuses[code]
	line = append(line, `{"ts":"`...)
	line = g.times.append(line, at)
	line = append(line, r.head...)
	line = append(line, byte('0'+row.http/100), byte('0'+row.http/10%10), byte('0'+row.http%10))
	line = append(line, `,"code":`...)
	line = strconv.AppendUint(line, uint64(code), 10)
	if row.outcome != success {
		line = append(line, `,"message":"`...)
		if code == 25 {
			line = appendOverLimit(line, rateLimit+1+y>>12&15)
		} else {
			line = append(line, row.message...)
		}
		line = append(line, '"')
	}
	line = append(line, key.ips[(y>>16&0xff)*uint64(key.nIPs)>>8]...)
	line = appendMillis(line, b.latency(y>>24, row.outcome))
	line = append(line, `,"bytes":`...)
	line = strconv.AppendUint(line, 200+y>>44&0x3fff, 10)
	line = append(line, `,"request_id":"`...)
	line = appendHex(line, id, 8)
	line = append(line, `"}`...)
	g.tally.count(at, s, row.http, code, row.outcome)
	return line, at, key.partition, true
}

// newBenchLatencies tabulates the quantiles of a log-normal latency with a
// median of 30 ms, in microseconds.
func newBenchLatencies() *[4096]int64 {
	var table [4096]int64
	for i := range table {
		u := (float64(i) + 0.5) / float64(len(table))
		table[i] = int64(30_000 * math.Exp(0.6*math.Sqrt2*math.Erfinv(2*u-1)))
	}
	return &table
}

// latency picks a latency by 20 random bits: a tabulated one and a little more.
func (b *bench) latency(x uint64, o outcome) int64 {
	micros := b.latencies[x&0xfff] + int64(x>>12&0xff)
	if o == timeout {
		return 10_000_000 + micros
	}
	return micros
}
