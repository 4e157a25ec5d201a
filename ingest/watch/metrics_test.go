package watch

import (
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every counter of Stats is shown.
func TestEveryCounterIsShown(t *testing.T) {
	w := New(DefaultConfig(), nil, nil)
	fields := reflect.ValueOf(&w.stats).Elem()
	for i := range fields.NumField() {
		fields.Field(i).Addr().Interface().(*atomic.Int64).Store(1e12)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != fields.NumField() {
		t.Errorf("got %d metrics of %d counters", len(families), fields.NumField())
	}
	for _, f := range families {
		m := f.Metric[0]
		if m.GetCounter().GetValue()+m.GetGauge().GetValue() < 1000 {
			t.Errorf("%s: got %v; it shows no counter", f.GetName(), m)
		}
	}
}
