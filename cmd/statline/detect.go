package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/dashboards/query"
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

// detectStored decides everything that the store holds, without writing.
func detectStored(ctx context.Context, s *store.Store, catalogue *classify.Catalogue, cfg *detect.Config, w window) ([]incidentRow, error) {
	sql := watch.NewSQL(s, catalogue)
	p, err := sql.Progress(ctx)
	if err != nil {
		return nil, err
	}
	rows := []incidentRow{}
	if p.First == 0 {
		return rows, nil
	}
	r := watch.Range{First: p.First, From: max(detect.MinuteOf(w.From.Unix()), p.First), To: min(detect.MinuteOf(w.To.Unix()), p.Last)}
	if r.To < r.From {
		return rows, nil
	}
	days, err := collect(ctx, s, "the stored days", query.StoredDays, func(scan func(...any) error) (day uint32, err error) {
		err = scan(&day)
		return day, err
	})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, r := range stretches(days, r) {
		found, err := watch.Evaluate(ctx, cfg, sql, r)
		if err != nil {
			return nil, fmt.Errorf("run the detectors: %w", err)
		}
		for i := range found {
			rows = append(rows, toRow(&found[i]))
			if found[i].EntityType == detect.KeyEntity {
				keys = append(keys, found[i].Entity)
			}
		}
	}
	names, err := keyNames(ctx, s, keys)
	for i := range rows {
		rows[i].Name = names[rows[i].Entity]
	}
	return rows, err
}

// dayMinutes, and how long nothing may be stored within one stretch: the
// detectors' baselines look back 22 days, so that after 30 none is left. What
// is open at the end of a stretch is closed within three days.
const (
	dayMinutes    = 1440
	silentMinutes = 30 * dayMinutes
	closeMinutes  = 3 * dayMinutes
)

// stretches cuts r where nothing is stored for a month: a file may hold lines
// of different years, and looking at every minute between them takes long and
// finds nothing. days are the days with rows, ascending, in minutes.
func stretches(days []uint32, r watch.Range) []watch.Range {
	var all []watch.Range
	for i := 0; i < len(days); {
		first := days[i]
		for i++; i < len(days) && days[i]-days[i-1] < silentMinutes; i++ {
		}
		s := watch.Range{First: max(r.First, detect.Minute(first)), To: min(r.To, detect.Minute(days[i-1]+dayMinutes+closeMinutes))}
		if s.From = max(r.From, s.First); s.From <= s.To {
			all = append(all, s)
		}
	}
	return all
}

// keyNames maps those of the keys to their names that have one.
func keyNames(ctx context.Context, s *store.Store, keys []string) (map[string]string, error) {
	names := map[string]string{}
	const maxKeys = 5000 // what fits a query
	for some := range slices.Chunk(keys, maxKeys) {
		_, err := collect(ctx, s, "the names of keys", query.KeyNames, func(scan func(...any) error) (struct{}, error) {
			var key, name string
			err := scan(&key, &name)
			names[key] = name
			return struct{}{}, err
		}, some)
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// toRow is an incident as reports print it.
func toRow(i *detect.Incident) incidentRow {
	r := incidentRow{Kind: string(i.Kind), Entity: i.Entity, Severity: string(i.Severity), State: string(i.State), Opened: i.OpenedAt.Time(),
		Observed: i.Observed, Expected: i.Expected, Score: i.Score, Summary: i.Summary, Parent: i.Parent, ID: i.ID}
	if i.ClosedAt > 0 {
		closed := i.ClosedAt.Time()
		r.Closed = &closed
	}
	return r
}
