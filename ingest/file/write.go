package file

import (
	"context"
	"fmt"
	"time"

	"statline/ingest/block"
)

// keep adds what was written to what is known.
func (j *job) keep() {
	if j.stream == nil {
		if len(j.blocks) == 0 {
			return
		}
		j.stream = &stream{topic: j.topic}
		j.known.streams[j.topic] = j.stream
	} else {
		j.known.remove(j.stream)
	}
	for _, b := range j.blocks {
		j.stream.blocks = put(j.stream.blocks, b)
	}
	j.known.add(j.stream)
}

// put adds a block, or replaces what was known of it.
func put(blocks []stretch, b stretch) []stretch {
	for i := range blocks {
		if blocks[i].first == b.first {
			blocks[i] = b
			return blocks
		}
	}
	return append(blocks, b)
}

func (w *worker) add() {
	w.builder.Add(w.records)
	w.progress.Lines.Add(int64(len(w.records)))
	w.records = w.records[:0]
}

// open gives a new file its name, unless it has one.
func (w *worker) open() {
	select {
	case <-w.opened:
	default:
		close(w.opened)
	}
}

// write declares and stores what is folded, under the range [first, end); the ledger
// row comes last. declared is the row of an earlier run, if there is one.
func (w *worker) write(ctx context.Context, first, end int64, declared *block.LedgerRow) error {
	defer w.builder.Reset()
	w.pieces.cut()
	defer w.pieces.begin(end)
	all := append([]piece(nil), w.pieces.done...)
	if w.stream == nil && first == 0 {
		w.topic = w.known.topic(all)
	} else {
		select {
		case <-w.opened:
		case <-ctx.Done():
			return ctx.Err()
		}
		if w.topic == "" {
			return nil // there was no time for the first block
		}
	}
	if declared != nil {
		w.alone.Lock()
		defer w.alone.Unlock()
	} else {
		w.alone.RLock()
		defer w.alone.RUnlock()
	}
	row := block.LedgerRow{ID: block.ID{Cluster: block.FileCluster, Topic: w.topic, First: first, End: end},
		Kind: block.KindBlock, State: block.Declared, Group: "analyze", Instance: w.cfg.Instance,
		ConfigHash: w.cfg.ConfigHash, Version: w.cfg.Version, WrittenAt: time.Now().UTC()}
	row.DeclaredUnix = row.WrittenAt.Unix()
	c := w.builder.Contents()
	row = row.Counted(c, w.store.Inserts(row.ID, c))
	if declared != nil {
		row.DeclaredUnix = declared.DeclaredAt()
		if row.Mixed = declared.ConfigHash != w.cfg.ConfigHash; row.Mixed {
			if err := block.SameInserts(declared, c, int(row.Inserts), int(end-first)); err != nil {
				return fmt.Errorf("block %s may be partly stored under other settings: %w; "+
					"run once more with the version and the options of the run that was interrupted, or take another --data "+
					"directory", row.ID, err)
			}
		}
	} else {
		var err error
		if row.Note, err = writeNote(absolute(w.in.Name), all); err != nil {
			return err
		}
		if err := w.store.WriteLedger(ctx, row, nobodyElse); err != nil {
			return fmt.Errorf("declare block %s: %w", row.ID, err)
		}
	}
	c.DeclaredUnix = row.DeclaredUnix
	if first == 0 {
		w.open()
	}
	w.wrote(stretch{first: first, end: end, pieces: all, declared: &row})
	err := w.cfg.Whole.Write(ctx, func() error { return w.insert(ctx, row, c, declared != nil) })
	if err != nil {
		return err
	}
	w.lines.Add(c.Records)
	w.wrote(stretch{first: first, end: end, pieces: all})
	return nil
}

// nobodyElse is the fence of an embedded store, which has one writer.
func nobodyElse() error { return nil }

// insert writes the rows of a declared block and then the ledger row that says so.
// again: an earlier run may have written some of them, or lost them.
func (j *job) insert(ctx context.Context, declared block.LedgerRow, c *block.Contents, again bool) error {
	id, note := declared.ID, ""
	if err := j.store.WriteRows(ctx, id, c, nobodyElse); err != nil {
		return fmt.Errorf("insert block %s: %w", id, err)
	}
	if again {
		r, err := j.store.Restore(ctx, id, c)
		if err != nil {
			return err
		}
		if r.Unproven {
			note = block.NoteUnproven
		}
		j.mu.Lock()
		j.restored = append(j.restored, r.Days...)
		j.mu.Unlock()
	}
	stored := declared.Stored(c, time.Now().UTC())
	stored.Note = note
	if err := j.store.WriteLedger(ctx, stored, nobodyElse); err != nil {
		return fmt.Errorf("store the ledger row of block %s: %w", id, err)
	}
	return nil
}

func (j *job) wrote(b stretch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.blocks = put(j.blocks, b)
}
