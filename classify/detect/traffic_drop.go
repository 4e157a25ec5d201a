package detect

import (
	"fmt"
	"math"
	"slices"
)

const (
	ruleDrop    = "traffic_drop"
	dropVersion = 2
)

// DropConfig configures traffic_drop: far fewer requests than at the same time
// of the last days and weeks, fewer than the traffic's own ups and downs
// explain, or none at all of a service that always has some.
type DropConfig struct {
	MaxShare    float64 `koanf:"max_share" in:"(0,1]" help:"at most this share of the expected requests in fifteen minutes"`
	MinExpected float64 `koanf:"min_expected" help:"lowest number of expected requests in fifteen minutes"`
	MinSeasons  int     `koanf:"min_seasons" help:"how many of the six reference times must have data"`
	EndShare    float64 `koanf:"end_share" help:"an incident closes at this share of the expected requests"`
	// SilentRate requests a minute at the least, and then none for
	// SilentMinutes, are silence: a page, once a week is known.
	SilentRate    float64 `koanf:"silent_rate" help:"requests a minute from which silence of a service is an incident"`
	SilentMinutes int     `koanf:"silent_minutes" help:"minutes without a request that count as silence"`
}

// trafficState is the state of traffic_drop or traffic_surge for one service.
type trafficState struct {
	Episode
	calm int // blocks
}

// tally counts the calm blocks of an open incident.
func (s *trafficState) tally(calm bool) {
	s.calm++
	if !calm {
		s.calm = 0
	}
}

// recall counts for how long an open incident has been calm as of minute at.
func (s *trafficState) recall(
	h *History, at Minute, alive func(Minute) bool, calm func(*History, *trafficState, Minute) bool,
) {
	s.calm = 0
	if !s.IsOpen() {
		return
	}
	for t := max(at-recallMinutes, s.inc.OpenedAt) + 1; t <= at; t++ {
		if (t+1)%blockMinutes == 0 && alive(t) {
			s.tally(calm(h, s, t))
		}
	}
}

// over reports whether a drop has ended.
func (c *DropConfig) over(got, want float64) bool {
	return got >= c.EndShare*want || want < c.MinExpected
}

// calm reports that the block which ends with t is as usual again.
func (c *DropConfig) calm(h *History, s *trafficState, t Minute) bool {
	if h.requestsIn(t, max(c.SilentMinutes, 1)) == 0 && !h.usuallySilent(t, s.inc.OpenedAt) {
		return false // silent, whatever came before
	}
	n, r := float64(h.requestsIn(t, 15)), h.references(t, t)
	if len(r.all) > 0 {
		return c.over(n, r.median())
	}
	return n >= c.EndShare*s.inc.Expected
}

// step judges silence in every minute, and a drop at the end of each block of
// five minutes.
func (c *DropConfig) step(h *History, s *trafficState, service string, now minuteState, closed []Incident) []Incident {
	t := now.at
	if !now.alive {
		return closed
	}
	end := (t+1)%blockMinutes == 0
	if s.IsOpen() {
		inc := s.edit()
		inc.Requests += h.At(t).N
		if silence(inc, now.seen, t, c.SilentMinutes) {
			return append(closed, s.end(t, ClosedGone))
		}
		if !end {
			return closed
		}
		if s.tally(c.calm(h, s, t)); s.calm >= 2 {
			s.calm = 0
			return append(closed, s.end(t, ClosedCalm))
		}
		c.observe(h, s, t)
		return closed
	}
	severity, want, ok := c.silent(h, now)
	if gap := now.gap > 0 && now.gap > t-15; !ok && end && now.late == 0 && !gap { // the log has a gap, not the traffic
		severity = Ticket
		want, ok = c.dropped(h, t)
	}
	if !ok {
		return closed
	}
	s.calm = 0
	s.Begin(Incident{
		Kind: TrafficDrop, Entity: service, EntityType: ServiceEntity, Service: service, Severity: severity,
		Requests: h.At(t).N, Expected: want, Rule: ruleDrop, RuleVersion: dropVersion,
	}, t)
	c.observe(h, s, t)
	silence(s.edit(), now.seen, t, c.SilentMinutes)
	return closed
}

// observe keeps the least traffic of the incident.
func (c *DropConfig) observe(h *History, s *trafficState, t Minute) {
	n := h.requestsIn(t, 15)
	want := s.inc.Expected
	if r := h.references(t, t); len(r.all) > 0 {
		want = r.median()
	}
	got := float64(n)
	if score := want / max(got, 1); score > s.inc.Score {
		inc := s.edit()
		inc.Observed, inc.Expected, inc.Score = got, want, score
		inc.Evidence.WindowMinutes, inc.Evidence.WindowRequests = 15, n
		inc.Evidence.Share = got / max(want, 1)
		inc.Summary = fmt.Sprintf("%s: %d requests in 15 min, %s are usual at this time (%s)",
			inc.Service, n, number(want), percent(inc.Evidence.Share))
		if h.At(t).N == 0 {
			inc.Summary = fmt.Sprintf("%s: %s requests in 15 min are usual at this time", inc.Service, number(want))
		}
	}
}

