package watch

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Every counter of Stats is shown, one of them under its old name too, and for how long
// rounds have failed.
func TestEveryCounterIsShown(t *testing.T) {
	w := New(DefaultConfig(), nil, nil)
	fields := reflect.ValueOf(&w.stats).Elem()
	for i := range fields.NumField() {
		fields.Field(i).Addr().Interface().(*atomic.Int64).Store(1e12)
	}
	w.failing.Store(&failure{time.Now().Add(-time.Hour), errors.New("connection refused")})
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != fields.NumField()+2 {
		t.Errorf("got %d metrics of %d counters", len(families), fields.NumField())
	}
	for _, f := range families {
		m := f.Metric[0]
		if m.GetCounter().GetValue()+m.GetGauge().GetValue() < 1000 {
			t.Errorf("%s: got %v; it shows no counter", f.GetName(), m)
		}
	}
}

// failingTables are those of a store that refuses to be read.
type failingTables struct {
	Tables
	err error
}

func (f *failingTables) Progress(context.Context) (Progress, error) { return Progress{}, f.err }

// Promise: rounds that fail say why and since when, until one succeeds; each is
// a sign of life.
func TestFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := &failingTables{err: errors.New("not enough privileges")}
		w := New(DefaultConfig(), nil, tables)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- w.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		if since, err := w.Failing(); err == nil || !since.Equal(began) || time.Since(w.Moved()) > time.Minute {
			t.Errorf("got %v since %v, moved at %v; want why since %v", err, since, w.Moved(), began)
		}
		tables.err = nil
		time.Sleep(time.Minute)
		if since, err := w.Failing(); err != nil {
			t.Errorf("it answers: got %v since %v", err, since)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
