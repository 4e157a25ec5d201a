package block

import (
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrHalfWritten says that the writers of a Whole did not pause in time.
var ErrHalfWritten = errors.New("blocks are being written")

// Whole lets a reader of the same process see a store between blocks. A block is
// several INSERTs, and what is read is several queries: without it, counts of two
// moments meet. Writers do not wait for each other. A reader waits for the blocks in
// hand and holds new ones off, both for a bounded time, so neither a block that is
// tried again forever nor a reader stops the partitions. Other processes are not
// held off: what they read may be of two moments, and the ledger says which blocks
// are whole. A nil Whole holds nobody off.
type Whole struct{ blocks *semaphore.Weighted }

// NewWhole makes a Whole for one store.
func NewWhole() *Whole { return &Whole{semaphore.NewWeighted(math.MaxInt64)} }

// Write runs write, which makes every INSERT of one block, the ledger's row last.
func (w *Whole) Write(ctx context.Context, write func() error) error {
	if w == nil {
		return write()
	}
	if err := w.blocks.Acquire(ctx, 1); err != nil {
		return err
	}
	defer w.blocks.Release(1)
	return write()
}

// Read runs read while no block is being written. The error is ErrHalfWritten when
// the blocks in hand are not whole within patience; read should have an end of its
// own, because blocks wait for it.
func (w *Whole) Read(ctx context.Context, patience time.Duration, read func() error) error {
	if w == nil {
		return read()
	}
	waiting, cancel := context.WithTimeoutCause(ctx, patience, ErrHalfWritten)
	defer cancel()
	if err := w.blocks.Acquire(waiting, math.MaxInt64); err != nil {
		return context.Cause(waiting)
	}
	defer w.blocks.Release(math.MaxInt64)
	return read()
}
