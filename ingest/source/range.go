package source

import (
	"context"
	"fmt"
	"time"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// ReadRange reads the records of [first, end) of one partition, without a group, and
// calls f for each in order; a record is valid during the call. It waits until the
// records up to end are written and decided. An error of f ends it and is returned as
// it is.
func (c *Client) ReadRange(ctx context.Context, partition int32, first, end int64, f func(block.Record) error) error {
	r := c.Reader(partition)
	for at := first; at < end; {
		b, err := r.Fetch(ctx, at, time.Second)
		if err != nil {
			if again(err) && retry.Sleep(ctx, c.cfg.JoinBackoff) {
				continue
			}
			return fmt.Errorf("read %s/%d [%d,%d): %w", c.cfg.Topic, partition, first, end, err)
		}
		for _, rec := range b.Records {
			if rec.Offset >= end {
				return nil
			}
			if err := f(rec); err != nil {
				return err
			}
		}
		at = b.Next
	}
	return nil
}
