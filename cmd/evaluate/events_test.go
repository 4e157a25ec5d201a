package main

import (
	"testing"

	"statline/ingest/traffic"
)

// A small world, every response a line: what the store holds is what the
// detectors are judged on.
func TestEventsGiveTheRows(t *testing.T) {
	e := eventRun{services: 4, keys: 8, clients: 8, means: []float64{6, 12}}
	text, err := e.compare(t.Context(), traffic.Rough, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(text)
}
