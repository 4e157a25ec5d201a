package detect

import (
	"fmt"
	"slices"
)

const (
	ruleSLO    = "slo_burn"
	sloVersion = 2
)

// BurnPair is one multi-window alert: the error budget burns at more than
// Factor times the rate that would use it up exactly, over both windows.
type BurnPair struct {
	Short    int      `koanf:"short_minutes" help:"minutes of the short window"`
	Long     int      `koanf:"long_minutes" help:"minutes of the long window"`
	Factor   float64  `koanf:"factor" help:"burn rate in both windows: this many times the allowed error rate"`
	Severity Severity `koanf:"severity" help:"info, ticket or page"`
}

// SLOConfig configures slo_burn. Bad responses are timeout, offline,
// internal_error and server_error. The pairs are those of the SRE workbook,
// chapter 5, table 5-8, as sloth generates them.
type SLOConfig struct {
	Objective float64    `koanf:"objective" in:"(0,1)" help:"share of good responses over 30 days"`
	Pairs     []BurnPair `koanf:"pairs" help:"pairs of windows with the burn rate that opens an incident"`
	// MinBad bad responses in the long window are needed: a share of a handful
	// of requests says nothing.
	MinBad uint64 `koanf:"min_bad" help:"lowest number of bad responses in the long window"`
	// LowFactor and LowBad catch services too small for the pairs: a burn of
	// LowFactor over six hours with LowBad bad responses.
	LowFactor float64 `koanf:"low_factor" help:"for services with few requests: burn rate over six hours"`
	LowBad    uint64  `koanf:"low_bad" help:"and the lowest number of bad responses"`
	// CalmMinutes without any condition close the incident.
	CalmMinutes int `koanf:"calm_minutes" help:"an incident closes after this many calm minutes"`
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

// fill computes the sums from the history; the result must agree with folding.
func (s *sloState) fill(h *History, t Minute) {
	s.n, s.bad = [len(burnWindows)]uint64{}, [len(burnWindows)]uint64{}
	for i, w := range burnWindows {
		for m := t - Minute(w) + 1; m <= t; m++ {
			c := h.At(m)
			s.n[i] += c.N
			s.bad[i] += c.Bad
		}
	}
}

func (s *sloState) fold(h *History, t Minute) {
	in := h.At(t)
	for i, w := range burnWindows {
		out := h.At(t - Minute(w))
		s.n[i] += in.N - out.N
		s.bad[i] += in.Bad - out.Bad
	}
}

func windowIndex(w int) int {
	return slices.Index(burnWindows[:], w)
}

// burn is the share of bad responses in window i in units of the budget.
func (s *sloState) burn(i int, budget float64) float64 {
	if s.n[i] == 0 {
		return 0
	}
	return float64(s.bad[i]) / float64(s.n[i]) / budget
}

// condition is one way in which the budget can burn.
type condition struct {
	severity     Severity
	window       int
	burn, factor float64
}

// A burn stays open until it is well below what opened it: a share of failures
// at the threshold is one incident, not one in every hour. Where the short
// window holds too few failures to tell, the long one decides alone.
const (
	burnKeeps = 0.5
	burnTells = 10 // failures expected in the short window
)

// worst returns the severest condition that opens a burn. The short windows do
// not reach back over after, when an incident that explains them closed: what
// still burns burns in what came later. A pair speaks once the history covers a
// quarter of its long window.
func (c *SLOConfig) worst(h *History, s *sloState, t, after Minute, objective float64) (condition, bool) {
	budget, covered := 1-objective, h.covered(t)
	for _, p := range c.Pairs {
		long := windowIndex(p.Long)
		if covered < p.Long/4 || s.bad[long] < c.MinBad {
			continue
		}
		b, least := s.burn(long, budget), p.Factor
		if p.Long > lowWindow {
			least = 0 // over a day and more, what was explained burns as well
		}
		if b > p.Factor && s.recent(h, t, p.Short, after, budget) > p.Factor &&
			c.later(h, s, t, after, p.Long, budget) > least {
			return condition{p.Severity, p.Long, b, p.Factor}, true
		}
	}
	low := windowIndex(lowWindow)
	b := s.burn(low, budget)
	if s.bad[low] >= c.LowBad && b >= c.LowFactor && covered >= lowWindow/4 && after <= t-lowWindow {
		return condition{Ticket, lowWindow, b, c.LowFactor}, true
	}
	return condition{}, false
}

// recent is the burn of the last w minutes, and of those of them after minute
// after, whichever is less; 0 while the latter are fewer than w and an hour.
func (s *sloState) recent(h *History, t Minute, w int, after Minute, budget float64) float64 {
	whole := s.burn(windowIndex(w), budget)
	if after <= t-Minute(w) {
		return whole
	}
	if int(t-after) < min(w, 60) {
		return 0
	}
	var sum Counts
	for m := after + 1; m <= t; m++ {
		sum.Add(h.At(m))
	}
	if sum.N == 0 {
		return 0
	}
	return min(whole, float64(sum.Bad)/float64(sum.N)/budget)
}

// later is the burn over the last w minutes, one of burnWindows, of what failed after
// minute after: what failed before is explained. It is 0 while that is less than MinBad.
func (c *SLOConfig) later(h *History, s *sloState, t, after Minute, w int, budget float64) float64 {
	i := windowIndex(w)
	if after <= t-Minute(w) {
		return s.burn(i, budget)
	}
	var bad uint64
	for m := after + 1; m <= t; m++ {
		bad += h.At(m).Bad
	}
	if bad < c.MinBad || s.n[i] == 0 {
		return 0
	}
	return float64(bad) / float64(s.n[i]) / budget
}

// keeps reports whether an open burn of a severity, or of any for "", goes on.
func (c *SLOConfig) keeps(s *sloState, severity Severity, objective float64) bool {
	budget := 1 - objective
	for _, p := range c.Pairs {
		if severity != "" && p.Severity != severity {
			continue
		}
		long, short := windowIndex(p.Long), windowIndex(p.Short)
		if p.Short >= lowWindow { // hours may be a quiet night: the day decides
			short = windowIndex(day)
		}
		least := burnKeeps * p.Factor
		few := float64(s.n[short])*budget*p.Factor < burnTells
		if s.burn(long, budget) > least && (few || s.burn(short, budget) > least) {
			return true
		}
	}
	low := windowIndex(lowWindow)
	return severity == "" && s.burn(low, budget) >= burnKeeps*c.LowFactor && s.bad[low] >= c.LowBad/2
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
		if c.keeps(s, "", objective) {
			s.calm = 0
		} else {
			s.calm++
		}
	}
}

