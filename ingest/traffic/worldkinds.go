package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The kinds of world. In Clean every count is Poisson around a smooth load; in
// Default load and failure share drift; in Rough they drift more and retry blips are four
// times as frequent. LogNormal and GammaKinds have other noise and incidents only. The
// others test one shape each.
const (
	Clean     = "clean"
	Default   = "default"
	Rough     = "rough"
	LogNormal = "log-normal"   // the failure share hardly remembers the minute before
	Objective = "objective"    // healthy, with failures of 0.05 to 0.2 % of the requests
	Hourly    = "hourly job"   // 30 % time out in the first three minutes of each hour
	Nightly   = "nightly job"  // 30 % time out from 02:00 to 02:20
	Office    = "office hours" // nights and weekends have a twentieth of the traffic
	Holidays  = "holidays"     // the same, and so have a Monday and a Wednesday of the last week
	Silence   = "silence"      // services stop for half an hour to two hours
	Flapping  = "flapping"     // 10 % time out for 20 min, none for 20 min, for 8 h
	Outages   = "outages"      // everything for 5 h; a part 3 h, a day and two days later
	Bursts    = "bursts"       // traffic as uneven as that of a small load balancer
)

// gammaNoise are the squared coefficients of variation of the failure share and
// the lengths of the blocks in which it stays the same.
var gammaNoise = [...]struct {
	cv2       float64
	low, high int // minutes
}{{0.2, 3, 12}, {0.4, 3, 12}, {0.63, 3, 12}, {0.2, 15, 45}, {0.4, 15, 45}, {0.63, 15, 45}}

// GammaKinds are the worlds whose failure share is gamma-distributed, drawn again in
// each block of minutes.
func GammaKinds() (names []string) {
	for _, g := range gammaNoise {
		names = append(names, gammaName(g.cv2, g.low, g.high))
	}
	return names
}

func gammaName(cv2 float64, low, high int) string {
	return fmt.Sprintf("gamma, CV2 %g, blocks of %d-%d min", cv2, low, high)
}

// worldKind says what the worlds of a kind are like, and what is planted.
type worldKind struct {
	name      string
	load, err func(*rand.Rand) wander // factors of load and failure share; nil for none
	coupling  float64                 // the power of the load that the failure share follows
	bases     []float64               // failure shares; nil for the usual four
	means     []float64               // requests a minute; nil for the usual four
	// incidents plants them; nil for none.
	incidents func(p *servicePlan, r *rand.Rand, i int)
	blips     float64                        // retry blips a day
	nuisances bool                           // drops, surges and deploy shifts
	office    func(weekday, day int) bool    // reports whether a day has office hours; nil for a daily wave
	job       func(minute int) (add float64) // share that times out besides, nil for none
	mixed     bool                           // every second service fails with errors, not timeouts
}

func driftOf(sigma, rho float64) func(*rand.Rand) wander {
	return func(r *rand.Rand) wander {
		d := newDrift(r, sigma, rho)
		return &d
	}
}

func worldKinds() []worldKind {
	load, mild := driftOf(0.12, 0.95), driftOf(0.35, 0.9)
	busy := []float64{60, 600, 6000}
	shape := worldKind{load: load, err: mild, coupling: 0.5, means: busy, bases: []float64{0, 0.0003}}
	of := func(name string, change func(k *worldKind)) worldKind {
		k := shape
		k.name = name
		change(&k)
		return k
	}
	kinds := []worldKind{
		{name: Clean, incidents: spikes, nuisances: true},
		{name: Default, load: load, err: mild, coupling: 0.5, incidents: spikes, blips: 0.5, nuisances: true},
		{name: Rough, load: load, err: driftOf(0.7, 0.95), coupling: 0.5, incidents: spikes, blips: 2, nuisances: true},
		{name: LogNormal, load: load, err: driftOf(0.7, 0.3), coupling: 0.5, incidents: spikes},
		of(Objective, func(k *worldKind) {
			k.bases, k.mixed = []float64{0.0005, 0.00075, 0.001, 0.00125, 0.0015, 0.002}, true
		}),
		of(Hourly, func(k *worldKind) { k.job = hourlyJob }),
		of(Nightly, func(k *worldKind) { k.job = nightlyJob }),
		of(Office, func(k *worldKind) { k.office = officeDay }),
		of(Holidays, func(k *worldKind) {
			k.office = func(weekday, day int) bool { return officeDay(weekday, day) && day != 21 && day != 23 }
		}),
		of(Silence, func(k *worldKind) { k.incidents, k.means = silences, []float64{200, 600, 2000, 6000} }),
		of(Flapping, func(k *worldKind) { k.incidents = flaps }),
		of(Outages, func(k *worldKind) { k.incidents = outages }),
		of(Bursts, func(k *worldKind) { k.load, k.means = newBursts, []float64{12, 60} }),
	}
	for _, g := range gammaNoise {
		kinds = append(kinds, worldKind{name: gammaName(g.cv2, g.low, g.high), load: load, incidents: spikes,
			err: func(*rand.Rand) wander { return &blocks{cv2: g.cv2, low: g.low, high: g.high} }})
	}
	return kinds
}

