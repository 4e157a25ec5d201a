package watch

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"statline/classify/detect"
)

// receiver keeps what was posted to it; it refuses while failing is set.
type receiver struct {
	mu      sync.Mutex
	bodies  map[string][][]byte // by path
	failing bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || r.failing {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return
	}
	r.bodies[req.URL.Path] = append(r.bodies[req.URL.Path], body)
}

func (r *receiver) fail(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = on
}

func (r *receiver) notices(t *testing.T) (ids []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.bodies["/hook"] {
		var n Notice
		if err := json.Unmarshal(b, &n); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		ids = append(ids, n.DedupID)
	}
	return ids
}

func testNotifier(t *testing.T, m *memory, instance string) (*Notifier, *receiver) {
	t.Helper()
	r := &receiver{bodies: map[string][][]byte{}}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	cfg := DefaultConfig()
	cfg.Logger, cfg.Instance = slog.New(slog.DiscardHandler), instance
	cfg.Notify.Webhook, cfg.Notify.Alertmanager = srv.URL+"/hook?token=hidden", srv.URL+"/am"
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return New(cfg, m, m).NewNotifier(m), r
}

func spikeOf(id string, opened detect.Minute) Stored {
	return Stored{Version: uint64(opened.Unix()), Incident: detect.Incident{
		ID: id, Kind: detect.TimeoutSpike, Entity: "api", EntityType: detect.ServiceEntity, Service: "api",
		Severity: detect.Ticket,
		State:    detect.Open, OpenedAt: opened, Summary: "api: 20 timeouts",
	}}
}

// Every opening, escalation and closing is sent once, children, muted ones and
// old ones never, and a receiver that is away gets everything when it is back.
func TestNotifier(t *testing.T) {
	m := newMemory()
	n, r := testNotifier(t, m, "a")
	now := detect.MinuteOf(time.Now().Unix())
	old, child, muted, info := spikeOf("old", now-3*1440), spikeOf("child", now), spikeOf("muted", now),
		spikeOf("info", now)
	old.Silent, child.Silent, muted.Silent, info.Severity = tooOld, "covered by x", "muted", detect.Info
	x := spikeOf("x", now)
	for _, s := range []Stored{old, child, muted, info, x} {
		m.incidents[s.ID] = s
	}
	round := func(want ...string) {
		t.Helper()
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.notices(t); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	round("x/open/ticket")
	round("x/open/ticket")
	x.Severity = detect.Page
	m.incidents["x"] = x
	round("x/open/ticket", "x/open/page")
	x.State, x.ClosedAt = detect.Closed, now+5
	m.incidents["x"] = x
	r.fail(true)
	if err := n.Round(t.Context()); err == nil || strings.Contains(err.Error(), "hidden") ||
		!strings.Contains(err.Error(), "503") {
		t.Errorf("receiver away: got %v; want its status, and not its token", err)
	}
	r.fail(false)
	round("x/open/ticket", "x/open/page", "x/closed")

	r.mu.Lock()
	defer r.mu.Unlock()
	posts := r.bodies["/am/api/v2/alerts"]
	var first, last []alert
	if len(posts) < 3 || json.Unmarshal(posts[0], &first) != nil || json.Unmarshal(posts[len(posts)-1], &last) != nil {
		t.Fatalf("Alertmanager got %d posts: %s", len(posts), posts)
	}
	if a := first[0]; a.Labels["alertname"] != "statline_timeout_spike" || a.Labels["incident"] != "x" ||
		!a.EndsAt.After(time.Now()) || a.Annotations["summary"] == "" {
		t.Errorf("opening: got %+v", a)
	}
	if a := last[0]; a.EndsAt.After(time.Now()) {
		t.Errorf("closing: ends at %s; want it resolved", a.EndsAt)
	}
}

// A note for everybody is sent once to the webhook, as what somebody said of its
// incident; others, and those of incidents that are gone, never.
func TestNotesForEverybody(t *testing.T) {
	m := newMemory()
	n, r := testNotifier(t, m, "a")
	at := time.Now()
	x := spikeOf("x", detect.MinuteOf(at.Unix()))
	m.incidents[x.ID] = x
	m.notes = []Note{
		{Incident: "x", At: at, Action: Remark, Text: "only here"},
		{Incident: "x", At: at.Add(time.Second), Action: Public, Author: "ann", Text: "the upstream is down"},
		{Incident: "gone", At: at, Action: Public, Text: "of nothing"},
	}
	for range 3 {
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	bodies := r.bodies["/hook"]
	if len(bodies) != 2 {
		t.Fatalf("got %d notices; want the incident's and the note's: %s", len(bodies), bodies)
	}
	var got Notice
	if err := json.Unmarshal(bodies[1], &got); err != nil || got.Note == nil ||
		got.Note.Text != "the upstream is down" || got.ID != "x" ||
		got.Summary != "ann: the upstream is down" {
		t.Errorf("got %s, %v", bodies[1], err)
	}
	n.cfg.Format = "pagerduty"
	m.notes = append(m.notes, Note{Incident: "x", At: at.Add(time.Minute), Action: Public, Text: "again"})
	if err := n.Round(t.Context()); err != nil || len(r.bodies["/hook"]) != 2 {
		t.Errorf("PagerDuty was sent a note: %v, %s", err, r.bodies["/hook"])
	}
}

// One instance sends; when it is gone, another does, and repeats nothing.
func TestOneInstanceSends(t *testing.T) {
	m := newMemory()
	a, ra := testNotifier(t, m, "a")
	b, rb := testNotifier(t, m, "b")
	now := detect.MinuteOf(time.Now().Unix())
	m.incidents["x"] = spikeOf("x", now)
	for _, n := range []*Notifier{a, b} {
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m.incidents["y"] = spikeOf("y", now)
	b.now = func() time.Time { return time.Now().Add(leaseFor + time.Second) } // a is gone
	if err := b.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ra.notices(t), " "); got != "x/open/ticket" {
		t.Errorf("the first instance sent %q", got)
	}
	if got := strings.Join(rb.notices(t), " "); got != "y/open/ticket" {
		t.Errorf("the second instance sent %q", got)
	}
}

// Run goes on after failures, backing off, and ends with its context.
func TestNotifierRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		cfg := DefaultConfig()
		cfg.Logger, cfg.Instance, cfg.Notify.Webhook = slog.New(slog.DiscardHandler), "a", "http://127.0.0.1/"
		n := New(cfg, m, m).NewNotifier(m)
		away := &awayTransport{}
		n.client = &http.Client{Transport: away}
		m.incidents["x"] = spikeOf("x", detect.MinuteOf(time.Now().Unix()))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		time.Sleep(20 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		// Every five seconds would be 240 tries.
		if away.tries < 5 || away.tries > 60 {
			t.Errorf("%d tries in 20 min; want some, with growing pauses", away.tries)
		}
	})
}

type awayTransport struct{ tries int }

func (a *awayTransport) RoundTrip(*http.Request) (*http.Response, error) {
	a.tries++
	return nil, io.ErrUnexpectedEOF
}

// Addresses that cannot work are refused before anything runs, under the setting's name.
func TestNotifyConfig(t *testing.T) {
	for name, c := range map[string]NotifyConfig{
		"webhook": {Webhook: "hooks.example"}, "alertmanager": {Alertmanager: "ftp://x"},
		"incident-link": {Link: "x"}, "notify-severity": {MinSeverity: "loud"},
	} {
		if c.MinSeverity == "" {
			c.MinSeverity = detect.Ticket
		}
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
