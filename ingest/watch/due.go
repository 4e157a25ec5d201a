package watch

import (
	"fmt"
	"strings"
	"time"

	"statline/classify/detect"
)

// What receivers are told of an incident. An open one is told with its severity, and a
// reminder with the hours since the opening.
const (
	tellOpen      = "open/"
	tellGone      = "/gone" // after open and its severity: the service is dead
	tellClosed    = "closed"
	tellWithdrawn = "withdrawn"
	tellOver      = "over" // first seen after its end: one notice with its span
)

// open reports that the last notice said that the incident is open.
func (t Told) open() bool { return strings.HasPrefix(t.What, tellOpen) }

// severity is the one in the last notice.
func (t Told) severity() detect.Severity {
	s, _, _ := strings.Cut(strings.TrimPrefix(t.What, tellOpen), "/")
	return detect.Severity(s)
}

// due is the notice to send about inc now, "" for none. The end of an incident is told
// only to those who were told of its beginning.
func (n *Notifier) due(inc *detect.Incident, before Told, now time.Time, oldest detect.Minute) string {
	switch inc.State {
	case detect.Closed:
		return n.ending(inc, before, tellClosed, oldest)
	case detect.Withdrawn:
		return n.ending(inc, before, tellWithdrawn, oldest)
	}
	if inc.Silent != "" || inc.Severity.Rank() < n.cfg.MinSeverity.Rank() {
		return ""
	}
	what := tellOpen + string(inc.Severity)
	gone := inc.Evidence.SilentSince != "" && inc.Severity == detect.Ticket && before.severity() == detect.Page
	switch {
	case !before.open() || inc.Severity.Rank() > before.severity().Rank():
		return what
	case gone:
		return what + tellGone
	case inc.Severity == detect.Page && n.reminds(inc, before, now):
		return fmt.Sprintf("%s/%dh", what, int(now.Sub(inc.OpenedAt.Time()).Hours()))
	}
	return ""
}

func (n *Notifier) ending(inc *detect.Incident, before Told, what string, oldest detect.Minute) string {
	switch {
	case before.open():
		return what
	case before.What != "" || what == tellWithdrawn || inc.Silent != "":
		return ""
	case inc.Severity.Rank() < n.cfg.MinSeverity.Rank() || inc.OpenedAt < oldest:
		return ""
	}
	return tellOver
}

// reminds reports that an open page is to be repeated: once a day, and more often on
// its first day unless it comes and goes.
func (n *Notifier) reminds(inc *detect.Incident, before Told, now time.Time) bool {
	const day = 24 * time.Hour
	if n.cfg.Remind == 0 {
		return false
	}
	wait := n.cfg.Remind
	if now.Sub(inc.OpenedAt.Time()) > day || inc.Evidence.Episodes > 1 {
		wait = max(wait, day)
	}
	return now.Sub(before.At) >= wait
}
