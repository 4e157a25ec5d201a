package detect

import "fmt"

// Occurrence is a past incident of a rule and an entity.
type Occurrence struct {
	ID             string
	Opened, Closed Minute
	Affected       uint64
}

// Recurrence says that an incident comes again and again at the same time of the hour,
// the day or the week.
type Recurrence struct {
	Every   string // hour, day, week
	Times   int    // this one included
	usual   uint64 // most that one of them affected
	minutes Minute // longest that one of them was open
}

// recurs is how often something must come before it counts as recurring.
const recurs = 3

// rhythms are the periods, and by how much an occurrence may deviate.
var rhythms = [...]struct {
	every       string
	period, off Minute
}{{"hour", 60, 3}, {"day", day, 15}, {"week", 7 * day, 30}}

// Recurring finds the rhythm of an incident that opened in a minute. One missing
// occurrence is allowed.
func Recurring(past []Occurrence, opened Minute) (Recurrence, bool) {
	for _, r := range rhythms {
		found, missed := Recurrence{Every: r.every, Times: 1}, 0
		for beat := opened - r.period; missed < 2 && beat > opened-Memory; beat -= r.period {
			missed++
			for _, o := range past {
				if o.Opened >= beat-r.off && o.Opened <= beat+r.off {
					missed = 0
					found.Times++
					found.usual = max(found.usual, o.Affected)
					found.minutes = max(found.minutes, o.Closed-o.Opened)
					break
				}
			}
		}
		if found.Times >= recurs {
			return found, true
		}
	}
	return Recurrence{}, false
}

// Fits reports that an incident is no larger than the others were.
func (r Recurrence) Fits(inc *Incident, t Minute) bool {
	if inc.ClosedAt > 0 {
		t = inc.ClosedAt
	}
	return inc.Affected <= 2*r.usual+10 && t-inc.OpenedAt <= 2*r.minutes
}

// Name makes a recurring incident a ticket, and says so.
func (r Recurrence) Name(inc *Incident) {
	at := inc.OpenedAt.Time()
	inc.Evidence.Recurs = map[string]string{
		"hour": fmt.Sprintf("every hour about minute %d", at.Minute()),
		"day":  "every day about " + at.Format("15:04"),
		"week": "every " + at.Format("Monday") + " about " + at.Format("15:04"),
	}[r.Every]
	inc.Evidence.Times = r.Times
	if inc.Severity == Page {
		inc.Severity = Ticket
	}
	inc.Summary += fmt.Sprintf("; recurring: %s, time %d", inc.Evidence.Recurs, r.Times)
}

// Known reports that an incident recurs so often that nobody needs to be told.
func (e *Evidence) Known() bool { return e.Recurs != "" && e.Times > recurs }