// kindOf finds a kind; its error lists those there are.
func kindOf(name string) (worldKind, []string) {
	var names []string
	for _, k := range worldKinds() {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return worldKind{}, names
}

func hourlyJob(minute int) float64 {
	if minute >= 1440 && minute%60 < 3 {
		return 0.3
	}
	return 0
}

func nightlyJob(minute int) float64 {
	if m := minute % 1440; m >= 120 && m < 140 {
		return 0.3
	}
	return 0
}

func officeDay(weekday, _ int) bool { return weekday != 0 && weekday != 6 }

// wander is a factor with mean 1 that changes from minute to minute.
type wander interface{ next(r *rand.Rand) float64 }

// blocks is gamma-distributed and stays the same for low to high minutes.
type blocks struct {
	cv2       float64
	low, high int
	left      int
	now       float64
}

func (b *blocks) next(r *rand.Rand) float64 {
	if b.left == 0 {
		b.left = b.low + r.IntN(b.high-b.low+1)
		b.now = gamma(r, 1/b.cv2) * b.cv2
	}
	b.left--
	return b.now
}

// gamma draws from the gamma distribution with a shape of at least 1 and scale 1
// (Marsaglia and Tsang 2000).
func gamma(r *rand.Rand, shape float64) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if u := r.Float64(); math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// bursts changes every five minutes, log-normal, as the requests of a small load
// balancer do (a coefficient of variation of about 0.9).
type bursts struct {
	drift drift
	left  int
	now   float64
}

func newBursts(r *rand.Rand) wander {
	return &bursts{drift: newDrift(r, [...]float64{0.7, 1}[r.IntN(2)], [...]float64{0, 0.5}[r.IntN(2)])}
}

func (b *bursts) next(r *rand.Rand) float64 {
	if b.left == 0 {
		b.left, b.now = 5, b.drift.next(r)
	}
	b.left--
	return b.now
}

// silences stops a service about every second day, never at the time of week of an earlier
// silence, which the detector would expect.
func silences(p *servicePlan, r *rand.Rand, _ int) {
	for t := p.world.cfg.WarmUp * 1440; ; {
		t += 300 + int(r.ExpFloat64()*2600)
		e := effect{start: t, length: 30 + r.IntN(91), kind: "traffic_drop", note: "silence", base: 1}
		if t+e.length+120 >= p.world.minutes() {
			return
		}
		if slices.ContainsFunc(p.effects, func(o effect) bool {
			apart := (t - o.start) % (7 * 1440)
			return apart < o.length+60 || apart > 7*1440-e.length-60
		}) {
			continue
		}
		p.effects = append(p.effects, e)
		t += e.length + 1440
	}
}

// flaps plants a spell about every fourth day.
func flaps(p *servicePlan, r *rand.Rand, _ int) {
	for t := p.world.cfg.WarmUp*1440 + r.IntN(1440); t+1440 < p.world.minutes(); t += 3*1440 + r.IntN(1440) {
		p.effects = append(p.effects, effect{start: t, length: 480, pulse: 20, kind: "timeout_spike", note: "flapping",
			load: 1, base: 1, add: 0.1})
	}
}

// outages plants a sequence about every sixth day: an outage and what follows it.
func outages(p *servicePlan, r *rand.Rand, _ int) {
	for t := p.world.cfg.WarmUp*1440 + r.IntN(1440); t+3500 < p.world.minutes(); t += 6 * 1440 {
		for _, e := range []effect{
			{start: t, length: 300, add: 1, note: "5 h"},
			{start: t + 480, length: 30, add: 0.6, note: "3 h later"},
			{start: t + 1740, length: 30, add: 0.3, note: "a day later"},
			{start: t + 3180, length: 30, add: 0.3, note: "two days later"},
		} {
			e.kind, e.load, e.base = "timeout_spike", 1, 1
			p.effects = append(p.effects, e)
		}
	}
}

// spikes plants about one incident a day, at least two hours apart, some of them
// on two services at once.
func spikes(p *servicePlan, r *rand.Rand, i int) {
	w := p.world
	for _, pair := range w.pairs {
		if slices.Contains(pair.services[:], i) {
			p.effects = append(p.effects, pair.effect)
		}
	}
	for t := w.cfg.WarmUp * 1440; ; {
		t += int(r.ExpFloat64() * 1300)
		e := spike(r)
		e.start = t
		if t+e.length+30 >= w.minutes() {
			return
		}
		if p.free(e) {
			p.effects = append(p.effects, e)
		}
		t += e.length + 120
	}
}
