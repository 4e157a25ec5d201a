package block

import (
	"context"
	"errors"

	"statline/ingest/retry"
)

// retry runs op until it succeeds, until another try cannot help, or until ctx ends.
// When the store asks for time, blocks get smaller from the next one on.
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

// side says whose error ended an effect.
func side(what string, err error) string {
	var store storeError
	switch {
	case what == writeLedger, what == insertBlock, what == readRules, errors.As(err, &store):
		return "store"
	}
	return "log"
}

// storeError marks an error of the store in an effect that uses the log too.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// The effects on the store, by their names in the log; the others are on the log
// and the group.
const (
	writeLedger = "write ledger"
	insertBlock = "insert block"
	readRules   = "read the configuration of a declared block"
)

// decided reports an error that the protocol has an answer to: fenced ends the
// generation, OnGap answers out of range.
func decided(err error) bool { return errors.Is(err, ErrFenced) || errors.Is(err, ErrOutOfRange) }
