package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/retry"
	"statline/ingest/schema"
	"statline/ingest/source"
)

// Pipeline moves a topic into the store. New touches nothing outside; Run
// does.
type Pipeline struct {
	cfg    Config
	source Source
	store  Store
	rules  atomic.Pointer[rules] // for new blocks
	start  schema.Start          // of the topic, when it is read from its end
	log    *slog.Logger

	whole   *block.Whole
	bounds  *bounds
	tracker *tracker
	metrics *metrics
	pulses  pulses
	decoded *decode.Counts
	hurry   atomic.Bool
	crash   func(step string)
	// appeared says that the topic was made while this process ran, so that latest too
	// reads it from its beginning.
	appeared bool

	limiter *retry.LogLimiter
}

// Parts is what a pipeline is made of. Log may be nil.
type Parts struct {
	Source Source
	Store  Store
	Rules  Rules
	// Decoded is what the builders' decoders count into; nil for nothing.
	Decoded *decode.Counts
	Log     *slog.Logger
	// Whole holds readers of the store in this process off while a block is half
	// written; nil holds nobody off.
	Whole *block.Whole
	// Limit bounds the log together with that of Source; nil makes one of its own.
	Limit *retry.LogLimiter
}

// New checks the configuration.
func New(cfg Config, parts Parts) (*Pipeline, error) {
	return newPipeline(cfg, parts, newBounds(parts.Store, cfg.MemoryBudget))
}

// newPipeline is New for one of several topics that share c.
func newPipeline(cfg Config, parts Parts, c *bounds) (*Pipeline, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	log := parts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Pipeline{
		cfg: cfg, source: parts.Source, store: c.store, log: log, bounds: c,
		tracker: newTracker(cfg.TransactionAge),
		crash:   crashHook(), decoded: parts.Decoded, whole: parts.Whole,
	}
	if p.limiter = parts.Limit; p.limiter == nil {
		p.limiter = &retry.LogLimiter{}
	}
	p.rules.Store(newRules(parts.Rules))
	p.metrics = newMetrics(p)
	return p, nil
}

// Status is how the pipeline does now. It is safe for concurrent use.
func (p *Pipeline) Status() Status {
	st := p.tracker.status()
	if err := p.source.JoinError(); err != nil && st.Waiting == joining {
		st.Waiting += ": " + err.Error()
	}
	return st
}

// Collector is the pipeline's metrics, all named statline_*.
func (p *Pipeline) Collector() prometheus.Collector { return p.metrics }

// Hurry says that nothing more is going to be produced: from now on a partition that
// has caught up writes its block without waiting for more. It may be called at any
// time and cannot be undone.
func (p *Pipeline) Hurry() { p.hurry.Store(true) }

// Run waits for Kafka and the store, and moves what the group gives this process until
// ctx ends or, with UntilCaughtUp, until everything is stored that was there at the
// start. Blocks that were declared by then are finished within Block.StopTimeout. The
// error is nil when it ended for one of these reasons; otherwise it says what an
// operator has to do.
func (p *Pipeline) Run(ctx context.Context) error {
	partitions, err := p.connect(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	r := &run{Pipeline: p, stop: make(chan struct{}), machines: map[int32]context.CancelCauseFunc{}}
	r.grown(len(partitions))
	defer p.bounds.partitionsOf(p.cfg.Block.Topic, 0)
	// The group outlives ctx for as long as declared blocks need.
	group, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	r.leave = leave

	var tasks sync.WaitGroup
	background, end := context.WithCancel(group)
	defer tasks.Wait()
	defer end()
	tasks.Go(func() {
		select {
		case <-ctx.Done():
			r.finish(nil)
		case <-background.Done():
		}
	})
	if p.cfg.UntilCaughtUp {
		targets, err := await(ctx, p, "read the log's ends", p.source.EndOffsets)
		if err != nil {
			return stopped(ctx, err)
		}
		tasks.Go(func() { r.awaitCaughtUp(background, targets) })
	}
	tasks.Go(func() { r.every(background, loopKafka, r.pingKafka) })
	tasks.Go(func() { r.every(background, loopStore, r.pingStore) })
	tasks.Go(func() { r.every(background, loopLedger, r.compareLedger) })
	tasks.Go(func() { r.report(background) })
	tasks.Go(func() { r.auditAll(background) })
	// A member waits for the other members of its group on purpose.
	r.pulses.watch(loopGroup, max(stuckAfter, 6*r.source.SessionTimeout()))
	defer r.pulses.rest(loopGroup)

	err = p.source.RunGroup(group, r.generation)
	if ended, why := r.ended(); ended {
		return why
	}
	return err
}

// stopped returns nil, as Run promises, for the end of ctx.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// connect waits until both ends answer.
func (p *Pipeline) connect(ctx context.Context) ([]int32, error) {
	cluster, err := await(ctx, p, "reach Kafka", p.source.ClusterID)
	if err != nil {
		return nil, err
	}
	p.cfg.Block.Cluster = cluster
	partitions, now, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	if !p.cfg.AllowCompacted {
		compacted, err := await(ctx, p, "read the topic's clean-up policy", p.source.Compacted)
		if err != nil {
			return nil, err
		}
		if compacted {
			return nil, fmt.Errorf("topic %s: %w", p.cfg.Block.Topic, source.ErrCompacted)
		}
	}
	_, err = await(ctx, p, "reach ClickHouse", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.store.Ping(ctx)
	})
	if err != nil {
		return nil, err
	}
	if p.cfg.Block.From == block.Latest {
		p.start, err = await(ctx, p, "read where the topic was started",
			func(ctx context.Context) (schema.Start, error) {
				return p.store.FirstStart(ctx, cluster, p.cfg.Block.Topic, now)
			})
		if err != nil {
			return nil, err
		}
	}
	_, err = await(ctx, p, "store the configuration", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.keepConfig(ctx, p.rules.Load())
	})
	return partitions, err
}

