package detect

import (
	"fmt"
	"math"
)

const (
	ruleTimeout  = "timeout_spike"
	ruleOutage   = "outage"
	spikeVersion = 1
)

// Tier is one way for a spike to open: within Window minutes at least MinCount
// failures, a deviance of at least MinZ, and a share of at least
// max(Ratio * usual share, MinShare).
type Tier struct {
	Window   int     `koanf:"window_minutes" help:"minutes looked at, 1 to 60"`
	MinZ     float64 `koanf:"min_z" help:"least deviance"`
	MinCount uint64  `koanf:"min_count" help:"least number of failures"`
	// MinMinutes is in how many different minutes there must be failures.
	MinMinutes int     `koanf:"min_minutes" help:"different minutes with failures"`
	Ratio      float64 `koanf:"ratio" help:"times the usual share"`
	MinShare   float64 `koanf:"min_share" help:"least share of failures"`
}

// SpikeConfig configures timeout_spike and outage.
type SpikeConfig struct {
	Tiers []Tier `koanf:"tiers" help:"ways to open; one is enough"`
	// Jump compares two minutes with the four before them: a level that wanders
	// hides a rise from the tiers, but does not jump. Its Window is not used.
	Jump Tier `koanf:"jump" help:"two minutes beside the four before them"`
	// Prior is the share of failures that is assumed before a service has a
	// history; it weighs as much as 1/Prior requests.
	Prior float64 `koanf:"prior" help:"share of failures assumed without a history"`
	// CalmMinutes below the closing thresholds close an incident.
	CalmMinutes int `koanf:"calm_minutes" help:"calm minutes that close"`
	// ShiftMinutes after opening, a level that lasts becomes the baseline.
	ShiftMinutes int `koanf:"shift_minutes" help:"minutes after which a lasting level is the new normal, 120 to 1440"`
	// PageCount failures in five minutes, or PageShare of the requests, page.
	PageCount uint64  `koanf:"page_count" help:"failures in five minutes that page"`
	PageShare float64 `koanf:"page_share" help:"or this share of the requests"`
}

// baseline is what is normal for one series at one minute.
type baseline struct {
	share float64 // usual share of failures
	cv2   float64 // squared coefficient of variation of that share
	jump2 float64 // the same for two minutes around the four before; 0: not computed yet
}

// spikeState is the state of one series of one service. It is copied by value.
type spikeState struct {
	inc       Incident // valid while open
	open      bool
	calm      int
	lastClose Minute // 0 for none
	since     Minute // after a shift: the baseline reads nothing older,
	lifted    Minute // and reads what the shifted incident masked up to here
	base      baseline
	baseAt    int32 // block number for which base was computed
}

const (
	guardBlocks = SettleMinutes / blockMinutes
	dayBlocks   = day / blockMinutes
	minCV2      = 0.25 * 0.25
	// In its first hour only the prior speaks for a service: it must fail by
	// more than coldShare, over five minutes or in large numbers.
	coldMinutes = 60
	coldShare   = 0.02
	maxCV2      = 1.0
)

// seasons are the starts, in minutes back, of what belongs to the same time of
// the day: one, two and three days and weeks.
var seasons = [...]int32{day, 2 * day, 3 * day, 7 * day, 14 * day, 21 * day}

// usual computes the baseline of series at minute t from blocks that are older
// than SettleMinutes and outside incidents.
func (c *SpikeConfig) usual(h *History, r reader, t Minute) baseline {
	const a = 1.0
	to := (int32(t)+1)/blockMinutes - guardBlocks // first block that is too young
	n24, k24 := h.sum(r, to-dayBlocks, to)
	shrink := func(n, k uint64) float64 { return (float64(k) + a) / (float64(n) + a/c.Prior) }
	p24 := shrink(n24, k24)
	var ns, ks uint64
	for _, back := range seasons {
		mid := (int32(t) - back) / blockMinutes
		n, k := h.sum(r, mid-12, mid+13)
		ns, ks = ns+n, ks+k
	}
	p := max(p24, shrink(ns, ks))
	n3, k3 := h.sum(r, to-36, to)
	p = max(p, (float64(k3)+a/2)/(float64(n3)+a/2/p))
	return baseline{share: p, cv2: h.dispersion(r, to, p)}
}

// dispersion estimates how much the share varies around p beyond counting
// noise, from the blocks of the last three days.
func (h *History) dispersion(r reader, to int32, p float64) float64 {
	var num, den float64
	for i := to - 3*dayBlocks; i < to; i++ {
		b := h.block(i)
		if b == nil || b.n == 0 || !r.reads(b) {
			continue
		}
		m := float64(b.n) * p
		d := float64(b.k(r.series)) - m
		num += min(d*d-m, max(m, m*m))
		den += m * m
	}
	if den == 0 {
		return minCV2
	}
	return min(max(num/den, minCV2), maxCV2)
}

