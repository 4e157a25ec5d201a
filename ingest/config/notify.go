package config

import (
	"fmt"
	"os"
	"strings"

	"statline/classify/detect"
	"statline/ingest/watch"
)

// Notify says who is told of incidents.
type Notify struct {
	Webhook, Alertmanager, Link, Severity string
	Format, Template, Key                 string // of the webhook; Template is a file
	Digest                                string
}

func defaultNotify() Notify {
	return Notify{Severity: string(watch.DefaultNotify().MinSeverity), Format: "json"}
}

func notifyOptions(c *Config) []Option {
	severities := []string{string(detect.Info), string(detect.Ticket), string(detect.Page)}
	return []Option{
		{Name: "webhook", Set: SetNotify, Type: "URL", Reload: true, Mask: maskHook,
			Help:  "URL that gets a POST for each incident that opens or closes",
			value: text{&c.Notify.Webhook}},
		{Name: "webhook-format", Set: SetNotify, Type: "name", Reload: true,
			Help:  "format of the webhook's body: " + strings.Join(watch.Formats(), ", "),
			value: choice{&c.Notify.Format, watch.Formats()}},
		{Name: "webhook-template", Set: SetNotify, Type: "file", Reload: true,
			Help:  "Go template of the webhook's JSON body, instead of --webhook-format; {{json .Summary}} quotes a text",
			value: text{&c.Notify.Template}},
		{Name: "webhook-key", Set: SetNotify, NoFlag: true, Mask: maskAll, Reload: true,
			Help:  "PagerDuty routing key",
			value: text{&c.Notify.Key}},
		{Name: "alertmanager", Set: SetNotify, Type: "URL", Reload: true, Mask: maskUser,
			Help:  "base URL of an Alertmanager that gets the incidents as alerts (API v2)",
			value: text{&c.Notify.Alertmanager}},
		{Name: "incident-link", Set: SetNotify, Type: "URL", Reload: true, Mask: maskUser,
			Help:  "URL that notifications link to; the incident's id is appended",
			value: text{&c.Notify.Link}},
		{Name: "notify-severity", Set: SetNotify, Reload: true, Help: "lowest severity that is sent",
			value: choice{&c.Notify.Severity, severities}},
		{Name: "digest", Set: SetNotify, Type: "HH:MM", Reload: true,
			Help:  "time of day (UTC) at which the webhook gets one summary of all tickets, including those below --notify-severity",
			value: text{&c.Notify.Digest}},
	}
}

func checkNotify(c *Config) error {
	cfg := watch.DefaultConfig()
	cfg.Notify = c.Notify.watch()
	return cfg.Validate()
}

// Watch is the notifier's configuration; the template's file is read.
func (n *Notify) Watch() (watch.NotifyConfig, error) {
	cfg := n.watch()
	cfg.Format, cfg.Key = n.Format, n.Key
	if n.Template != "" {
		b, err := os.ReadFile(n.Template)
		if err != nil {
			return cfg, fmt.Errorf("webhook-template: %w", err)
		}
		cfg.Template = string(b)
	}
	return cfg, cfg.Validate()
}

func (n *Notify) watch() watch.NotifyConfig {
	cfg := watch.DefaultNotify()
	cfg.Webhook, cfg.Alertmanager, cfg.Link, cfg.MinSeverity = n.Webhook, n.Alertmanager, n.Link,
		detect.Severity(n.Severity)
	cfg.Digest = n.Digest
	return cfg
}
