package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"statline/classify/detect"
	"statline/ingest/retry"
)

// NotifyConfig says who is notified of incidents.
type NotifyConfig struct {
	// Webhook gets a POST for each notice, Alertmanager (its base URL) one of its
	// API v2. Empty for none.
	Webhook      string
	Alertmanager string
	// Format is what the webhook understands, one of Formats; Template, when not
	// empty, is a text/template over Notice that makes the JSON instead. Key is
	// PagerDuty's routing key.
	Format, Template, Key string
	// Link is the base of the address that a notice has for its incident.
	Link string
	// MaxAge suppresses notices of incidents that opened longer ago, by the wall clock,
	// when they are first seen: a replay of last month pages nobody.
	MaxAge time.Duration
	// Remind is how often an open page is repeated on its first day; later it is once a
	// day. 0 is never.
	Remind time.Duration
	// Every is how often the table is checked, Timeout bounds one request.
	Every, Timeout time.Duration
	// MinSeverity is the least severity that is sent.
	MinSeverity detect.Severity
	// Digest is the time of day, in UTC, at which the webhook gets one notice of all
	// tickets, whatever MinSeverity says; "" for never.
	Digest string
}

// DefaultNotify notifies nobody.
func DefaultNotify() NotifyConfig {
	return NotifyConfig{MaxAge: 24 * time.Hour, Remind: 4 * time.Hour, Every: 5 * time.Second,
		Timeout: 10 * time.Second, MinSeverity: detect.Ticket}
}

// Validate checks c. Its errors name the key, the value and what is accepted.
func (c *NotifyConfig) Validate() error {
	for _, x := range []struct{ key, url string }{{"webhook", c.Webhook}, {"alertmanager", c.Alertmanager},
		{"incident-link", c.Link}} {
		if x.url == "" {
			continue
		}
		if u, err := url.Parse(x.url); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("%s: got %q; want an address such as https://host/path", x.key, redact(x.url))
		}
	}
	if _, err := c.body(); err != nil {
		return err
	}
	if err := c.validateDigest(); err != nil {
		return err
	}
	if c.MinSeverity.Rank() < 0 {
		return fmt.Errorf("notify-severity: got %q; want info, ticket or page", c.MinSeverity)
	}
	return nil
}

