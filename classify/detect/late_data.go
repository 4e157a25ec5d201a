package detect

import "fmt"

const (
	ruleLate    = "late_data"
	lateVersion = 1
)

// LateSeconds is how late a source's newest response must be, by the time of the
// record that brought it, to be late data.
const LateSeconds = 600

// SourceMinute is what the ledger knows of one source in one minute of Kafka's
// time of its records.
type SourceMinute struct {
	Minute    Minute
	Responses uint64
	// Late is how many seconds the newest response of a block was older than its
	// last record, the least of the minute's blocks.
	Late int
}

// Source is a partition of a topic.
type Source struct{ Name string } // topic/partition

// SourceLookback is how many minutes of rows the rule looks back on.
const SourceLookback = 60

// lateMinutes of nothing but late blocks open, and as many without one close.
const lateMinutes = 5

// Sources is the rule about sources.
func Sources() *Family[Source, SourceMinute] {
	return &Family[Source, SourceMinute]{
		Type:     SourceEntity,
		Name:     func(s *Source) string { return s.Name },
		Minute:   sourceMinute,
		Requests: func(r *SourceMinute) uint64 { return r.Responses },
		Lookback: SourceLookback,
		Rules: []Rule[Source, SourceMinute]{{
			Name: ruleLate, Version: lateVersion,
			Against: func(r *SourceMinute) uint64 {
				if r.Late < LateSeconds {
					return 0
				}
				return r.Responses
			},
			Over: func(_ *Config, e *Episode, row *SourceMinute, t Minute) string {
				if row.Responses > 0 {
					return e.quiet(t, lateMinutes, ClosedCalm)
				}
				return e.quiet(t, day, ClosedSilent)
			},
			Judge: func(_ *Config, s *Source, e *Episode, rows []SourceMinute, t Minute) { judgeLate(s, e, rows, t) },
		}},
	}
}

func sourceMinute(r *SourceMinute) Minute { return r.Minute }

// judgeLate opens an incident when every block of some minutes was late. A block that
// was not shows that the source is in time and only some of its lines are old.
func judgeLate(s *Source, e *Episode, rows []SourceMinute, t Minute) {
	first, worst := t, 0
	for i := len(rows) - 1; i >= 0 && rows[i].Minute > max(e.lastClose, t-SourceLookback) &&
		rows[i].Late >= LateSeconds; i-- {
		first, worst = rows[i].Minute, max(worst, rows[i].Late)
	}
	if !e.IsOpen() {
		if t < first+lateMinutes {
			return
		}
		now := rows[len(rows)-1].Responses
		e.Begin(Incident{
			Kind: LateData, Entity: s.Name, EntityType: SourceEntity, Severity: Ticket,
			Requests: now, Affected: now, Rule: ruleLate, RuleVersion: lateVersion,
		}, t)
	}
	if float64(worst) <= e.inc.Observed {
		return
	}
	inc := e.edit()
	if inc.Evidence.FirstSeen == "" {
		inc.Evidence.FirstSeen = stamp(first)
	}
	inc.Observed, inc.Expected, inc.Score = float64(worst), LateSeconds, float64(worst)/LateSeconds
	inc.Summary = fmt.Sprintf("%s: its lines come %s late, by Kafka's time of their records", s.Name, span(worst/60))
}

// arrived turns an incident of silence whose rows have come after all into one of late
// data: only their way here was slow.
func (i *Incident) arrived(t Minute) {
	i.Kind, i.Severity = LateData, Ticket
	i.Summary = fmt.Sprintf("%s: not silent since %s, its traffic of that time came at least %s late",
		i.Entity, i.Evidence.SilentSince, span(int(t-i.OpenedAt)+1))
}

// Withdraw withdraws an incident in minute t because of late rows.
func (i *Incident) Withdraw(t Minute) {
	i.State, i.ClosedAs, i.ClosedAt = Withdrawn, "", t
	if i.Kind == TrafficDrop && i.Evidence.SilentSince != "" {
		i.arrived(t)
	}
}
