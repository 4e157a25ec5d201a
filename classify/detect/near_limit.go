package detect

import (
	"fmt"

	"statline/classify/limit"
)

const (
	ruleNear    = "near_limit"
	nearVersion = 1
)

// NearConfig configures near_limit: a key that comes near its limit day after day.
type NearConfig struct {
	MinDays int `koanf:"min_days" in:"[2,14]" help:"consecutive days on which a key used at least 80 % of its limit"`
}

const (
	// NearShare is the share of its limit that a key must use on a day to be near it.
	NearShare = 0.8
	// NearDays is how many days in a row are looked at.
	NearDays = 14
	// NearMinute is the minute of a day, UTC, in which the day before is judged: an
	// hour late, so that its rows have come.
	NearMinute = 60
	// NearLookback is how many minutes of rows the rule looks back on: one row.
	NearLookback = day
)

// NearDay says that a key was near its limit on a day that is over.
type NearDay struct {
	Minute   Minute  // in which the day is judged
	Requests uint64  // of the day
	Share    float64 // of its limit that it used at most on the day: 1 is all of it
	Most     float64 // the same of Days
	Days     int     // in a row, up to this one, on which it was near: 1 to NearDays
	Limit    uint32
	Window   uint32 // of the limit, in seconds; 0 when it is not told
	From     string // who says the limit: limit.FromHeaders and the others
	Tier     string // that the limit is of, "" for none
}

// Near is the rule about keys that come near their limit.
func Near() *Family[Key, NearDay] {
	return &Family[Key, NearDay]{
		Type:     KeyEntity,
		Name:     func(k *Key) string { return k.ID },
		Minute:   func(r *NearDay) Minute { return r.Minute },
		Requests: func(r *NearDay) uint64 { return r.Requests },
		Lookback: NearLookback,
		Rules: []Rule[Key, NearDay]{{
			Name: ruleNear, Version: nearVersion,
			Against: func(r *NearDay) uint64 { return r.Requests },
			// A day that was not near has no row: the incident ends when it is judged.
			Over: func(_ *Config, e *Episode, _ *NearDay, t Minute) string { return e.quiet(t, day, ClosedCalm) },
			Judge: func(c *Config, k *Key, e *Episode, rows []NearDay, t Minute) {
				c.Near.judge(k, e, &rows[len(rows)-1], t)
			},
		}},
	}
}

func (c *NearConfig) judge(k *Key, e *Episode, now *NearDay, t Minute) {
	if !e.IsOpen() {
		if now.Days < c.MinDays {
			return
		}
		e.Begin(Incident{
			Kind: NearLimit, Entity: k.ID, EntityType: KeyEntity, Severity: Info,
			Requests: now.Requests, Affected: now.Requests, Rule: ruleNear, RuleVersion: nearVersion,
		}, t)
	}
	inc := e.edit()
	inc.Observed, inc.Expected, inc.Score = now.Share, NearShare, now.Share/NearShare
	ev := &inc.Evidence
	if ev.FirstSeen == "" {
		ev.FirstSeen = stamp(t - NearMinute - Minute(now.Days)*day)
	}
	ev.Days, ev.Share, ev.Limit, ev.LimitFrom, ev.Tier = now.Days, now.Share, now.Limit, now.From, now.Tier
	inc.Summary = now.sentence(k)
}

func (r *NearDay) sentence(k *Key) string {
	of := plural(uint64(r.Limit), "request")
	if r.Window > 0 {
		of += " in " + limit.Span(r.Window)
	}
	switch {
	case r.From == limit.FromFile && r.Tier != "":
		of += " (tier " + r.Tier + " of the limits file)"
	case r.From == limit.FromFile:
		of += " (limits file)"
	}
	days := fmt.Sprintf("%d days in a row", r.Days)
	if r.Days == NearDays {
		days = fmt.Sprintf("at least %d days in a row", r.Days)
	}
	return fmt.Sprintf("%s: near its limit of %s on %s: it used %.0f %% on the last of them, %.0f %% at most",
		shortKey(k.ID), of, days, 100*r.Share, 100*r.Most)
}
