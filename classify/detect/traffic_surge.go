package detect

import (
	"fmt"
	"math"
)

const (
	ruleSurge    = "traffic_surge"
	surgeVersion = 1
)

// SurgeConfig configures traffic_surge: far more requests than at the same time
// of the last days and weeks, more than the traffic's own ups and downs explain.
type SurgeConfig struct {
	MinRatio    float64 `koanf:"min_ratio" help:"at least this many times the busiest of the reference times"`
	MinExpected float64 `koanf:"min_expected" help:"lowest number of expected requests in fifteen minutes"`
	MinSeasons  int     `koanf:"min_seasons" help:"how many of the six reference times must have data"`
	EndRatio    float64 `koanf:"end_ratio" help:"an incident closes below this many times the expected requests"`
}

// step judges a surge at the end of each block of five minutes.
func (c *SurgeConfig) step(h *History, s *trafficState, service string, now minuteState, closed []Incident) []Incident {
	t := now.at
	if !now.alive {
		return closed
	}
	end := (t+1)%blockMinutes == 0
	if s.IsOpen() {
		inc := s.edit()
		inc.Requests += h.At(t).N
		if !end {
			return closed
		}
		s.tally(c.calm(h, s, t))
		switch {
		case s.calm >= 2:
			s.calm = 0
			return append(closed, s.end(t, ClosedCalm))
		case t-s.inc.OpenedAt >= day: // tomorrow it is what was usual
			s.edit().Summary += "; this level has lasted for a day and counts as the new normal"
			s.calm = 0
			return append(closed, s.end(t, ClosedShifted))
		}
		c.observe(h, s, t)
		return closed
	}
	if !end {
		return closed
	}
	want, ok := c.surges(h, t)
	if !ok {
		return closed
	}
	s.calm = 0
	s.Begin(Incident{
		Kind: TrafficSurge, Entity: service, EntityType: ServiceEntity, Service: service, Severity: Ticket,
		Requests: h.At(t).N, Expected: want, Rule: ruleSurge, RuleVersion: surgeVersion,
	}, t)
	c.observe(h, s, t)
	return closed
}

// surges reports whether the last quarter of an hour has far more requests than
// any of the reference times, and than the service's own noise explains. Before a
// week is known, weekends are not judged.
func (c *SurgeConfig) surges(h *History, t Minute) (want float64, ok bool) {
	r := h.references(t, t)
	if len(r.all) < c.MinSeasons || r.week == 0 && weekend(t) {
		return 0, false
	}
	n := h.requestsIn(t, 15)
	got, high := float64(n), r.all[len(r.all)-1]
	if want = r.median(); want < c.MinExpected || got < c.MinRatio*high {
		return 0, false
	}
	return want, got >= high*math.Exp(noiseZ*h.unsteady(t, c.MinExpected, true))
}

// observe keeps the most traffic of the incident.
func (c *SurgeConfig) observe(h *History, s *trafficState, t Minute) {
	n := h.requestsIn(t, 15)
	want := c.usual(h, s, t)
	if score := float64(n) / want; score > s.inc.Score {
		inc := s.edit()
		inc.Observed, inc.Expected, inc.Score = float64(n), want, score
		inc.Evidence.WindowMinutes, inc.Evidence.WindowRequests = 15, n
		inc.Summary = fmt.Sprintf("%s: %d requests in 15 min, %s are usual at this time (%.1f times as many)",
			inc.Service, n, number(want), score)
	}
}

// usual is how many requests the quarter of an hour that ends with t should have.
func (c *SurgeConfig) usual(h *History, s *trafficState, t Minute) float64 {
	if r := h.references(t, s.inc.OpenedAt); len(r.all) > 0 {
		return max(r.median(), c.MinExpected)
	}
	return s.inc.Expected
}

// calm reports that the block which ends with t is as usual again.
func (c *SurgeConfig) calm(h *History, s *trafficState, t Minute) bool {
	return float64(h.requestsIn(t, 15)) < c.EndRatio*c.usual(h, s, t)
}
