package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"statline/classify/detect"
)

// repeatAfter is how often an open alert is repeated. Alertmanager resolves it keepFor
// after the last repetition.
const (
	repeatAfter = time.Minute
	keepFor     = 4 * time.Minute
)

func (n *Notifier) repeat(ctx context.Context, open []*detect.Incident, now time.Time) error {
	if n.cfg.Alertmanager == "" {
		return nil
	}
	var due []*detect.Incident
	for _, inc := range open {
		if inc.State == detect.Open && now.Sub(n.resent[inc.ID]) >= repeatAfter {
			due = append(due, inc)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return n.alert(ctx, due)
}

// alert is one alert of Alertmanager's API v2 (postableAlert).
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// earlier keeps an event that is ahead of the wall clock, as with skewed clocks, from
// being refused: alerts must end after they start.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (n *Notifier) alert(ctx context.Context, list []*detect.Incident) error {
	now := n.now()
	alerts := make([]alert, 0, len(list))
	for _, inc := range list {
		a := alert{
			Labels: map[string]string{
				"alertname": "statline_" + string(inc.Kind), "incident": inc.ID, "entity": inc.Entity,
				"entity_type": string(inc.EntityType), "severity": string(inc.Severity),
			},
			Annotations: map[string]string{"summary": inc.Summary, "dedup_id": inc.ID + "/" + string(inc.State) + "/" +
				string(inc.Severity)},
			StartsAt: earlier(inc.OpenedAt.Time(), now), EndsAt: now.Add(keepFor),
		}
		if inc.Service != "" {
			a.Labels["service"] = inc.Service
		}
		if inc.State != detect.Open {
			a.EndsAt = now
		}
		if n.cfg.Link != "" {
			a.GeneratorURL = n.cfg.Link + inc.ID
		}
		alerts = append(alerts, a)
		n.resent[inc.ID] = now
		if inc.State != detect.Open {
			delete(n.resent, inc.ID)
		}
	}
	address, err := url.JoinPath(n.cfg.Alertmanager, "api/v2/alerts")
	if err != nil {
		return fmt.Errorf("alertmanager address: %w", err)
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("alerts: %w", err)
	}
	return n.post(ctx, address, body)
}
