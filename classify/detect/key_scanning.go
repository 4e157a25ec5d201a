package detect

import "fmt"

const (
	ruleScan    = "key_scanning"
	scanVersion = 1
)

// KeyScanningConfig configures key_scanning: one client that tries many keys.
type KeyScanningConfig struct {
	FastKeys int     `koanf:"fast_keys" help:"different invalid keys in ten minutes"`
	SlowKeys int     `koanf:"slow_keys" help:"or in a day"`
	MinShare float64 `koanf:"min_share" help:"share of the client's requests that were refused as invalid"`
	// QuietMinutes without a refusal close the incident, SlowQuietMinutes one
	// that only the day's count opened.
	QuietMinutes     int `koanf:"quiet_minutes" help:"minutes without a refusal that close"`
	SlowQuietMinutes int `koanf:"slow_quiet_minutes" help:"the same when only the day's count opened"`
}

func keyScanning() Rule[Client, ClientMinute] {
	return Rule[Client, ClientMinute]{
		Name: ruleScan, Version: scanVersion,
		Against: func(r *ClientMinute) uint64 { return r.Invalid },
		Over: func(c *Config, e *Episode, _ *ClientMinute, t Minute) string {
			return e.quiet(t, quietFor(e, c.KeyScanning.QuietMinutes, c.KeyScanning.SlowQuietMinutes), ClosedCalm)
		},
		Judge: func(c *Config, cl *Client, e *Episode, rows []ClientMinute, t Minute) {
			c.KeyScanning.judge(cl, e, rows, t)
		},
	}
}

func (c *KeyScanningConfig) judge(cl *Client, e *Episode, rows []ClientMinute, t Minute) {
	keys, w := 0, 10
	var invalid, requests uint64
	keys, invalid, requests = distinctKeys(rows, t, w, e.lastClose)
	fast := keys >= c.FastKeys && float64(invalid) >= c.MinShare*float64(requests)
	if !fast {
		w = day
		keys, invalid, requests = distinctKeys(rows, t, w, e.lastClose)
	}
	if !e.IsOpen() {
		if !fast && (keys < c.SlowKeys || float64(invalid) < c.MinShare*float64(requests)) {
			return
		}
		e.Begin(Incident{
			Kind: KeyScanning, Entity: cl.IP, EntityType: ClientEntity, Severity: Ticket,
			Requests: requests, Affected: invalid, Rule: ruleScan, RuleVersion: scanVersion,
		}, t)
	}
	inc := e.edit()
	if fast && float64(keys) < inc.Observed || !fast && inc.Evidence.WindowMinutes == 10 {
		return
	}
	threshold := c.SlowKeys
	if fast {
		threshold, inc.Severity = c.FastKeys, Page
	}
	inc.Observed, inc.Expected, inc.Score = float64(keys), 0, float64(keys)/float64(threshold)
	inc.Evidence.Keys, inc.Evidence.WindowMinutes = keys, w
	inc.Evidence.WindowRequests, inc.Evidence.WindowAffected = requests, invalid
	inc.Evidence.Share = float64(invalid) / float64(max(requests, 1))
	inc.Summary = fmt.Sprintf("client %s tries keys: at least %d different invalid keys in %s, %d of %d requests refused (%s)",
		inc.Entity, keys, span(w), invalid, requests, percent(inc.Evidence.Share))
}

// distinctKeys counts the different invalid keys of the w minutes up to t, and
// sums the refusals and the requests.
func distinctKeys(rows []ClientMinute, t Minute, w int, after Minute) (keys int, invalid, requests uint64) {
	seen := map[uint64]struct{}{}
	for _, r := range back(rows, clientMinute, t, w) {
		if r.Minute <= after {
			continue
		}
		invalid += r.Invalid
		requests += r.Requests
		for _, k := range r.InvalidKeys {
			seen[k] = struct{}{}
		}
	}
	return len(seen), invalid, requests
}
