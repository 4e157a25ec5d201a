package main

import (
	"context"
	"fmt"
	"time"
)

// hangTransaction leaves a transaction open for a while. Its records are read if it commits
// and never if it aborts; the records after it are read in any case.
func (c *campaign) hangTransaction(ctx context.Context, f fault) (hit bool, err error) {
	const lines = 300
	c.transactions++
	commit := f.kind == commits
	t, err := c.feed.hang(ctx, fmt.Sprintf("chaos-%d", c.transactions), lines, commit)
	if err != nil {
		return false, err
	}
	sleep(ctx, 2*f.span)
	ending, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := t.End(ending, commit); err != nil {
		return false, err
	}
	return true, c.replaceDead()
}
