package block

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Budget bounds the memory of all blocks in flight, over all partitions. A block may
// always grow to small bytes. Beyond that it takes bytes from a pool of largeBlocks *
// (large - small). A block that is behind takes all that a large block may need at
// once, so that a backlog moves in large blocks, a few partitions at a time. A block
// that has caught up gives back what it does not use, so that many partitions with
// little to read are read at the same time. A partition has at most two blocks in
// flight, so the sum stays below 2 * partitions * small + largeBlocks * large.
type Budget struct {
	small, large int
	used         atomic.Int64

	mu      sync.Mutex
	free    int // bytes of the pool
	waiting []*turn
}

// turn is a block that waits for bytes of the pool: first come, first served.
type turn struct {
	bytes int
	come  chan struct{} // closed when it has them
}

// NewBudget makes a budget; small and large are in bytes.
func NewBudget(small, large, largeBlocks int) *Budget {
	return &Budget{small: small, large: large, free: largeBlocks * max(0, large-small)}
}

// Used is the number of bytes in flight.
func (b *Budget) Used() int { return int(b.used.Load()) }

// take takes bytes without waiting, unless others wait already.
func (b *Budget) take(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 || bytes > b.free {
		return false
	}
	b.free -= bytes
	return true
}

func (b *Budget) queue(bytes int) *turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &turn{bytes: bytes, come: make(chan struct{})}
	b.waiting = append(b.waiting, t)
	b.serve()
	return t
}

// give returns bytes and takes t, if not nil, out of the queue.
func (b *Budget) give(bytes int, t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += bytes
	if i := slices.Index(b.waiting, t); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else if t != nil {
		b.free += t.bytes // it had come
	}
	b.serve()
}

func (b *Budget) serve() {
	for len(b.waiting) > 0 && b.waiting[0].bytes <= b.free {
		t := b.waiting[0]
		b.waiting = b.waiting[1:]
		b.free -= t.bytes
		close(t.come)
	}
}

// account is one block's part in a budget; a nil budget bounds nothing.
type account struct {
	budget *Budget
	held   int
	pooled int // bytes of the pool that it may use, or uses
	turn   *turn
}

// set says how many bytes the block takes.
func (a *account) set(bytes int) {
	if a.budget != nil {
		a.budget.used.Add(int64(bytes - a.held))
	}
	a.held = bytes
}

// release gives everything back.
func (a *account) release() {
	a.set(0)
	a.trim()
}

// trim returns what the block does not use: it is cut, or has caught up.
func (a *account) trim() {
	if a.budget == nil {
		return
	}
	keep := min(a.pooled, max(0, a.held-a.budget.small))
	if a.turn != nil || keep < a.pooled {
		a.budget.give(a.pooled-keep, a.turn)
		a.pooled, a.turn = keep, nil
	}
}

// grow reports whether the block may become larger. full says that it never may,
// however much becomes free. behind says that a lot is going to be read.
func (a *account) grow(behind bool) (ok, full bool) {
	if a.budget == nil {
		return true, false
	}
	switch limit := a.budget.small + a.pooled; {
	case a.held < limit:
		return true, false
	case a.held >= a.budget.large:
		return false, true
	}
	return a.reserve(behind), false
}

// reserve takes bytes of the pool if they are free: for a block that is behind all
// that a large block needs, else as much as the block uses.
func (a *account) reserve(behind bool) bool {
	if a.budget == nil || a.turn != nil {
		return a.budget == nil
	}
	more := a.need(behind)
	if more > 0 && !a.budget.take(more) {
		return false
	}
	a.pooled += more
	return true
}

func (a *account) need(behind bool) int {
	all := max(0, a.budget.large-a.budget.small-a.pooled)
	if behind {
		return all
	}
	return min(all, max(a.held, a.budget.small+a.pooled))
}

// await waits at most d for bytes of the pool. The block keeps its place in the queue
// from call to call.
func (a *account) await(ctx context.Context, behind bool, d time.Duration) error {
	if a.turn == nil {
		a.turn = a.budget.queue(a.need(behind))
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-a.turn.come:
		a.pooled += a.turn.bytes
		a.turn = nil
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