// find waits for the topic, and returns its present state for a reader that begins at
// its end. A topic that does not exist yet has no end to begin at: all of its records
// come later.
func (p *Pipeline) find(ctx context.Context) (partitions []int32, now schema.Start, err error) {
	later := false
	partitions, err = await(ctx, p, "find topic "+p.cfg.Block.Topic, func(ctx context.Context) ([]int32, error) {
		ps, err := p.source.Partitions(ctx)
		later = later || errors.Is(err, source.ErrNoTopic)
		return ps, err
	})
	now.Epoch = p.cfg.Block.Epoch
	if err != nil || later || p.appeared || p.cfg.Block.From != block.Latest {
		return partitions, now, err
	}
	if now.TopicID, err = await(ctx, p, "read the topic's id", p.source.TopicID); err != nil {
		return nil, now, err
	}
	now.Ends, err = await(ctx, p, "read the log's ends", p.source.EndOffsets)
	return partitions, now, err
}

// await calls op until it succeeds, fails for good, or ctx ends. Meanwhile the
// status says what the pipeline waits for.
func await[T any](ctx context.Context, p *Pipeline, what string, op func(context.Context) (T, error)) (T, error) {
	loop := retry.Loop{
		Pause:  retry.Pause{Initial: 200 * time.Millisecond, Max: 5 * time.Second},
		Failed: func(f retry.Failure) { p.tracker.wait(f.What + ": " + f.Err.Error()) },
		Log:    p.log, Limit: p.limiter,
	}
	v, err := retry.Get(ctx, &loop, what, op)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return v, err
}

// awaitCaughtUp ends the run when the group has committed every partition up to its
// target.
func (r *run) awaitCaughtUp(ctx context.Context, targets map[int32]int64) {
	for {
		left, err := r.behind(ctx, targets)
		switch {
		case err == nil && left == 0:
			r.finish(nil)
			return
		case errors.Is(err, block.ErrRowsMissing):
			r.finish(err)
			return
		case retry.ClassOf(err) == retry.Permanent:
			r.finish(fmt.Errorf("check whether the group has caught up: %w", err))
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// behind counts the partitions that are not stored and committed up to their target.
// An error that wraps block.ErrRowsMissing says that some are committed and not
// stored, and that nobody is going to store them.
func (r *run) behind(ctx context.Context, targets map[int32]int64) (int, error) {
	cfg := &r.cfg.Block
	committed, err := r.source.GroupOffsets(ctx, cfg.Group)
	if err != nil {
		return 0, err
	}
	starts, err := r.source.StartOffsets(ctx)
	if err != nil {
		return 0, err
	}
	left := 0
	for p, target := range targets {
		// A partition without records may never be committed.
		if target > starts[p] && committed[p].Offset < target {
			left++
		}
	}
	if left > 0 {
		return left, nil
	}
	// With the same commits: an owner that goes back to the ledger's end commits that
	// end.
	missing, err := compare(ctx, r.source, r.store, block.ID{Cluster: cfg.Cluster, Topic: cfg.Topic}, cfg.Group,
		committed)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	var says []string
	for _, m := range missing {
		if m.First < m.End && cfg.ResumeAt != block.Refuse {
			left++ // its owner stores it, or says that it is left out
		}
		says = append(says, m.String())
	}
	if left > 0 {
		return left, nil
	}
	return 0, fmt.Errorf("%w: %s", block.ErrRowsMissing, enough(says))
}
