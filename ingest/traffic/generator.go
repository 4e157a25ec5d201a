package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The scenarios.
const (
	Quiet        = "quiet"         // ordinary traffic, nothing planted
	Offender     = "offender"      // keys over the rate limit, and keys that only come near it
	Suspended    = "suspended"     // suspended, disabled and invalid keys in use, a key scanner
	TimeoutSpike = "timeout-spike" // a spike, an outage, and harmless look-alikes
	Mixed        = "mixed"         // some of everything
	Bench        = "bench"         // even load for measurements; see bench.go
)

// Scenarios lists the scenarios.
func Scenarios() []string {
	return []string{Quiet, Offender, Suspended, TimeoutSpike, Mixed, Bench}
}

// Config says which traffic to generate.
type Config struct {
	Seed     uint64
	Scenario string
	// Rate is the number of responses per second of event time at Start; the load then
	// follows the time of day. It includes the planted events while they need less than
	// half of it. 0: 50. Bench ignores it.
	Rate float64
	// Count ends the traffic after that many lines; 0: never.
	Count int64
	// Start is the event time of the first line. Zero: 2026-06-01 12:00 UTC.
	Start time.Time
	// Malformed is the share of lines that are no response, 0 to 1; the truth counts them
	// as rejected.
	Malformed float64
	// Retries adds declared retries to the outage of the scenario timeout-spike, and
	// declared first tries to its spike.
	Retries bool
	// BenchRate is the event-time rate of the bench scenario; 0: the constant
	// BenchRate.
	BenchRate float64
}

// BenchRate is the default number of responses per second of event time in the bench
// scenario.
const BenchRate = 10_000

// Generator gives out the lines of a scenario by event time, except that the clocks of the
// API's nodes differ by up to half a second. It is not safe for concurrent use.
type Generator struct {
	cfg      Config
	rand     *rand.Rand
	start    int64 // milliseconds
	times    timestamps
	tally    tally
	services []service

	routes    []route
	routePick alias
	byCode    [][]int // routes that may answer a code of the rotation
	people    *population
	plants    []*plant
	effects   []*effectOnService
	active    schedule

	clock      float64 // event time of the next background response, milliseconds
	rateUntil  float64 // the rate below holds until then
	rate       float64 // background responses per millisecond
	background uint64  // background responses so far
	rotation   int
	ev         event
	oneOff     client // a key used once
	bench      *bench
}

// maxSkew is how far a node's clock is off, in milliseconds.
const maxSkew = 250

// New checks c and prepares the scenario. Same configuration, same bytes.
func New(c Config) (*Generator, error) {
	if !slices.Contains(Scenarios(), c.Scenario) {
		return nil, fmt.Errorf("traffic: got scenario %q; want %s", c.Scenario, strings.Join(Scenarios(), ", "))
	}
	if c.Rate < 0 || c.BenchRate < 0 || c.Count < 0 || math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0) {
		return nil, fmt.Errorf("traffic: got rate %g, bench rate %g, count %d; want none negative", c.Rate, c.BenchRate,
			c.Count)
	}
	if !(c.Malformed >= 0 && c.Malformed <= 1) {
		return nil, fmt.Errorf("traffic: got malformed share %g; want 0 to 1", c.Malformed)
	}
	if c.Rate == 0 {
		c.Rate = 50
	}
	if c.BenchRate == 0 {
		c.BenchRate = BenchRate
	}
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	}
	g := &Generator{
		cfg: c, rand: stream(c.Seed, "traffic/"+c.Scenario, 0), start: c.Start.UnixMilli(),
		clock: float64(c.Start.UnixMilli()),
	}
	if c.Scenario == Bench {
		g.bench = newBench(c.Seed)
		g.services = g.bench.services
	} else {
		g.services = services()
		g.people = newPopulation(c.Seed)
		g.planRoutes()
		g.plant()
		g.active.begin(g.plants, g.effects)
	}
	g.tally = newTally(len(g.services), g.start)
	return g, nil
}

