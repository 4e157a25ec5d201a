package watch

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"statline/ingest/schema"
	"statline/ingest/store"
)

// The notifier's rows of the table meta.
const (
	leaseKey   = "notify_lease"
	toldPrefix = "notified/"
)

// Lease implements Outbox. The table has no compare-and-set: the newest row wins, and
// an instance that finds its own row as the newest after writing it has the lease. Two
// that write at the same instant may both send once.
func (q *SQL) Lease(ctx context.Context, instance string, now, until time.Time) (bool, error) {
	holder, expires, err := q.lease(ctx)
	if err != nil {
		return false, err
	}
	if holder != instance && now.Before(expires) {
		return false, nil
	}
	if holder == instance && expires.Sub(now) > until.Sub(now)/2 {
		return true, nil
	}
	value := strconv.FormatInt(until.Unix(), 10) + " " + instance
	if err := q.setMeta(ctx, leaseKey, value, uint64(now.UnixNano())); err != nil {
		return false, fmt.Errorf("take the notification lease: %w", err)
	}
	holder, _, err = q.lease(ctx)
	return holder == instance, err
}

func (q *SQL) lease(ctx context.Context) (holder string, expires time.Time, err error) {
	rows, err := store.Select[struct {
		Value string `ch:"value"`
	}](ctx, q.store, "SELECT value FROM "+q.table(schema.Meta)+" FINAL WHERE key = ?", leaseKey)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("read the notification lease: %w", err)
	}
	if len(rows) == 0 {
		return "", time.Time{}, nil
	}
	at, holder, ok := strings.Cut(rows[0].Value, " ")
	unix, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return "", time.Time{}, nil // not one of ours: take it over
	}
	return holder, time.Unix(unix, 0), nil
}

// Told implements Outbox.
func (q *SQL) Told(ctx context.Context) (map[string]Told, error) {
	told := map[string]Told{}
	err := store.Each(ctx, q.store, func(r *struct {
		Key     string `ch:"key"`
		Value   string `ch:"value"`
		Version uint64 `ch:"version"` // when, in nanoseconds
	}) error {
		told[strings.TrimPrefix(r.Key, toldPrefix)] = Told{r.Value, time.Unix(0, int64(r.Version))}
		return nil
	}, "SELECT key, value, version FROM "+q.table(schema.Meta)+" FINAL WHERE startsWith(key, ?)", toldPrefix)
	if err != nil {
		return nil, fmt.Errorf("read what was notified: %w", err)
	}
	return told, nil
}

// Tell implements Outbox.
func (q *SQL) Tell(ctx context.Context, id string, t Told) error {
	if err := q.setMeta(ctx, toldPrefix+id, t.What, uint64(t.At.UnixNano())); err != nil {
		return fmt.Errorf("note what was notified: %w", err)
	}
	return nil
}

func (q *SQL) setMeta(ctx context.Context, key, value string, version uint64) error {
	ctx, err := q.store.Inserting(ctx)
	if err != nil {
		return err
	}
	return q.store.Exec(ctx, "INSERT INTO "+q.table(schema.Meta)+" (key, value, version) VALUES (?, ?, ?)", key, value,
		version)
}
