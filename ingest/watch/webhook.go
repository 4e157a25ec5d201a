package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"statline/classify/detect"
)

// formats are the receivers that are known by name. Each makes the body of a
// notice.
var formats = map[string]func(c *NotifyConfig, n *Notice) any{
	"json":      func(_ *NotifyConfig, n *Notice) any { return n },
	"slack":     func(_ *NotifyConfig, n *Notice) any { return slack(n) },
	"teams":     func(_ *NotifyConfig, n *Notice) any { return teams(n) },
	"pagerduty": func(c *NotifyConfig, n *Notice) any { return pagerDuty(n, c.Key) },
}

// Formats lists what a webhook may understand.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// body returns what makes the body of a notice.
func (c *NotifyConfig) body() (func(Notice) ([]byte, error), error) {
	if c.Template != "" {
		return templated(c.Template)
	}
	f, ok := formats[c.Format]
	switch {
	case !ok && c.Format != "":
		return nil, fmt.Errorf("webhook-format: got %q; want one of %s",
			c.Format, strings.Join(Formats(), ", "))
	case !ok:
		f = formats["json"]
	case c.Format == "pagerduty" && c.Key == "":
		return nil, errors.New("webhook-key: got none; want the routing key of the PagerDuty service")
	}
	return func(n Notice) ([]byte, error) { return json.Marshal(f(c, &n)) }, nil
}

// templated makes bodies of a text/template; its function json writes any value
// as JSON. It is tried on a sample, so that what cannot work is refused before
// anybody relies on it.
func templated(text string) (func(Notice) ([]byte, error), error) {
	t, err := template.New("webhook").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("webhook-template: %w", err)
	}
	body := func(n Notice) ([]byte, error) {
		var b bytes.Buffer
		if err := t.Execute(&b, n); err != nil {
			return nil, fmt.Errorf("webhook template: %w", err)
		}
		if !json.Valid(b.Bytes()) {
			return nil, fmt.Errorf("webhook template: got %q; want JSON: {{json .Summary}} quotes a text", b.String())
		}
		return b.Bytes(), nil
	}
	if _, err := body(Sample(time.Unix(0, 0).UTC())); err != nil {
		return nil, fmt.Errorf("webhook-template: %w", err)
	}
	return body, nil
}

// Sample is a notice of nothing that happened.
func Sample(at time.Time) Notice {
	inc := sampleIncident(at)
	return new(NotifyConfig).notice(&inc, tellOpen+string(inc.Severity))
}

func sampleIncident(at time.Time) detect.Incident {
	return detect.Incident{
		ID: "test" + at.UTC().Format("20060102150405"), Kind: detect.TimeoutSpike, Entity: "statline-test",
		EntityType: detect.ServiceEntity, Service: "statline-test", Severity: detect.Ticket, State: detect.Open,
		OpenedAt: detect.MinuteOf(at.Unix()), Rule: "test",
		Summary: `statline-test: a notice to try the way; "nothing" happened`,
	}
}

// headline is the first line that a person reads.
func (n *Notice) headline() string {
	if n.Kind == digestKind {
		return "DIGEST of " + n.Entity + ": tickets"
	}
	what := strings.ToUpper(string(n.Severity))
	switch n.State {
	case detect.Closed:
		what = "CLOSED"
		if n.ClosedAs == detect.ClosedShifted {
			what = "NEW NORMAL"
		}
	case detect.Withdrawn:
		what = "WITHDRAWN"
	}
	if n.Note != nil {
		what += " NOTE"
	}
	return what + " " + strings.ReplaceAll(string(n.Kind), "_", " ") + ": " + n.Entity
}
