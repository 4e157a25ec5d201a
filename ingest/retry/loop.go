// Package retry repeats what may succeed later: one sort of errors, one loop,
// one bound on what is logged about it.
//
// Drivers mark what their servers' errors mean (ErrWaiting, ErrPermanent), and
// nobody else guesses. A Loop never gives up by itself: it ends with success,
// with an error that another try cannot mend, or with its context.
package retry

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Pause grows from Initial to Max: it doubles after each try. Each pause is multiplied
// by a random factor from 0.5 to 1.5, so that several processes do not retry in step.
type Pause struct{ Initial, Max time.Duration }

func (p Pause) backoff() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{InitialInterval: p.Initial, MaxInterval: p.Max, Multiplier: 2,
		RandomizationFactor: 0.5}
}

// Loop says how to repeat an operation. Its zero value tries again at once.
type Loop struct {
	// Pause is between tries after a transient error; Waiting after one that asks
	// for time, the same as Pause when it is zero.
	Pause, Waiting Pause
	// Timeout bounds one try; 0 does not.
	Timeout time.Duration
	// Ends, when set, reports errors that must not be retried although they are not
	// permanent.
	Ends func(error) bool
	// Failed, when set, is called for each try that failed and is made again.
	Failed func(Failure)
	// Log and Limit, when set, say so in the log: both or neither.
	Log   *slog.Logger
	Limit *LogLimiter
	// Kind, when set, returns what the log lines of an error are bounded by, such as
	// the server: its outage is one line, whatever was requested. Nil or "" bounds each
	// name by itself.
	Kind func(error) string
}

// Failure is a try that failed and is made again after Wait.
type Failure struct {
	What  string
	Class Class
	Try   int // from 1
	Err   error
	Wait  time.Duration
}

// Do calls op until it succeeds, until another try cannot help, or until ctx ends. It
// is unknown whether a failed try took effect, so op must be idempotent. what names it
// in the log.
func (l *Loop) Do(ctx context.Context, what string, op func(context.Context) error) error {
	t := l.begin(what)
	for {
		err := l.attempt(ctx, op)
		switch {
		case err == nil:
			t.succeeded()
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ClassOf(err) == Permanent, l.Ends != nil && l.Ends(err):
			return err
		}
		if !Sleep(ctx, t.failed(err)) {
			return context.Cause(ctx)
		}
	}
}

// Get is Do for an operation with a result.
func Get[T any](ctx context.Context, l *Loop, what string, op func(context.Context) (T, error)) (v T, err error) {
	err = l.Do(ctx, what, func(ctx context.Context) (err error) {
		v, err = op(ctx)
		return err
	})
	return v, err
}

// stoppedPause is the pause between tries of a round that cannot succeed until
// somebody acts.
const stoppedPause = time.Minute

// Every calls op again and again until ctx ends, after interval when it succeeded and
// after a pause when it failed. A permanent error does not end it: somebody may mend
// the cause.
func (l *Loop) Every(ctx context.Context, interval time.Duration, what string, op func(context.Context) error) {
	t := l.begin(what)
	for ctx.Err() == nil {
		err := l.attempt(ctx, op)
		wait := interval
		switch {
		case err == nil:
			t.succeeded()
			t = l.begin(what)
		case ctx.Err() != nil:
			return
		default:
			wait = t.failed(err)
		}
		Sleep(ctx, wait)
	}
}

func (l *Loop) attempt(ctx context.Context, op func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.Timeout)
		defer cancel()
	}
	return op(ctx)
}

// tries is a running loop.
type tries struct {
	*Loop
	what        string
	short, long *backoff.ExponentialBackOff
	n           int
	began       time.Time
	logged      bool
}

func (l *Loop) begin(what string) *tries {
	t := &tries{Loop: l, what: what, short: l.Pause.backoff(), began: time.Now()}
	t.long = t.short
	if l.Waiting != (Pause{}) {
		t.long = l.Waiting.backoff()
	}
	return t
}

// failed counts a try and returns how long to wait before the next.
func (t *tries) failed(err error) time.Duration {
	f := Failure{What: t.what, Class: ClassOf(err), Err: err}
	switch f.Class {
	case Permanent:
		f.Wait = stoppedPause
	case Waiting:
		f.Wait = t.long.NextBackOff()
	default:
		f.Wait = t.short.NextBackOff()
	}
	t.n++
	f.Try = t.n
	if t.Failed != nil {
		t.Failed(f)
	}
	if t.Log == nil {
		return f.Wait
	}
	kind := t.what
	if t.Kind != nil {
		kind = cmp.Or(t.Kind(err), t.what)
	}
	if due, others := t.Limit.Due(kind); due {
		level := slog.LevelWarn
		if f.Class == Permanent {
			level = slog.LevelError
		}
		t.Log.Log(context.Background(), level, "retrying", "what", f.What, "class", f.Class, "try", f.Try, "err", f.Err,
			"wait", f.Wait, "suppressed", others)
		t.logged = true
	}
	return f.Wait
}

func (t *tries) succeeded() {
	if t.logged {
		t.Log.Info("succeeded after retries", "what", t.what, "try", t.n+1, "took", time.Since(t.began))
	}
}

// Sleep waits for d; false when ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
