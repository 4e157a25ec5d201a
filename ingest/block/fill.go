package block

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"statline/ingest/retry"
)

// reader walks a partition's records, one fetch at a time.
type reader struct {
	m       *machine
	next    int64 // the offset after everything taken
	fetched Fetch
	pos     int
	// caughtUp tells whether the last fetch reached the log's end, stuck that
	// it brought nothing.
	caughtUp, stuck bool
}

// fetch reads on; what was fetched must be used up. Transient
// errors are tried again.
func (r *reader) fetch(ctx context.Context, wait time.Duration) error {
	return r.m.retry(ctx, "fetch", func(ctx context.Context) error {
		b, err := r.m.env.Partition.Fetch(ctx, r.next, wait)
		if err == nil {
			err = r.m.belongs(b)
		}
		if err != nil {
			return err
		}
		r.fetched, r.pos = b, 0
		r.caughtUp, r.stuck = b.Next >= b.LastStable, b.Next <= r.next
		r.m.observe(Event{Kind: Fetched, Next: b.Next, LastStable: b.LastStable, HighWatermark: b.HighWatermark})
		return nil
	})
}

// drained is called when what was fetched is used up: its holes are behind us too.
func (r *reader) drained() {
	if r.pos == len(r.fetched.Records) && r.fetched.Next > r.next {
		r.next = r.fetched.Next
	}
}

// chunkRecords is how many records are folded between two checks of the memory.
const chunkRecords = 64

// take returns the next records fetched, at most n and below end.
func (r *reader) take(n int, end int64) []Record {
	rs := r.fetched.Records[r.pos:min(len(r.fetched.Records), r.pos+n)]
	for len(rs) > 0 && rs[len(rs)-1].Offset >= end {
		rs = rs[:len(rs)-1]
	}
	if len(rs) > 0 {
		r.pos += len(rs)
		r.next = rs[len(rs)-1].Offset + 1
	}
	return rs
}

// readExactly folds the records of w's range from offset from on.
func (m *machine) readExactly(ctx context.Context, w *work, from int64) error {
	r := &reader{m: m, next: from}
	for r.next < w.id.End {
		if err := r.fetch(ctx, time.Second); err != nil {
			return err
		}
		for r.pos < len(r.fetched.Records) {
			rs := r.take(chunkRecords, w.id.End)
			if len(rs) == 0 {
				r.next = w.id.End // the rest of what was fetched is not the block's
				break
			}
			w.open(m, rs)
			w.add(rs)
			for i := range rs {
				w.bytes += len(rs[i].Value)
			}
		}
		r.drained()
		w.account.set(w.builder.MemoryBytes())
	}
	w.fold()
	return nil
}

// add folds records, of which there is one at least.
func (w *work) add(rs []Record) {
	if w.first == (witness{}) {
		w.first = witness{offset: rs[0].Offset, unixMilli: rs[0].UnixMilli}
	}
	last := &rs[len(rs)-1]
	w.last = witness{offset: last.Offset, unixMilli: last.UnixMilli}
	w.builder.Add(rs)
}

// open reports the first record of a block: until it is stored, the partition lags by
// that record's age.
func (w *work) open(m *machine, rs []Record) {
	if !w.opened {
		w.opened = true
		m.observe(Event{Kind: Opened, Next: rs[0].Offset, RecordUnixMilli: rs[0].UnixMilli})
	}
}

// fold finishes the reading of a block.
func (w *work) fold() {
	w.contents = w.builder.Contents()
	w.contents.Holes = uint64(w.id.End-w.id.First) - w.contents.Records
	w.account.set(w.builder.MemoryBytes())
}

func (w *work) release(f Pool) {
	if w.pool != nil {
		f = w.pool
	}
	if w.builder != nil {
		f.Put(w.builder)
		w.builder = nil
	}
	w.contents = nil
	w.account.release()
}

// filler folds the partition's records into block after block, one ahead of the
// machine. It declares nothing, so its blocks can be dropped at any moment.
type filler struct {
	m     *machine
	limit int64 // a declared range starts here and is never touched; -1 for none
	read  reader
	// idle is set while the machine has nothing to do but wait for a block.
	idle atomic.Bool
	// backlog says that the current block has records from before it was begun: reading
	// has just begun, or was behind.
	backlog bool
	cutAt   time.Time     // when the last block was cut
	turn    chan struct{} // nil when pipelined: then it is always the filler's turn
	out     chan *work
	err     error // why out was closed
	cancel  context.CancelFunc
}

