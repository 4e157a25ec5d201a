package detect

import "fmt"

const (
	// RuleInvalidKey is the rule whose incidents a success of the key ends.
	RuleInvalidKey = "invalid_key"
	invalidVersion = 1
)

// InvalidKeyConfig configures invalid_key: the same unknown key again and
// again, which is a misconfigured client, not a typo.
type InvalidKeyConfig struct {
	MinMinutes   int    `koanf:"min_minutes" help:"different minutes with refusals in an hour"`
	MinCount     uint64 `koanf:"min_count" help:"or refusals in ten minutes"`
	QuietMinutes int    `koanf:"quiet_minutes" help:"an incident closes after this many minutes without a refusal"`
	// PagePerMinute refusals a minute page.
	PagePerMinute uint64 `koanf:"page_per_minute" help:"page at this many refusals a minute"`
}

func invalidKey() Rule[Key, KeyMinute] {
	return Rule[Key, KeyMinute]{
		Name: RuleInvalidKey, Version: invalidVersion,
		Against: func(r *KeyMinute) uint64 { return uint64(r.Invalid) },
		Over: func(c *Config, e *Episode, row *KeyMinute, t Minute) string {
			if row.Success > 0 {
				return ClosedReinstated
			}
			return e.quiet(t, c.InvalidKey.QuietMinutes, ClosedSilent)
		},
		Judge: (*Config).judgeInvalidKey,
	}
}

func (all *Config) judgeInvalidKey(k *Key, e *Episode, rows []KeyMinute, t Minute) {
	c := &all.InvalidKey
	if !e.IsOpen() {
		var minutes int
		var ten, hour, requests uint64
		for _, r := range back(rows, keyMinute, t, 60) {
			if r.Invalid == 0 || r.Minute <= e.lastClose {
				continue
			}
			minutes++
			hour += uint64(r.Invalid)
			requests += uint64(r.Requests)
			if r.Minute > t-10 {
				ten += uint64(r.Invalid)
			}
		}
		if minutes < c.MinMinutes && ten < c.MinCount {
			return
		}
		e.Begin(Incident{
			Kind: InvalidKey, Entity: k.ID, EntityType: KeyEntity, Service: k.Service, Severity: Ticket,
			Requests: requests, Affected: hour, Rule: RuleInvalidKey, RuleVersion: invalidVersion,
		}, t)
	}
	inc := e.edit()
	if uint64(rows[len(rows)-1].Invalid) >= c.PagePerMinute {
		inc.Severity = Page
	}
	inc.Observed, inc.Score = float64(inc.Affected), float64(inc.Affected)/float64(c.MinMinutes)
	inc.Evidence.LastSeen, inc.Evidence.Code = stamp(t), 7
	inc.Summary = fmt.Sprintf("unknown key %s: refused %s as invalid since %s: a misconfigured client, not a typo",
		shortKey(inc.Entity), plural(inc.Affected, "time"), clock(inc.OpenedAt))
}
