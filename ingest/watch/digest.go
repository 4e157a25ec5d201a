package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"statline/classify/detect"
)

// digestKind is the kind of the notice that lists the tickets of a day and belongs to
// no incident. It is also the id under which the time of the last one is stored.
const digestKind = "digest"

// maxDigest bounds the tickets that a digest lists; it counts all of them.
const maxDigest = 40

// digestAt reads a time of day.
func digestAt(text string) (after time.Duration, err error) {
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("digest: got %q; want a time of day (UTC) such as 08:00", text)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

func (c *NotifyConfig) validateDigest() error {
	if c.Digest == "" {
		return nil
	}
	if _, err := digestAt(c.Digest); err != nil {
		return err
	}
	switch {
	case c.Format == "pagerduty" && c.Template == "":
		return errors.New("digest: no digest for pagerduty, which takes a list for an alert; want another format, or none")
	case c.Webhook == "":
		return errors.New("digest: got no webhook; want the address that gets it")
	}
	return nil
}

// digest sends the webhook, once a day, the tickets that are open and those closed
// since the day before. It is sent when its time has passed: not for a time before the
// first notifier of a store began, and late when none ran. A day without tickets has
// none.
func (n *Notifier) digest(ctx context.Context, rows []Stored, last Told, now time.Time) error {
	if n.cfg.Digest == "" || n.cfg.Webhook == "" {
		return nil
	}
	after, err := digestAt(n.cfg.Digest)
	if err != nil {
		return err
	}
	due := now.UTC().Truncate(24 * time.Hour).Add(after)
	if due.After(now) {
		due = due.Add(-24 * time.Hour)
	}
	since := last.At
	if last.What == "" {
		since = n.began
	}
	if !since.Before(due) {
		return nil
	}
	if d, some := n.cfg.digestOf(rows, due); some {
		if err := n.postNotice(ctx, d); err != nil {
			return err
		}
		n.stats.Sent.Add(1)
	}
	return n.outbox.Tell(ctx, digestKind, Told{due.Format(time.DateOnly), now})
}

// digestOf is the notice for a time, of the incidents that are open or were closed in
// the day before.
func (c *NotifyConfig) digestOf(rows []Stored, due time.Time) (d Notice, some bool) {
	day := due.Format(time.DateOnly)
	d = Notice{
		DedupID: digestKind + "/" + day, ID: digestKind, State: detect.Open, Kind: digestKind, Severity: detect.Ticket,
		Entity: day, Type: digestKind, Opened: due, Rule: digestKind,
	}
	var open, closed int
	for i := range rows {
		inc := &rows[i].Incident
		switch {
		case inc.Severity != detect.Ticket || inc.Silent != "" || inc.State == detect.Withdrawn:
			continue
		case inc.State == detect.Open:
			open++
		case inc.ClosedAt.Time().Before(due.Add(-24 * time.Hour)):
			continue
		default:
			closed++
		}
		d.Tickets = append(d.Tickets, c.notice(inc, digestKind))
	}
	slices.SortStableFunc(d.Tickets, func(a, b Notice) int { // open ones first
		return cmp.Or(-cmp.Compare(a.State, b.State), a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	d.Summary = fmt.Sprintf("%d open, %d closed since the day before", open, closed)
	if more := len(d.Tickets) - maxDigest; more > 0 {
		d.Tickets = d.Tickets[:maxDigest]
		d.Summary += fmt.Sprintf("; %d of them are not listed here", more)
	}
	return d, open+closed > 0
}
