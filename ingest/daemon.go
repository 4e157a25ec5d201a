package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Detectors look for incidents in what a pipeline stores (see package watch).
type Detectors interface {
	Run(ctx context.Context) error
	// Round decides once what can be decided now.
	Round(ctx context.Context) error
	// Stopped is why they cannot go on until somebody acts; nil when they can.
	Stopped() error
	// Failing is why their rounds fail, and since when; nil when the last one did
	// not.
	Failing() (since time.Time, err error)
	// Moved is when they last made progress; zero before they run.
	Moved() time.Time
}

// Runner runs until ctx ends.
type Runner interface {
	Run(ctx context.Context) error
}

// Worker moves records into the store: a Pipeline, or Topics.
type Worker interface {
	Run(ctx context.Context) error
	Status() Status
	// Healthy is nil as long as every loop moves or waits for a server.
	Healthy() error
}

// Daemon is what moves records, and what runs beside it. Detectors and Notifier may
// be nil.
type Daemon struct {
	Pipeline  Worker
	Detectors Detectors
	Notifier  Runner
}

// Run runs the pipeline with the detectors beside it. When the pipeline ends by
// itself, the detectors run once more over what it stored last.
func (d *Daemon) Run(ctx context.Context) error {
	if d.Detectors == nil {
		return d.Pipeline.Run(ctx)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var tasks errgroup.Group
	tasks.Go(func() error { return d.Detectors.Run(watching) })
	if d.Notifier != nil {
		tasks.Go(func() error { return d.Notifier.Run(watching) })
	}
	err := d.Pipeline.Run(ctx)
	stop()
	err = errors.Join(err, tasks.Wait())
	if err == nil && ctx.Err() == nil {
		err = d.Detectors.Round(ctx)
	}
	return err
}

// Ready says whether the daemon does its work, with the Status as detail.
func (d *Daemon) Ready() (ok bool, detail any) {
	st := d.Pipeline.Status()
	if d.Detectors != nil {
		if err := d.Detectors.Stopped(); err != nil {
			st.Ready, st.Detectors = false, err.Error()
		} else if since, err := d.Detectors.Failing(); err != nil {
			st.add(Condition{Name: DetectorsFailing, Red: time.Since(since) >= detectorsMayFail, Since: since,
				Detail: err.Error()})
		}
	}
	return st.Ready, st
}

const (
	// detectorsMayFail is how long the detectors' rounds may fail before the daemon is
	// not ready: the store may answer the pipeline and refuse their queries.
	detectorsMayFail = time.Minute
	// detectorsStuck is how long they may make no progress. A decision is many queries,
	// each of which may take its full time limit.
	detectorsStuck = 30 * time.Minute
)

// Healthy is nil as long as every loop moves or waits for a server.
func (d *Daemon) Healthy() error {
	err := d.Pipeline.Healthy()
	if d.Detectors == nil {
		return err
	}
	if at := d.Detectors.Moved(); !at.IsZero() && time.Since(at) > detectorsStuck {
		err = errors.Join(err, fmt.Errorf("stuck: the detectors have given no sign of life for %s", time.Since(at).
			Round(time.Second)))
	}
	return err
}

// Startup answers for a daemon before it runs, and passes the questions on afterwards.
// The zero value is ready to use; it is safe for concurrent use.
type Startup struct {
	waiting atomic.Value // string
	daemon  atomic.Pointer[Daemon]
}

// Wait says what the start waits for.
func (s *Startup) Wait(what string) { s.waiting.Store(what) }

// Done says that d runs from now on.
func (s *Startup) Done(d *Daemon) { s.daemon.Store(d) }

// Ready implements Readiness.
func (s *Startup) Ready() (ok bool, detail any) {
	if d := s.daemon.Load(); d != nil {
		return d.Ready()
	}
	what, _ := s.waiting.Load().(string)
	return false, Status{Waiting: what}
}

// Healthy implements Health: a start that waits for a server is healthy.
func (s *Startup) Healthy() error {
	if d := s.daemon.Load(); d != nil {
		return d.Healthy()
	}
	return nil
}

// LimitMemory makes the garbage collector work harder before the process takes much
// more than its budget. The limit is a quarter above the budget, which does not cover
// the runtime and the connections. GOMEMLIMIT takes precedence.
func LimitMemory(budget int64) {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(budget + budget/4)
	}
}
