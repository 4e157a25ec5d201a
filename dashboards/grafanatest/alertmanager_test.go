package grafanatest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/common/model"

	"statline/classify/detect"
	"statline/ingest/watch"
)

// alertmanager takes alerts as Alertmanager's API does, by its own models and
// checks: a body with one that is not valid is refused with 400.
type alertmanager struct {
	t     *testing.T
	taken map[string]model.Alert // the newest by incident
}

func (a *alertmanager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var list models.PostableAlerts
	err := json.NewDecoder(r.Body).Decode(&list)
	if err == nil {
		err = list.Validate(strfmt.Default)
	}
	for _, x := range list {
		if err != nil {
			break
		}
		m := model.Alert{
			Labels: labels(x.Labels), Annotations: labels(x.Annotations), StartsAt: time.Time(x.StartsAt),
			EndsAt:       time.Time(x.EndsAt),
			GeneratorURL: string(x.GeneratorURL),
		}
		for name, value := range m.Labels {
			if value == "" {
				delete(m.Labels, name) // as Alertmanager does
			}
		}
		if err = alert.Validate(&m); err == nil {
			a.taken[string(m.Labels["incident"])] = m
		}
	}
	if err != nil {
		a.t.Errorf("Alertmanager refuses what is sent to %s: %v", r.URL.Path, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func labels(from models.LabelSet) model.LabelSet {
	to := model.LabelSet{}
	for name, value := range from {
		to[model.LabelName(name)] = model.LabelValue(value)
	}
	return to
}

// outbox holds incidents, and what was told of them.
type outbox struct {
	rows []watch.Stored
	told map[string]watch.Told
}

func (o *outbox) Lease(context.Context, string, time.Time, time.Time) (bool, error) { return true, nil }
func (o *outbox) Told(context.Context) (map[string]watch.Told, error)               { return o.told, nil }
func (o *outbox) Incidents(context.Context, detect.Minute) ([]watch.Stored, error) {
	return o.rows, nil
}
func (o *outbox) Notes(context.Context, time.Time) ([]watch.Note, error) { return nil, nil }
func (o *outbox) Tell(_ context.Context, id string, t watch.Told) error  { o.told[id] = t; return nil }

// Alertmanager takes every alert that is sent: of each kind and state, with names
// that are anything but plain, and of an incident that opens ahead of the wall
// clock because clocks differ.
func TestAlertmanagerTakesEveryAlert(t *testing.T) {
	am := &alertmanager{t, map[string]model.Alert{}}
	srv := httptest.NewServer(am)
	defer srv.Close()
	cfg := watch.DefaultConfig()
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Notify.Alertmanager, cfg.Notify.Link = srv.URL, "https://grafana.example/d/statline-incident?var-incident="
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	o := &outbox{told: map[string]watch.Told{}}
	now := detect.MinuteOf(time.Now().Unix())
	incident := func(id string, change func(*detect.Incident)) {
		inc := detect.Incident{
			ID: id, Kind: detect.TimeoutSpike, Entity: "api", EntityType: detect.ServiceEntity, Service: "api",
			Severity: detect.Page,
			State:    detect.Open, OpenedAt: now - 5, Summary: "api: 20 timeouts",
		}
		change(&inc)
		o.rows = append(o.rows, watch.Stored{Incident: inc, Version: uint64(now.Unix())})
	}
	for _, k := range detect.Kinds() {
		incident("kind-"+string(k), func(i *detect.Incident) { i.Kind = k })
	}
	incident("ahead", func(i *detect.Incident) { i.OpenedAt = now + 120 })
	incident("ahead-over",
		func(i *detect.Incident) { i.OpenedAt, i.ClosedAt, i.State = now+60, now+120, detect.Closed })
	incident("key", func(i *detect.Incident) {
		i.Kind, i.EntityType, i.Entity, i.Service = detect.Offender, detect.KeyEntity, "abcdefghijklmnopqrstuvwxyz", ""
	})
	incident("odd", func(i *detect.Incident) {
		i.Entity, i.Service, i.Summary = "größe \xff \"x\"\n", "größe \xff \"x\"\n", "a\x00b \xff: 3 < 4 & 5"
	})
	n := watch.New(cfg, nil, nil).NewNotifier(o)
	if err := n.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range o.rows {
		a, ok := am.taken[r.ID]
		if !ok {
			t.Errorf("%s was not sent", r.ID)
		} else if firing := a.EndsAt.After(time.Now()); firing != (r.State == detect.Open) {
			t.Errorf("%s, which is %s, ends at %s", r.ID, r.State, a.EndsAt)
		}
	}
	for i := range o.rows {
		o.rows[i].State, o.rows[i].ClosedAt = detect.Closed, now
		if i%2 == 0 {
			o.rows[i].State = detect.Withdrawn
		}
	}
	if err := n.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, a := range am.taken {
		if a.EndsAt.After(time.Now()) {
			t.Errorf("%s ends at %s; want it resolved", id, a.EndsAt)
		}
	}
	if err := watch.SendTest(t.Context(), cfg.Notify); err != nil {
		t.Error(err)
	}
}