// planRoutes parses the example API and finds the routes for each code.
func (g *Generator) planRoutes() {
	var weights []float64
	for i := range g.services {
		s := &g.services[i]
		first, total := len(weights), 0.0
		for _, text := range s.routes {
			r, w := parseRoute(text, i, s)
			g.routes, weights, total = append(g.routes, r), append(weights, w), total+w
		}
		for j := first; j < len(weights); j++ {
			weights[j] *= s.share / total
		}
	}
	g.routePick = newAlias(weights)
	g.byCode = make([][]int, len(statuses))
	for code := 1; code < len(statuses); code++ {
		for i := range g.routes {
			r := &g.routes[i]
			if r.ok == uint16(code) || slices.Contains(r.codes, uint16(code)) {
				g.byCode[code] = append(g.byCode[code], i)
			}
		}
	}
}

// Next appends the next line, without a newline, to line and returns the
// result with the event time and a hash that keeps a key's lines together.
// ok is false at the end of the traffic.
func (g *Generator) Next(line []byte) (out []byte, unixMilli int64, partitionKey uint64, ok bool) {
	if g.cfg.Count > 0 && g.tally.records >= uint64(g.cfg.Count) {
		return line, 0, 0, false
	}
	if g.cfg.Malformed > 0 && g.rand.Float64() < g.cfg.Malformed {
		return g.malformed(line)
	}
	if g.bench != nil {
		return g.nextBench(line)
	}
	e := &g.ev
	*e = event{upstream: -1}
	if p := g.nextPlant(); p != nil {
		p.fire(g, e)
	} else {
		g.respond(e)
	}
	g.finish(e)
	g.tally.count(e.at, e.service, e.status, e.code, e.outcome)
	if e.attempt > 1 {
		g.tally.retries++
	}
	return g.appendLine(line, e), e.at, e.client.partition, true
}

// finish fills what every event has.
func (g *Generator) finish(e *event) {
	e.requestID = g.rand.Uint64()
	node := e.requestID >> 60 // sixteen nodes, each with a clock of its own
	e.at = max(e.at+int64(node)*2*maxSkew/15-maxSkew, g.start)
	if e.ip == "" {
		e.ip = e.client.ips[g.rand.IntN(len(e.client.ips))]
	}
	if g.services[e.service].envelope == messageOnly {
		e.query, e.page = true, 1+e.requestID&7
	}
}

// advance moves the background's clock to its next response and returns the
// time of the present one.
func (g *Generator) advance() int64 {
	at := g.clock
	if at >= g.rateUntil {
		g.rateUntil = at + 1000
		g.active.advance(int64(at) + 2000)
		rate := g.cfg.Rate * dailyLoad(int64(at)) / dailyLoad(g.start)
		g.rate = max(rate-g.plantedRate(int64(at)), rate/2) / 1000
	}
	g.clock += g.rand.ExpFloat64() / g.rate
	return int64(at)
}

// dailyLoad is the load at a time of day, 1 on average, highest at 20:00 UTC.
func dailyLoad(unixMilli int64) float64 {
	hour := float64(unixMilli%86_400_000) / 3_600_000
	return 1 + 0.35*math.Cos(2*math.Pi*(hour-20)/24)
}

// rotateEvery is how often a background response gets the next of the 34 codes, so that
// a short run has them all.
const rotateEvery = 600

// respond fills e with an ordinary response.
func (g *Generator) respond(e *event) {
	for {
		e.at = g.advance()
		g.background++
		rotated := g.background%rotateEvery == 0
		code := uint16(0)
		if rotated {
			code = uint16(1 + g.rotation%(len(statuses)-1))
			e.route = g.routeFor(code)
		} else {
			e.route = &g.routes[g.routePick.pick(g.rand.Uint64())]
			code = e.route.codes[e.route.failures.pick(g.rand.Uint64())]
		}
		e.service = e.route.service
		if code == 0 {
			code = e.route.ok
		}
		answered, drop := g.disturb(e, code)
		if drop {
			continue
		}
		if rotated && answered == code {
			g.rotation++
		}
		g.chooseClient(e, answered)
		g.answer(e, answered)
		return
	}
}

