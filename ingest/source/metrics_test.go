package source

import (
	"maps"
	"reflect"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every counter is shown, once.
func TestEveryCounterIsShown(t *testing.T) {
	var c counters
	fields := reflect.ValueOf(&c).Elem()
	left := map[uintptr]string{}
	for i := range fields.NumField() {
		left[fields.Field(i).Addr().Pointer()] = fields.Type().Field(i).Name
	}
	for i := range metrics {
		at := reflect.ValueOf(metrics[i].value(&c)).Pointer()
		if left[at] == "" {
			t.Errorf("%s: shown twice", metrics[i].desc)
		}
		delete(left, at)
	}
	if len(left) > 0 {
		t.Errorf("not shown: %v", left)
	}
}

// Promise: the counters of several topics are told apart by the label topic, and
// new credentials reach each of the clients.
func TestGroupCollector(t *testing.T) {
	g, err := NewGroup(testConfig([]string{"127.0.0.1:1"}))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	access, err := g.Client("access")
	if err != nil {
		t.Fatal(err)
	}
	edge, err := g.Client("edge")
	if err != nil {
		t.Fatal(err)
	}
	access.stats.commits.Add(2)
	r := prometheus.NewRegistry()
	r.MustRegister(g.Collector())
	commits := func() map[string]float64 {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.Metric {
				if f.GetName() == "statline_kafka_commits_total" {
					got[m.Label[0].GetValue()] = m.GetCounter().GetValue()
				}
			}
		}
		return got
	}
	if got, want := commits(), map[string]float64{"": 0, "access": 2, "edge": 0}; !maps.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	g.SetAccess(Access{SASL: SASL{User: "new"}})
	for _, c := range []*Client{g.c, access, edge} {
		if got := c.access.Load().SASL.User; got != "new" {
			t.Errorf("%q has the user %q; want the new one", c.cfg.Topic, got)
		}
	}
	for _, c := range []*Client{access, edge} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := commits(); len(got) != 1 {
		t.Errorf("got %v of closed clients; want the membership alone", got)
	}
}
