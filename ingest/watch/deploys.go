package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Deploy is that a version of a service was brought out, as somebody says. Deploys are
// added, never changed.
type Deploy struct {
	At               time.Time
	Service, Version string
	Author           string

	known detect.Minute // with which it was sure, of one that its requests tell; 0 otherwise
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

// sameDeploy is how long before or after it a deploy that somebody marked is the same as
// one that was seen, of one service and version.
const sameDeploy = time.Hour

// withSeen adds to the deploys that people marked, oldest first, those of seen that came
// in the minutes from and to and between, and that nobody marked.
func withSeen(said []Deploy, seen []detect.Deploy, from, to detect.Minute) []Deploy {
	all := said
	for _, d := range seen {
		at := d.At.Time()
		if d.First || d.At < from || d.At > to || slices.ContainsFunc(said, func(s Deploy) bool {
			return s.Service == d.Service && s.Version == d.Version && s.At.Sub(at).Abs() <= sameDeploy
		}) {
			continue
		}
		all = append(all, Deploy{At: at, Service: d.Service, Version: d.Version, Author: detect.SeenDeploy,
			known: d.Known})
	}
	slices.SortStableFunc(all, func(a, b Deploy) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Service, b.Service), strings.Compare(a.Version, b.Version))
	})
	return all
}

// Deploys reads what people said was brought out in the minutes from and to and between,
// oldest first.
func (q *SQL) Deploys(ctx context.Context, from, to detect.Minute) (list []Deploy, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		At      time.Time `ch:"at"`
		Service string    `ch:"service"`
		Version string    `ch:"version"`
		Author  string    `ch:"author"`
	}) error {
		list = append(list, Deploy{At: r.At, Service: r.Service, Version: r.Version, Author: r.Author})
		return nil
	},
		fmt.Sprintf("SELECT at, service, version, author FROM %s WHERE at >= toDateTime(%d, 'UTC') AND at < toDateTime(%d, 'UTC') AND toUnixTimestamp(known) = 0 ORDER BY at, service, version",
			q.table(schema.Deploys), max(from.Unix(), 0), max((to+1).Unix(), 0)))
	if err != nil {
		return nil, fmt.Errorf("read deploys: %w", err)
	}
	return list, nil
}
