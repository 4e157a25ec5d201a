package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// rig is a topic and a database of their own in the shared sandbox.
type rig struct {
	t     testing.TB
	topic string
	store *store.Store
	fold  fold.Config
	into  Store // what pipelines write to; the store, unless a test wraps it
}

func newRig(t testing.TB, name string) *rig {
	t.Helper()
	c := store.DefaultConfig()
	c.URL, c.Database = testbed(t).ClickHouseURL(), name
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: name}); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, topic: name, store: s, fold: foldConfig(), into: s}
}

// produce writes n lines of mixed traffic and returns their truth.
func (r *rig) produce(seed uint64, n int64) *traffic.Truth {
	r.t.Helper()
	g, err := traffic.New(traffic.Config{Seed: seed, Scenario: traffic.Mixed, Count: n, Malformed: 0.01, Start: time.Now().Add(-time.Hour)})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := traffic.Produce(r.t.Context(), testbed(r.t).Brokers(), r.topic, g, traffic.ProduceOptions{Partitions: 3}); err != nil {
		r.t.Fatal(err)
	}
	return g.Truth()
}

// client makes a client of its own.
func (r *rig) client() *source.Client {
	r.t.Helper()
	k := source.DefaultConfig()
	k.Brokers, k.Topic, k.Group = testbed(r.t).Brokers(), r.topic, "statline"
	k.SessionTimeout, k.HeartbeatInterval, k.RebalanceTimeout, k.JoinBackoff = 3*time.Second, 200*time.Millisecond, 3*time.Second, 100*time.Millisecond
	client, err := source.New(k)
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

// pipeline makes a pipeline with a client of its own.
func (r *rig) pipeline(change func(*Config)) (*Pipeline, *source.Client) {
	r.t.Helper()
	client := r.client()
	pool, err := fold.NewPool(r.fold, 16<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := testConfig()
	cfg.Block.Topic = r.topic
	cfg.UntilCaughtUp = true
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg, Parts{Source: Kafka(client), Store: r.into, Folds: pool})
	if err != nil {
		r.t.Fatal(err)
	}
	return p, client
}

func (r *rig) run(ctx context.Context, change func(*Config)) error {
	p, client := r.pipeline(change)
	err := p.Run(ctx)
	if cerr := client.Close(); cerr != nil {
		r.t.Error(cerr)
	}
	return err
}

// check compares every rollup with the truth and runs the audit; lines that
// were replayed would still count as rejected in the ledger's blocks.
func (r *rig) check(want ...*traffic.Truth) {
	r.t.Helper()
	r.checkOutcomes(want...)
	report := r.audit()
	var got, truth struct{ records, rejected uint64 }
	for _, w := range want {
		truth.rejected += w.Rejected
		truth.records += w.Records
	}
	for _, p := range report.Partitions {
		got.records += p.Records
		got.rejected += p.Rejected
	}
	if got != truth {
		r.t.Errorf("ledger: got %+v; want %+v", got, truth)
	}
}

func (r *rig) audit() *store.AuditReport {
	r.t.Helper()
	report, err := r.store.Audit(r.t.Context(), store.AuditOptions{TTL: schema.DefaultTTL(), Now: time.Now()})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range report.Differences {
		r.t.Errorf("audit: %s", d)
	}
	return report
}

func (r *rig) checkOutcomes(want ...*traffic.Truth) {
	r.t.Helper()
	outcomes := map[string]uint64{}
	for _, w := range want {
		for name, n := range w.ByOutcome {
			if n > 0 {
				outcomes[name] += n
			}
		}
	}
	for _, table := range []schema.Table{schema.Responses, schema.ResponsesHour, schema.Services} {
		got := map[string]uint64{}
		rows, err := store.Select[struct {
			Outcome  string `ch:"outcome"`
			Requests uint64 `ch:"n"`
		}](r.t.Context(), r.store, "SELECT toString(outcome) AS outcome, sum(requests) AS n FROM "+r.store.Table(table)+" GROUP BY outcome")
		if err != nil {
			r.t.Fatal(err)
		}
		for _, row := range rows {
			got[row.Outcome] = row.Requests
		}
		if diff := cmp.Diff(outcomes, got); diff != "" {
			r.t.Errorf("%s by outcome (-truth +stored):\n%s", table, diff)
		}
	}
}

// Promise: what was produced is what is stored, and a second run has nothing
// to do.
func TestEndToEnd(t *testing.T) {
	r := newRig(t, "end_to_end")
	first := r.produce(1, 20_000)
	if err := r.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.check(first)
	second := r.produce(2, 5_000)
	for range 2 {
		if err := r.run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.check(first, second)
}

// Promise: a process that is stopped or dies anywhere is followed by one that
// goes on, and the sums stay those of the truth.
func TestKilledEndToEnd(t *testing.T) {
	r := newRig(t, "killed")
	truth := r.produce(3, 60_000)
	rng := rand.New(rand.NewPCG(1, 2))
	steps := []string{"declare", "declared", "insert", "inserted", "stored", "commit", "committed", "recover", "fill"}
	for i := range 12 {
		ctx, kill := context.WithCancel(t.Context())
		p, client := r.pipeline(func(c *Config) {
			c.Block.Limits.Records = uint64(500 + rng.IntN(5000))
			c.Block.StopTimeout = time.Nanosecond // a stop is as good as a kill
		})
		step, n := steps[i%len(steps)], 1+rng.Int64N(4)
		var seen atomic.Int64
		p.crash = func(at string) {
			if at == step && seen.Add(1) == n {
				kill()
			}
		}
		err := p.Run(ctx)
		kill()
		t.Logf("run %d ended at %s:%d: %v", i, step, n, err)
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := r.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.check(truth)
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
	r := newRig(t, "instances")
	watched := &auditStore{Store: r.store}
	r.into = watched
	truth := r.produce(5, 60_000)
	done := make(chan error, 3)
	quit, leave := context.WithCancel(t.Context())
	for i := range 3 {
		ctx := t.Context()
		if i == 0 {
			ctx = quit
		}
		go func() {
			done <- r.run(ctx, func(c *Config) {
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
	r.check(truth)
	if watched.audits.Load() == 0 || watched.differences.Load() != 0 {
		t.Errorf("got %d audits with %d differences; want some with none", watched.audits.Load(), watched.differences.Load())
	}
}
