package detect

import "fmt"

const (
	ruleNewError    = "new_error"
	newErrorVersion = 1
)

// NewErrorConfig configures new_error: an error that a service has never answered
// with, or not for a week before it was deployed.
type NewErrorConfig struct {
	MinCount uint64 `koanf:"min_count" in:"[1,)" help:"responses in fifteen minutes"`
	MinKeys  int    `koanf:"min_keys" in:"[1,)" help:"from at least this many keys, unless the fault is on the server side or no key is known"`
	// QuietMinutes without one close.
	QuietMinutes int `koanf:"quiet_minutes" in:"[1,)" help:"an incident closes after this many minutes without the error"`
}

// How an error is known: one that a service answered with within ErrorDays whole days
// is, as long as the service is known for ErrorKnownDays of them. They end a day
// before the day that is judged, so that all their rows have come. For
// DeployHours after a service was deployed, the DeployDays before count instead.
const (
	ErrorDays      = 30
	ErrorKnownDays = 7
	DeployHours    = 24
	DeployDays     = 7
)

// ErrorMinute is how often one service answered in one minute with an error that is
// new to it.
type ErrorMinute struct {
	Minute     Minute
	Count      uint64
	ServerSide uint64 // of which by no fault of the caller
	Keys       int    // different ones that got it, 0 when none is known
	Route      string // that had most of it
	KnownDays  int    // whole days, ErrorDays at most, that the service is known for without it
	// Version and Deployed are those of the deploy after which it came, "" and 0 when
	// it is new without one.
	Version  string
	Deployed Minute
	Seen     bool // nobody said so: the service's own requests tell the version
}

// ErrorOf is an error of a service.
type ErrorOf struct {
	Service string
	Error   string // the API's name of it, or else its code
}

// Entity is the incident's entity: service/error.
func (e *ErrorOf) Entity() string { return e.Service + "/" + e.Error }

// ErrorLookback is how many minutes of rows the rule looks back on.
const ErrorLookback = 60

// errorMinutes is the window of the rule.
const errorMinutes = 15

// Errors is the rule about errors that are new.
func Errors() *Family[ErrorOf, ErrorMinute] {
	return &Family[ErrorOf, ErrorMinute]{
		Type:     ErrorEntity,
		Name:     (*ErrorOf).Entity,
		Service:  func(e *ErrorOf) string { return e.Service },
		Minute:   errorMinute,
		Requests: func(r *ErrorMinute) uint64 { return r.Count },
		Lookback: ErrorLookback,
		Rules: []Rule[ErrorOf, ErrorMinute]{{
			Name: ruleNewError, Version: newErrorVersion,
			Against: func(r *ErrorMinute) uint64 { return r.Count },
			Over: func(c *Config, e *Episode, _ *ErrorMinute, t Minute) string {
				as := ClosedCalm
				if t-e.inc.OpenedAt >= 2*day { // it is known now
					as = ClosedShifted
				}
				return e.quiet(t, c.NewError.QuietMinutes, as)
			},
			Judge: (*Config).judgeNewError,
		}},
	}
}

func errorMinute(r *ErrorMinute) Minute { return r.Minute }

func (all *Config) judgeNewError(x *ErrorOf, e *Episode, rows []ErrorMinute, t Minute) {
	c := &all.NewError
	now := &rows[len(rows)-1]
	// Once is news: again only after a deploy.
	if !e.IsOpen() && e.lastClose != 0 && now.Deployed <= e.lastClose {
		return
	}
	var count, server, most uint64
	keys, route := 0, ""
	for _, r := range back(rows, errorMinute, t, errorMinutes) {
		if r.Minute <= e.lastClose {
			continue
		}
		count, server, keys = count+r.Count, server+r.ServerSide, max(keys, r.Keys)
		if r.Count > most {
			most, route = r.Count, r.Route
		}
	}
	if !e.IsOpen() {
		if count < c.MinCount || keys > 0 && keys < c.MinKeys && 2*server < count {
			return
		}
		e.Begin(Incident{
			Kind: NewError, Entity: x.Entity(), EntityType: ErrorEntity, Service: x.Service, Severity: Ticket,
			Requests: count, Affected: count, Rule: ruleNewError, RuleVersion: newErrorVersion,
		}, t)
	}
	if float64(count) <= e.inc.Observed {
		return
	}
	inc := e.edit()
	inc.Observed, inc.Score = float64(count), float64(count)/float64(c.MinCount)
	ev := &inc.Evidence
	ev.window(errorMinutes, count, count)
	ev.ErrorType, ev.Route, ev.Keys = x.Error, route, max(ev.Keys, keys)
	if now.Deployed != 0 {
		ev.Version, ev.Deployed, ev.DeployedBy = now.Version, stamp(now.Deployed), ""
		if now.Seen {
			ev.DeployedBy = SeenDeploy
		}
	}
	inc.Summary = x.sentence(inc, now)
}

func (e *ErrorOf) sentence(inc *Incident, now *ErrorMinute) string {
	ev := &inc.Evidence
	since := fmt.Sprintf("it was not seen in the %s before", plural(uint64(now.KnownDays), "day"))
	switch {
	case ev.DeployedBy != "":
		since = fmt.Sprintf("it came after version %s was deployed at %s (%s)", ev.Version, ev.Deployed[11:16],
			ev.DeployedBy)
	case ev.Deployed != "":
		since = fmt.Sprintf("it came after version %s was deployed", ev.Version)
	}
	who := ""
	if ev.Keys > 0 {
		who = fmt.Sprintf(" to at least %s", plural(uint64(ev.Keys), "key"))
	}
	return fmt.Sprintf("%s: error %s is new: %s in %d min%s, most on %s; %s",
		e.Service, e.Error, plural(ev.WindowAffected, "response"), errorMinutes, who, ev.Route, since)
}
