package detect

import (
	"fmt"
	"math"
)

const (
	ruleTimeout  = "timeout_spike"
	ruleOutage   = "outage"
	ruleErrors   = "error_spike"
	spikeVersion = 2
)

// Tier is one way for a spike to open: within Window minutes at least MinCount
// failures, a deviance of at least MinZ, and a share of at least
// max(Ratio * usual share, MinShare).
type Tier struct {
	Window   int     `koanf:"window_minutes" in:"[1,60]" help:"minutes of the window, 1 to 60"`
	MinZ     float64 `koanf:"min_z" in:"(0,)" help:"lowest deviance"`
	MinCount uint64  `koanf:"min_count" in:"[1,)" help:"lowest number of failures"`
	// MinMinutes is in how many different minutes there must be failures.
	MinMinutes int     `koanf:"min_minutes" help:"different minutes with failures"`
	Ratio      float64 `koanf:"ratio" in:"[1,)" help:"times the usual share of failures"`
	MinShare   float64 `koanf:"min_share" in:"[0,1]" help:"lowest share of failures"`
}

// SpikeConfig configures timeout_spike, outage and error_spike.
type SpikeConfig struct {
	Tiers []Tier `koanf:"tiers" help:"conditions that open an incident; one is enough"`
	// Prior is the share of failures that is assumed before a service has a
	// history; it weighs as much as 1/Prior requests.
	Prior float64 `koanf:"prior" in:"(0,1]" help:"share of failures assumed while there is no history"`
	// CalmMinutes below the closing thresholds end a rise; the incident closes
	// after ReopenMinutes of them, and after FlapMinutes when it has come back
	// once: what rises again before is the same incident.
	CalmMinutes   int `koanf:"calm_minutes" in:"[1,)" help:"calm minutes that end a rise"`
	ReopenMinutes int `koanf:"reopen_minutes" in:"[1,180]" help:"calm minutes that close an incident; a new rise before that continues it"`
	FlapMinutes   int `koanf:"flap_minutes" in:"[1,180]" help:"the same, for an incident that has come back before"`
	// ShiftMinutes after opening, a level that lasts becomes the baseline, when
	// its share is under PageShare: what is worse is never normal.
	ShiftMinutes int `koanf:"shift_minutes" in:"[120,1440]" help:"minutes after which a mild, lasting level counts as the new normal, 120 to 1440"`
	// PageCount failures in five minutes that are PageFloor of the requests, or
	// PageShare of the requests, page.
	PageCount uint64  `koanf:"page_count" help:"page at this many failures in five minutes"`
	PageFloor float64 `koanf:"page_floor" in:"(0,1]" help:"if they are at least this share of the requests"`
	PageShare float64 `koanf:"page_share" in:"(0,1]" help:"page at this share of the requests"`
}