// deviance is the signed root of the negative binomial deviance of k around mu
// with dispersion cv2: how many standard deviations k lies above mu. It is
// closed, monotone in k, and close to exact at small mu.
func deviance(k, mu, cv2 float64) float64 {
	if k <= mu {
		return 0
	}
	r := 1 / cv2
	d := 2 * (k*math.Log(k/mu) - (k+r)*math.Log((k+r)/(mu+r)))
	return math.Sqrt(max(d, 0))
}

// window sums the last w minutes up to t of a series, not reaching back over
// after. steady is k with the worst minute cut down to the second worst: one
// burst of retries in one minute does not make a window bad.
func (h *History) window(series int, t Minute, w int, after Minute) (n, k, steady uint64, minutes int) {
	var worst, second uint64
	for m := max(t-Minute(w)+1, after+1); m <= t; m++ {
		c := h.at(m)
		n += uint64(c.N)
		x := uint64(c.k(series))
		if x > 0 {
			minutes++
		}
		k += x
		if x > worst {
			worst, second = x, worst
		} else if x > second {
			second = x
		}
	}
	return n, k, k - worst + second, minutes
}

// step folds minute t of series into st. alive says whether any service was
// seen in that minute: silence of everything is a gap in the log, not calm.
// changed is set when an incident was opened, or when inc was closed.
func (c *SpikeConfig) step(h *History, st *spikeState, series int, service string, t Minute, alive bool) (inc Incident, changed bool) {
	if !st.open {
		c.tryOpen(h, st, series, service, t)
		return Incident{}, st.open
	}
	return c.stepOpen(h, st, series, t, alive)
}

// refresh computes the baseline once a block. It rests while an incident is
// open.
func (c *SpikeConfig) refresh(h *History, st *spikeState, series int, t Minute) {
	if at := (int32(t) + 1) / blockMinutes; at != st.baseAt && !st.open {
		st.base, st.baseAt = c.usual(h, reader{series, st.since, st.lifted}, t), at
	}
}

func (c *SpikeConfig) tryOpen(h *History, st *spikeState, series int, service string, t Minute) {
	if h.at(t).k(series) == 0 {
		return // nothing opens on a minute without failures
	}
	cold := t < h.first+coldMinutes
	for _, tier := range c.Tiers {
		n, k, steady, minutes := h.window(series, t, tier.Window, st.lastClose)
		if tier.Window > 1 {
			k = steady
		}
		if k < tier.MinCount || minutes < tier.MinMinutes || float64(k) < tier.MinShare*float64(n) ||
			cold && (tier.Window < 5 && k < 5*tier.MinCount || float64(k) < coldShare*float64(n)) {
			continue
		}
		c.refresh(h, st, series, t)
		share := float64(k) / float64(n)
		mu := max(float64(n)*st.base.share, 0.02)
		if share < tier.Ratio*st.base.share {
			continue
		}
		z := deviance(float64(k), mu, st.base.cv2)
		if z < tier.MinZ {
			continue
		}
		c.openAt(st, series, service, t)
		c.observe(h, st, series, t, tier.Window)
		return
	}
	if !cold && c.tryJump(h, st, series, t) {
		c.openAt(st, series, service, t)
		c.observe(h, st, series, t, jumpWindow)
	}
}

const (
	jumpWindow = 2
	jumpBefore = 4
)

// tryJump reports whether the last two minutes stand out from the four before.
func (c *SpikeConfig) tryJump(h *History, st *spikeState, series int, t Minute) bool {
	j := c.Jump
	n, k, steady, _ := h.window(series, t, jumpWindow, st.lastClose)
	if steady < j.MinCount || float64(k) < j.MinShare*float64(n) {
		return false
	}
	n0, k0, _, _ := h.window(series, t-jumpWindow, jumpBefore, st.lastClose)
	if n0 == 0 {
		return false
	}
	c.refresh(h, st, series, t)
	p := st.base.share
	recent := (float64(k0) + 1) / (float64(n0) + 1/p)
	share := float64(steady) / float64(n)
	if share < j.Ratio*recent || share < 2*p {
		return false
	}
	if st.base.jump2 == 0 {
		st.base.jump2 = h.jumpiness(reader{series, st.since, st.lifted}, t-SettleMinutes, p)
	}
	return deviance(float64(steady), float64(n)*recent, st.base.jump2) >= j.MinZ
}

// jumpiness is the dispersion of two minutes around the level of the four
// minutes before, over the day that ends with minute to.
func (h *History) jumpiness(r reader, to Minute, p float64) float64 {
	var num, den float64
	for m := max(to-day, r.since+jumpBefore); m+1 <= to; m += jumpWindow {
		if b := h.block(int32(m) / blockMinutes); b == nil || !r.reads(b) {
			continue
		}
		var n, k, n0, k0 float64
		for i := Minute(0); i < jumpWindow; i++ {
			c := h.at(m + i)
			n, k = n+float64(c.N), k+float64(c.k(r.series))
		}
		for i := Minute(1); i <= jumpBefore; i++ {
			c := h.at(m - i)
			n0, k0 = n0+float64(c.N), k0+float64(c.k(r.series))
		}
		if n == 0 {
			continue
		}
		mu := n * (k0 + 1) / (n0 + 1/p)
		noise := mu + mu*mu/(k0+1) // counting noise of both windows
		d := k - mu
		num += min(d*d-noise, max(noise, mu*mu))
		den += mu * mu
	}
	if den == 0 {
		return maxCV2
	}
	return min(max(num/den, 0.1*0.1), maxCV2)
}

