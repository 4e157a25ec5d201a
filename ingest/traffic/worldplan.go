package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// effect is what one planned event does to a service: from minute start for
// length minutes, load is multiplied, the base share is multiplied, and
// failures are added to a share of the requests.
type effect struct {
	start, length int
	kind, note    string
	load, base    float64 // factors, 1 for none
	add           float64 // added share at full strength
	ramp          int     // minutes to full strength, 0 for at once
	offline       bool    // the failures are 503 / code 9 instead of timeouts
	blip          uint64  // absolute timeouts in the first minute
	pulse         int     // minutes on, and as many off; 0 for on all the time
	before        float64 // requests expected in the first minute without it
	nuisance      bool
	excess        float64 // expected, summed while the series is drawn
}

func (e *effect) active(t int) bool {
	return t >= e.start && t < e.start+e.length && (e.pulse == 0 || (t-e.start)/e.pulse%2 == 0)
}

func (e *effect) strength(t int) float64 {
	if e.ramp == 0 || t-e.start >= e.ramp {
		return e.add
	}
	return e.add * float64(t-e.start+1) / float64(e.ramp)
}

// pairedIncident hits two services at once.
type pairedIncident struct {
	services [2]int
	effect   effect
}

// planGaps chooses the ingest gaps: ten minutes without any row, of every
// service, about once in five days.
func (w *World) planGaps() {
	r := stream(w.cfg.Seed, "gaps", 0)
	for t := 0; ; {
		t += int(r.ExpFloat64() * 5 * 1440)
		if t+10 >= w.minutes() {
			return
		}
		if t > 0 {
			w.gaps = append(w.gaps, Label{Kind: "ingest_gap", Start: w.at(t), End: w.at(t + 10)})
		}
		t += 60
	}
}

func (w *World) inGap(t int) bool {
	at := w.at(t)
	for i := range w.gaps {
		if at >= w.gaps[i].Start && at < w.gaps[i].End {
			return true
		}
	}
	return false
}

// Gaps lists the ingest gaps: no service has a row in them.
func (w *World) Gaps() []Label { return w.gaps }

// planPairs chooses the incidents that hit two services at once, about one in
// twenty of all.
func (w *World) planPairs() {
	r := stream(w.cfg.Seed, "pairs", 0)
	n := w.cfg.Services
	if n < 2 {
		return
	}
	days := w.cfg.Days - w.cfg.WarmUp
	for range poisson(r, float64(n*days)/40) {
		a := r.IntN(n)
		b := (a + 1 + r.IntN(n-1)) % n
		e := spike(r)
		e.start = w.cfg.WarmUp*1440 + r.IntN(days*1440)
		e.note += ", two services"
		w.pairs = append(w.pairs, pairedIncident{[2]int{a, b}, e})
	}
}

// spike draws one incident of the mix: sudden rises, ramps and outages.
func spike(r *rand.Rand) effect {
	e := effect{kind: "timeout_spike", load: 1, base: 1, length: 5 + r.IntN(36)}
	switch r.IntN(7) {
	case 0, 1, 2, 3:
		e.add = [...]float64{0.02, 0.05, 0.20, 0.50}[r.IntN(4)]
		e.note = fmt.Sprintf("sudden +%g %%", e.add*100)
		if r.IntN(8) == 0 {
			part := between(r, 0.2, 0.5)
			e.add *= part
			e.note += fmt.Sprintf(" on one route (%.0f %% of the traffic)", part*100)
		}
	case 4, 5:
		e.add, e.ramp, e.length = [...]float64{0.05, 0.20}[r.IntN(2)], 30, 50
		e.note = fmt.Sprintf("ramp to +%g %%", e.add*100)
	case 6:
		e.add, e.load, e.note = 0.9, 0.4, "outage"
	}
	if r.IntN(6) == 0 {
		e.kind, e.offline = "outage", true
		e.note += ", 503"
	}
	return e
}

// servicePlan is everything that will happen to one service.
type servicePlan struct {
	world   *World
	effects []effect
}