// routeFor picks a route that may answer with code, by traffic.
func (g *Generator) routeFor(code uint16) *route {
	candidates := g.byCode[code]
	if n := len(candidates); n > 0 && n < len(g.routes) {
		return &g.routes[candidates[g.rand.IntN(n)]]
	}
	return &g.routes[g.routePick.pick(g.rand.Uint64())]
}

// chooseClient gives e a client. A refused key is a new one, or any of them for code 25:
// an ordinary day has no offender.
func (g *Generator) chooseClient(e *event, code uint16) {
	s := &g.services[e.service]
	known := &g.people.keyed[g.people.byRank.pick(g.rand.Uint64())]
	switch {
	case code == 25:
		e.client = &g.people.keyed[g.rand.IntN(len(g.people.keyed))]
		e.count = rateLimit + 1 + g.rand.Uint64N(4)
	case code == 7 || code == 10 || code == 31:
		g.oneOff = *known
		g.oneOff.key = newKey(g.rand)
		g.oneOff.partition = hashString(g.oneOff.key)
		e.client = &g.oneOff
	case s.keyless > 0 && g.rand.Float64() < s.keyless:
		e.client = &g.people.keyless[g.people.byIP.pick(g.rand.Uint64())]
	default:
		e.client = known
	}
}

// answer fills in the response: e's service, route and client are known, code is an API
// code or one of the gateway's own.
func (g *Generator) answer(e *event, code uint16) {
	s := &g.services[e.service]
	median := s.latency
	e.bytes = 60
	switch code {
	case gateway504:
		e.status, e.outcome, e.latency = 504, timeout, g.around(10_000, 0.01)
		e.upstream = e.latency - 300
		return
	case gateway502:
		// the gateway could not read the upstream's answer
		e.status, e.outcome, e.latency = 502, serverError, g.around(4, 0.8)
		e.upstream, e.upstreamStatus = e.latency*3/4, 200
		return
	case gateway499:
		e.status, e.outcome, e.latency, e.bytes = 499, clientClosed, g.around(3*median, 0.9), 0
		return
	case notModified:
		e.status, e.outcome, e.latency, e.bytes = 304, redirect, g.around(median/2, 0.4), 0
		e.upstream, e.upstreamStatus = e.latency*3/4, 304
		return
	}
	row := statuses[code]
	e.code, e.status, e.outcome, e.message = code, row.http, row.outcome, row.message
	switch code {
	case 7, 10, 25, 31: // the gateway refuses without asking the upstream
		e.latency = g.around(1.2, 0.5)
	case 24:
		e.latency = g.around(10_000, 0.01)
		e.upstream = e.latency - 300
	case 9:
		e.latency = g.around(3, 0.6)
		e.upstream, e.upstreamStatus = e.latency*3/4, row.http
	default:
		e.latency = g.around(median, 0.55)
		e.upstream, e.upstreamStatus = e.latency*4/5, row.http
	}
	if e.bytes += int64(len(row.message)); row.outcome == success && !e.route.post {
		e.bytes = int64(s.size * math.Exp(0.8*g.rand.NormFloat64()))
	}
}

// around draws a duration in microseconds from the log-normal distribution
// with a median in milliseconds.
func (g *Generator) around(median, sigma float64) int64 {
	return max(int64(1000*median*math.Exp(sigma*g.rand.NormFloat64())), 350)
}

// Truth counts the lines given out so far.
func (g *Generator) Truth() *Truth {
	t := g.tally.truth(g.services)
	for _, p := range g.plants {
		t.addPlanted(&p.planted, t.Last)
	}
	for _, e := range g.effects {
		t.addPlanted(&e.planted, t.Last)
	}
	return t
}

func (t *Truth) addPlanted(p *Planted, now time.Time) {
	if p.Kind == "" || p.Records == 0 {
		return
	}
	happened := *p
	if happened.End.After(now) {
		happened.End = now
	}
	t.Planted = append(t.Planted, happened)
}