func (c *SLOConfig) step(
	h *History, s *sloState, service string, t, after Minute, objective float64, closed []Incident,
) []Incident {
	s.fold(h, t)
	row := h.At(t)
	worst, opens := c.worst(h, s, t, after, objective)
	if s.IsOpen() {
		inc := s.edit()
		inc.Requests += row.N
		inc.Affected += row.Bad
		if s.calm++; opens || c.keeps(s, "", objective) {
			s.calm = 0
		} else if s.calm >= c.CalmMinutes {
			s.calm = 0
			return append(closed, s.end(t, ClosedCalm))
		}
		// What a rise that is over made a page is explained by it.
		if inc.Severity == Page && !(c.keeps(s, Page, objective) &&
			c.later(h, s, t, after, lowWindow, 1-objective) > 0) {
			inc.Severity = Ticket
		}
	}
	if !opens {
		return closed
	}
	i := windowIndex(worst.window)
	if !s.IsOpen() {
		s.calm = 0
		s.Begin(Incident{
			Kind: SLOBurn, Entity: service, EntityType: ServiceEntity, Service: service, Severity: worst.severity,
			Requests: s.n[i], Affected: s.bad[i], Rule: ruleSLO, RuleVersion: sloVersion,
		}, t)
	}
	if worst.severity == Page {
		s.edit().Severity = Page
	}
	if score := worst.burn / worst.factor; score > s.inc.Score {
		c.describe(h, s, t, worst, objective)
	}
	return closed
}

// describe keeps the worst that the incident has been.
func (c *SLOConfig) describe(h *History, s *sloState, t Minute, w condition, objective float64) {
	i, budget, inc := windowIndex(w.window), 1-objective, s.edit()
	left := h.budgetLeft(t, budget)
	inc.Observed, inc.Expected, inc.Score = w.burn*budget, budget, w.burn/w.factor
	inc.Evidence.Burn, inc.Evidence.Objective = w.burn, objective
	inc.Evidence.window(w.window, s.n[i], s.bad[i])
	inc.Evidence.BudgetLeft = &left
	inc.Summary = fmt.Sprintf(
		"%s: %d of %d responses failed in %s (%s); the error budget of %s burns %s times too fast, %s of 30 days' is left",
		inc.Service, s.bad[i], s.n[i], span(w.window), percent(w.burn*budget), percent(budget),
		number(w.burn), percent(max(left, 0)))
}

// budgetLeft is the share of the failures allowed in 30 days, at the traffic of
// the three weeks that are known, that did not happen in them: under 0 when it
// is overspent.
func (h *History) budgetLeft(t Minute, budget float64) float64 {
	var n, bad float64
	blocks := 0
	settled := int32(t-SettleMinutes)/blockMinutes - 1 // younger blocks may still be open
	for i := int32(t-21*day) / blockMinutes; i <= settled; i++ {
		if b := h.block(i); b != nil {
			blocks++
			n += float64(b.n)
			for _, k := range b.k {
				bad += float64(k)
			}
		}
	}
	for m := Minute(settled+1) * blockMinutes; m <= t; m++ {
		c := h.At(m)
		n, bad = n+float64(c.N), bad+float64(c.Bad)
	}
	if n == 0 {
		return 1
	}
	known := float64(max(blocks, 1)) / (30 * dayBlocks)
	return 1 - bad/(n/known*budget)
}