// planService draws the incidents and the nuisances of service i.
func (w *World) planService(r *rand.Rand, i int) *servicePlan {
	p := &servicePlan{world: w}
	if w.kind.incidents != nil {
		w.kind.incidents(p, r, i)
	}
	if w.kind.blips > 0 {
		p.nuisance(r, w.kind.blips, func() effect {
			return effect{kind: "retry_blip", length: 1, load: 1, base: 1, blip: 1 + uint64(r.IntN(6))}
		})
	}
	if !w.kind.nuisances {
		return p
	}
	p.nuisance(r, 0.2, func() effect { return effect{kind: "drop", length: 40, load: 0.1, base: 1} })
	p.nuisance(r, 0.2, func() effect { return effect{kind: "surge", length: 30 + r.IntN(60), load: 3, base: 1.5} })
	p.nuisance(r, 0.1, func() effect {
		return effect{kind: "deploy_shift", length: 4 * 1440, load: 1, base: 3}
	})
	return p
}

// free reports whether e is two hours apart from the incidents planned so far.
func (p *servicePlan) free(e effect) bool {
	for i := range p.effects {
		o := &p.effects[i]
		if !o.nuisance && e.start < o.start+o.length+120 && o.start < e.start+e.length+120 {
			return false
		}
	}
	return true
}

// nuisance plans perDay events of one sort, from the second day on. Two of a
// sort never overlap.
func (p *servicePlan) nuisance(r *rand.Rand, perDay float64, make func() effect) {
	for t := 1440; ; {
		t += int(r.ExpFloat64() * 1440 / perDay)
		e := make()
		e.start, e.nuisance = t, true
		if t >= p.world.minutes() {
			return
		}
		p.effects = append(p.effects, e)
		t += e.length + 1
	}
}

// draw draws the row of minute t around the expected load and base share.
func (p *servicePlan) draw(r *rand.Rand, t int, load, share float64) ServiceMinute {
	blip := uint64(0)
	for i := range p.effects {
		if e := &p.effects[i]; e.active(t) {
			if t == e.start {
				e.before = load
			}
			load *= e.load
			share *= e.base
			blip += e.blip
		}
	}
	row := ServiceMinute{N: poisson(r, load)}
	row.Timeout = binomial(r, row.N, math.Min(share, 1))
	// A retry blip is extra requests, not a share of the usual ones.
	row.N += blip
	row.Timeout += blip
	if job := p.world.kind.job; job != nil {
		row.Timeout += binomial(r, row.N-row.Timeout, job(t))
	}
	for i := range p.effects {
		e := &p.effects[i]
		if e.add == 0 || !e.active(t) {
			continue
		}
		add := e.strength(t)
		healthy := row.N - row.Timeout - row.Offline
		k := binomial(r, healthy, add)
		if e.offline {
			row.Offline += k
		} else {
			row.Timeout += k
		}
		if !p.world.inGap(t) {
			e.excess += load * (1 - share) * add
		}
	}
	rest := row.N - row.Timeout - row.Offline
	row.Internal = binomial(r, rest, 0.00005)
	row.ServerErr = binomial(r, rest-row.Internal, 0.00002)
	return row
}

// audible is how many requests a minute a service must have for its silence to be an
// incident: a sixth more than the detector's threshold.
const audible = 70

// label makes the labels, now that the expected excess is known.
func (p *servicePlan) label(s *ServiceSeries) {
	for i := range p.effects {
		e := &p.effects[i]
		l := Label{
			Kind: e.kind, Entity: s.Service, Note: e.note,
			Start: p.world.at(e.start), End: p.world.at(min(e.start+e.length, p.world.minutes())),
		}
		if e.nuisance {
			s.Nuisances = append(s.Nuisances, l)
			continue
		}
		l.Detectable = e.excess >= 10 || e.load == 0 && e.before >= audible
		s.Labels = append(s.Labels, l)
	}
	sortLabels(s.Labels)
	sortLabels(s.Nuisances)
}
