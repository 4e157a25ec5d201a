package watch

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
)

// bodyOf is what a configuration makes of a notice, as JSON.
func bodyOf(t *testing.T, c NotifyConfig, n Notice) map[string]any {
	t.Helper()
	f, err := c.body()
	if err != nil {
		t.Fatal(err)
	}
	text, err := f(n)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return body
}

// Each receiver gets what its documentation asks for, with every text quoted.
func TestWebhookFormats(t *testing.T) {
	n := Sample(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	n.Summary, n.Link = `a & b <script> "quoted"`, "https://statline.example/i/1"

	blocks := bodyOf(t, NotifyConfig{Format: "slack"}, n)["blocks"].([]any)
	text := blocks[0].(map[string]any)["text"].(map[string]any)["text"].(string)
	if !strings.Contains(text, `a &amp; b &lt;script&gt; "quoted"`) || !strings.Contains(text, "<https://statline.example/i/1|") {
		t.Errorf("slack: got %q", text)
	}

	card := bodyOf(t, NotifyConfig{Format: "teams"}, n)["attachments"].([]any)[0].(map[string]any)
	if card["contentType"] != "application/vnd.microsoft.card.adaptive" ||
		card["content"].(map[string]any)["type"] != "AdaptiveCard" {
		t.Errorf("teams: got %v", card)
	}

	pager := NotifyConfig{Format: "pagerduty", Key: "routing"}
	open := bodyOf(t, pager, n)
	payload := open["payload"].(map[string]any)
	if open["routing_key"] != "routing" || open["event_action"] != "trigger" || open["dedup_key"] != n.ID ||
		payload["severity"] != "warning" {
		t.Errorf("pagerduty: got %v", open)
	}
	n.State = detect.Closed
	if closed := bodyOf(t, pager, n); closed["event_action"] != "resolve" || closed["dedup_key"] != n.ID {
		t.Errorf("pagerduty, closed: got %v", closed)
	}

	own := NotifyConfig{Template: `{"who": {{json .Entity}}, "what": {{json .Summary}}}`}
	if got := bodyOf(t, own, n); got["what"] != n.Summary || got["who"] != "statline-test" {
		t.Errorf("template: got %v", got)
	}
}

// What cannot work is refused before anything runs, and says what is wanted.
func TestWebhookRefusals(t *testing.T) {
	for says, c := range map[string]NotifyConfig{
		"one of json, pagerduty, slack, teams": {Format: "irc"},
		"routing key":                          {Format: "pagerduty"},
		"{{json .Summary}} quotes a text":      {Template: `{"what": "{{.Summary}}"}`},
		"webhook-template":                     {Template: `{"what": {{json .Sumary}}}`},
	} {
		c.MinSeverity = detect.Ticket
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: got %v; want it to say %q", c, err, says)
		}
	}
}

// A test sends the opening and the closing of one incident.
func TestSendTest(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, string(b))
	}))
	defer srv.Close()
	cfg := DefaultNotify()
	cfg.Webhook, cfg.Alertmanager = srv.URL, srv.URL
	if err := SendTest(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || !strings.Contains(got[0], `"state":"open"`) || !strings.Contains(got[2], `"state":"closed"`) {
		t.Errorf("got %d posts: %q", len(got), got)
	}
}

// An incident ahead of the wall clock, where clocks are skewed, is an alert that
// starts now: it would be refused, and tried for ever.
func TestAlertOfTheFuture(t *testing.T) {
	var got []alert
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	cfg := DefaultConfig()
	cfg.Notify.Alertmanager = srv.URL
	n := New(cfg, newMemory(), newMemory()).NewNotifier(newMemory())
	n.now = func() time.Time { return now }
	inc := spikeOf("x", detect.MinuteOf(now.Unix())+10).Incident
	for _, state := range []detect.State{detect.Open, detect.Closed} {
		inc.State = state
		if err := n.alert(t.Context(), []*detect.Incident{&inc}); err != nil {
			t.Fatal(err)
		}
		if a := got[0]; a.StartsAt.After(now) || a.EndsAt.Before(a.StartsAt) {
			t.Errorf("%s: from %s to %s at %s", state, a.StartsAt, a.EndsAt, now)
		}
	}
}
