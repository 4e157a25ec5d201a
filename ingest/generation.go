package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// run is one call of Run.
type run struct {
	*Pipeline
	stop  chan struct{} // closed to ask the machines to finish
	leave context.CancelFunc
	// reported is the status that was last written to the table pipeline; only report
	// uses it.
	reported []PartitionStatus
	turns    int64 // of the source; only pingKafka uses it

	mu         sync.Mutex
	partitions int // of the topic
	finished   bool
	why        error
	handling   bool
	machines   map[int32]context.CancelCauseFunc // restart a partition
}

// finish ends the run; only the first reason counts.
func (r *run) finish(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return
	}
	r.finished, r.why = true, why
	close(r.stop)
	if !r.handling {
		r.leave()
	}
}

func (r *run) ended() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.finished, r.why
}

// handover is how long a declared block may still take after the group has begun to
// rebalance. Its commit is accepted until the new generation begins, and the next
// owner need not read a finished block again.
const handover = 5 * time.Second

// generation moves what the group gave this process until the generation ends.
// Partitions are independent: one that cannot go on does not stop the others.
func (r *run) generation(ctx context.Context, g Generation) error {
	if !r.begin() {
		return nil
	}
	defer r.done()
	r.metrics.generations.Inc()
	r.tracker.own(g, r.topicPartitions())
	r.log.Info("owning partitions", "topic", r.cfg.Block.Topic, "generation", g.Number(), "partitions", g.Owned())
	share := r.cfg.shares(g.All())
	r.source.SetFetchBytes(share.fetch)

	o := &ownership{Generation: g, budget: r.bounds.budgetOf(g.Number(), share), stop: make(chan struct{})}
	var abort context.CancelFunc
	o.ctx, abort = context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var machines sync.WaitGroup
	var fenced atomic.Pointer[error]
	for _, p := range g.Owned() {
		machines.Go(func() {
			if err := r.partition(o, p); errors.Is(err, block.ErrFenced) {
				fenced.CompareAndSwap(nil, &err)
				abort()
			}
		})
	}
	all := make(chan struct{})
	go func() { machines.Wait(); close(all) }()

	select {
	case <-ctx.Done():
	case <-r.stop:
	case <-o.ctx.Done():
	}
	close(o.stop)
	select {
	case <-all:
	case <-time.After(handover):
		if ctx.Err() != nil { // a stop has its own, longer bound
			abort()
		}
	}
	<-all
	if err := fenced.Load(); err != nil {
		return *err // the group has to be joined again
	}
	return nil
}

// ownership is a running generation. Closing stop asks to finish declared blocks and
// to begin no other; the end of ctx stops those too.
type ownership struct {
	Generation
	budget *block.Budget
	ctx    context.Context
	stop   chan struct{}
}

// stopping reports that no new blocks are begun.
func (o *ownership) stopping() bool {
	select {
	case <-o.stop:
		return true
	default:
		return false
	}
}

func (r *run) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		r.leave()
		return false
	}
	r.handling = true
	return true
}

func (r *run) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handling = false
	r.tracker.own(nil, r.partitions)
	if r.finished {
		r.leave()
	}
}

func (r *run) topicPartitions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.partitions
}

// grown records how many partitions the topic has.
func (r *run) grown(partitions int) {
	r.mu.Lock()
	r.partitions = partitions
	r.mu.Unlock()
	r.bounds.partitionsOf(r.cfg.Block.Topic, partitions)
}

