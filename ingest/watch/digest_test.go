package watch

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
)

// The digest comes once a day, after its time, with the tickets that are open and
// those that have closed since; not on a day without one, not twice after a restart,
// and not for the time before anybody ran.
func TestDigest(t *testing.T) {
	m := newMemory()
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	at := func(hours float64) time.Time { return day.Add(time.Duration(hours * float64(time.Hour))) }
	minute := func(hours float64) detect.Minute { return detect.MinuteOf(at(hours).Unix()) }
	n, r := testNotifier(t, m, "a")
	n.cfg.Digest, n.cfg.MinSeverity, n.cfg.Alertmanager = "08:00", detect.Page, ""
	round := func(hours float64, want ...string) Notice {
		t.Helper()
		n.now = func() time.Time { return at(hours) }
		if err := n.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := r.notices(t)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("at %v: got %q; want %q", hours, got, want)
		}
		var last Notice
		if len(got) > 0 {
			if err := json.Unmarshal(r.bodies["/hook"][len(got)-1], &last); err != nil {
				t.Fatal(err)
			}
		}
		return last
	}
	open, closed, long, info, hushed := spikeOf("open", minute(20)), spikeOf("closed", minute(10)),
		spikeOf("long", minute(1)), spikeOf("info", minute(20)), spikeOf("hushed", minute(20))
	closed.State, closed.ClosedAt, closed.ClosedAs = detect.Closed, minute(12), detect.ClosedCalm
	long.State, long.ClosedAt, long.ClosedAs = detect.Closed, minute(7), detect.ClosedCalm
	info.Severity, info.State, info.ClosedAt = detect.Info, detect.Closed, minute(21)
	hushed.Silent = "muted"
	round(9) // nobody ran at eight
	for _, s := range []Stored{open, closed, long, info, hushed} {
		m.incidents[s.ID] = s
	}
	round(31.9)
	d := round(32.1, "digest/2026-06-02")
	if d.Summary != "1 open, 1 closed since the day before" || len(d.Tickets) != 2 || d.Tickets[0].ID != "open" ||
		d.Tickets[1].ID != "closed" {
		t.Errorf("got %+v", d)
	}
	round(40, "digest/2026-06-02")
	again, _ := testNotifier(t, m, "a")
	again.cfg, again.client = n.cfg, n.client
	n = again
	round(41, "digest/2026-06-02")
	open.State, open.ClosedAt, open.ClosedAs = detect.Closed, minute(48), detect.ClosedCalm
	m.incidents["open"] = open
	round(60, "digest/2026-06-02", "digest/2026-06-03") // late: nobody ran at eight
	round(81, "digest/2026-06-02", "digest/2026-06-03") // no ticket
}

// Each receiver shows the tickets; PagerDuty, which would take a list for an alert,
// gets none.
func TestDigestFormats(t *testing.T) {
	var rows []Stored
	due := time.Date(2026, 6, 2, 8, 0, 0, 0, time.UTC)
	for i := range maxDigest + 2 {
		s := spikeOf(fmt.Sprintf("i%02d", i), detect.MinuteOf(due.Unix())-60)
		s.Summary = fmt.Sprintf("summary %02d <&>", i)
		rows = append(rows, s)
	}
	c := NotifyConfig{}
	d, some := c.digestOf(rows, due)
	if !some || len(d.Tickets) != maxDigest || !strings.Contains(d.Summary,
		"42 open, 0 closed since the day before; 2 of them are not listed here") {
		t.Errorf("got %d tickets, %q", len(d.Tickets), d.Summary)
	}
	for format, last := range map[string]string{"slack": "summary 39 &lt;&amp;&gt;", "teams": "summary 39 <&>",
		"json": "summary 39 <&>"} {
		body := bodyOf(t, NotifyConfig{Format: format}, d)
		text := fmt.Sprint(body)
		if !strings.Contains(text, last) || !strings.Contains(text, "42 open") || format != "json" &&
			!strings.Contains(text, "DIGEST of 2026-06-02") {
			t.Errorf("%s: got %s", format, text)
		}
	}
	own := bodyOf(t,
		NotifyConfig{Template: `{"list": [{{range $i, $t := .Tickets}}{{if $i}}, {{end}}{{json $t.ID}}{{end}}]}`}, d)
	if got := own["list"].([]any); len(got) != maxDigest || got[39] != "i39" {
		t.Errorf("template: got %v", got)
	}
	for says, c := range map[string]NotifyConfig{
		"a time of day":           {Digest: "25:00"},
		"no digest for pagerduty": {Digest: "08:00", Format: "pagerduty", Key: "k"},
		"got no webhook":          {Digest: "08:00"},
	} {
		c.MinSeverity = detect.Ticket
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: got %v; want it to say %q", c, err, says)
		}
	}
}
