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
		Log: m.log, Limit: m.env.LogLimiter, Kind: side(what),
	}
	return loop.Do(ctx, what, op)
}

// side is who is asked for an effect.
func side(what string) string {
	switch what {
	case writeLedger, insertBlock, readRules:
		return "store"
	}
	return "log"
}

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