func (c *SpikeConfig) openAt(st *spikeState, series int, service string, t Minute) {
	kind, rule := TimeoutSpike, ruleTimeout
	if series == seriesOffline {
		kind, rule = Outage, ruleOutage
	}
	st.open, st.calm = true, 0
	st.inc = Incident{
		ID:   incidentID(rule, spikeVersion, service, st.lastClose, t),
		Kind: kind, Entity: service, EntityType: ServiceEntity, Service: service,
		Severity: Ticket, State: Open, OpenedAt: t, Rule: rule, RuleVersion: spikeVersion,
	}
}

// observe keeps the strongest window of the incident so far.
func (c *SpikeConfig) observe(h *History, st *spikeState, series int, t Minute, w int) {
	n, k, _, _ := h.window(series, t, w, st.lastClose)
	if n == 0 {
		return
	}
	mu := max(float64(n)*st.base.share, 0.02)
	z := deviance(float64(k), mu, st.base.cv2)
	share := float64(k) / float64(n)
	if k >= c.PageCount || share >= c.PageShare && k >= 6 {
		st.inc.Severity = Page
	}
	if z <= st.inc.Score {
		return
	}
	st.inc.Observed, st.inc.Expected, st.inc.Score = float64(k), mu, z
	st.inc.Evidence.WindowMinutes = w
	st.inc.Evidence.WindowRequests, st.inc.Evidence.WindowAffected = n, k
	st.inc.Evidence.Share, st.inc.Evidence.BaselineShare = share, st.base.share
	what := "timeouts"
	if series == seriesOffline {
		what = "responses said that the service is offline"
	}
	st.inc.Summary = fmt.Sprintf("%s: %d %s among %d requests in %d min (%s), %s expected (%s); z = %.1f",
		st.inc.Service, k, what, n, w, percent(share), number(mu), percent(st.base.share), z)
}

func (c *SpikeConfig) stepOpen(h *History, st *spikeState, series int, t Minute, alive bool) (Incident, bool) {
	now := h.at(t)
	st.inc.Requests += uint64(now.N)
	st.inc.Affected += uint64(now.k(series))
	c.observe(h, st, series, t, 5)
	if !c.tally(h, st, series, t, alive) {
		return Incident{}, false // no data: hold
	}
	switch {
	case st.calm >= c.CalmMinutes:
		return st.close(t, ClosedCalm), true
	case int(t-st.inc.OpenedAt) >= c.ShiftMinutes && c.lasts(h, series, t):
		inc := st.close(t, ClosedShifted)
		st.since, st.lifted, st.baseAt = t-60, t, 0
		return inc, true
	}
	return Incident{}, false
}

// tally counts the calm minutes of an open incident. It reports false for a
// minute of which nothing is known, which counts neither way.
func (c *SpikeConfig) tally(h *History, st *spikeState, series int, t Minute, alive bool) bool {
	if h.at(t).N == 0 && !alive {
		return false
	}
	n, k, _, _ := h.window(series, t, 5, 0)
	calm := true
	if n > 0 {
		share := float64(k) / float64(n)
		mu := max(float64(n)*st.base.share, 0.02)
		calm = k < 3 || share < max(1.5*st.base.share, 0.003) || deviance(float64(k), mu, st.base.cv2) < 2
	}
	if calm {
		st.calm++
	} else {
		st.calm = 0
	}
	return true
}

// lasts reports whether the last hour is within a factor 1.5 of the hour before.
func (c *SpikeConfig) lasts(h *History, series int, t Minute) bool {
	n1, k1, _, _ := h.window(series, t, 60, 0)
	n0, k0, _, _ := h.window(series, t-60, 60, 0)
	if n1 == 0 || n0 == 0 {
		return false
	}
	s1, s0 := (float64(k1)+0.5)/float64(n1), (float64(k0)+0.5)/float64(n0)
	return s1 < 1.5*s0 && s0 < 1.5*s1
}

func (st *spikeState) close(t Minute, as string) Incident {
	inc := st.inc
	inc.State, inc.ClosedAs, inc.ClosedAt = Closed, as, t
	st.open, st.calm, st.lastClose, st.inc = false, 0, t, Incident{}
	return inc
}

func percent(share float64) string {
	switch {
	case share >= 0.1:
		return fmt.Sprintf("%.0f %%", share*100)
	case share >= 0.01:
		return fmt.Sprintf("%.1f %%", share*100)
	default:
		return fmt.Sprintf("%.2g %%", share*100)
	}
}

func number(x float64) string {
	switch {
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2g", x)
	}
}
