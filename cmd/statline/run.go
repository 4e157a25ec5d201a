package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"statline/classify"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// runOptions are the flags of run.
type runOptions struct {
	store     storeFlags
	kafka     kafkaFlags
	decode    decodeFlags
	labels    labelFlags
	detect    detectFlags
	notify    notifyFlags
	watch     bool
	log       logFlags
	listen    string
	budget    bytesValue
	migrate   bool
	pipeline  ingest.Config
	flush     spanValue
	from      string
	resumeAt  string
	onGap     string
	stopAfter spanValue
}

func runCommand() *cobra.Command {
	o := runOptions{budget: 256 << 20, pipeline: ingest.DefaultConfig(), from: "earliest", onGap: "fail", stopAfter: spanValue(4 * time.Second)}
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
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := c.Flags()
	o.kafka.bind(c)
	o.kafka.bindTiming(c)
	f.StringVar(&o.kafka.group, "group", "statline", "Kafka consumer group")
	o.store.bind(c, true)
	_ = c.MarkFlagRequired("brokers") // fails only for a flag that does not exist
	o.decode.bind(c)
	o.labels.bind(c)
	f.BoolVar(&o.watch, "watch", true, "run the detectors over what is stored and write incidents")
	o.detect.bind(c)
	o.notify.bind(c)
	o.log.bind(c, "info")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` of /metrics, /healthz and /readyz; empty for none")
	f.Var(&o.budget, "memory-budget", "what fetches, blocks in flight and their rows may take, over all partitions")
	f.BoolVar(&o.migrate, "migrate", true, "create or upgrade the tables at the start")
	f.BoolVar(&o.pipeline.UntilCaughtUp, "until-caught-up", false, "end when every partition is committed to its end as of the start")
	f.BoolVar(&o.pipeline.AllowCompacted, "allow-compacted", false, "read a compacted topic although its blocks cannot be read again exactly")
	f.Var(&o.flush, "flush-interval", "age at which a block that has caught up is written (0: by the number of partitions)")
	f.Var(choiceValue{&o.from, []string{"earliest", "latest"}}, "from", "where a partition starts that nobody has read")
	f.Var(choiceValue{&o.resumeAt, []string{"ledger", "group"}}, "resume-at", "which to believe when Kafka's commit is ahead of the ledger (a restored backup)")
	f.Var(choiceValue{&o.onGap, []string{"fail", "skip"}}, "on-gap", "what to do when records expired in Kafka before they were read")
	f.BoolVar(&o.pipeline.Block.Takeover, "takeover", false, "follow another group's recent rows in this database")
	f.Uint32Var(&o.pipeline.Block.Epoch, "epoch", 0, "life of the topic; raise it after the topic was recreated (0: the newest known)")
	f.Var(&o.stopAfter, "stop-timeout", "how long declared blocks may take after SIGTERM")
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

func (o *runOptions) run(ctx context.Context) (err error) {
	log := o.log.logger()
	decoding, catalogue, err := o.decode.open("")
	if err != nil {
		return err
	}
	detectors, err := o.detect.open(*o.decode.config)
	if err != nil {
		return err
	}
	if _, err := o.labels.check(); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	ready := &startup{}
	if o.listen != "" {
		closeServer, err := serve(ctx, o.listen, registry, ready, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeServer()) }()
	}
	s, err := o.openStore(ctx, decoding.Secret, ready, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	stopLabels, err := o.followLabels(ctx, s, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, stopLabels()) }()
	kafka, err := o.kafka.config()
	if err != nil {
		return err
	}
	kafka.From, kafka.Logger = o.from, log
	client, err := source.New(kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	limitMemory(int64(o.budget))
	p, err := newPipeline(o.pipelineConfig(), client, s, foldConfig(decoding, catalogue), log)
	if err != nil {
		return err
	}
	registry.MustRegister(p.Collector())
	ready.pipeline.Store(p)
	log.Info("running", "version", version, "topic", o.kafka.topic, "group", o.kafka.group, "database", o.store.database)
	if !o.watch {
		return p.Run(ctx)
	}
	w, notifier, err := newWatch(s, detectors, o.notify.config(), catalogue, time.Second, log)
	if err != nil {
		return err
	}
	registry.MustRegister(watchMetrics(w.Stats()))
	return runWatched(ctx, p, w, notifier)
}

// followLabels brings the customers' names into the store and keeps them equal
// to the file until stop is called.
func (o *runOptions) followLabels(ctx context.Context, s *store.Store, log *slog.Logger) (stop func() error, err error) {
	follower, err := o.labels.set(ctx, s, log)
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

func (o *runOptions) pipelineConfig() ingest.Config {
	cfg := o.pipeline
	cfg.MemoryBudget, cfg.FlushInterval = int(o.budget), time.Duration(o.flush)
	b := &cfg.Block
	b.Topic, b.Group, b.Instance, b.Version = o.kafka.topic, o.kafka.group, instanceName(), version
	b.From, b.ResumeAt, b.OnGap = block.From(o.from), block.ResumeAt(o.resumeAt), block.OnGap(o.onGap)
	b.StopTimeout = time.Duration(o.stopAfter)
	return cfg
}

// openStore connects and prepares the tables, waiting for a server that cannot
// be reached yet.
func (o *runOptions) openStore(ctx context.Context, secret []byte, ready *startup, log *slog.Logger) (*store.Store, error) {
	pause := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, MaxInterval: 5 * time.Second, Multiplier: 2, RandomizationFactor: 0.5}
	var logged time.Time
	return backoff.Retry(ctx, func() (*store.Store, error) {
		s, err := openStore(ctx, o.store, secret, o.migrate, schema.DefaultTTL())
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

// openStore connects, brings the tables to this binary's schema and refuses
// another secret than the one that the stored key ids were made with.
func openStore(ctx context.Context, f storeFlags, secret []byte, migrate bool, ttl schema.TTL) (*store.Store, error) {
	s, err := store.Open(ctx, f.config())
	if err != nil {
		return nil, err
	}
	if migrate {
		err = schema.Migrate(ctx, s.Conn(), schema.Options{Database: f.database, Cluster: f.cluster, TTL: ttl, Temporary: f.temporary})
	}
	if err == nil {
		err = schema.CheckSecret(ctx, s.Conn(), f.database, decode.SecretID(secret))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// foldConfig is the default one for what the flags say.
func foldConfig(decoding decode.Config, catalogue *classify.Catalogue) fold.Config {
	cfg := fold.DefaultConfig()
	cfg.Decode, cfg.Catalogue = decoding, catalogue
	return cfg
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
