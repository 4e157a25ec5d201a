package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"statline/ingest"
	"statline/ingest/ingesttest"
	"statline/ingest/store"
)

// Promise: what was produced is what is stored, and a second run has nothing
// to do.
func TestEndToEnd(t *testing.T) {
	r := ingesttest.New(t, "end_to_end")
	first := r.Produce(1, 20_000)
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.Check(first)
	second := r.Produce(2, 5_000)
	for range 2 {
		if err := r.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.Check(first, second)
}

// Promise: a process that is stopped or dies anywhere is followed by one that
// goes on, and the sums stay those of the truth.
func TestKilledEndToEnd(t *testing.T) {
	r := ingesttest.New(t, "killed")
	truth := r.Produce(3, 60_000)
	rng := rand.New(rand.NewPCG(1, 2))
	steps := []string{"declare", "declared", "insert", "inserted", "stored", "commit", "committed", "recover", "fill"}
	for i := range 12 {
		ctx, kill := context.WithCancel(t.Context())
		p, client := r.Pipeline(func(c *ingest.Config) {
			c.Block.Limits.Records = uint64(500 + rng.IntN(5000))
			c.Block.StopTimeout = time.Nanosecond // a stop is as good as a kill
		})
		step, n := steps[i%len(steps)], 1+rng.Int64N(4)
		var seen atomic.Int64
		p.AtStep(func(at string) {
			if at == step && seen.Add(1) == n {
				kill()
			}
		})
		err := p.Run(ctx)
		kill()
		t.Logf("run %d ended at %s:%d: %v", i, step, n, err)
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.Check(truth)
}

// auditStore notes what audits beside the writers find.
type auditStore struct {
	*store.Store
	audits, differences atomic.Int64
}

func (s *auditStore) Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error) {
	report, err := s.Store.Audit(ctx, o)
	if err == nil {
		s.audits.Add(1)
		s.differences.Add(int64(len(report.Differences)))
	}
	return report, err
}

// Promise: several instances share the partitions; one that leaves or joins
// changes no sum, and audits beside the writers find nothing.
func TestInstancesEndToEnd(t *testing.T) {
	r := ingesttest.New(t, "instances")
	watched := &auditStore{Store: r.Store}
	r.Into = watched
	truth := r.Produce(5, 60_000)
	done := make(chan error, 3)
	quit, leave := context.WithCancel(t.Context())
	for i := range 3 {
		ctx := t.Context()
		if i == 0 {
			ctx = quit
		}
		go func() {
			done <- r.Run(ctx, func(c *ingest.Config) {
				c.Block.Instance = fmt.Sprint("instance-", i)
				c.Block.Limits.Records = 2000
				c.AuditEvery = 300 * time.Millisecond
			})
		}()
	}
	time.AfterFunc(2*time.Second, leave)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	leave()
	r.Check(truth)
	if watched.audits.Load() == 0 || watched.differences.Load() != 0 {
		t.Errorf("got %d audits with %d differences; want some with none", watched.audits.Load(),
			watched.differences.Load())
	}
}