// redact removes the secrets that people put into addresses.
func redact(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "an address that cannot be read"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// Notice is what a receiver gets. It may come more than once: DedupID is the
// same each time.
type Notice struct {
	DedupID  string          `json:"dedup_id"` // incident id and what is told
	ID       string          `json:"id"`
	State    detect.State    `json:"state"`
	Kind     detect.Kind     `json:"kind"`
	Severity detect.Severity `json:"severity"`
	Entity   string          `json:"entity"`
	Type     string          `json:"entity_type"`
	Service  string          `json:"service,omitempty"`
	Opened   time.Time       `json:"opened"`
	Closed   *time.Time      `json:"closed,omitempty"`
	ClosedAs string          `json:"closed_as,omitempty"`
	Observed float64         `json:"observed"`
	Expected float64         `json:"expected"`
	Score    float64         `json:"score"`
	Summary  string          `json:"summary"`
	Rule     string          `json:"rule"`
	Evidence detect.Evidence `json:"evidence"`
	Link     string          `json:"link,omitempty"`
	// Tickets are the tickets in a digest, which belongs to no incident.
	Tickets []Notice `json:"tickets,omitempty"`
	// Note is what somebody said of the incident, if that is the notice; Summary has it
	// too.
	Note *NoticeNote `json:"note,omitempty"`
}

// NoticeNote is a public note.
type NoticeNote struct {
	At     time.Time `json:"at"`
	Author string    `json:"author,omitempty"`
	Text   string    `json:"text"`
}

func (c *NotifyConfig) notice(i *detect.Incident, what string) Notice {
	n := Notice{
		DedupID: i.ID + "/" + what, ID: i.ID, State: i.State, Kind: i.Kind, Severity: i.Severity,
		Entity: i.Entity, Type: string(i.EntityType), Service: i.Service, Opened: i.OpenedAt.Time(),
		ClosedAs: i.ClosedAs,
		Observed: i.Observed, Expected: i.Expected, Score: i.Score, Summary: i.Summary, Rule: i.Rule,
		Evidence: i.Evidence,
	}
	if i.ClosedAt > 0 {
		t := i.ClosedAt.Time()
		n.Closed = &t
	}
	if what == tellOver {
		n.Summary = fmt.Sprintf("%s (over: from %s to %s)",
			n.Summary, n.Opened.Format("2006-01-02 15:04"), n.Closed.Format("15:04"))
	}
	if c.Link != "" {
		n.Link = c.Link + i.ID
	}
	return n
}

// Told is the last notice of an incident, and when it was sent by the wall clock.
type Told struct {
	What string
	At   time.Time
}

// Outbox remembers, for all instances, what was sent.
type Outbox interface {
	// Lease makes instance the one that sends until a time; ok is false when another
	// one is.
	Lease(ctx context.Context, instance string, now, until time.Time) (ok bool, err error)
	// Told returns the last notice of each incident.
	Told(ctx context.Context) (map[string]Told, error)
	// Tell records a notice of an incident.
	Tell(ctx context.Context, id string, t Told) error
	// Incidents and Notes are those of Tables.
	Incidents(ctx context.Context, since detect.Minute) ([]Stored, error)
	Notes(ctx context.Context, since time.Time) ([]Note, error)
}

// Notifier sends what is in the table incidents and has not been sent. Each notice is
// sent at least once: it is recorded only after the receiver accepted it. One instance
// sends at a time, as long as the lease is valid; after a lost lease two may send the
// same notice.
type Notifier struct {
	cfg      NotifyConfig
	outbox   Outbox
	instance string
	client   *http.Client
	log      *slog.Logger
	limiter  retry.LogLimiter
	stats    *Stats
	resent   map[string]time.Time // Alertmanager forgets alerts that are not repeated
	now      func() time.Time
	began    time.Time // of the first round
}

// NewNotifier makes the notifier of w; it sends nothing yet.
func (w *Watch) NewNotifier(o Outbox) *Notifier {
	return &Notifier{
		cfg: w.cfg.Notify, outbox: o, instance: w.cfg.Instance,
		client: &http.Client{Timeout: w.cfg.Notify.Timeout}, log: w.cfg.Logger, stats: &w.stats,
		resent: map[string]time.Time{}, now: w.cfg.Now,
	}
}

// Run sends until ctx ends. Failures back off up to five minutes.
func (n *Notifier) Run(ctx context.Context) error {
	if n.cfg.Webhook == "" && n.cfg.Alertmanager == "" {
		return nil
	}
	loop := retry.Loop{Pause: retry.Pause{Initial: n.cfg.Every, Max: 5 * time.Minute}, Log: n.log, Limit: &n.limiter}
	loop.Every(ctx, n.cfg.Every, "notify", n.Round)
	return nil
}

// leaseFor is how long one instance sends without asking again.
const leaseFor = 30 * time.Second

// Round sends everything that is due.
func (n *Notifier) Round(ctx context.Context) error {
	now := n.now()
	if n.began.IsZero() {
		n.began = now
	}
	ok, err := n.outbox.Lease(ctx, n.instance, now, now.Add(leaseFor))
	if err != nil || !ok {
		return err
	}
	oldest := detect.MinuteOf(now.Add(-n.cfg.MaxAge).Unix())
	rows, err := n.outbox.Incidents(ctx, oldest)
	if err != nil {
		return err
	}
	told, err := n.outbox.Told(ctx)
	if err != nil {
		return err
	}
	var open []*detect.Incident
	for i := range rows {
		inc := &rows[i].Incident
		before := told[inc.ID]
		what := n.due(inc, before, now, oldest)
		if what != "" {
			if err := n.tell(ctx, inc, what, now); err != nil {
				return err
			}
		}
		if inc.State == detect.Open && (what != "" || before.open()) {
			open = append(open, inc)
		}
	}
	if err := n.digest(ctx, rows, told[digestKind], now); err != nil {
		return err
	}
	if err := n.passOn(ctx, rows, told, now); err != nil {
		return err
	}
	return n.repeat(ctx, open, now)
}

// passOn sends public notes, each once, to the webhook. PagerDuty takes no notes: one
// would open its incident again.
func (n *Notifier) passOn(ctx context.Context, rows []Stored, told map[string]Told, now time.Time) error {
	if n.cfg.Webhook == "" || n.cfg.Format == "pagerduty" && n.cfg.Template == "" {
		return nil
	}
	notes, err := n.outbox.Notes(ctx, now.Add(-n.cfg.MaxAge))
	if err != nil {
		return err
	}
	for _, note := range notes {
		id := fmt.Sprintf("note/%s/%d", note.Incident, note.At.UnixMilli())
		i := slices.IndexFunc(rows, func(s Stored) bool { return s.ID == note.Incident })
		if note.Action != Public || i < 0 || told[id].What != "" {
			continue
		}
		notice := n.cfg.notice(&rows[i].Incident, id)
		notice.Note = &NoticeNote{At: note.At.UTC(), Author: note.Author, Text: note.Text}
		notice.Summary = note.Text
		if note.Author != "" {
			notice.Summary = note.Author + ": " + note.Text
		}
		if err := n.postNotice(ctx, notice); err != nil {
			return err
		}
		n.stats.Sent.Add(1)
		if err := n.outbox.Tell(ctx, id, Told{tellNote, now}); err != nil {
			return err
		}
	}
	return nil
}

// tellNote marks the notice of a note.
const tellNote = "note"

// tell sends one notice and records it.
func (n *Notifier) tell(ctx context.Context, inc *detect.Incident, what string, now time.Time) error {
	if err := n.send(ctx, inc, what); err != nil {
		return err
	}
	n.stats.Sent.Add(1)
	return n.outbox.Tell(ctx, inc.ID, Told{what, now})
}

// send sends one notice to every receiver.
func (n *Notifier) send(ctx context.Context, inc *detect.Incident, what string) error {
	if n.cfg.Webhook != "" {
		if err := n.postNotice(ctx, n.cfg.notice(inc, what)); err != nil {
			return err
		}
	}
	if n.cfg.Alertmanager != "" {
		return n.alert(ctx, []*detect.Incident{inc})
	}
	return nil
}

// postNotice sends one notice to the webhook.
func (n *Notifier) postNotice(ctx context.Context, notice Notice) error {
	body, err := n.cfg.body()
	if err != nil {
		return err
	}
	text, err := body(notice)
	if err != nil {
		return fmt.Errorf("notice of incident %s: %w", notice.ID, err)
	}
	return n.post(ctx, n.cfg.Webhook, text)
}

// post sends a body of JSON; anything but a 2xx answer is an error, which names the
// receiver without secrets.
func (n *Notifier) post(ctx context.Context, address string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to %s: bad address", redact(address))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "statline")
	resp, err := n.client.Do(req)
	if err != nil {
		n.stats.Failed.Add(1)
		if u, ok := err.(*url.Error); ok {
			err = u.Err
		}
		return fmt.Errorf("post to %s: %w", redact(address), err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		n.stats.Failed.Add(1)
		return fmt.Errorf("post to %s: got status %s; want 2xx", redact(address), resp.Status)
	}
	return nil
}

// SendTest sends a sample to all receivers: that it opens, and that it has closed.
func SendTest(ctx context.Context, cfg NotifyConfig) error {
	n := &Notifier{
		cfg: cfg, client: &http.Client{Timeout: cfg.Timeout}, log: slog.New(slog.DiscardHandler), stats: &Stats{},
		resent: map[string]time.Time{}, now: time.Now,
	}
	inc := sampleIncident(n.now())
	if err := n.send(ctx, &inc, tellOpen+string(inc.Severity)); err != nil {
		return err
	}
	inc.State, inc.ClosedAs, inc.ClosedAt = detect.Closed, detect.ClosedCalm, inc.OpenedAt
	return n.send(ctx, &inc, tellClosed)
}
