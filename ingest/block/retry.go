package block

import (
	"context"
	"errors"

	"statline/ingest/retry"
)

// retry runs op until it succeeds, until its error is not worth another try,
// or until ctx ends. A store that asks for time gets smaller blocks from the
// next one on.
func (m *machine) retry(ctx context.Context, what string, op func(context.Context) error) error {
	loop := retry.Loop{
		Pause:   m.cfg.Retry,
		Waiting: m.cfg.RetryWaiting,
		Timeout: m.cfg.AttemptTimeout,
		Ends:    decided,
		Failed: func(f retry.Failure) {
			if f.Class == retry.Waiting {
				m.pace.shrink()
			}
			m.observe(Event{Kind: Retried, Failure: f})
		},
		Log: m.log, Limit: m.env.LogLimiter, Kind: func(err error) string { return side(what, err) },
	}
	return loop.Do(ctx, what, op)
}

// side is whose error it is that an effect ended with.
func side(what string, err error) string {
	var store storeError
	switch {
	case what == writeLedger, what == insertBlock, what == readRules, errors.As(err, &store):
		return "store"
	}
	return "log"
}

// storeError marks an error of the store in an effect that asks the log too.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// The effects on the store, by their names in the log; the others are on the log
// and the group.
const (
	writeLedger = "write ledger"
	insertBlock = "insert block"
	readRules   = "read the configuration of a declared block"
)

// decided says of an error that the protocol decides what follows: fenced ends
// the generation, out of range is what OnGap is for.
func decided(err error) bool { return errors.Is(err, ErrFenced) || errors.Is(err, ErrOutOfRange) }
