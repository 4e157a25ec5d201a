package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Span is a span of event time, in Unix seconds: whole hours, so that minute
// and hour tables hold the same of it.
type Span struct{ From, Until uint32 }

// String is the span for people.
func (s Span) String() string {
	at := func(t uint32) string { return time.Unix(int64(t), 0).UTC().Format("2006-01-02 15:04") }
	return at(s.From) + " to " + at(s.Until)
}

// Within reports that a minute is in one of the spans.
func Within(spans []Span, minute uint32) bool {
	for _, s := range spans {
		if minute >= s.From && minute < s.Until {
			return true
		}
	}
	return false
}

// DeleteSpans deletes the rows of the spans from the tables of counts, on every node,
// and returns when they are gone.
func (s *Store) DeleteSpans(ctx context.Context, spans []Span) error {
	var where []string
	var bounds []any
	for _, span := range spans {
		where = append(where, "(minute >= toDateTime(?) AND minute < toDateTime(?))")
		bounds = append(bounds, span.From, span.Until)
	}
	for _, r := range s.rollups {
		if err := s.delete(ctx, schema.Table(r.Name), strings.Join(where, " OR "), bounds...); err != nil {
			return err
		}
	}
	return nil
}

// DeleteRejects deletes the rejects of a block, as DeleteSpans does.
func (s *Store) DeleteRejects(ctx context.Context, id block.ID) error {
	for _, t := range []schema.Table{schema.Rejects, schema.OldRejects} {
		err := s.delete(ctx, t,
			"cluster = ? AND topic = ? AND epoch = ? AND partition = ? AND offset >= ? AND offset < ?",
			id.Cluster, id.Topic, id.Epoch, id.Partition, id.First, id.End)
		if err != nil {
			return err
		}
	}
	return nil
}

// mutationEvery is the time between two checks of a mutation.
const mutationEvery = 100 * time.Millisecond

// delete waits for the mutation itself, however long it takes: a statement that waits
// would be ended after Config.QueryTimeout.
func (s *Store) delete(ctx context.Context, t schema.Table, where string, args ...any) error {
	l, err := s.layout(ctx)
	if err != nil {
		return err
	}
	t, mutations := l.Storage(t), "system.mutations"
	if l.Cluster != "" {
		mutations = "clusterAllReplicas('" + l.Cluster + "', system.mutations)"
	}
	if err := s.Exec(ctx, "ALTER TABLE "+s.Table(t)+" "+l.OnCluster()+" DELETE WHERE "+where, args...); err != nil {
		return fmt.Errorf("delete from %s: %w", t, err)
	}
	tick := time.NewTicker(mutationEvery)
	defer tick.Stop()
	query := "SELECT count() AS n, max(latest_fail_reason) AS why FROM " + mutations +
		" WHERE database = ? AND table = ? AND NOT is_done"
	for {
		left, err := Select[struct {
			N   uint64 `ch:"n"`
			Why string `ch:"why"`
		}](ctx, s, query, s.database, string(t))
		switch {
		case err != nil:
			return fmt.Errorf("delete from %s: %w", t, err)
		case left[0].Why != "":
			return fmt.Errorf("delete from %s: %s", t, left[0].Why)
		case left[0].N == 0:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("delete from %s: %w", t, context.Cause(ctx))
		}
	}
}

// WriteSpans is WriteRowsAs for the part of a block within the spans; samples, names
// and rejects, which replace themselves, are written whole.
func (s *Store) WriteSpans(ctx context.Context, id block.ID, kind block.Kind, c *block.Contents, spans []Span) error {
	keep := func(_ schema.Table, minute uint32) bool { return Within(spans, minute) }
	return s.write(ctx, id, kind, s.jobs(id, c, keep), func() error { return nil })
}
