package block

import (
	"context"
	"sync/atomic"
	"time"
)

// Budget bounds the memory of all blocks in flight over all partitions. A
// block may always grow to Small bytes; to grow further, up to Large, it takes
// one of a few places and keeps it until it is committed. A backlog therefore
// moves in large blocks of few partitions at a time, in turn, and the sum
// stays below 2 * partitions * Small + places * Large, since a partition has
// at most two blocks in flight.
type Budget struct {
	small, large int
	places       chan struct{}
	used         atomic.Int64
}

// NewBudget makes a budget; small and large are in bytes.
func NewBudget(small, large, places int) *Budget {
	return &Budget{small: small, large: large, places: make(chan struct{}, places)}
}

// Used is the number of bytes in flight.
func (b *Budget) Used() int { return int(b.used.Load()) }

// account is one block's part in a budget; a nil budget bounds nothing.
type account struct {
	budget *Budget
	held   int
	place  bool
}

// set tells what the block takes.
func (a *account) set(bytes int) {
	if a.budget != nil {
		a.budget.used.Add(int64(bytes - a.held))
	}
	a.held = bytes
}

// release gives everything back.
func (a *account) release() {
	a.set(0)
	if a.place {
		<-a.budget.places
		a.place = false
	}
}

// grow reports whether the block may become larger than it is. full is set
// when it may not, whatever becomes free.
func (a *account) grow() (ok, full bool) {
	switch {
	case a.budget == nil || a.held < a.budget.small:
		return true, false
	case a.place:
		return a.held < a.budget.large, a.held >= a.budget.large
	}
	return a.tryPlace(), false
}

// tryPlace takes a place when one is free.
func (a *account) tryPlace() bool {
	if a.budget == nil || a.place {
		return a.place
	}
	select {
	case a.budget.places <- struct{}{}:
		a.place = true
	default:
	}
	return a.place
}

// await waits for a place for at most d.
func (a *account) await(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case a.budget.places <- struct{}{}:
		a.place = true
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
