package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

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
	starting := &ingest.Startup{}
	if c.Daemon.Listen != "" {
		closeServer, err := ingest.Serve(ctx, c.Daemon.Listen, registry, starting, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeServer()) }()
	}
	s, err := ingest.AwaitStore(ctx, opening(c, secret), starting.Wait, log)
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
	ingest.LimitMemory(int64(c.Daemon.MemoryBudget))
	p, err := newPipeline(c.Pipeline(instanceName(), version), client, s, folding, log)
	if err != nil {
		return err
	}
	registry.MustRegister(p.Collector(), client.Collector())
	daemon := &ingest.Daemon{Pipeline: p}
	if c.Daemon.Watch {
		w, notifier, err := newWatch(s, c.Detect.Detectors, c.Notify.Watch(), folding.Catalogue, time.Second, log)
		if err != nil {
			return err
		}
		registry.MustRegister(w.Collector())
		daemon.Detectors = w
		if notifier != nil {
			daemon.Notifier = notifier
		}
	}
	starting.Done(daemon)
	log.Info("running", "version", version, "topic", c.Kafka.Topic, "group", c.Kafka.Group, "database", s.Database())
	return daemon.Run(ctx)
}

// opening is the store that the daemon works on.
func opening(c *config.Config, secret []byte) ingest.Opening {
	o := ingest.Opening{Store: c.ClickHouse.Store(), SecretID: decode.SecretID(secret)}
	if c.Daemon.Migrate {
		o.Tables = &schema.Options{Cluster: c.ClickHouse.Cluster, TTL: schema.DefaultTTL()}
	}
	return o
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