// dropped reports whether the last quarter of an hour has far fewer requests
// than any of the reference times, and than the service's own noise explains.
// Before a week is known, weekends are not judged: they may always be so.
func (c *DropConfig) dropped(h *History, t Minute) (want float64, ok bool) {
	r := h.references(t, t)
	if len(r.all) < c.MinSeasons || r.week == 0 && weekend(t) {
		return 0, false
	}
	n := h.requestsIn(t, 15)
	got, low := float64(n), r.all[0]
	if want = r.median(); want < c.MinExpected || got >= c.MaxShare*low {
		return 0, false
	}
	if got > low*math.Exp(-noiseZ*h.unsteady(t, c.MinExpected, false)) {
		return 0, false
	}
	return want, !c.usual(h, t, got/want)
}

// noiseZ is how many times its own unsteadiness, in logarithms, the traffic must
// fall or rise.
const noiseZ = 4

// unsteady is how much the requests of a quarter of an hour fall below (or rise
// above) those of the hours around it, as a standard deviation of their logarithm: learnt from
// noiseDays, and from the middle of them, so that an incident teaches nothing. It
// is 0 while less than half a day is known.
func (h *History) unsteady(t Minute, least float64, rises bool) float64 {
	var far []float64
	for i := int32(t-noiseDays*day) / blockMinutes; i < int32(t-day/4)/blockMinutes; i += noiseStep {
		own, known := h.requests(i, i+noiseStep)
		before, b := h.requests(i-4*noiseStep, i)
		after, a := h.requests(i+noiseStep, i+5*noiseStep)
		around := (before + after) / 8
		if known && b && a && around >= least && (own > around) == rises {
			far = append(far, math.Abs(math.Log((around+1)/(own+1))))
		}
	}
	if len(far) < day/60 {
		return 0
	}
	slices.Sort(far)
	const median = 0.6745 // of the half of a normal distribution
	return far[len(far)/2] / median
}

// requests sums the blocks [from, to); known is false when one of them is not.
func (h *History) requests(from, to int32) (n float64, known bool) {
	for i := from; i < to; i++ {
		b := h.block(i)
		if b == nil {
			return 0, false
		}
		n += float64(b.n)
	}
	return n, true
}

func weekend(t Minute) bool {
	day := (int(t)/day + 4) % 7 // the epoch was a Thursday
	return day == 0 || day == 6
}

// Traffic that falls so low on more than rareDays of noiseDays does so by itself.
const (
	noiseDays = 14
	rareDays  = 1
	noiseStep = 3 // blocks: quarters of an hour that do not overlap
)

// usual reports whether the traffic fell about as low, compared with what was
// usual then, on several of the last days.
func (c *DropConfig) usual(h *History, t Minute, ratio float64) bool {
	days := map[Minute]bool{}
	for at := t - noiseDays*day; at < t-day/4; at += noiseStep * blockMinutes {
		r := h.references(at, at)
		if len(r.all) < c.MinSeasons || r.median() < c.MinExpected {
			continue
		}
		var n float64
		for i := int32(at)/blockMinutes - 2; i <= int32(at)/blockMinutes; i++ {
			if b := h.block(i); b != nil {
				n += float64(b.n)
			}
		}
		if n <= 1.25*ratio*r.median() {
			if days[at/day] = true; len(days) > rareDays {
				return true
			}
		}
	}
	return false
}

// silent reports whether a service that has requests every minute has had none
// for some minutes, though it was alive at this time in most of the weeks before: one
// in which it was silent too, for an incident or a holiday, says nothing against two.
// It is worth a page once a week is known, and a ticket before.
func (c *DropConfig) silent(h *History, now minuteState) (severity Severity, want float64, ok bool) {
	t := now.at
	if now.silent < c.SilentMinutes+now.late || t-now.seen > 60 {
		return "", 0, false // it opens when silence begins, and not hours later
	}
	n := h.requestsIn(now.seen, 60)
	if h.covered(now.seen) < 60 || float64(n) < 60*c.SilentRate {
		return "", 0, false
	}
	days, weeks, without := 0, 0, 0
	for _, back := range seasons {
		alive, known := h.aliveAround(t-Minute(back), c.SilentRate/2)
		switch {
		case !known:
		case back%(7*day) == 0 && !alive:
			without++
		case back%(7*day) == 0:
			weeks++
		case alive:
			days++
		}
	}
	want = float64(n) / 4
	switch {
	case without > 0 && weeks <= without:
		return "", 0, false
	case weeks > 0:
		return Page, want, true
	case days > 0 || h.covered(t) < day:
		return Ticket, want, true
	}
	return "", 0, false
}

// aliveAround reports whether a service had at least rate requests a minute in
// each block from five minutes before to ten minutes after minute t: what ends
// its day a little earlier or later than last week is not silent.
func (h *History) aliveAround(t Minute, rate float64) (alive, known bool) {
	i := int32(t) / blockMinutes
	alive = true
	for j := i - 1; j <= i+2; j++ {
		b := h.block(j)
		if b == nil {
			return false, false
		}
		alive = alive && float64(b.n) >= rate*blockMinutes
	}
	return alive, true
}
