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

// LastRecord finds the last record of [first, end) of one partition and
// returns its offset and Kafka timestamp; ok is false when the range, as far
// as the log still keeps it, holds none. It reads from the back, so that a
// range costs a few small fetches. The error wraps block.ErrOutOfRange when
// the log's stable end lies before end.
func (c *Client) LastRecord(ctx context.Context, partition int32, first, end int64) (offset, unixMilli int64, ok bool,
	err error) {
	ends, err := c.EndOffsets(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	if ends[partition] < end {
		return 0, 0, false, fmt.Errorf("%w: %s/%d ends at %d; want %d", block.ErrOutOfRange, c.cfg.Topic, partition,
			ends[partition], end)
	}
	starts, err := c.StartOffsets(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	first = max(first, starts[partition])
	for step := int64(1); first < end; step *= 16 {
		from := max(first, end-step)
		err := c.ReadRange(ctx, partition, from, end, func(r block.Record) error {
			offset, unixMilli, ok = r.Offset, r.UnixMilli, true
			return nil
		})
		if err != nil || ok || from == first {
			return offset, unixMilli, ok, err
		}
	}
	return 0, 0, false, nil
}
