package detect

import "fmt"

const (
	ruleScan    = "key_scanning"
	scanVersion = 1
)

// KeyScanningConfig configures key_scanning: one client that tries many keys.
type KeyScanningConfig struct {
	FastKeys int     `koanf:"fast_keys" help:"different invalid keys from one client in ten minutes"`
	SlowKeys int     `koanf:"slow_keys" help:"or in a day"`
	MinShare float64 `koanf:"min_share" in:"(0,1]" help:"lowest share of the client's requests that were refused as invalid"`
	// QuietMinutes without a refusal close the incident, SlowQuietMinutes one
	// that only the day's count opened.
	QuietMinutes     int `koanf:"quiet_minutes" help:"an incident closes after this many minutes without a refusal"`
	SlowQuietMinutes int `koanf:"slow_quiet_minutes" help:"the same, if only the day's count opened it"`
}

func keyScanning() Rule[Client, ClientMinute] {
	return Rule[Client, ClientMinute]{
		Name: ruleScan, Version: scanVersion,
		Against: func(r *ClientMinute) uint64 { return r.Invalid },
		Over: func(c *Config, e *Episode, _ *ClientMinute, t Minute) string {
			return e.quiet(t, quietFor(e, c.KeyScanning.QuietMinutes, c.KeyScanning.SlowQuietMinutes), ClosedCalm)
		},
		Judge: (*Config).judgeKeyScanning,
	}
}

func (all *Config) judgeKeyScanning(cl *Client, e *Episode, rows []ClientMinute, t Minute) {
	c := &all.KeyScanning
	w := 10
	keys, invalid, requests := distinctKeys(rows, t, w, e.lastClose)
	fast := keys >= c.FastKeys && float64(invalid) >= c.MinShare*float64(requests)
	if !fast {
		w = day
		keys, invalid, requests = distinctKeys(rows, t, w, e.lastClose)
	}
	threshold := c.SlowKeys
	if fast {
		threshold = c.FastKeys
	}
	inc := e.attempted(cl, t, attempts{
		kind: KeyScanning, rule: ruleScan, version: scanVersion, fast: fast,
		slow:  keys >= c.SlowKeys && float64(invalid) >= c.MinShare*float64(requests),
		count: float64(keys), threshold: float64(threshold), minutes: w, against: invalid, requests: requests,
	})
	if inc == nil {
		return
	}
	if fast {
		inc.Severity = Page
	}
	inc.Evidence.Keys = keys
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
