package ingest_test

import (
	"testing"
	"time"

	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// Promise: when rows are to be kept for longer than before, those that were gone by
// then are no difference to an audit, later ones are; what nobody changes stays.
func TestKeptForLonger(t *testing.T) {
	r := ingesttest.New(t, "kept_longer")
	change := func(days int) schema.TTL {
		t.Helper()
		o := schema.Options{Database: r.Store.Database(), TTL: schema.DefaultTTL(), Change: &schema.Change{}}
		if days > 0 {
			o.Change.MinuteDays = &days
		}
		if err := schema.Migrate(t.Context(), r.Store.Conn(), o); err != nil {
			t.Fatal(err)
		}
		ttl, err := schema.StoredTTL(t.Context(), r.Store.Conn(), r.Store.Database())
		if err != nil {
			t.Fatal(err)
		}
		return ttl
	}
	for _, ago := range []time.Duration{20 * 24 * time.Hour, 3 * 24 * time.Hour} {
		g, err := traffic.New(traffic.Config{Seed: uint64(ago), Scenario: traffic.Mixed, Count: 500, Start: time.Now().
			Add(-ago)})
		if err != nil {
			t.Fatal(err)
		}
		if err := traffic.Produce(t.Context(), r.Brokers(), r.Topic, g,
			traffic.ProduceOptions{Partitions: r.Partitions}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := change(0); got != (schema.TTL{}) {
		t.Errorf("nobody changed how long rows are kept: got %+v; want forever, as it was", got)
	}
	want := schema.TTL{MinuteDays: 10}
	if got := change(10); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if got := change(0); got != want {
		t.Errorf("nobody said anything: got %+v; want %+v as before", got, want)
	}
	forget := func(days string) { // as merges do by the TTL
		t.Helper()
		for _, rollup := range r.Store.Rollups() {
			if schema.RollupLevel(rollup) != schema.MinuteLevel {
				continue
			}
			if err := r.Store.Conn().Exec(t.Context(), "ALTER TABLE "+r.Store.Table(schema.Table(rollup.Name))+
				" DELETE WHERE minute < now() - INTERVAL "+days+" DAY SETTINGS mutations_sync = 2"); err != nil {
				t.Fatal(err)
			}
		}
	}
	forget("10")
	want.MinuteDays = 60
	if got := change(60); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	audit := func() (differences []store.Difference) {
		t.Helper()
		report, err := r.Store.Audit(t.Context(), store.AuditOptions{TTL: want, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return report.Differences
	}
	if got := audit(); len(got) > 0 {
		t.Errorf("rows that were gone before: %v", got)
	}
	forget("1")
	if got := audit(); len(got) == 0 {
		t.Error("rows of three days ago are gone, and an audit finds nothing")
	}
}
