package detect

import (
	"fmt"
	"math/bits"
)

const (
	ruleRate    = "rate_limit"
	rateVersion = 1
)

// RateConfig configures throttled, offender and flood: one incident, which
// rises from kind to kind. Slots are windows of the API's rate limit.
type RateConfig struct {
	// ThrottledShare of the slots of five minutes were refused: throttled.
	ThrottledShare float64 `koanf:"throttled_share" in:"(0,1]" help:"throttled: share of the slots of five minutes in which requests were refused"`
	// OffenderCount refusals in five minutes that are OffenderShare of the
	// key's requests, or OffenderSlots of the slots of an hour, make a throttled
	// key an offender; so do OffenderAgain minutes of it in two spells that begin
	// within half a day. Batch jobs whose library backs off are mostly done in a
	// quarter of an hour, and come once a day.
	OffenderCount uint64  `koanf:"offender_count" help:"offender: refusals in five minutes"`
	OffenderShare float64 `koanf:"offender_share" in:"(0,1]" help:"and their share of the requests"`
	OffenderSlots float64 `koanf:"offender_slots_share" in:"(0,1]" help:"or the share of slots with refusals in an hour"`
	OffenderAgain int     `koanf:"offender_again_minutes" in:"[1,)" help:"or the minutes of two spells within half a day"`
	// FloodCount refusals a minute, two minutes running, that are FloodShare
	// of a throttled key's requests, are a flood. One runaway burst of a minute
	// is over before anyone could act on it.
	FloodCount uint64  `koanf:"flood_count" help:"flood: refusals a minute, for two minutes in a row"`
	FloodShare float64 `koanf:"flood_share" in:"(0,1]" help:"and their share of the requests"`
	// QuietMinutes without a refusal close the incident.
	QuietMinutes int `koanf:"quiet_minutes" help:"an incident closes after this many minutes without a refusal"`
}

// refusals sums rows: refused slots, refusals, requests.
func refusals(rows []KeyMinute) (slots int, refused, requests uint64) {
	for i := range rows {
		slots += bits.OnesCount64(rows[i].Slots)
		refused += uint64(rows[i].RateLimited)
		requests += uint64(rows[i].Requests)
	}
	return slots, refused, requests
}

// rateLimit is the rule.
func rateLimit() Rule[Key, KeyMinute] {
	of := func(c *Config, k *Key) *RateConfig {
		if own := c.rateOf(k.ID); own != nil {
			return own
		}
		return &c.Rate
	}
	return Rule[Key, KeyMinute]{
		Name: ruleRate, Version: rateVersion,
		Against: func(r *KeyMinute) uint64 { return uint64(r.RateLimited) },
		Over: func(c *Config, e *Episode, _ *KeyMinute, t Minute) string {
			return e.quiet(t, c.Rate.QuietMinutes, ClosedCalm) // presets do not change it
		},
		Judge: func(c *Config, k *Key, e *Episode, rows []KeyMinute, t Minute) { of(c, k).judge(k, e, rows, t) },
	}
}

// again reports that a throttled key was throttled within half a day before, and for
// how long in all.
func (c *RateConfig) again(e *Episode, t Minute) bool {
	if e.before == 0 || e.inc.OpenedAt-e.before > day/2 {
		return false
	}
	return int(e.lastClose-e.before)-c.QuietMinutes+int(t-e.inc.OpenedAt) >= c.OffenderAgain
}

func (c *RateConfig) flood(r KeyMinute) bool {
	return uint64(r.RateLimited) >= c.FloodCount && float64(r.RateLimited) >= c.FloodShare*float64(r.Requests)
}

func (c *RateConfig) judge(k *Key, e *Episode, rows []KeyMinute, t Minute) {
	row := rows[len(rows)-1]
	five := back(rows, keyMinute, t, 5)
	slots, refused, requests := refusals(five)
	perMinute := 60 / row.slotSeconds()
	throttled := float64(slots) >= c.ThrottledShare*float64(5*perMinute)
	flood := c.flood(row) && len(five) > 1 && five[len(five)-2].Minute == t-1 && c.flood(five[len(five)-2])
	if !e.IsOpen() {
		if !throttled {
			return
		}
		e.Begin(Incident{
			Kind: Throttled, Entity: k.ID, EntityType: KeyEntity, Service: k.Service, Severity: Info,
			Requests: requests, Affected: refused, Rule: ruleRate, RuleVersion: rateVersion,
		}, t)
		e.escalate(Throttled, Info, t)
	}
	hour, _, _ := refusals(back(rows, keyMinute, t, 60))
	offender := throttled && (refused >= c.OffenderCount && float64(refused) >= c.OffenderShare*float64(requests) ||
		float64(hour) >= c.OffenderSlots*float64(60*perMinute) || c.again(e, t))
	if offender && e.inc.Kind == Throttled {
		e.escalate(Offender, Ticket, t)
	}
	if throttled && flood && e.inc.Kind != Flood {
		e.escalate(Flood, Page, t)
	}
	c.describe(e, row, slots, 5*perMinute, refused, requests)
}

// describe keeps the worst five minutes of the incident.
func (c *RateConfig) describe(e *Episode, row KeyMinute, slots, of int, refused, requests uint64) {
	inc := e.edit()
	inc.Evidence.Limit = max(inc.Evidence.Limit, row.Limit)
	inc.Evidence.HighestCount = max(inc.Evidence.HighestCount, row.Highest)
	if float64(refused) <= inc.Observed && inc.Summary != "" && inc.Evidence.Reason == string(inc.Kind) {
		return
	}
	inc.Evidence.Reason = string(inc.Kind)
	inc.Observed, inc.Expected = float64(refused), 0
	inc.Score = float64(slots) / (c.ThrottledShare * float64(of))
	inc.Evidence.RefusedSlots = slots
	inc.Evidence.window(5, requests, refused)
	inc.Evidence.Share = float64(refused) / float64(max(requests, 1))
	inc.Summary = fmt.Sprintf("key %s: %d of %d requests refused by the rate limit in 5 min (%s), in %d of %d limit windows; since %s",
		shortKey(inc.Entity), refused, requests, percent(inc.Evidence.Share), slots, of, clock(inc.OpenedAt))
}
