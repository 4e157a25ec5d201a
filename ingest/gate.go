package ingest

import (
	"context"

	"golang.org/x/sync/semaphore"

	"statline/ingest/block"
)

// gated limits how many rows are encoded at the same time: an INSERT holds its rows a
// second time as columns and a third time compressed. Small blocks pass side by side,
// large ones one after the other.
type gated struct {
	Store
	slots    *semaphore.Weighted
	capacity int64
}

// rowBytes is roughly what a row takes while it is being inserted.
const rowBytes = 256

func gate(s Store, budget int) Store {
	capacity := int64(budget / 8 / rowBytes)
	return &gated{Store: s, slots: semaphore.NewWeighted(capacity), capacity: capacity}
}

// WriteRows implements block.Store.
func (g *gated) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	n := c.Rows.Len()
	for i := range c.Rejects {
		n += 1 + len(c.Rejects[i].Raw)/rowBytes
	}
	weight := min(int64(n), g.capacity)
	if err := g.slots.Acquire(ctx, weight); err != nil {
		return err
	}
	defer g.slots.Release(weight)
	return g.Store.WriteRows(ctx, id, c, fence)
}
