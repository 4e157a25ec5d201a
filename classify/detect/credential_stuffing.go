package detect

import "fmt"

const (
	ruleStuffing    = "credential_stuffing"
	stuffingVersion = 1
)

// StuffingConfig configures credential_stuffing: one client whose logins fail
// (the outcome auth_failed). The log names no account, so failures are counted.
type StuffingConfig struct {
	FastFailures uint64  `koanf:"fast_failures" help:"failed logins of one client in ten minutes"`
	MaxSuccess   float64 `koanf:"max_success" help:"with at most this share of successes"`
	SlowFailures uint64  `koanf:"slow_failures" help:"or failed logins in a day"`
	SlowShare    float64 `koanf:"slow_share" in:"(0,1]" help:"with at least this share of the client's requests"`
	// QuietMinutes without a failure close the incident, SlowQuietMinutes one
	// that only the day's count opened.
	QuietMinutes     int `koanf:"quiet_minutes" help:"an incident closes after this many minutes without a failure"`
	SlowQuietMinutes int `koanf:"slow_quiet_minutes" help:"the same, if only the day's count opened it"`
}

func credentialStuffing() Rule[Client, ClientMinute] {
	return Rule[Client, ClientMinute]{
		Name: ruleStuffing, Version: stuffingVersion,
		Against: func(r *ClientMinute) uint64 { return r.AuthFailed },
		Over: func(c *Config, e *Episode, _ *ClientMinute, t Minute) string {
			return e.quiet(t, quietFor(e, c.Stuffing.QuietMinutes, c.Stuffing.SlowQuietMinutes), ClosedCalm)
		},
		Judge: (*Config).judgeStuffing,
	}
}

func (all *Config) judgeStuffing(cl *Client, e *Episode, rows []ClientMinute, t Minute) {
	c := &all.Stuffing
	failed, success, requests := logins(rows, t, 10, e.lastClose)
	fast := failed >= c.FastFailures && float64(success) < c.MaxSuccess*float64(requests)
	w := 10
	if !fast {
		w = day
		failed, success, requests = logins(rows, t, w, e.lastClose)
	}
	threshold := c.SlowFailures
	if fast {
		threshold = c.FastFailures
	}
	inc := e.attempted(cl, t, attempts{
		kind: CredentialStuffing, rule: ruleStuffing, version: stuffingVersion, fast: fast,
		slow:  failed >= c.SlowFailures && float64(failed) >= c.SlowShare*float64(requests),
		count: float64(failed), threshold: float64(threshold), minutes: w, against: failed, requests: requests,
	})
	if inc == nil {
		return
	}
	if fast {
		inc.Severity = Page
	}
	inc.Summary = fmt.Sprintf("client %s tries logins: %d of %d requests failed to authenticate in %s, %d succeeded",
		inc.Entity, failed, requests, span(w), success)
}

func logins(rows []ClientMinute, t Minute, w int, after Minute) (failed, success, requests uint64) {
	for _, r := range back(rows, clientMinute, t, w) {
		if r.Minute > after {
			failed, success, requests = failed+r.AuthFailed, success+r.Success, requests+r.Requests
		}
	}
	return failed, success, requests
}
