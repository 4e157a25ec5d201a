package block

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"statline/ingest/retry"
)

// machine moves one partition. Each state is a method, which returns the next state,
// or nil at the end.
type machine struct {
	cfg  Config
	env  Env
	log  *slog.Logger
	pace *pace
	stop <-chan struct{}

	of     log          // that this partition is
	next   int64        // everything below is committed or in the current block
	redo   *Declaration // a declared range at or above next, to be finished exactly
	redone plan         // the plan that redo comes from
	block  *work        // the current block, from recover or fill to commit
	filler *filler      // nil until the first fill and after a recover or a gap
}

// work is a block between its reading and its commit.
type work struct {
	id       ID
	declared Declaration
	contents *Contents
	builder  Builder // nil for a gap
	pool     Pool    // lent builder; nil means Env's
	rules    string  // the config_hash that it is folded under; "" for a gap
	bytes    int     // of the records' values, when they were read a second time
	inserts  int     // the most INSERTs of one table; 0 until they are counted
	account  account
	kind     Kind
	mixed    bool
	opened   bool // its first record has been told of
	inLedger bool // the ledger has the row "declared" already
	note     string
	since    time.Time // when it was declared
	first    witness   // its first record
	last     witness   // and its last
}

type state func(context.Context) (state, error)

// Run moves the partition until stop is closed, ctx ends, the partition is lost, or an
// error needs an operator. After stop, a declared block is finished within StopTimeout
// and Run returns nil. When ctx ends, Run returns its cause at once, and the next
// owner of the partition finishes the block. An error that wraps ErrFenced means that
// the generation is over, one that wraps retry.ErrPermanent that this partition cannot
// go on.
func Run(ctx context.Context, c Config, env Env, stop <-chan struct{}) error {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if env.LogLimiter == nil {
		env.LogLimiter = &retry.LogLimiter{}
	}
	m := &machine{
		cfg: c, env: env, stop: stop,
		log:  log.With("topic", c.Topic, "partition", c.Partition),
		pace: &pace{limits: c.Limits, hurry: env.Hurry},
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	background.Go(func() { m.boundStop(ctx, cancel) })
	defer func() {
		cancel(nil)
		background.Wait()
		m.stopFiller()
		m.dropWork()
	}()

	for state := state(m.resume); state != nil; {
		next, err := state(ctx)
		if err != nil {
			return fmt.Errorf("partition %s/%d: %w", c.Topic, c.Partition, err)
		}
		state = next
	}
	return nil
}

var errStopTimeout = errors.New("the declared block was not finished in time")

// boundStop ends ctx when a stop takes too long.
func (m *machine) boundStop(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-m.stop:
	}
	if retry.Sleep(ctx, m.cfg.StopTimeout) {
		cancel(errStopTimeout)
	}
}

