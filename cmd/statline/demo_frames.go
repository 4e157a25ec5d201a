package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"statline/dashboards/report"
)

// produced is how far the generator has come.
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

// follow sends a frame twice a second, read from the store as any other client
// would, until ctx ends.
func (d *demo) follow(ctx context.Context, frames chan<- frame) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var last frame
	for {
		f, err := d.frame(ctx, last)
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
		default:
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *demo) frame(ctx context.Context, last frame) (frame, error) {
	f := frame{Elapsed: time.Since(d.began), Speed: demoSpeed}
	if total := time.Duration(d.options.duration); total > 0 {
		f.Left = max(total-f.Elapsed, 0)
	}
	sum, err := report.Read(ctx, d.embedded.store, report.Everything(), report.Filter{})
	if err != nil {
		return f, err
	}
	f.Stored = sum.Records - d.before.Records
	records, eventTime := d.produced.get() // after what of it is stored was read
	if sum.Last != nil && sum.ByOutcome.Total() > 0 {
		f.Sum = sum
		f.EventTime = *sum.Last
	}
	f.Lag = max(records-int64(f.Stored), 0)
	if span := (f.Elapsed - last.Elapsed).Seconds(); last.Elapsed > 0 && span > 0 && f.Stored >= last.Stored {
		rate := float64(f.Stored-last.Stored) / span
		f.Rate = rate
		if last.Rate > 0 {
			f.Rate = 0.7*last.Rate + 0.3*rate // blocks arrive in steps; show the trend
		}
	}
	if !eventTime.IsZero() && f.Sum != nil {
		f.Freshness = time.Duration(float64(max(eventTime.Sub(f.EventTime), 0)) / demoSpeed)
	}
	return f, nil
}
