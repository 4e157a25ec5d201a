package detect

import (
	"fmt"
	"time"
)

// Episode is the state of one rule for one entity: the incident that is open, or when
// the last one closed. It is copied by value, and is the zero value until something
// happens.
type Episode struct {
	inc       *Incident // nil when none is open; shared by copies, so changed by edit only
	lastClose Minute    // 0 for none
	// lastOpened is when the newest incident opened, 0 for none.
	lastOpened Minute
	before     Minute // when the one opened that closed at lastClose
	lastBad    Minute // newest minute with evidence against the entity, while one is open
}

// IsOpen reports whether an incident is open.
func (e *Episode) IsOpen() bool { return e.inc != nil }

// edit returns the open incident to be changed: a copy that no copy of e shares. Its
// slices are never changed in place.
func (e *Episode) edit() *Incident {
	inc := *e.inc
	e.inc = &inc
	return e.inc
}

// saw records evidence against the entity in minute t, while an incident is open.
func (e *Episode) saw(t Minute) {
	if e.inc != nil {
		e.lastBad = t
	}
}

// Begin opens an incident in minute t; inc describes it, including its rule.
func (e *Episode) Begin(inc Incident, t Minute) {
	inc.ID = incidentID(inc.Rule, inc.RuleVersion, inc.Entity, e.lastClose, t)
	inc.State, inc.OpenedAt = Open, t
	e.inc, e.lastBad, e.lastOpened = &inc, t, t
}

func (e *Episode) end(t Minute, as string) Incident {
	inc := *e.inc
	inc.State, inc.ClosedAs, inc.ClosedAt = Closed, as, t
	*e = Episode{lastClose: t, lastOpened: e.lastOpened, before: inc.OpenedAt}
	return inc
}

// escalate raises the incident to kind, once.
func (e *Episode) escalate(kind Kind, s Severity, t Minute) {
	inc := e.edit()
	inc.Kind, inc.Severity = kind, s
	old := inc.Evidence.Escalated
	inc.Evidence.Escalated = append(old[:len(old):len(old)], Stage{kind, stamp(t)})
}

// stamp writes a minute as RFC 3339.
func stamp(t Minute) string { return t.Time().Format(time.RFC3339) }

// clock writes a minute as a time of day.
func clock(t Minute) string { return t.Time().Format("15:04") }

// shortKey is the shown form of a key id.
func shortKey(id string) string {
	if len(id) > 10 {
		return id[:10]
	}
	return id
}

func plural(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// span writes a duration in words: "25 min", "6 h", "3 days".
func span(minutes int) string {
	switch {
	case minutes < 120:
		return fmt.Sprintf("%d min", minutes)
	case minutes < 2*day:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d days", minutes/day)
}
