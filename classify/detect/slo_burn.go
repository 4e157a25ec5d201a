package detect

import "fmt"

const (
	ruleSLO    = "slo_burn"
	sloVersion = 1
)

// BurnPair is one multi-window alert: the error budget burns at more than
// Factor times the rate that would use it up exactly, over both windows.
type BurnPair struct {
	Short    int      `koanf:"short_minutes" help:"short window"`
	Long     int      `koanf:"long_minutes" help:"long window"`
	Factor   float64  `koanf:"factor" help:"times the allowed rate, in both windows"`
	Severity Severity `koanf:"severity" help:"info, ticket or page"`
}

// SLOConfig configures slo_burn. Bad responses are timeout, offline,
// internal_error and server_error. The pairs are those of the SRE workbook,
// chapter 5, table 5-8, as sloth generates them.
type SLOConfig struct {
	Objective float64    `koanf:"objective" help:"share of good responses over 30 days"`
	Pairs     []BurnPair `koanf:"pairs" help:"windows and burn rates that open"`
	// MinBad bad responses in the long window are needed: a share of a handful
	// of requests says nothing.
	MinBad uint64 `koanf:"min_bad" help:"bad responses needed in the long window"`
	// LowFactor and LowBad catch services too small for the pairs: a burn of
	// LowFactor over six hours with LowBad bad responses.
	LowFactor float64 `koanf:"low_factor" help:"small services: burn rate over six hours"`
	LowBad    uint64  `koanf:"low_bad" help:"and the bad responses needed"`
	// CalmMinutes without any condition close the incident.
	CalmMinutes int `koanf:"calm_minutes" help:"calm minutes that close"`
}

const lowWindow = 360

// burnWindows are the windows whose sums are kept, in minutes.
var burnWindows = [...]int{5, 30, 60, 120, 360, 1440, 4320}

// sloState keeps the sums of the windows as of the last minute folded.
type sloState struct {
	Episode
	n, bad [len(burnWindows)]uint64
	calm   int
}

// fill computes the sums from the history; it must agree with folding.
func (s *sloState) fill(h *History, t Minute) {
	s.n, s.bad = [len(burnWindows)]uint64{}, [len(burnWindows)]uint64{}
	for i, w := range burnWindows {
		for m := t - Minute(w) + 1; m <= t; m++ {
			c := h.at(m)
			s.n[i] += uint64(c.N)
			s.bad[i] += uint64(c.Bad)
		}
	}
}

func (s *sloState) fold(h *History, t Minute) {
	in := h.at(t)
	for i, w := range burnWindows {
		out := h.at(t - Minute(w))
		s.n[i] += uint64(in.N) - uint64(out.N)
		s.bad[i] += uint64(in.Bad) - uint64(out.Bad)
	}
}

func windowIndex(w int) int {
	for i, x := range burnWindows {
		if x == w {
			return i
		}
	}
	return -1
}

// burn is the share of bad responses in window i in units of the budget.
func (s *sloState) burn(i int, budget float64) float64 {
	if s.n[i] == 0 {
		return 0
	}
	return float64(s.bad[i]) / float64(s.n[i]) / budget
}

// worst returns the severest condition that holds: its severity, window, burn
// rate and threshold. A pair speaks once the history covers a quarter of its
// long window.
func (c *SLOConfig) worst(s *sloState, covered int, objective float64) (sev Severity, window int, burn, factor float64, ok bool) {
	budget := 1 - objective
	for _, p := range c.Pairs {
		long, short := windowIndex(p.Long), windowIndex(p.Short)
		if covered < p.Long/4 || s.bad[long] < c.MinBad {
			continue
		}
		if b := s.burn(long, budget); b > p.Factor && s.burn(short, budget) > p.Factor {
			return p.Severity, p.Long, b, p.Factor, true
		}
	}
	low := windowIndex(lowWindow)
	if b := s.burn(low, budget); s.bad[low] >= c.LowBad && b >= c.LowFactor && covered >= lowWindow/4 {
		return Ticket, lowWindow, b, c.LowFactor, true
	}
	return "", 0, 0, 0, false
}

// covered is how many minutes of history there are up to t.
func (h *History) covered(t Minute) int {
	if h.first < 0 {
		return 0
	}
	return int(t-h.first) + 1
}

// recall sets the sums as of minute at, and for how long an open incident has
// been calm.
func (c *SLOConfig) recall(h *History, s *sloState, at Minute, objective float64) {
	s.fill(h, at-recallMinutes)
	s.calm = 0
	for t := at - recallMinutes + 1; t <= at; t++ {
		s.fold(h, t)
		if !s.IsOpen() || t <= s.inc.OpenedAt {
			continue
		}
		if _, _, _, _, holds := c.worst(s, h.covered(t), objective); holds {
			s.calm = 0
		} else {
			s.calm++
		}
	}
}

func (c *SLOConfig) step(h *History, s *sloState, service string, t Minute, objective float64, closed []Incident) []Incident {
	s.fold(h, t)
	row := h.at(t)
	sev, window, burn, factor, holds := c.worst(s, h.covered(t), objective)
	if s.IsOpen() {
		inc := s.edit()
		inc.Requests += uint64(row.N)
		inc.Affected += uint64(row.Bad)
		if !holds {
			if s.calm++; s.calm >= c.CalmMinutes {
				s.calm = 0
				return append(closed, s.end(t, ClosedCalm))
			}
			return closed
		}
	}
	if !holds {
		return closed
	}
	s.calm = 0
	i := windowIndex(window)
	if !s.IsOpen() {
		s.Begin(Incident{
			Kind: SLOBurn, Entity: service, EntityType: ServiceEntity, Service: service, Severity: sev,
			Requests: s.n[i], Affected: s.bad[i], Rule: ruleSLO, RuleVersion: sloVersion,
		}, t)
	}
	if sev == Page {
		s.edit().Severity = Page
	}
	if score := burn / factor; score > s.inc.Score {
		budget := 1 - objective
		inc := s.edit()
		inc.Observed, inc.Expected, inc.Score = burn*budget, budget, score
		inc.Evidence.WindowMinutes, inc.Evidence.Burn, inc.Evidence.Objective = window, burn, objective
		inc.Evidence.WindowRequests, inc.Evidence.WindowAffected = s.n[i], s.bad[i]
		inc.Summary = fmt.Sprintf("%s: %d of %d responses failed in %s (%s); the error budget of %s burns %s times too fast",
			service, s.bad[i], s.n[i], span(window), percent(burn*budget), percent(budget), number(burn))
	}
	return closed
}
