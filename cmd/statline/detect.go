package main

import (
	"context"
	"log/slog"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/dashboards/report"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// newWatch wires the detectors' loop to a store.
func newWatch(s *store.Store, detectors detect.Config, notify watch.NotifyConfig, catalogue *classify.Catalogue, every time.Duration, log *slog.Logger) (*watch.Watch, *watch.Notifier, error) {
	cfg := watch.DefaultConfig()
	cfg.Detectors, cfg.Notify, cfg.Instance, cfg.Logger, cfg.Every = detectors, notify, instanceName(), log, every
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	tables := watch.NewSQL(s, catalogue)
	w := watch.New(cfg, tables, tables)
	if notify.Webhook == "" && notify.Alertmanager == "" {
		return w, nil, nil
	}
	return w, w.NewNotifier(tables), nil
}

// detectStored decides everything that the store holds of a window, without
// writing.
func detectStored(ctx context.Context, s *store.Store, catalogue *classify.Catalogue, cfg *detect.Config, w report.Window) ([]report.Incident, error) {
	found, err := watch.NewSQL(s, catalogue).Stored(ctx, cfg, w.From, w.To)
	if err != nil {
		return nil, err
	}
	list := report.FromIncidents(found)
	return list, report.Name(ctx, s, list)
}
