package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"statline/ingest/retry"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Opening says which store to open and how.
type Opening struct {
	Store store.Config
	// Tables migrates the tables to this binary's schema; its Database is the store's.
	// Nil leaves them as they are.
	Tables *schema.Options
	// SecretID is the id of the secret that keys are hashed with. A store whose ids
	// were made with another secret is refused.
	SecretID string
}

// OpenStore connects and prepares the store, without retries.
func OpenStore(ctx context.Context, o Opening) (*store.Store, error) {
	s, err := store.Open(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	if o.Tables != nil {
		tables := *o.Tables
		tables.Database = s.Database()
		err = schema.Migrate(ctx, s.Conn(), tables)
	}
	if err == nil {
		err = schema.CheckSecret(ctx, s.Conn(), s.Database(), o.SecretID)
	}
	if err != nil {
		return nil, errors.Join(store.Classify(err), s.Close())
	}
	return s, nil
}

// AwaitStore is OpenStore for a server that may not be there yet: it waits, and
// reports what for. It returns an error when ctx ends or somebody has to act.
func AwaitStore(ctx context.Context, o Opening, waiting func(string), log *slog.Logger) (*store.Store, error) {
	loop := retry.Loop{
		Pause:  retry.Pause{Initial: 200 * time.Millisecond, Max: 5 * time.Second},
		Failed: func(f retry.Failure) { waiting(f.Err.Error()) },
		Log:    log, Limit: &retry.LogLimiter{},
	}
	return retry.Get(ctx, &loop, "open the store",
		func(ctx context.Context) (*store.Store, error) { return OpenStore(ctx, o) })
}
