package block

import (
	"context"
	"fmt"
	"time"
)

// commitOffset commits in the group and repeats that until it is confirmed, as long as
// the log is still the one that w was read from.
func (m *machine) commitOffset(ctx context.Context, c Committed, w witness) error {
	return m.retry(ctx, "commit offset", func(ctx context.Context) error {
		if err := m.stillThere(ctx, w); err != nil {
			return err
		}
		return m.env.Partition.Commit(ctx, c)
	})
}

// writeLedger appends the ledger row of the current block.
func (m *machine) writeLedger(ctx context.Context, s State) error {
	w := m.block
	row := m.row(w, s)
	err := m.retry(ctx, writeLedger, m.onSameStore(func(ctx context.Context) error {
		return m.env.Store.WriteLedger(ctx, row, m.fence)
	}))
	if err != nil {
		return fmt.Errorf("write ledger row %s of [%d,%d): %w", s, w.id.First, w.id.End, err)
	}
	if s == Stored {
		m.at("stored")
	}
	if s == Stored && w.id.End > w.id.First {
		m.observe(Event{Kind: BlockStored, Row: &row, Contents: w.contents, Took: time.Since(w.since)})
	}
	return nil
}

// onSameStore makes each retry of op check first whether the store still has what lies
// below the current block. A store that was away may have been restored from an older
// backup; the block would then leave a hole below it.
func (m *machine) onSameStore(op func(context.Context) error) func(context.Context) error {
	tried := false
	return func(ctx context.Context) error {
		if tried {
			if err := m.sameStore(ctx); err != nil {
				return err
			}
		}
		tried = true
		return op(ctx)
	}
}

func (m *machine) sameStore(ctx context.Context) error {
	id := m.block.id
	if id.First == id.End {
		return nil // a start: the ledger has nothing yet
	}
	l, err := m.env.Store.Ledger(ctx, m.cfg.Cluster, m.cfg.Topic, m.cfg.Partition)
	if err != nil {
		return fmt.Errorf("read the ledger again: %w", err)
	}
	end, known := ledgerEnd(l)
	if l.Epoch > m.cfg.Epoch || l.Epoch == m.cfg.Epoch && known && end >= id.First {
		return nil
	}
	return fmt.Errorf("%w: the ledger ends at %d, and had everything below %d before", ErrRowsMissing, end, id.First)
}

func (m *machine) row(w *work, s State) LedgerRow {
	row := LedgerRow{
		ID: w.id, TopicID: m.of.topicID, Kind: w.kind, State: s,
		Group: m.cfg.Group, Instance: m.cfg.Instance, ConfigHash: m.cfg.ConfigHash, Version: m.cfg.Version,
		Mixed: w.mixed, Note: w.note, DeclaredUnix: w.declared.UnixSeconds, WrittenAt: time.Now(),
	}
	if w.rules != "" {
		row.ConfigHash = w.rules
	}
	if s == Declared {
		row.WrittenAt = time.Unix(w.declared.UnixSeconds, 0)
	}
	if w.contents != nil {
		row = row.Counted(w.contents, m.inserts(w))
	}
	return row
}

// inserts is the most INSERTs that one table of the current block takes.
func (m *machine) inserts(w *work) int {
	if w.inserts == 0 {
		w.inserts = max(1, m.env.Store.Inserts(w.id, w.contents))
	}
	return w.inserts
}

// anchor writes where a partition starts, in the group and then as an empty
// gap row in the ledger. From then on a commit without a ledger means that the
// ledger was lost.
func (m *machine) anchor(ctx context.Context) error {
	if err := m.commitOffset(ctx, Committed{Offset: m.next, Metadata: mark(m.cfg.Epoch, markStart, m.of.topicID)},
		m.of.last); err != nil {
		return fmt.Errorf("mark the start %d: %w", m.next, err)
	}
	m.at("anchor")
	m.block = &work{id: m.id(m.next, m.next), kind: KindGap, note: "start", since: time.Now()}
	defer m.dropWork()
	return m.writeLedger(ctx, Stored)
}

// gapBlock is a block without rows: it is declared, written to the ledger and
// committed like any other, so that two owners never disagree on its range.
func (m *machine) gapBlock(d Declaration, note string) *work {
	m.log.Warn("skipping offsets", "first", d.First, "end", d.End, "why", note)
	return &work{id: m.id(d.First, d.End), declared: d, kind: KindGap, note: note,
		contents: &Contents{Holes: uint64(d.End - d.First)}}
}

// fence is called before each INSERT, which Kafka cannot fence.
func (m *machine) fence() error {
	if m.env.Alive == nil {
		return nil
	}
	if err := m.env.Alive(); err != nil {
		return fmt.Errorf("%w: %w", ErrFenced, err)
	}
	return nil
}

func (m *machine) id(first, end int64) ID {
	return ID{Cluster: m.cfg.Cluster, Topic: m.cfg.Topic, Epoch: m.cfg.Epoch, Partition: m.cfg.Partition, First: first,
		End: end}
}

func (m *machine) at(step string) {
	if m.env.At != nil {
		m.env.At(step)
	}
	m.observe(Event{Kind: Entered, State: step})
}

func (m *machine) observe(e Event) {
	if m.env.Observe != nil {
		m.env.Observe(e)
	}
}

// dropWork releases what the current block holds.
func (m *machine) dropWork() {
	if m.block != nil {
		m.block.release(m.env.Pool)
		m.block = nil
	}
}
