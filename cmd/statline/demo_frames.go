package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"statline/dashboards/report"
	"statline/ingest/block"
)

// produced counts what the generator has produced.
type produced struct {
	mu        sync.Mutex
	records   int64
	eventTime time.Time
}

func (p *produced) set(records int64, eventTime time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records, p.eventTime = records, eventTime
}

func (p *produced) get() (int64, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.records, p.eventTime
}

// follow sends at most two frames a second, read from the store as by any client,
// until ctx ends.
func (d *demo) follow(ctx context.Context, frames chan<- frame) error {
	var last frame
	var pace framePace
	for {
		f, err := d.frame(ctx, last, &pace)
		switch {
		case err == nil:
			select {
			case frames <- f:
			case <-ctx.Done():
				return nil
			}
			last = f
		case errors.Is(err, context.Canceled) || ctx.Err() != nil:
			return nil
		case !errors.Is(err, block.ErrHalfWritten): // the last frame stays on screen
			return err
		}
		if !pace.wait(ctx, 500*time.Millisecond) {
			return nil
		}
	}
}

// framePatience is how long a frame waits for blocks to be finished; no other block
// begins meanwhile. After a frame has delayed blocks, none is read for frameShare
// times as long, so that the view takes at most a fifth of the time.
const (
	framePatience = 2 * time.Second
	frameShare    = 4
)

// framePace keeps frames from slowing down the pipeline that they show.
type framePace struct{ held time.Duration }

// read calls read while no block is half written, so that all counts are of the same
// moment.
func (p *framePace) read(ctx context.Context, e *embedded, read func() error) error {
	p.held = framePatience
	return e.whole.Read(ctx, framePatience, func() error {
		began := time.Now()
		defer func() { p.held = time.Since(began) }()
		return read()
	})
}

// wait waits until the next frame is due, at least every; it returns false when ctx
// ends.
func (p *framePace) wait(ctx context.Context, every time.Duration) bool {
	select {
	case <-time.After(max(every, frameShare*p.held)):
		return true
	case <-ctx.Done():
		return false
	}
}

func (d *demo) frame(ctx context.Context, last frame, pace *framePace) (f frame, err error) {
	var sum *report.Report
	var records int64
	var eventTime time.Time
	err = pace.read(ctx, d.embedded, func() (err error) {
		f = frame{Elapsed: time.Since(d.began), Speed: demoSpeed}
		records, eventTime = d.produced.get()
		sum, err = report.Read(ctx, d.embedded.store, report.Everything(), report.Filter{})
		return err
	})
	if err != nil {
		return f, err
	}
	if total := time.Duration(d.options.duration); total > 0 {
		f.Left = max(total-f.Elapsed, 0)
	}
	f.Stored = sum.Records - d.before.Records
	if sum.Last != nil && sum.ByOutcome.Total() > 0 {
		f.Sum = sum
		f.EventTime = *sum.Last
	}
	f.Lag = max(records-int64(f.Stored), 0)
	if span := (f.Elapsed - last.Elapsed).Seconds(); last.Elapsed > 0 && span > 0 && f.Stored >= last.Stored {
		rate := float64(f.Stored-last.Stored) / span
		f.Rate = rate
		if last.Rate > 0 {
			f.Rate = 0.7*last.Rate + 0.3*rate // smoothed: blocks arrive in steps
		}
	}
	if !eventTime.IsZero() && f.Sum != nil {
		f.Freshness = time.Duration(float64(max(eventTime.Sub(f.EventTime), 0)) / demoSpeed)
	}
	return f, nil
}
