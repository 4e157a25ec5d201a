package watch

import (
	"time"

	"statline/classify/detect"
)

// pagerEvent is one event of PagerDuty's Events API v2.
type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"`
	DedupKey   string        `json:"dedup_key"`
	Payload    *pagerPayload `json:"payload,omitempty"`
	Links      []pagerLink   `json:"links,omitempty"`
}

type pagerPayload struct {
	Summary   string    `json:"summary"`
	Source    string    `json:"source"`
	Severity  string    `json:"severity"`
	Timestamp time.Time `json:"timestamp"`
	Component string    `json:"component,omitempty"`
	Class     string    `json:"class"`
	Details   *Notice   `json:"custom_details"`
}

type pagerLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// PagerDuty refuses a longer summary.
const pagerSummary = 1024

// pagerDuty triggers an alert while the incident is open, and resolves it.
func pagerDuty(n *Notice, key string) pagerEvent {
	e := pagerEvent{RoutingKey: key, Action: "trigger", DedupKey: n.ID}
	if n.State != detect.Open {
		e.Action = "resolve"
		return e
	}
	severity := map[detect.Severity]string{
		detect.Info: "info", detect.Ticket: "warning", detect.Page: "critical",
	}[n.Severity]
	e.Payload = &pagerPayload{
		Summary: cut(n.headline()+": "+n.Summary, pagerSummary), Source: n.Entity, Severity: severity,
		Timestamp: n.Opened,
		Component: n.Service, Class: string(n.Kind), Details: n,
	}
	if n.Link != "" {
		e.Links = []pagerLink{{Href: n.Link, Text: n.ID}}
	}
	return e
}
