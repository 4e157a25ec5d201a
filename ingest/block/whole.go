package block

import (
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrHalfWritten says that the writers did not pause in time.
var ErrHalfWritten = errors.New("blocks are being written")

// Whole lets a reader in the same process see the store between blocks. A block is
// several INSERTs, and a reader makes several queries; without Whole, their counts
// would be of different moments. Writers do not wait for each other. A reader waits
// for the blocks being written and keeps new ones out, both for a bounded time, so
// that neither a block that is retried for ever nor a reader stops the partitions.
// Other processes are not kept out: what they write may be half there, and the ledger
// says which blocks are whole. A nil Whole does nothing.
type Whole struct{ blocks *semaphore.Weighted }

// NewWhole makes a Whole for one store.
func NewWhole() *Whole { return &Whole{semaphore.NewWeighted(math.MaxInt64)} }

// Write runs write, which makes every INSERT of one block, the ledger row last.
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

// Read runs read while no block is being written. It returns ErrHalfWritten when the
// blocks being written do not finish within patience. read should have a time limit of
// its own, because blocks wait for it.
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