// baseline is what is normal for one series at one minute.
type baseline struct {
	share float64 // usual share of failures
	// cv2 is the squared coefficient of variation of that share over the windows of
	// spreadWindows, beyond counting noise; 0 for not yet learnt.
	cv2 [len(spreadWindows)]float64
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
	// seasonWeight is how many failures speak against a time of the day being another
	// than the day.
	seasonWeight = 3
	dayBlocks    = day / blockMinutes
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
	for back := int32(1); n24 == 0 && back < 7; back++ { // an incident, or silence, may fill a day
		n24, k24 = h.sum(r, to-(back+1)*dayBlocks, to-back*dayBlocks)
	}
	shrink := func(n, k uint64) float64 { return (float64(k) + a) / (float64(n) + a/c.Prior) }
	p24 := shrink(n24, k24)
	// At this time of other days the share was so many times that of the day around it.
	var found, expected float64
	for _, back := range seasons {
		mid := (int32(t) - back) / blockMinutes
		n, k := h.sum(r, mid-12, mid+13)
		nd, kd := h.sum(r, mid-dayBlocks/2, min(mid+dayBlocks/2, to))
		found, expected = found+float64(k), expected+float64(n)*shrink(nd, kd)
	}
	p := p24 * max(1, (found+seasonWeight)/(expected+seasonWeight))
	n3, k3 := h.sum(r, to-36, to)
	p = max(p, (float64(k3)+a/2)/(float64(n3)+a/2/p))
	b := baseline{share: p}
	h.spreads(r, to, p, b.cv2[:])
	return b
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
		c := h.At(m)
		n += uint64(c.N)
		x := c.k(series)
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

// requestsIn is the number of requests in the last w minutes up to t.
func (h *History) requestsIn(t Minute, w int) (n uint64) {
	for m := t - Minute(w) + 1; m <= t; m++ {
		n += h.At(m).N
	}
	return n
}

// compare says how many of n requests in a window of w minutes are expected to fail, and
// how far above that k lies.
func (st *spikeState) compare(h *History, series, w int, n, k uint64) (expected, z float64) {
	expected = max(float64(n)*st.base.share, 0.02)
	return expected, deviance(float64(k), expected, st.spread(h, series, w))
}

// step folds minute t of series into st. changed is set when an incident was
// opened, or when inc was closed.
func (c *SpikeConfig) step(
	h *History, st *spikeState, series int, service string, now minuteState,
) (inc Incident, changed bool) {
	if !st.open {
		c.tryOpen(h, st, series, service, now.at)
		return Incident{}, st.open
	}
	return c.stepOpen(h, st, series, now)
}

// minuteState is what all rules of a service know of a minute: whether any
// service was seen in it (silence of everything is a gap in the log, not calm),
// and when this service was seen last.
type minuteState struct {
	at    Minute
	alive bool
	seen  Minute
	// silent is for how many minutes this service has been silent while others
	// were not.
	silent int
	late   int    // minutes by which rows of this service may still come
	gap    Minute // the last minute in which no service was seen, 0 for none
}

// refresh computes the baseline once a block. It rests while an incident is
// open.
func (c *SpikeConfig) refresh(h *History, st *spikeState, series int, t Minute) {
	if at := (int32(t) + 1) / blockMinutes; at != st.baseAt && !st.open {
		st.base, st.baseAt = c.remembered(h, st, series, at), at
	}
}

// remembered is usual as of the last minute before block at, from the history's memory
// when nothing has changed since it was computed: previews come to it again and again.
func (c *SpikeConfig) remembered(h *History, st *spikeState, series int, at int32) baseline {
	r := reader{series, st.since, st.lifted}
	m := &h.usual[series][at%int32(len(h.usual[series]))]
	if m.at != at || m.reader != r || m.changes != h.changes {
		*m = remembered{at, r, h.changes, c.usual(h, r, Minute(at)*blockMinutes-1)}
	}
	return m.baseline
}

func (c *SpikeConfig) tryOpen(h *History, st *spikeState, series int, service string, t Minute) {
	if h.At(t).k(series) == 0 {
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
		if share < tier.Ratio*st.base.share {
			continue
		}
		if _, z := st.compare(h, series, tier.Window, n, k); z < tier.MinZ {
			continue
		}
		c.openAt(st, series, service, t)
		c.observe(h, st, series, t, tier.Window)
		return
	}
}

// spikeKinds are what the incidents of each series are, and how they say it.
var spikeKinds = [seriesCount]struct {
	kind       Kind
	rule, what string
}{
	seriesTimeout: {TimeoutSpike, ruleTimeout, "timeouts"},
	seriesOffline: {Outage, ruleOutage, "responses said that the service is offline"},
	seriesErrors:  {ErrorSpike, ruleErrors, "server errors"},
}

func (c *SpikeConfig) openAt(st *spikeState, series int, service string, t Minute) {
	kind, rule := spikeKinds[series].kind, spikeKinds[series].rule
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
	mu, z := st.compare(h, series, w, n, k)
	share := float64(k) / float64(n)
	if k >= c.PageCount && share >= c.PageFloor || share >= c.PageShare && k >= 6 {
		st.inc.Severity = Page
	}
	if z <= st.inc.Score {
		return
	}
	st.inc.Observed, st.inc.Expected, st.inc.Score = float64(k), mu, z
	st.inc.Evidence.window(w, n, k)
	st.inc.Evidence.Share, st.inc.Evidence.BaselineShare = share, st.base.share
	st.inc.Summary = fmt.Sprintf("%s: %d %s among %d requests in %d min (%s), %s expected (%s); z = %.1f",
		st.inc.Service, k, spikeKinds[series].what, n, w, percent(share), number(mu), percent(st.base.share), z)
}

func (c *SpikeConfig) stepOpen(h *History, st *spikeState, series int, now minuteState) (Incident, bool) {
	t, row := now.at, h.At(now.at)
	st.inc.Requests += row.N
	st.inc.Affected += row.k(series)
	c.observe(h, st, series, t, 5)
	calm := st.calm
	known := c.tally(h, st, series, t, now.alive)
	quiet := known && row.N == 0 // as it usually is at this time
	if now.alive && !quiet && silence(&st.inc, now.seen, t, silentMinutes) {
		return st.close(t, ClosedGone), true
	}
	switch {
	case !known: // no data: hold
	case st.calm >= c.closeAfter(&st.inc):
		return st.close(t, ClosedCalm), true
	case st.calm == 0 && calm >= c.CalmMinutes:
		st.inc.again(t)
	case int(t-st.inc.OpenedAt) >= c.ShiftMinutes && st.inc.steadySince(t-Minute(c.ShiftMinutes)) &&
		c.lasts(h, series, t):
		st.inc.Summary += "; this level has lasted for hours and counts as the new normal"
		inc := st.close(t, ClosedShifted)
		st.since, st.lifted, st.baseAt = t-60, t, 0
		return inc, true
	}
	return Incident{}, false
}

// closeAfter is how many calm minutes close an incident.
func (c *SpikeConfig) closeAfter(inc *Incident) int {
	if inc.Evidence.Episodes > 1 {
		return max(c.FlapMinutes, c.CalmMinutes)
	}
	return max(c.ReopenMinutes, c.CalmMinutes)
}

// tally counts the calm minutes of an open incident. It reports false for a
// minute of which nothing is known, or in which a service that failed is
// silent: it counts neither way.
func (c *SpikeConfig) tally(h *History, st *spikeState, series int, t Minute, alive bool) bool {
	if h.At(t).N == 0 && !alive {
		return false
	}
	n, k, _, _ := h.window(series, t, 5, 0)
	if n == 0 && !h.usuallySilent(t, st.inc.OpenedAt) {
		return false
	}
	calm := true
	if n > 0 {
		share := float64(k) / float64(n)
		_, z := st.compare(h, series, 5, n, k)
		calm = k < 3 || share < max(1.5*st.base.share, 0.003) || z < 2
	}
	if calm {
		st.calm++
	} else {
		st.calm = 0
	}
	return true
}

// lasts reports whether the last hour is mild, within a factor 1.5 of the hour
// before, and one level: what comes and goes is none.
func (c *SpikeConfig) lasts(h *History, series int, t Minute) bool {
	n1, k1, _, _ := h.window(series, t, 60, 0)
	n0, k0, _, _ := h.window(series, t-60, 60, 0)
	if n1 == 0 || n0 == 0 {
		return false
	}
	s1, s0 := (float64(k1)+0.5)/float64(n1), (float64(k0)+0.5)/float64(n0)
	for quarter := Minute(0); quarter < 4; quarter++ {
		n, k, _, _ := h.window(series, t-15*quarter, 15, 0)
		usual := float64(n) * float64(k1) / float64(n1)
		if float64(k) >= c.PageShare*float64(max(n, 1)) || float64(k) < 0.5*usual-3*math.Sqrt(usual) {
			return false
		}
	}
	return s1 < c.PageShare && s1 < 1.5*s0 && s0 < 1.5*s1
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
