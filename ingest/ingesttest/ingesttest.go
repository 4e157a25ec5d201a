// Package ingesttest runs the pipeline from the embedded broker into the
// embedded engine, and compares what is stored with the truth.
package ingesttest

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// Rig is a topic and a database of their own in the shared sandbox.
type Rig struct {
	t     testing.TB
	Topic string
	Store *store.Store
	Fold  fold.Config
	// Into is what pipelines write to: Store, unless a test wraps it.
	Into ingest.Store
	// Kafka changes the configuration of clients; nil does not.
	Kafka func(*source.Config)
	// Log is where pipelines log; nil is nowhere.
	Log *slog.Logger
	// Partitions is how many the topic is made with.
	Partitions int32
}

// New makes a rig; name is its topic's and its database's.
func New(t testing.TB, name string) *Rig {
	t.Helper()
	s := storetest.On(t, name)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: name}); err != nil {
		t.Fatal(err)
	}
	return &Rig{t: t, Topic: name, Store: s, Fold: Folding(), Into: s, Partitions: 3}
}

// Folding is the default configuration with the secret of tests.
func Folding() fold.Config {
	c := fold.DefaultConfig()
	c.Decode.Secret = foldtest.Secret
	return c
}

// Config is a pipeline's configuration with the names of tests.
func Config() ingest.Config {
	c := ingest.DefaultConfig()
	c.Block.Topic, c.Block.Group, c.Block.Instance = "access", "statline", "test"
	return c
}

// Brokers are the shared sandbox's.
func (r *Rig) Brokers() []string { return sandboxtest.Sandbox(r.t).Brokers() }

// Produce writes n lines of mixed traffic to the partitions and returns their
// truth.
func (r *Rig) Produce(seed uint64, n int64) *traffic.Truth {
	r.t.Helper()
	g, err := traffic.New(traffic.Config{Seed: seed, Scenario: traffic.Mixed, Count: n, Malformed: 0.01,
		Start: time.Now().Add(-time.Hour)})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := traffic.Produce(r.t.Context(), r.Brokers(), r.Topic, g,
		traffic.ProduceOptions{Partitions: r.Partitions}); err != nil {
		r.t.Fatal(err)
	}
	return g.Truth()
}

// Client makes a client of its own; the test closes it.
func (r *Rig) Client() *source.Client {
	r.t.Helper()
	k := source.DefaultConfig()
	k.Brokers, k.Topic, k.Group = r.Brokers(), r.Topic, "statline"
	k.SessionTimeout, k.HeartbeatInterval, k.RebalanceTimeout, k.JoinBackoff = 3*time.Second, 200*time.Millisecond,
		3*time.Second, 100*time.Millisecond
	if r.Kafka != nil {
		r.Kafka(&k)
	}
	client, err := source.New(k)
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

// Pipeline makes a pipeline with a client of its own, which runs until it has
// caught up unless change says otherwise.
func (r *Rig) Pipeline(change func(*ingest.Config)) (*ingest.Pipeline, *source.Client) {
	r.t.Helper()
	client := r.Client()
	pool, err := fold.NewPool(r.Fold, 16<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := Config()
	cfg.Block.Topic = r.Topic
	cfg.UntilCaughtUp = true
	if change != nil {
		change(&cfg)
	}
	p, err := ingest.New(cfg, ingest.Parts{Source: ingest.Kafka(client), Store: r.Into, Rules: pool, Log: r.Log})
	if err != nil {
		r.t.Fatal(err)
	}
	return p, client
}

// Run runs a Pipeline.
func (r *Rig) Run(ctx context.Context, change func(*ingest.Config)) error {
	p, client := r.Pipeline(change)
	err := p.Run(ctx)
	if cerr := client.Close(); cerr != nil {
		r.t.Error(cerr)
	}
	return err
}

// Check compares every rollup with the truth and runs the audit; lines that
// were replayed would still count as rejected in the ledger's blocks.
func (r *Rig) Check(want ...*traffic.Truth) {
	r.t.Helper()
	r.CheckOutcomes(want...)
	report := r.Audit()
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

// Audit wants the ledger and the rollups to agree.
func (r *Rig) Audit() *store.AuditReport {
	r.t.Helper()
	report := r.audit()
	for _, d := range report.Differences {
		r.t.Errorf("audit: %s", d)
	}
	return report
}

// Differences is what an audit finds.
func (r *Rig) Differences() []store.Difference {
	r.t.Helper()
	return r.audit().Differences
}

func (r *Rig) audit() *store.AuditReport {
	r.t.Helper()
	report, err := r.Store.Audit(r.t.Context(), store.AuditOptions{TTL: schema.DefaultTTL(), Now: time.Now()})
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// CheckOutcomes compares rollups with the truth, by outcome.
func (r *Rig) CheckOutcomes(want ...*traffic.Truth) {
	r.t.Helper()
	outcomes := map[string]uint64{}
	for _, w := range want {
		for name, n := range w.ByOutcome {
			if n > 0 {
				outcomes[name] += n
			}
		}
	}
	for _, rollup := range r.Store.Rollups() {
		table := schema.Table(rollup.Name)
		if rollup.Sum != aggregate.Responded || !slices.Contains(rollup.Columns,
			aggregate.Column{Name: string(schema.Outcome)}) {
			continue
		}
		got := map[string]uint64{}
		rows, err := store.Select[struct {
			Outcome  string `ch:"outcome"`
			Requests uint64 `ch:"n"`
		}](r.t.Context(), r.Store,
			"SELECT toString(outcome) AS outcome, sum(requests) AS n FROM "+r.Store.Table(table)+" GROUP BY outcome")
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
