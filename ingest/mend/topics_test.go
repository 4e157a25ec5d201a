package mend

import (
	"testing"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/ingesttest"
)

// Promise: where blocks of several topics have rows in the same tables, lost rows of
// each come back when each topic is named, read by its own rules, and a span is
// counted again from all of them. When one is not named it is refused.
func TestSeveralTopicsInOneStore(t *testing.T) {
	r := ingesttest.New(t, "mend_topics")
	first := r.Produce(31, 3000)
	lossy := &lossyStore{Store: r.Store, lose: map[int64]func(*aggregate.Rows){
		2: func(rows *aggregate.Rows) { rows.Services = nil },
		5: func(rows *aggregate.Rows) { rows.Services, rows.Clients = nil, aggregate.List[aggregate.ClientRow]{} },
	}}
	r.Into = lossy
	if err := r.Run(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	one := repairOf(t, r)
	r.Topic = "mend_topics.edge"
	r.Fold.Decode.Service = "edge"
	second := r.Produce(32, 3000)
	if err := r.Run(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	if n := lossy.blocks.Load(); n < 6 {
		t.Fatalf("got %d blocks; want three of each topic", n)
	}
	checkRefused(t, r, one, "it is of another topic")

	edge := repairOf(t, r)
	edge.Fold.Decode.Format = "haproxy" // configured since; the blocks have rules of their own
	partitions, err := edge.Log.StartOffsets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := Topic{Log: edge.Log, Fold: edge.Fold}
	for p := range partitions {
		other.Partitions = append(other.Partitions, p)
	}
	one.Others = map[string]Topic{r.Topic: other}
	one.logs = nil
	report, err := one.Lost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Blocks) != 2 || report.Blocks[0].Topic == report.Blocks[1].Topic {
		t.Errorf("got %v; want a block of each topic", report.Blocks)
	}
	r.Check(first, second)

	again := Recount{Store: r.Store, Log: one.Log, Fold: one.Fold, Block: one.Block, Others: one.Others}
	var counted uint64
	if err := again.Run(t.Context(), time.Now().Add(-48*time.Hour), time.Now(),
		func(*classify.Response, classify.Outcome) { counted++ }); err != nil {
		t.Fatal(err)
	}
	if want := first.Records - first.Rejected + second.Records - second.Rejected; counted != want {
		t.Errorf("counted %d responses again; want %d", counted, want)
	}
}
