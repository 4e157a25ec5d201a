package main

import (
	"context"
	"log/slog"
	"time"

	"statline/classify/detect"
	"statline/dashboards/report"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// newWatch connects the detectors' loop to a store.
func newWatch(tables *watch.SQL, detectors detect.Config, notify watch.NotifyConfig, every time.Duration,
	log *slog.Logger) (*watch.Watch, *watch.Notifier, error) {
	cfg := watch.DefaultConfig()
	cfg.Detectors, cfg.Notify, cfg.Instance, cfg.Logger, cfg.Every = detectors, notify, instanceName(), log, every
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	w := watch.New(cfg, tables, tables)
	if notify.Webhook == "" && notify.Alertmanager == "" {
		return w, nil, nil
	}
	return w, w.NewNotifier(tables), nil
}

// detectStored decides about everything stored in a time range, without writing.
func detectStored(ctx context.Context, s *store.Store, tables *watch.SQL, cfg *detect.Config,
	w report.TimeRange) ([]report.Incident, error) {
	found, err := tables.Stored(ctx, cfg, w.From, w.To)
	if err != nil {
		return nil, err
	}
	list := report.FromIncidents(found)
	return list, report.Name(ctx, s, list)
}
