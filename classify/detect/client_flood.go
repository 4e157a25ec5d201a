package detect

import "fmt"

const (
	ruleFlood    = "client_flood"
	floodVersion = 1
)

// FloodConfig configures client_flood: one client address or one key is answered far
// more often than it and everybody else usually are.
type FloodConfig struct {
	MinPerMinute uint64  `koanf:"min_per_minute" in:"[300,)" help:"lowest number of requests a minute that were not refused"`
	CrowdRatio   float64 `koanf:"crowd_ratio" in:"[2,)" help:"at least this many times the rate of 99 in 100 other clients, or of all others but one when there are few"`
	OwnRatio     float64 `koanf:"own_ratio" in:"[2,)" help:"at least this many times its own rate, both in the hour before and in the week before"`
	QuietMinutes int     `koanf:"quiet_minutes" in:"[1,)" help:"an incident closes after this many minutes at an ordinary rate"`
}

// An open flood goes on at this many requests a minute and this many times the
// usual rates.
const (
	FloodFloor = 300 // a minute of fewer is no part of a flood
	stillAbove = 2
)

// FloodMinute is how often one client address or key was answered in one minute.
type FloodMinute struct {
	Minute   Minute
	Requests uint64 // that were not refused
	// Crowd is the rate in that minute that 99 of 100 others of its kind stay below;
	// with few others, all but one.
	Crowd uint64
	// Own is its greatest rate in all but the busiest four hours of its week. Own and
	// Crowd are known for minutes with at least FloodFloor requests.
	Own uint64
	// Few is how many of the minute's requests, of a client address, three keys can
	// have sent: more are many keys behind one address, and no flood.
	Few uint64
	// Known is for how many minutes anything had been stored.
	Known int
}

// FloodDays is how many whole days a client's usual rate is taken of. They end a day
// before the day that is judged, so that all their rows have come.
const FloodDays = 7

// FloodBusy is how many of the hours of the week a flood may have filled without
// being usual.
const FloodBusy = 4

// FloodLookback is how many minutes of rows the rule looks back on. The minutes of an
// hour that ended floodLead minutes ago are the client's rate before.
const (
	FloodLookback = 75
	floodLead     = 10
	floodMinutes  = 5 // of which floodOver must be over
	floodOver     = 3
)

// Flooder is a client address or a key.
type Flooder struct{ Name string }

// Floods is the rule about client addresses (ClientEntity) or keys (KeyEntity) that
// ask far too often.
func Floods(of EntityType) *Family[Flooder, FloodMinute] {
	return &Family[Flooder, FloodMinute]{
		Type:     of,
		Name:     func(f *Flooder) string { return f.Name },
		Minute:   floodMinute,
		Requests: func(r *FloodMinute) uint64 { return r.Requests },
		Lookback: FloodLookback,
		Rules: []Rule[Flooder, FloodMinute]{{
			Name: ruleFlood, Version: floodVersion,
			Against: (*FloodMinute).over,
			Over: func(c *Config, e *Episode, row *FloodMinute, t Minute) string {
				as := ClosedCalm
				if row.Requests >= FloodFloor { // what is usual has followed
					as = ClosedShifted
				}
				return e.quiet(t, c.Flood.QuietMinutes, as)
			},
			Judge: func(c *Config, f *Flooder, e *Episode, rows []FloodMinute, t Minute) {
				c.Flood.judge(of, f, e, rows, t)
			},
		}},
	}
}

func floodMinute(r *FloodMinute) Minute { return r.Minute }

// over is the number of requests of an unusual minute, 0 for any other.
func (r *FloodMinute) over() uint64 {
	if r.Requests < max(FloodFloor, stillAbove*r.Crowd, stillAbove*r.Own) || 2*r.Few < r.Requests {
		return 0
	}
	return r.Requests
}

// above reports whether a minute is enough to open an incident.
func (c *FloodConfig) above(r *FloodMinute) bool {
	n := float64(r.Requests)
	return r.over() > 0 && r.Requests >= c.MinPerMinute && n >= c.CrowdRatio*float64(r.Crowd) &&
		n >= c.OwnRatio*float64(r.Own)
}

func (c *FloodConfig) judge(of EntityType, f *Flooder, e *Episode, rows []FloodMinute, t Minute) {
	now := &rows[len(rows)-1]
	if !e.IsOpen() {
		if !c.opens(e, rows, t) {
			return
		}
		e.Begin(Incident{
			Kind: ClientFlood, Entity: f.Name, EntityType: of, Severity: Ticket,
			Requests: now.Requests, Affected: now.Requests, Rule: ruleFlood, RuleVersion: floodVersion,
		}, t)
	}
	if float64(now.Requests) <= e.inc.Observed {
		return
	}
	usual := max(now.Crowd, now.Own)
	inc := e.edit()
	inc.Observed, inc.Expected, inc.Score = float64(now.Requests), float64(usual),
		float64(now.Requests)/float64(max(usual, 1))
	inc.Evidence.window(1, now.Requests, now.Requests)
	inc.Summary = fmt.Sprintf("%s: %d requests in a minute; all but the busiest others have up to %d, and its own week had up to %d",
		floodName(of, f.Name), now.Requests, now.Crowd, now.Own)
}

// opens reports that most of the last minutes were far above the usual, compared with
// the hour before them too. If less than an hour is known, nothing is usual.
func (c *FloodConfig) opens(e *Episode, rows []FloodMinute, t Minute) bool {
	now := &rows[len(rows)-1]
	if now.Known < FloodLookback || !c.above(now) {
		return false
	}
	above := 0
	var before uint64
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Minute <= t-FloodLookback || r.Minute <= e.lastClose:
		case r.Minute <= t-floodLead:
			before = max(before, r.Requests)
		case r.Minute > t-floodMinutes && c.above(r):
			above++
		}
	}
	return above >= floodOver && float64(now.Requests) >= c.OwnRatio*float64(before)
}

// floodName names a client or a key in a sentence.
func floodName(of EntityType, name string) string {
	if of == KeyEntity {
		return "key " + shortKey(name)
	}
	return "client " + name
}