// resume reads the group's commit, the ledger and the log's bounds; decide compares
// them.
func (m *machine) resume(ctx context.Context) (state, error) {
	m.at("resume")
	var k known
	err := m.retry(ctx, "resume", func(ctx context.Context) (err error) {
		// Before anything else is read, so that what follows is read from this topic's
		// log or from a later one's.
		if k.topicID, err = m.env.Partition.TopicID(ctx); err != nil {
			return fmt.Errorf("read the topic's id: %w", err)
		}
		if k.commit, err = m.env.Partition.Committed(ctx); err != nil {
			return fmt.Errorf("read the group's commit: %w", err)
		}
		if k.logStart, k.lastStable, err = m.env.Partition.Bounds(ctx); err != nil {
			return fmt.Errorf("read the log's bounds: %w", err)
		}
		located := Event{Kind: Located, Next: k.commit.Offset, LastStable: k.lastStable}
		if located.Next < 0 {
			located.Next = k.logStart
		}
		m.observe(located)
		if k.ledger, err = m.env.Store.Ledger(ctx, m.cfg.Cluster, m.cfg.Topic, m.cfg.Partition); err != nil {
			return fmt.Errorf("read the ledger: %w", storeError{err})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := m.compare(ctx, &k); err != nil {
		return nil, err
	}
	k.now = time.Now()
	p, err := decide(m.cfg, k)
	if err != nil {
		return nil, err
	}
	m.of.topicID, m.of.newest, m.of.last = k.topicID, p.newest, k.stored
	m.cfg.Epoch, m.next, m.redo, m.redone = p.epoch, p.from, p.redo, p
	if p.warn != "" {
		m.log.Warn(p.warn, "from", p.from)
	}
	if p.start {
		if err := m.anchor(ctx); err != nil {
			return nil, err
		}
	} else if p.commit {
		if err := m.commitOffset(ctx, Committed{Offset: m.next, Metadata: mark(m.cfg.Epoch, markDone, m.of.topicID)},
			m.of.last); err != nil {
			return nil, err
		}
	}
	m.observe(Event{Kind: Resumed, Next: m.next, LastStable: k.lastStable, Row: k.ledger.Last})
	if p.gap != nil {
		m.block = m.gapBlock(*p.gap, p.note)
		return m.declare, nil
	}
	return m.fill, nil
}

// recover reads and folds the declared range again.
func (m *machine) recover(ctx context.Context) (state, error) {
	m.at("recover")
	d := *m.redo
	w := &work{
		id: m.id(d.First, d.End), declared: d, kind: KindBlock,
		inLedger: m.redone.inserted != nil,
		account:  account{budget: m.env.Budget},
	}
	asDeclared, err := m.underRules(ctx, w)
	if err != nil {
		return nil, err
	}
	if lost := m.redone.lost; lost > 0 {
		w.mixed = true
		w.note = fmt.Sprintf("partly inserted earlier; %d offsets from %d on were deleted by retention since", lost,
			d.First)
	}
	m.log.Info("finishing a declared block", "first", d.First, "end", d.End, "config_hash", d.ConfigHash, "as_declared",
		asDeclared)
	m.block = w
	w.builder = w.pool.Get(true)
	w.builder.Declared(d.UnixSeconds)
	err = m.readExactly(ctx, w, d.First+m.redone.lost)
	if errors.Is(err, ErrOutOfRange) {
		m.dropWork()
		retry.Sleep(ctx, linger)
		return m.resume, nil // retention has moved on: decide again
	}
	if err != nil {
		return nil, err
	}
	if !asDeclared {
		if err := m.otherRules(w); err != nil {
			return nil, err
		}
	}
	m.redo = nil
	return m.declare, nil
}

// fill waits for the filler's next block.
func (m *machine) fill(ctx context.Context) (state, error) {
	m.at("fill")
	if m.redo != nil && m.redo.First == m.next {
		m.stopFiller()
		return m.recover, nil
	}
	if m.filler == nil {
		m.filler = m.newFiller(ctx)
	}
	w, err := m.filler.take(ctx, m.stop)
	switch {
	case errors.Is(err, ErrOutOfRange):
		m.stopFiller()
		return m.gap, nil
	case err != nil:
		return nil, err
	case w == nil:
		return nil, nil // asked to stop: nothing was declared
	}
	m.block = w
	return m.declare, nil
}

// gap decides what to do about offsets that are gone from the log.
func (m *machine) gap(ctx context.Context) (state, error) {
	m.at("gap")
	var logStart, lastStable int64
	err := m.retry(ctx, "read the log's bounds", func(ctx context.Context) (err error) {
		if logStart, lastStable, err = m.env.Partition.Bounds(ctx); err != nil {
			return err
		}
		return m.stillThere(ctx, m.of.last)
	})
	switch {
	case err != nil:
		return nil, err
	case m.next > lastStable:
		return nil, fmt.Errorf("%w: stored up to %d, the log ends at %d; %s", ErrRecreated, m.next, lastStable,
			m.of.anew())
	case m.next >= logStart:
		retry.Sleep(ctx, linger)
		return m.fill, nil // it was in range after all
	case m.cfg.OnGap != Skip:
		return nil, fmt.Errorf("%w: offsets [%d,%d) were deleted by retention; set on-gap=skip to leave them out",
			ErrGap, m.next, logStart)
	case m.redo != nil:
		return m.resume, nil // a declared range is concerned too
	}
	m.block = m.gapBlock(Declaration{Epoch: m.cfg.Epoch, First: m.next, End: logStart, ConfigHash: gapHash},
		noteRetention)
	return m.declare, nil
}

// declare makes the block's range immutable: first in the group, fenced, then
// in the ledger. A try that timed out may have declared it; only a confirmed
// one lets anything be inserted.
func (m *machine) declare(ctx context.Context) (state, error) {
	m.at("declare")
	w := m.block
	w.since = time.Now()
	if w.declared.UnixSeconds == 0 {
		w.declared.UnixSeconds = w.since.Unix()
	}
	w.contents.DeclaredUnix = w.declared.UnixSeconds
	w.declared.TopicID = m.of.topicID
	before := m.of.last
	if before.unixMilli <= 0 {
		before = w.first
	}
	if err := m.commitOffset(ctx, Committed{Offset: w.id.First, Metadata: w.declared.Metadata()}, before); err != nil {
		return nil, fmt.Errorf("declare block [%d,%d): %w", w.id.First, w.id.End, err)
	}
	m.at("declared")
	if w.kind == KindBlock && !w.inLedger {
		if err := m.writeLedger(ctx, Declared); err != nil {
			return nil, err
		}
	}
	return m.insert, nil
}

// insert writes the block's rows and, last, the ledger row that says they are stored.
// A reader that asks for whole blocks sees all of them or none.
func (m *machine) insert(ctx context.Context) (state, error) {
	m.at("insert")
	if err := m.env.Whole.Write(ctx, func() error { return m.insertAll(ctx) }); err != nil {
		return nil, err
	}
	return m.commit, nil
}

func (m *machine) insertAll(ctx context.Context) error {
	w := m.block
	if w.kind == KindBlock {
		err := m.retry(ctx, insertBlock, m.onSameStore(func(ctx context.Context) error {
			return m.env.Store.WriteRows(ctx, w.id, w.contents, m.fence)
		}))
		if err != nil {
			return fmt.Errorf("insert block [%d,%d): %w", w.id.First, w.id.End, err)
		}
	}
	m.at("inserted")
	return m.writeLedger(ctx, Stored)
}

// commit tells the group that everything below the block's end is stored.
func (m *machine) commit(ctx context.Context) (state, error) {
	m.at("commit")
	w := m.block
	if w.last.unixMilli > 0 {
		m.of.last = w.last
	}
	if err := m.commitOffset(ctx, Committed{Offset: w.id.End, Metadata: mark(m.cfg.Epoch, markDone, m.of.topicID)},
		m.of.last); err != nil {
		return nil, fmt.Errorf("commit block [%d,%d): %w", w.id.First, w.id.End, err)
	}
	m.at("committed")
	m.next = w.id.End
	m.pace.grow()
	m.dropWork()
	m.observe(Event{Kind: BlockCommitted, Next: m.next, Took: time.Since(w.since)})
	select {
	case <-m.stop:
		return nil, nil
	default:
		return m.fill, nil
	}
}