// linger is the least time between two fetches of a partition that has caught up, so
// that a trickle of records does not cost a request each.
const linger = 100 * time.Millisecond

func (m *machine) newFiller(ctx context.Context) *filler {
	f := &filler{m: m, limit: -1, out: make(chan *work), backlog: true}
	f.read = reader{m: m, next: m.next}
	if !m.cfg.Pipelined {
		f.turn = make(chan struct{})
	}
	if m.redo != nil {
		f.limit = m.redo.First
	}
	ctx, f.cancel = context.WithCancel(ctx)
	go f.run(ctx)
	return f
}

// stopFiller drops the filler and what it holds.
func (m *machine) stopFiller() {
	if m.filler == nil {
		return
	}
	m.filler.cancel()
	for w := range m.filler.out {
		w.release(m.env.Pool)
	}
	m.filler = nil
}

// take waits for a block. It returns nil, nil when stop was closed first. Unless the
// partition is pipelined, the filler works only inside take.
func (f *filler) take(ctx context.Context, stop <-chan struct{}) (*work, error) {
	select {
	case <-stop:
		return nil, nil
	default:
	}
	f.idle.Store(true)
	defer f.idle.Store(false)
	turn := f.turn
	for {
		select {
		case turn <- struct{}{}:
			turn = nil
		case w, ok := <-f.out:
			if !ok {
				return nil, f.err
			}
			return w, nil
		case <-stop:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (f *filler) run(ctx context.Context) {
	defer close(f.out)
	for {
		if f.turn != nil {
			select {
			case <-f.turn:
			case <-ctx.Done():
				f.err = context.Cause(ctx)
				return
			}
		}
		w, err := f.fill(ctx)
		if err != nil {
			f.err = err
			return
		}
		select {
		case f.out <- w:
		case <-ctx.Done():
			w.release(f.m.env.Pool)
			f.err = context.Cause(ctx)
			return
		}
		if f.read.next == f.limit {
			f.err = errLimit
			return
		}
	}
}

// errLimit ends a filler that has reached a declared range. The machine knows the
// limit too and asks for no more.
var errLimit = errors.New("the next range is declared already")

// fill reads one block. When a fetch fails, a block that has records ends there; the
// same error comes again with the next block, which has nothing to lose.
func (f *filler) fill(ctx context.Context) (*work, error) {
	m, r := f.m, &f.read
	w := &work{id: m.id(r.next, r.next), kind: KindBlock, account: account{budget: m.env.Budget}}
	var opened time.Time
	for {
		progress := f.addFetched(w)
		if r.next > w.id.First && opened.IsZero() {
			opened = time.Now()
		}
		if progress == full || f.due(opened, progress) {
			return f.cut(w), nil
		}
		var err error
		if progress == crowded {
			m.observe(Event{Kind: Crowded})
			err = w.account.await(ctx, !r.caughtUp, linger)
		} else if err = f.pause(ctx, opened); err == nil {
			err = f.fetch(ctx, opened)
		}
		if errors.Is(err, ErrOutOfRange) && r.next > w.id.First {
			return f.cut(w), nil
		}
		if err != nil {
			w.release(m.env.Pool)
			return nil, err
		}
	}
}

// fetchPatience is how long a block that has something waits for a broker.
const fetchPatience = 5 * time.Second

// fetch reads the next records. While a block is open it returns after a while without
// any, so that an unreachable broker does not hold the block back.
func (f *filler) fetch(ctx context.Context, opened time.Time) error {
	wait := f.patience(opened)
	if opened.IsZero() {
		return f.read.fetch(ctx, wait)
	}
	limited, cancel := context.WithTimeout(ctx, wait+fetchPatience)
	defer cancel()
	err := f.read.fetch(limited, wait)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil // no progress: what was fetched is still used up
	}
	return err
}

// progress says how far addFetched got.
type progress uint8

const (
	taken   progress = iota // all of it is folded
	full                    // the block has to be cut at the offset reached
	crowded                 // the block waits for a place in the budget
)

// spread makes the largest block of each partition a little different in size, so that
// the blocks of a backlog can be told apart by what they add to a table (see
// mend.Repair).
func spread(records uint64, partition int32) uint64 {
	if records < 64 {
		return records
	}
	return records - uint64(partition)*6151%(records/8)
}

// addFetched folds the rest of a fetch.
func (f *filler) addFetched(w *work) progress {
	r, limits := &f.read, f.m.pace.now()
	end := w.id.First + int64(spread(limits.Records, f.m.cfg.Partition))
	if f.limit >= 0 {
		end = min(end, f.limit)
	}
	for r.pos < len(r.fetched.Records) {
		if w.builder == nil {
			// A partition that is behind will fill a large block, if it may.
			f.lend(w, !r.caughtUp && w.account.reserve(true))
		}
		if ok, isFull := w.account.grow(!r.caughtUp); isFull {
			return full
		} else if !ok {
			return crowded
		}
		if !f.mayTake(w, chunkRecords) {
			return full
		}
		rs := r.take(chunkRecords, end)
		if len(rs) == 0 { // the next record is beyond end
			r.next = end
			return full
		}
		w.open(f.m, rs)
		w.add(rs)
		w.account.set(w.builder.MemoryBytes())
		if w.account.held >= limits.Memory {
			r.drained()
			return full
		}
	}
	r.drained()
	if r.next >= end {
		r.next = end
		return full
	}
	if r.caughtUp {
		w.account.trim()
	} else {
		f.backlog = true
	}
	return taken
}

// crowdedAge is how long a block waits for memory before it is written small: a large
// block makes much better use of an INSERT.
const crowdedAge = 30 * time.Second

// clockHolds is how long a block takes records that are not Stamped. It is a part of
// the ten minutes by which their times may be ahead of the block's.
const clockHolds = time.Minute

// mayTake reports whether the block may take the next n records. A record that is not
// Stamped is folded with the time of its block, so that time is fixed when the first
// of them is read, and is the one that is declared later. A block that has waited for
// longer than clockHolds takes no more of them.
func (f *filler) mayTake(w *work, n int) bool {
	now := time.Time{}
	for _, rec := range f.read.fetched.Records[f.read.pos:min(len(f.read.fetched.Records), f.read.pos+n)] {
		if !Stamped(rec.UnixMilli) {
			now = time.Now()
			break
		}
	}
	switch {
	case now.IsZero():
		return true
	case w.declared.UnixSeconds == 0:
		w.declared.UnixSeconds = now.Unix()
		w.builder.Declared(w.declared.UnixSeconds)
		return true
	}
	return now.Unix()-w.declared.UnixSeconds < int64(clockHolds/time.Second)
}

// due reports whether the block is old enough to be written, when there is
// somebody to write it. One that has caught up with a backlog is: nothing of it
// is new, and what it holds of the budget others may need.
func (f *filler) due(opened time.Time, p progress) bool {
	if opened.IsZero() || !f.idle.Load() {
		return false
	}
	age := time.Since(opened)
	limits := f.m.pace.now()
	switch {
	case f.read.caughtUp && p == taken && f.backlog && time.Since(f.cutAt) >= limits.Flush:
		return true
	case f.read.caughtUp:
		return age >= limits.Flush
	case p == crowded:
		return age >= max(limits.MaxAge, crowdedAge)
	}
	return age >= limits.MaxAge
}

// patience is how long a fetch may wait for records. It is short while a block is
// open, so that Hurry takes effect soon (see Env.Hurry).
func (f *filler) patience(opened time.Time) time.Duration {
	if opened.IsZero() {
		return time.Second
	}
	left := f.m.pace.now().Flush - time.Since(opened)
	return min(max(left, linger), 2*linger)
}

// pause keeps a partition that has caught up from making a request for every record.
func (f *filler) pause(ctx context.Context, opened time.Time) error {
	waited := f.read.caughtUp && opened.IsZero() // by the fetch itself
	if waited || !f.read.caughtUp && !f.read.stuck {
		return ctx.Err()
	}
	if !retry.Sleep(ctx, linger) {
		return context.Cause(ctx)
	}
	return nil
}

// cut ends the block at the offset reached.
func (f *filler) cut(w *work) *work {
	m := f.m
	w.id.End = f.read.next
	f.backlog, f.cutAt = !f.read.caughtUp, time.Now()
	if w.builder == nil {
		f.lend(w, false) // nothing but holes
	}
	w.declared = Declaration{Epoch: m.cfg.Epoch, First: w.id.First, End: w.id.End, ConfigHash: w.rules,
		UnixSeconds: w.declared.UnixSeconds}
	w.fold()
	w.account.trim()
	return w
}

// lend gives a block a builder and with it the current configuration. It holds for the
// whole block, whatever is configured before the block is stored.
func (f *filler) lend(w *work, large bool) {
	env := &f.m.env
	w.pool, w.rules = env.Pool, f.m.cfg.ConfigHash
	if env.Latest != nil {
		w.pool, w.rules = env.Latest()
	}
	w.builder = w.pool.Get(large)
}
