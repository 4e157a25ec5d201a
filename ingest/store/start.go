package store

import (
	"context"

	"statline/ingest/schema"
)

// FirstStart is how a topic was when it was first read from its end: now, if this is
// the first time. A topic with rows in the ledger may have been started before this
// was kept: partitions unknown to the ledger came later.
func (s *Store) FirstStart(ctx context.Context, cluster, topic string, now schema.Start) (schema.Start, error) {
	return schema.FirstStart(ctx, s.Conn(), s.Database(), cluster, topic, func() (schema.Start, error) {
		rows, err := Select[struct {
			Rows uint64 `ch:"rows"`
		}](ctx, s, "SELECT count() AS rows FROM "+s.Table(schema.Ledger)+" WHERE cluster = ? AND topic = ?", cluster,
			topic)
		if err != nil {
			return schema.Start{}, err
		}
		if len(rows) > 0 && rows[0].Rows > 0 {
			now.Ends = nil
		}
		return now, nil
	})
}
