package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"statline/dashboards/report"
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
minute aggregates in ClickHouse, exactly once: if it is killed at any moment, it
continues where it stopped, and no count is lost or doubled. Start it on several
machines with the same --group, and they share the partitions.

It also reads several topics: --topic access,edge, or those that match
--topic-pattern, including topics created later. The section topics of the config
file says how to read each one. A topic that does not exist or cannot continue turns
/readyz red; the others go on.

--listen serves /metrics, /healthz and /readyz, and the console (the boards in a
browser): to this machine only or, with --console-token-file and TLS, to whoever has
the token. /readyz is red, and says why, while Kafka or ClickHouse cannot be reached,
a partition cannot continue, or records are missing that the group has committed.
/healthz is red when a loop of the process is stuck, not while it waits for a server.

SIGHUP or POST /-/reload reads the configuration again: routes, mapping, detectors,
mutes, labels, log level, receivers and credentials change without a restart, from
the next block on. A bad file changes nothing. POST /-/log-level?level=debug&for=10m
raises the log level for a while; /debug/pprof/ has profiles if --listen is on
loopback. Under systemd it reports that it is up and, for WatchdogSec, alive.`,
		Example: `  statline run --brokers kafka:9092 --topic access --group statline --clickhouse clickhouse://user:pass@host:9000/statline
  statline run --config statline.yaml
  statline run --brokers kafka:9092 --topic-pattern '^access\..+' --clickhouse http://127.0.0.1:8123
  statline run --brokers 127.0.0.1:19092 --clickhouse http://127.0.0.1:18123 --until-caught-up`,
		Annotations: map[string]string{reloads: "at SIGHUP"},
		Args:        cobra.NoArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), cmd.OutOrStdout(), st) },
	}
	st = takeSettings(c, "run")
	return c
}

func run(ctx context.Context, out io.Writer, st *settings) (err error) {
	c := st.Config
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
	d := newDaemon(st, secret)
	if d.limits, err = readLimits(c.Keys.Limits); err != nil {
		return err
	}
	d.codes = folding.Catalogue.Hash()
	defer d.onSignal(ctx)()
	starting := &ingest.Startup{}
	if c.Daemon.Listen != "" {
		server, err := d.server(ctx, starting)
		if err != nil {
			return err
		}
		closeServer, err := server.Serve()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeServer()) }()
	}
	defer underSystemd(ctx, starting.Healthy, d.log)()
	if d.store, err = ingest.AwaitStore(ctx, opening(c, secret), starting.Wait, d.log); err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	follower, err := setLabels(ctx, c.Keys.Labels, d.store, d.log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	if d.mover, err = newMover(ctx, c, secret, d.store, d.log); err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, d.mover.close()) }()
	ingest.LimitMemory(int64(c.Daemon.MemoryBudget))
	d.registry.MustRegister(d.mover.collectors...)
	working := &ingest.Daemon{Pipeline: d.mover}
	if c.Daemon.Watch {
		working.Detectors = d
	}
	starting.Done(working)
	close(d.ready)
	d.log.Info("running", "version", version, "topic", cmp.Or(c.Kafka.Topic, c.Kafka.TopicPattern), "group",
		c.Kafka.Group,
		"database", d.store.Database(), "config_hash", hashesText(d.mover.hashes()))

	labelling, stopLabels := context.WithCancel(ctx)
	var labelled errgroup.Group
	labelled.Go(func() error { return d.followLabels(labelling, follower) })
	defer func() { stopLabels(); err = errors.Join(err, labelled.Wait()) }()
	if !c.Daemon.UntilCaughtUp {
		return working.Run(ctx)
	}
	return caughtUp(ctx, out, d.store, func() error { return working.Run(ctx) })
}

// caughtUp works until everything is stored, and prints what was stored.
func caughtUp(ctx context.Context, out io.Writer, s *store.Store, work func() error) error {
	began := time.Now()
	before, err := report.Totals(ctx, s)
	if err != nil {
		return err
	}
	if err := work(); err != nil || ctx.Err() != nil {
		return err
	}
	now, err := report.Totals(ctx, s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "caught up in %s: the ledger has %s records more (%s responses, %s rejects), %s in all\n",
		time.Since(began).Round(100*time.Millisecond), count(now.Records-before.Records),
		count(now.Responses-before.Responses),
		count(now.Rejected-before.Rejected), count(now.Records))
	return err
}

// opening says how the daemon opens its store.
func opening(c *config.Config, secret []byte) ingest.Opening {
	o := ingest.Opening{Store: c.ClickHouse.Store(), SecretID: decode.SecretID(secret)}
	if c.Daemon.Migrate {
		o.Tables = &schema.Options{Cluster: c.ClickHouse.Cluster, TTL: schema.DefaultTTL(),
			Change: c.Retention.Change()}
	}
	return o
}

// foldMemory is how much of a memory budget idle builders may hold.
func foldMemory(budget int) int { return budget / 8 }

// newPipeline connects source, rules (a pool of builders) and store.
func newPipeline(cfg ingest.Config, client *source.Client, folding fold.Config, parts ingest.Parts) (*ingest.Pipeline,
	error) {
	if folding.Decode.Counts == nil {
		folding.Decode.Counts = &decode.Counts{}
	}
	pool, err := fold.NewPool(folding, foldMemory(cfg.MemoryBudget))
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	parts.Source, parts.Rules, parts.Decoded, parts.Limit = ingest.Kafka(client), pool, folding.Decode.Counts,
		client.LogLimiter()
	return ingest.New(cfg, parts)
}

// unlessStopped turns an error into nil when ctx has ended: then the end was asked
// for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
