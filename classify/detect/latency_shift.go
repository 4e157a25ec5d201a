package detect

import "fmt"

const (
	ruleLatency    = "latency_shift"
	latencyVersion = 1
)

// LatencyConfig configures latency_shift: a service answers more of its requests
// slower than the 99th percentile of its own last week.
type LatencyConfig struct {
	MinShare  float64 `koanf:"min_share" in:"(0,1]" help:"lowest share of slow requests; 0.01 is usual"`
	MinRatio  float64 `koanf:"min_ratio" in:"[1,)" help:"at least this many times the share in the week's slowest hours"`
	MinCount  uint64  `koanf:"min_count" in:"[1,)" help:"lowest number of slow requests"`
	PageShare float64 `koanf:"page_share" in:"(0,1]" help:"page at this share of slow requests"`
	// QuietMinutes without a slow minute close.
	QuietMinutes int `koanf:"quiet_minutes" in:"[1,)" help:"an incident closes after this many minutes without a slow request"`
}

// LatencyDays is how many whole days a service's own 99th percentile is taken of.
// They end a day before the day that is judged, so that all their rows have come.
const LatencyDays = 7

// LatencyQuantile is the percentile above which a request is slow.
const LatencyQuantile = 0.99

// Pace is the usual speed of a service on one day, from the hours of the LatencyDays
// before.
type Pace struct {
	Service string
	Bucket  uint16  // of the latency histogram: what lies above is slow
	Limit   float64 // its latency in microseconds
	Usual   float64 // share that was slow in all but the slowest two per cent of the hours
}

// PaceMinute is how fast one service answered in one minute.
type PaceMinute struct {
	Minute Minute
	Timed  uint64 // requests whose latency is known
	Slow   uint64 // of which above the limit
	Limit  float64
	Usual  float64
}

// PaceOf is the entity of latency_shift.
type PaceOf struct{ Service string }

// PaceLookback is how many minutes of rows the rule looks back on.
const PaceLookback = 15

// Paces is the rule about the latency of services.
func Paces() *Family[PaceOf, PaceMinute] {
	return &Family[PaceOf, PaceMinute]{
		Type:     ServiceEntity,
		Name:     func(s *PaceOf) string { return s.Service },
		Minute:   paceMinute,
		Requests: func(r *PaceMinute) uint64 { return r.Timed },
		Lookback: PaceLookback,
		Rules: []Rule[PaceOf, PaceMinute]{{
			Name: ruleLatency, Version: latencyVersion,
			Against: (*PaceMinute).over,
			Over: func(c *Config, e *Episode, row *PaceMinute, t Minute) string {
				switch {
				case row.Timed == 0:
					return e.quiet(t, day, ClosedSilent)
				case t-e.inc.OpenedAt > 2*day: // the limit has followed
					return e.quiet(t, c.Latency.QuietMinutes, ClosedShifted)
				}
				return e.quiet(t, c.Latency.QuietMinutes, ClosedCalm)
			},
			Judge: (*Config).judgeLatency,
		}},
	}
}

func paceMinute(r *PaceMinute) Minute { return r.Minute }

// usual is the share of slow requests that is normal.
func (r *PaceMinute) usual() float64 { return max(r.Usual, 1-LatencyQuantile) }

// over is the number of slow requests in a minute that has twice the usual share of
// them, otherwise 0.
func (r *PaceMinute) over() uint64 {
	if float64(r.Slow) < 2*r.usual()*float64(r.Timed) {
		return 0
	}
	return r.Slow
}

// slowWindows are the windows of the rule: their minutes, and in how many of
// those there must be too many slow requests.
var slowWindows = [...]struct{ minutes, over int }{{5, 3}, {PaceLookback, 6}}

func (all *Config) judgeLatency(s *PaceOf, e *Episode, rows []PaceMinute, t Minute) {
	c := &all.Latency
	for _, w := range slowWindows {
		var timed, slow uint64
		minutes := 0
		for _, r := range back(rows, paceMinute, t, w.minutes) {
			if r.Minute <= e.lastClose {
				continue
			}
			timed, slow = timed+r.Timed, slow+r.Slow
			if r.over() > 0 {
				minutes++
			}
		}
		now := &rows[len(rows)-1]
		share := float64(slow) / float64(max(timed, 1))
		if minutes < w.over || slow < c.MinCount || share < max(c.MinShare, c.MinRatio*now.usual()) {
			continue
		}
		if !e.IsOpen() {
			e.Begin(Incident{
				Kind: LatencyShift, Entity: s.Service, EntityType: ServiceEntity, Service: s.Service, Severity: Ticket,
				Requests: now.Timed, Affected: now.over(), Rule: ruleLatency, RuleVersion: latencyVersion,
			}, t)
		}
		c.observe(e, now, w.minutes, timed, slow)
		return
	}
}

// observe keeps the greatest share of the incident.
func (c *LatencyConfig) observe(e *Episode, now *PaceMinute, window int, timed, slow uint64) {
	share := float64(slow) / float64(timed)
	if share <= e.inc.Observed {
		return
	}
	inc := e.edit()
	inc.Observed, inc.Expected, inc.Score = share, now.usual(), share/now.usual()
	inc.Evidence.window(window, timed, slow)
	inc.Evidence.Share, inc.Evidence.BaselineShare = share, now.usual()
	if share >= c.PageShare {
		inc.Severity = Page
	}
	inc.Summary = fmt.Sprintf("%s: %s of %d requests in %d min took longer than %s, which is its 99th percentile of the week before; usual are up to %s",
		inc.Service, percent(share), timed, window, millis(now.Limit), percent(now.usual()))
}

// millis writes microseconds for people.
func millis(micros float64) string {
	if micros < 10_000 {
		return fmt.Sprintf("%.1f ms", micros/1000)
	}
	return fmt.Sprintf("%.0f ms", micros/1000)
}
