package ingest_test

import (
	"context"
	"testing"
	"time"

	"statline/ingest"
	"statline/ingest/ingesttest"
	"statline/ingest/retry"
)

// Promise: many partitions that share a small budget are not cut into crumbs:
// what a short backlog of each holds is stored in one block of each, within the
// time that their inserts take.
func TestManyPartitionsSmallBudget(t *testing.T) {
	const partitions, limit = 60, 5 * time.Minute
	r := ingesttest.New(t, "many_partitions")
	r.Partitions = partitions
	truth := r.Produce(1, 20_000)
	p, client := r.Pipeline(func(c *ingest.Config) { c.UntilCaughtUp, c.MemoryBudget = false, 32<<20 })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	began := time.Now()
	for stored := uint64(0); stored < truth.Records; {
		stored = 0
		for _, s := range p.Status().Partitions {
			stored += s.Records
		}
		if !retry.Sleep(t.Context(), 50*time.Millisecond) || time.Since(began) > limit {
			t.Fatalf("got %d records after %s; want %d", stored, time.Since(began), truth.Records)
		}
	}
	took := time.Since(began)
	blocks := uint64(0)
	for _, s := range p.Status().Partitions {
		blocks += s.Blocks
	}
	t.Logf("%d blocks in %s", blocks, took.Round(time.Millisecond))
	if blocks > partitions+partitions/4 {
		t.Errorf("got %d blocks for %d partitions; want about one each", blocks, partitions)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	r.Check(truth)
}
