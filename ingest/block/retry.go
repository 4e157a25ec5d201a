package block

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Class sorts errors by what is done about them.
type Class string

// The classes. Transient and wait are tried again unchanged; the others end
// the partition's work: fenced ends the generation, permanent the partition
// until an operator acts, out_of_range is decided by OnGap.
const (
	Transient  Class = "transient"
	Wait       Class = "wait"
	Fenced     Class = "fenced"
	Permanent  Class = "permanent"
	OutOfRange Class = "out_of_range"
	Canceled   Class = "canceled"
)

// Classify sorts err; what nobody marked is transient.
func Classify(err error) Class {
	switch {
	case errors.Is(err, ErrFenced):
		return Fenced
	case errors.Is(err, ErrPermanent):
		return Permanent
	case errors.Is(err, ErrOutOfRange):
		return OutOfRange
	case errors.Is(err, ErrWait):
		return Wait
	}
	return Transient
}

// retry runs op until it succeeds, until its error is not worth another try,
// or until ctx ends. op is the same effect every time; whether a failed try
// took effect is unknown, which is why every effect is idempotent.
func (m *machine) retry(ctx context.Context, what string, op func(context.Context) error) error {
	pause := backoff.ExponentialBackOff{
		InitialInterval: m.cfg.Retry.Initial, MaxInterval: m.cfg.Retry.Max,
		Multiplier: 2, RandomizationFactor: 0.5,
	}
	long := pause
	long.InitialInterval, long.MaxInterval = m.cfg.Retry.WaitInitial, m.cfg.Retry.WaitMax
	started, logged := time.Now(), false
	for try := 1; ; try++ {
		err := m.attempt(ctx, op)
		if err == nil {
			if logged {
				m.log.Info("succeeded after retries", "what", what, "tries", try, "took", time.Since(started))
			}
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		class := Classify(err)
		var wait time.Duration
		switch class {
		case Transient:
			wait = pause.NextBackOff()
		case Wait:
			m.pace.shrink()
			wait = long.NextBackOff()
		default:
			return err
		}
		m.observe(Event{Kind: Retried, Class: class, Err: err, Wait: wait})
		if due, others := m.env.Complaints.due(what); due {
			m.log.Warn("retrying", "what", what, "class", class, "try", try, "err", err, "wait", wait, "lines_left_out", others)
			logged = true
		}
		if !sleep(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// logEvery is the least time between two log lines about one kind of effect.
const logEvery = 10 * time.Second

// Complaints bounds the log lines about effects that fail, over all partitions:
// an outage concerns each of them, and one line says so. The zero value is
// ready; it is safe for concurrent use.
type Complaints struct {
	mu   sync.Mutex
	last map[string]complaint
}

type complaint struct {
	at      time.Time
	leftOut int
}

// due reports whether to log that what failed, and how many lines about it were
// left out since the last one.
func (c *Complaints) due(what string) (due bool, leftOut int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[string]complaint{}
	}
	last := c.last[what]
	if time.Since(last.at) < logEvery {
		last.leftOut++
		c.last[what] = last
		return false, 0
	}
	c.last[what] = complaint{at: time.Now()}
	return true, last.leftOut
}

func (m *machine) attempt(ctx context.Context, op func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.cfg.AttemptTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.cfg.AttemptTimeout)
		defer cancel()
	}
	return op(ctx)
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
