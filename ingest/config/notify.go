package config

import (
	"statline/classify/detect"
	"statline/ingest/watch"
)

// Notify says who is told of incidents.
type Notify struct {
	Webhook, Alertmanager, Link, Severity string
}

func defaultNotify() Notify { return Notify{Severity: string(watch.DefaultNotify().MinSeverity)} }

func notifyOptions() []Option {
	severities := []string{string(detect.Info), string(detect.Ticket), string(detect.Page)}
	return []Option{
		{Name: "webhook", Set: SetNotify, Type: "URL", Reload: true, Mask: maskHook,
			Help:  "address that gets a JSON object for each incident that opens or closes",
			value: func(c *Config) Value { return text{&c.Notify.Webhook} }},
		{Name: "alertmanager", Set: SetNotify, Type: "URL", Reload: true, Mask: maskUser, Help: "base address of an Alertmanager (API v2)",
			value: func(c *Config) Value { return text{&c.Notify.Alertmanager} }},
		{Name: "incident-link", Set: SetNotify, Type: "URL", Reload: true, Mask: maskUser,
			Help:  "address that notifications link to, with the incident's id appended",
			value: func(c *Config) Value { return text{&c.Notify.Link} }},
		{Name: "notify-severity", Set: SetNotify, Reload: true, Help: "least severity that is sent",
			value: func(c *Config) Value { return choice{&c.Notify.Severity, severities} }},
	}
}

func checkNotify(c *Config) error {
	cfg := watch.DefaultConfig()
	cfg.Notify = c.Notify.Watch()
	return cfg.Validate()
}

// Watch is the notifier's configuration.
func (n *Notify) Watch() watch.NotifyConfig {
	cfg := watch.DefaultNotify()
	cfg.Webhook, cfg.Alertmanager, cfg.Link, cfg.MinSeverity = n.Webhook, n.Alertmanager, n.Link, detect.Severity(n.Severity)
	return cfg
}
