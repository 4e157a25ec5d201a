package detect

import (
	"fmt"

	"statline/classify/distinct"
)

const (
	rulePaths    = "path_scan"
	pathsVersion = 1
	// of a service, whoever asks
	ruleServicePaths = "service_path_scan"
)

// PathScanConfig configures path_scan: somebody asks for many paths that do not
// exist (404). Their number is an estimate, and no more than distinct.Most can be told
// apart: see distinct.Bitmap.
type PathScanConfig struct {
	FastPaths int     `koanf:"fast_paths" in:"[1,1420]" help:"different paths of one client answered 404 in ten minutes"`
	SlowPaths int     `koanf:"slow_paths" in:"[1,1420]" help:"or in a day"`
	MinShare  float64 `koanf:"min_share" in:"(0,1]" help:"lowest share of the client's requests that were answered 404"`
	// QuietMinutes without a minute of mostly 404 close the incident,
	// SlowQuietMinutes one that only the day's count opened.
	QuietMinutes     int `koanf:"quiet_minutes" in:"[1,)" help:"an incident closes after this many minutes without a 404"`
	SlowQuietMinutes int `koanf:"slow_quiet_minutes" in:"[1,)" help:"the same, if only the day's count opened it"`

	ServiceRoutes int     `koanf:"service_routes" in:"[1,1420]" help:"different routes of one service answered 404 in ten minutes, from all clients"`
	ServiceRatio  float64 `koanf:"service_ratio" in:"[1,)" help:"and at least this many times as many as in a busy hour of the service's week"`
}

func pathScan() Rule[Client, ClientMinute] {
	return Rule[Client, ClientMinute]{
		Name: rulePaths, Version: pathsVersion,
		Against: (*ClientMinute).scans,
		Over: func(c *Config, e *Episode, _ *ClientMinute, t Minute) string {
			return e.quiet(t, quietFor(e, c.PathScan.QuietMinutes, c.PathScan.SlowQuietMinutes), ClosedCalm)
		},
		Judge: (*Config).judgePaths,
	}
}

// scans is the number of 404s of a minute with little else: a proxy's own dead links
// are few compared to the rest.
func (r *ClientMinute) scans() uint64 {
	if 2*r.NotFound < r.Requests {
		return 0
	}
	return r.NotFound
}

func (all *Config) judgePaths(cl *Client, e *Episode, rows []ClientMinute, t Minute) {
	c := &all.PathScan
	w, least := 10, c.FastPaths
	paths, full, missed, requests := missedPaths(rows, t, w, e.lastClose)
	fast := paths >= c.FastPaths && float64(missed) >= c.MinShare*float64(requests)
	if !fast {
		w, least = day, c.SlowPaths
		paths, full, missed, requests = missedPaths(rows, t, w, e.lastClose)
	}
	inc := e.attempted(cl, t, attempts{
		kind: PathScan, rule: rulePaths, version: pathsVersion, fast: fast,
		slow:  paths >= c.SlowPaths && float64(missed) >= c.MinShare*float64(requests),
		count: float64(paths), threshold: float64(least), minutes: w, against: missed, requests: requests,
	})
	if inc == nil {
		return
	}
	inc.Evidence.Paths = paths
	inc.Summary = fmt.Sprintf("client %s looks for paths: %s different ones that do not exist in %s, %d of %d requests answered 404 (%s)",
		inc.Entity, estimate(paths, full), span(w), missed, requests, percent(inc.Evidence.Share))
}

// missedPaths estimates the different paths answered 404 in the w minutes up to t,
// and sums the 404s and the requests.
func missedPaths(rows []ClientMinute, t Minute, w int, after Minute) (paths int, full bool, missed, requests uint64) {
	var seen distinct.Bitmap
	for _, r := range back(rows, clientMinute, t, w) {
		if r.Minute > after {
			missed, requests = missed+r.NotFound, requests+r.Requests
			seen.Join(r.Paths)
		}
	}
	paths, full = seen.Estimate()
	return paths, full, missed, requests
}

// estimate writes an estimated number as such.
func estimate(n int, full bool) string {
	if full {
		return fmt.Sprintf("at least %d", n)
	}
	return fmt.Sprintf("about %d", n)
}

// MissMinute is what one service answered 404 in one minute.
type MissMinute struct {
	Minute   Minute
	NotFound uint64
	Routes   distinct.Bitmap
	// Usual is how many different routes were answered 404 in all but the busiest
	// two per cent of the hours of its week.
	Usual int
}

// MissOf is the entity of path_scan for a service.
type MissOf struct{ Service string }

// MissLookback is how many minutes of rows the rule looks back on.
const MissLookback = 60

// missMinutes is the window of the rule, fewRoutes what is no scan, however seldom
// a service is asked for what it does not have.
const (
	missMinutes = 10
	fewRoutes   = 3
)

// Misses is the rule about paths that a service does not have, asked for by many
// addresses or behind a proxy, so that no client stands out. It counts routes, not
// paths: what is asked for under an id that does not exist is one of them.
func Misses() *Family[MissOf, MissMinute] {
	return &Family[MissOf, MissMinute]{
		Type:     ServiceEntity,
		Name:     func(s *MissOf) string { return s.Service },
		Minute:   missMinute,
		Requests: func(r *MissMinute) uint64 { return r.NotFound },
		Lookback: MissLookback,
		Rules: []Rule[MissOf, MissMinute]{{
			Name: ruleServicePaths, Version: pathsVersion,
			Against: func(r *MissMinute) uint64 {
				if n, _ := r.Routes.Estimate(); n < max(fewRoutes, r.Usual) {
					return 0
				}
				return r.NotFound
			},
			Over: func(c *Config, e *Episode, _ *MissMinute, t Minute) string {
				return e.quiet(t, c.PathScan.QuietMinutes, ClosedCalm)
			},
			Judge: (*Config).judgeServicePaths,
		}},
	}
}

func missMinute(r *MissMinute) Minute { return r.Minute }

func (all *Config) judgeServicePaths(s *MissOf, e *Episode, rows []MissMinute, t Minute) {
	c := &all.PathScan
	var seen distinct.Bitmap
	var missed uint64
	for _, r := range back(rows, missMinute, t, missMinutes) {
		if r.Minute > e.lastClose {
			seen.Join(r.Routes)
			missed += r.NotFound
		}
	}
	routes, full := seen.Estimate()
	now := &rows[len(rows)-1]
	least := max(float64(c.ServiceRoutes), c.ServiceRatio*float64(now.Usual))
	if !e.IsOpen() {
		if float64(routes) < least {
			return
		}
		e.Begin(Incident{
			Kind: PathScan, Entity: s.Service, EntityType: ServiceEntity, Service: s.Service, Severity: Ticket,
			Requests: missed, Affected: missed, Rule: ruleServicePaths, RuleVersion: pathsVersion,
		}, t)
	}
	if float64(routes) <= e.inc.Observed {
		return
	}
	inc := e.edit()
	inc.Observed, inc.Expected, inc.Score = float64(routes), float64(now.Usual), float64(routes)/least
	inc.Evidence.Paths = routes
	inc.Evidence.window(missMinutes, missed, missed)
	inc.Summary = fmt.Sprintf("%s: somebody looks for paths: %s different routes that do not exist in %s, %s answered 404; usual are up to %d in an hour",
		inc.Service, estimate(routes, full), span(missMinutes), plural(missed, "request"), now.Usual)
}
