package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"statline/ingest"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/watch"
)

func runCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "run",
		Short: "The daemon: Kafka in, exact aggregates in ClickHouse out",
		Long: `run reads a Kafka topic of access logs, classifies every response and stores
minute aggregates in ClickHouse, exactly once: killed at any moment, it goes on
where it was and no count is lost or doubled. Start it on more machines with the
same --group and they share the partitions.

It serves /metrics, /healthz and /readyz on --listen. /readyz is red while Kafka
or ClickHouse cannot be reached or a partition cannot go on, and says why.`,
		Example: `  statline run --brokers kafka:9092 --topic access --group statline --clickhouse clickhouse://user:pass@host:9000/statline
  statline run --config statline.yaml
  statline run --brokers 127.0.0.1:19092 --clickhouse http://127.0.0.1:18123 --until-caught-up`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), st.Config) },
	}
	st = takeSettings(c, "run")
	return c
}

// startup is what /readyz says until the pipeline runs.
type startup struct {
	waiting  atomic.Value // string
	pipeline atomic.Pointer[ingest.Pipeline]
}

func (s *startup) Ready() (bool, any) {
	if p := s.pipeline.Load(); p != nil {
		return p.Ready()
	}
	w, _ := s.waiting.Load().(string)
	return false, ingest.Status{Waiting: w}
}

func run(ctx context.Context, c *config.Config) (err error) {
	log := c.Log.Logger(os.Stderr, c.Log.Slog())
	secret, err := c.HMAC()
	if err != nil {
		return err
	}
	folding, err := c.Fold(secret)
	if err != nil {
		return err
	}
	if _, err := checkLabels(c.Keys.Labels); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	ready := &startup{}
	if c.Daemon.Listen != "" {
		closeServer, err := serve(ctx, c.Daemon.Listen, registry, ready, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeServer()) }()
	}
	s, err := awaitStore(ctx, c, secret, ready, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	stopLabels, err := followLabels(ctx, c.Keys.Labels, s, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, stopLabels()) }()
	kafka := c.Kafka.Source(c.Daemon.From)
	kafka.Logger = log
	client, err := source.New(kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	limitMemory(int64(c.Daemon.MemoryBudget))
	p, err := newPipeline(c.Pipeline(instanceName(), version), client, s, folding, log)
	if err != nil {
		return err
	}
	registry.MustRegister(p.Collector())
	ready.pipeline.Store(p)
	log.Info("running", "version", version, "topic", c.Kafka.Topic, "group", c.Kafka.Group, "database", s.Database())
	if !c.Daemon.Watch {
		return p.Run(ctx)
	}
	w, notifier, err := newWatch(s, c.Detect.Detectors, c.Notify.Watch(), folding.Catalogue, time.Second, log)
	if err != nil {
		return err
	}
	registry.MustRegister(watchMetrics(w.Stats()))
	return runWatched(ctx, p, w, notifier)
}

// followLabels brings the customers' names into the store and keeps them equal
// to the file until stop is called.
func followLabels(ctx context.Context, path string, s *store.Store, log *slog.Logger) (stop func() error, err error) {
	follower, err := setLabels(ctx, path, s, log)
	if err != nil || follower == nil {
		return func() error { return nil }, err
	}
	following, cancel := context.WithCancel(ctx)
	var tasks errgroup.Group
	tasks.Go(func() error { return follower.Run(following, labelsEvery) })
	return func() error { cancel(); return tasks.Wait() }, nil
}

// runWatched runs the detectors beside the pipeline, and once more over what
// the pipeline stored last.
func runWatched(ctx context.Context, p *ingest.Pipeline, w *watch.Watch, notifier *watch.Notifier) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var tasks errgroup.Group
	tasks.Go(func() error { return w.Run(watching) })
	if notifier != nil {
		tasks.Go(func() error { return notifier.Run(watching) })
	}
	err := p.Run(ctx)
	stop()
	err = errors.Join(err, tasks.Wait())
	if err == nil && ctx.Err() == nil {
		err = w.Round(ctx)
	}
	return err
}

// limitMemory makes the garbage collector work harder before the process takes
// much more than its budget: the heap is given a quarter more, since the
// budget does not cover the runtime and the connections. GOMEMLIMIT wins.
func limitMemory(budget int64) {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(budget + budget/4)
	}
}

// awaitStore connects and prepares the tables, waiting for a server that cannot
// be reached yet.
func awaitStore(ctx context.Context, c *config.Config, secret []byte, ready *startup, log *slog.Logger) (*store.Store, error) {
	pause := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, MaxInterval: 5 * time.Second, Multiplier: 2, RandomizationFactor: 0.5}
	var logged time.Time
	var tables *schema.Options
	if c.Daemon.Migrate {
		tables = &schema.Options{Cluster: c.ClickHouse.Cluster, TTL: schema.DefaultTTL()}
	}
	return backoff.Retry(ctx, func() (*store.Store, error) {
		s, err := openStore(ctx, c.ClickHouse.Store(), secret, tables)
		if err == nil {
			return s, nil
		}
		if store.Class(err) == store.Permanent {
			return nil, backoff.Permanent(err)
		}
		ready.waiting.Store(err.Error())
		if time.Since(logged) > 10*time.Second {
			logged = time.Now()
			log.Warn("waiting for ClickHouse", "err", err)
		}
		return nil, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0))
}

// openStore connects, brings the tables to this binary's schema unless tables
// is nil, and refuses another secret than the one that the stored key ids were
// made with.
func openStore(ctx context.Context, cfg store.Config, secret []byte, tables *schema.Options) (*store.Store, error) {
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if tables != nil {
		o := *tables
		o.Database = s.Database()
		err = schema.Migrate(ctx, s.Conn(), o)
	}
	if err == nil {
		err = schema.CheckSecret(ctx, s.Conn(), s.Database(), decode.SecretID(secret))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newPipeline wires a pipeline of source, folds and store.
func newPipeline(cfg ingest.Config, client *source.Client, s *store.Store, folding fold.Config, log *slog.Logger) (*ingest.Pipeline, error) {
	folds, err := fold.NewPool(folding, cfg.MemoryBudget/8)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return ingest.New(cfg, ingest.Parts{Source: ingest.Kafka(client), Store: s, Folds: folds, Log: log})
}

// unlessStopped turns an error into nil when ctx has ended: then the stop is
// what was asked for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
