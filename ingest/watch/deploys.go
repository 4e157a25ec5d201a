package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Deploy is that a version of a service was brought out. Deploys are added, never
// changed.
type Deploy struct {
	At               time.Time
	Service, Version string
	Author           string
}

// Mark stores a deploy. Its service and version must not be empty.
func (q *SQL) Mark(ctx context.Context, d Deploy) error {
	if d.Service == "" || d.Version == "" {
		return errors.New("deploy: got no service or no version; want both")
	}
	ctx, err := q.store.Inserting(ctx)
	if err == nil {
		err = q.store.Exec(ctx,
			"INSERT INTO "+q.table(schema.Deploys)+" (at, service, version, author) VALUES (fromUnixTimestamp64Milli(?, 'UTC'), ?, ?, ?)",
			d.At.UnixMilli(), d.Service, d.Version, d.Author)
	}
	if err != nil {
		return fmt.Errorf("mark the deploy of %s %s: %w", d.Service, d.Version, err)
	}
	return nil
}

// Deploys reads what was brought out in the minutes from and to and between, oldest
// first.
func (q *SQL) Deploys(ctx context.Context, from, to detect.Minute) (list []Deploy, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		At      time.Time `ch:"at"`
		Service string    `ch:"service"`
		Version string    `ch:"version"`
		Author  string    `ch:"author"`
	}) error {
		list = append(list, Deploy{r.At, r.Service, r.Version, r.Author})
		return nil
	},
		fmt.Sprintf("SELECT at, service, version, author FROM %s WHERE at >= toDateTime(%d, 'UTC') AND at < toDateTime(%d, 'UTC') ORDER BY at, service, version",
			q.table(schema.Deploys), max(from.Unix(), 0), max((to+1).Unix(), 0)))
	if err != nil {
		return nil, fmt.Errorf("read deploys: %w", err)
	}
	return list, nil
}