// partition runs one partition's machine. When it could not go on it runs again after
// a while: an operator may have mended the cause.
func (r *run) partition(o *ownership, p int32) error {
	loop := loopPartition(p)
	defer r.pulses.rest(loop)
	pauses := stops{most: r.cfg.RetryStopped}
	for {
		pauses.begin()
		f := r.rules.Load()
		cfg := r.blockConfig(o, p)
		cfg.ConfigHash = f.hash
		r.pulses.watch(loop, stuckAfter)
		err := r.machine(o, p, cfg, f)
		if err == nil || o.ctx.Err() != nil || errors.Is(err, block.ErrFenced) {
			return err
		}
		if o.stopping() && retry.ClassOf(err) != retry.Permanent {
			r.say(slog.LevelInfo, "leaving a declared block to the next owner", p, err)
			return nil
		}
		r.say(slog.LevelError, "partition stopped", p, err)
		r.metrics.stopped.Inc()
		r.tracker.stop(p, err)
		if r.cfg.UntilCaughtUp && retry.ClassOf(err) == retry.Permanent {
			r.finish(err)
			return err
		}
		pause := pauses.next()
		if r.cfg.Block.ResumeAt != block.Refuse && errors.Is(err, block.ErrRowsMissing) {
			pause = 0 // it is decided what is to be done
		}
		r.pulses.rest(loop)
		select {
		case <-time.After(pause):
		case <-o.ctx.Done():
			return o.ctx.Err()
		case <-o.stop:
			return nil
		}
	}
}

// say logs what happened to a partition. What happens to many at the same time is one
// line; the status names them all.
func (r *run) say(level slog.Level, msg string, p int32, err error) {
	if due, others := r.limiter.Due(msg); due {
		r.log.Log(context.Background(), level, msg, "topic", r.cfg.Block.Topic, "partition", p, "err", err,
			"suppressed",
			others)
	}
}

// stops is how long a stopped partition waits: a second at first, because some causes
// that a driver reports as permanent are over by then (a proxy without its server, a
// table that is being made again), then twice as long each time up to most. After it
// has gone on for that long it begins with a second again.
type stops struct {
	most, last time.Duration
	began      time.Time
}

func (s *stops) begin() { s.began = time.Now() }

func (s *stops) next() time.Duration {
	if time.Since(s.began) > s.most {
		s.last = 0
	}
	s.last = min(max(2*s.last, time.Second), s.most)
	return s.last
}

// machine runs a partition's machine, which restart may end.
func (r *run) machine(o *ownership, p int32, cfg block.Config, f *rules) error {
	ctx, cancel := context.WithCancelCause(o.ctx)
	defer cancel(nil)
	r.mu.Lock()
	r.machines[p] = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.machines, p)
		r.mu.Unlock()
	}()
	return block.Run(ctx, cfg, r.env(o, p, f), o.stop)
}

func (r *run) blockConfig(o *ownership, p int32) block.Config {
	cfg := r.cfg.Block
	cfg.Partition, cfg.Compacted = p, r.cfg.AllowCompacted
	cfg.Start = block.Start{TopicID: r.start.TopicID, Epoch: r.start.Epoch, End: -1}
	if end, ok := r.start.Ends[p]; ok {
		cfg.Start.End = end
	}
	cfg.Limits.Memory = r.cfg.shares(o.All()).large
	cfg.Limits.Flush = r.cfg.FlushInterval
	switch {
	case cfg.Limits.Flush > 0:
	case r.cfg.UntilCaughtUp: // nothing more is waited for
		cfg.Limits.Flush = 100 * time.Millisecond
	default:
		cfg.Limits.Flush = FlushInterval(r.bounds.partitions())
	}
	cfg.Limits.MaxAge = max(cfg.Limits.MaxAge, cfg.Limits.Flush)
	return cfg
}

func (r *run) env(o *ownership, p int32, f *rules) block.Env {
	session := r.source.SessionTimeout()
	sign := &vital{}
	return block.Env{
		Partition: o.Partition(p), Store: r.store, Pool: f.For(p), Rules: r.declaredRules(p), Budget: o.budget,
		Whole: r.whole,
		Log:   r.log, At: r.crash, LogLimiter: r.limiter, Hurry: r.hurry.Load,
		Latest: func() (block.Pool, string) {
			f := r.rules.Load()
			return f.For(p), f.hash
		},
		Alive: func() error {
			if silent := time.Since(o.LastHeartbeat()); silent >= session {
				return fmt.Errorf("no heartbeat for %s; the session timeout is %s", silent.Round(time.Millisecond),
					session)
			}
			return nil
		},
		Observe: func(e block.Event) {
			if sign.of(e) {
				r.pulses.beat(loopPartition(p))
			}
			r.tracker.event(p, e)
			r.metrics.event(e)
		},
	}
}
