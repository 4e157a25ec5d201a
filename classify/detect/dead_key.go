package detect

import (
	"fmt"
	"slices"
)

const (
	ruleDead    = "dead_key"
	deadVersion = 1
)

// DeadKeyConfig configures dead_key: a suspended key, or one of a disabled
// account, that is still in use.
type DeadKeyConfig struct {
	// MinUses refusals in MinMinutes different minutes within a day open, and
	// so do refusals on MinDays different days (UTC) within a week.
	MinUses    uint64 `koanf:"min_uses" help:"refusals in a day"`
	MinMinutes int    `koanf:"min_minutes" help:"in at least this many different minutes"`
	MinDays    int    `koanf:"min_days" help:"or refusals on this many days of a week"`
	// PagePerMinute refusals a minute page.
	PagePerMinute uint64 `koanf:"page_per_minute" help:"page at this many refusals a minute"`
	// QuietMinutes without a refusal close the incident.
	QuietMinutes int `koanf:"quiet_minutes" help:"an incident closes after this many minutes without a refusal"`
}

// deadKey is the rule. A minute in which the key worked too does not count against it.
func deadKey() Rule[Key, KeyMinute] {
	return Rule[Key, KeyMinute]{
		Name: ruleDead, Version: deadVersion,
		Against: func(r *KeyMinute) uint64 {
			if r.Success > 0 {
				return 0
			}
			return uint64(r.Dead)
		},
		Over: func(c *Config, e *Episode, row *KeyMinute, t Minute) string {
			if row.Success > 0 {
				return ClosedReinstated
			}
			return e.quiet(t, c.DeadKey.QuietMinutes, ClosedSilent)
		},
		Judge: (*Config).judgeDeadKey,
	}
}

func (all *Config) judgeDeadKey(k *Key, e *Episode, rows []KeyMinute, t Minute) {
	c := &all.DeadKey
	if e.IsOpen() {
		c.describe(e, rows, t)
		return
	}
	u := deadUses(rows, t, e.lastClose)
	if (u.today < c.MinUses || u.minutesToday < c.MinMinutes) && u.days < c.MinDays {
		return
	}
	e.Begin(Incident{
		Kind: DeadKey, Entity: k.ID, EntityType: KeyEntity, Service: k.Service, Severity: Ticket,
		Requests: u.requests, Affected: u.all, Rule: ruleDead, RuleVersion: deadVersion,
	}, t)
	inc := e.edit()
	inc.Evidence.FirstSeen, inc.Evidence.Code = stamp(u.first), rows[len(rows)-1].DeadCode
	c.describe(e, rows, t)
}

// uses are the refusals of a dead key in the last week, after its last success
// and after its last incident.
type uses struct {
	today, all, requests uint64
	minutesToday, days   int
	first                Minute
	gaps                 []int
}

func deadUses(rows []KeyMinute, t, after Minute) (u uses) {
	var last, lastDay Minute = 0, -1
	for i := len(rows) - 1; i >= 0; i-- {
		r := &rows[i]
		if r.Minute <= t-KeyLookback || r.Minute <= after || r.Success > 0 {
			break
		}
		u.requests += uint64(r.Requests)
		if r.Dead == 0 {
			continue
		}
		u.all += uint64(r.Dead)
		if r.Minute > t-day {
			u.today += uint64(r.Dead)
			u.minutesToday++
		}
		if d := r.Minute / day; d != lastDay {
			u.days, lastDay = u.days+1, d
		}
		if last != 0 {
			u.gaps = append(u.gaps, int(last-r.Minute))
		}
		u.first, last = r.Minute, r.Minute
	}
	return u
}

func (c *DeadKeyConfig) describe(e *Episode, rows []KeyMinute, t Minute) {
	u := deadUses(rows, t, e.lastClose)
	inc := e.edit()
	if uint64(rows[len(rows)-1].Dead) >= c.PagePerMinute {
		inc.Severity = Page
	}
	inc.Evidence.LastSeen, inc.Evidence.Uses = stamp(t), u.all
	inc.Observed, inc.Expected, inc.Score = float64(inc.Affected), 0, float64(inc.Affected)/float64(c.MinUses)
	what := "suspended key"
	if inc.Evidence.Code == 31 {
		what = "key of a disabled account"
	}
	inc.Summary = fmt.Sprintf("%s %s is still in use: refused %s since %s", what, shortKey(inc.Entity),
		plural(inc.Affected, "time"), inc.Evidence.FirstSeen)
	if len(u.gaps) >= 3 {
		slices.Sort(u.gaps)
		gap := u.gaps[len(u.gaps)/2]
		inc.Evidence.MedianGap = gap
		if low, high := u.gaps[len(u.gaps)/10], u.gaps[len(u.gaps)*9/10]; gap >= 4 &&
			float64(high-low) <= 0.2*float64(gap)+2 {
			inc.Summary += fmt.Sprintf(", every %s: looks like a scheduled job", span(gap))
		}
	}
}
