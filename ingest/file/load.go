package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"statline/ingest/block"
)

// Config says how files are cut into blocks.
type Config struct {
	// BlockBytes is the text of one block. The rows of a file depend on it only
	// in which row says what: sums do not.
	BlockBytes int
	// Workers fold blocks at the same time, one goroutine each.
	Workers    int
	ConfigHash string
	Version    string
	Instance   string
}

// DefaultConfig suits a machine with workers processors.
func DefaultConfig(workers int) Config {
	return Config{BlockBytes: 64 << 20, Workers: max(workers, 1)}
}

// Progress is how far loading has come; its fields are read while it runs.
type Progress struct {
	Bytes   atomic.Int64 // bytes of text folded
	Lines   atomic.Int64 // non-blank lines folded
	OnDisk  atomic.Int64 // bytes read from disk
	Skipped atomic.Int64 // bytes of text that the store already had
}

// span is a block's text, borrowed from the pool of buffers.
type span struct {
	id   block.ID
	text []byte
	// The ledger names blocks as stored in the order of their offsets, so that
	// its highest end is where a later run goes on: before is closed when the
	// block in front is stored, stored when this one is.
	before <-chan struct{}
	stored chan struct{}
}

// Load folds every line of in and writes the blocks to store. The lines that
// the store already has from an earlier run over the same content (told by its
// first line) are skipped. Each worker borrows one folder.
func Load(ctx context.Context, cfg Config, in *Input, store block.Store, folders block.Folders, p *Progress) error {
	line, err := in.firstLine()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(line)
	id := block.ID{Cluster: "file", Topic: hex.EncodeToString(sum[:8])}
	known, err := store.Ledger(ctx, id.Cluster, id.Topic, id.Partition)
	if err != nil {
		return fmt.Errorf("look up %s in the ledger: %w", in.Name, err)
	}
	l := &loader{cfg: cfg, in: in, store: store, progress: p}
	if known.Last != nil {
		if err := l.skip(known.Last.End); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	spans := make(chan span)
	// One buffer a worker, one being read: made when first asked for, and kept.
	l.buffers = make(chan []byte, cfg.Workers+1)
	for range cfg.Workers + 1 {
		l.buffers <- nil
	}
	group.Go(func() error {
		defer close(spans)
		return l.cut(ctx, id, known, spans)
	})
	for range cfg.Workers {
		group.Go(func() error {
			folder := folders.Get(true)
			defer folders.Put(folder)
			for s := range spans {
				if err := l.write(ctx, s, folder); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

type loader struct {
	cfg      Config
	in       *Input
	store    block.Store
	progress *Progress
	buffers  chan []byte
	offset   int64 // of the next byte of text
	rest     []byte
}

// skip passes over text that is stored already.
func (l *loader) skip(end int64) error {
	n, err := io.CopyN(io.Discard, l.in.text, end)
	l.offset = end
	l.progress.Skipped.Store(n)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is shorter (%d bytes) than what the store has of it (%d bytes): it was cut or is another file; use another --data directory", l.in.Name, n, end)
	}
	return err
}

// cut reads blocks of whole lines. A block that an earlier run declared and did
// not finish is cut as it was then.
func (l *loader) cut(ctx context.Context, id block.ID, known block.Ledger, spans chan<- span) error {
	before := make(chan struct{})
	close(before)
	for {
		size := l.cfg.BlockBytes
		if d := known.Pending; d != nil && d.First == l.offset {
			size = int(d.End - d.First)
		}
		var buf []byte
		select {
		case buf = <-l.buffers:
		case <-ctx.Done():
			return ctx.Err()
		}
		text, err := l.next(buf, size)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(text) > 0 {
			id.First, id.End = l.offset, l.offset+int64(len(text))
			l.offset = id.End
			s := span{id, text, before, make(chan struct{})}
			before = s.stored
			select {
			case spans <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l.progress.OnDisk.Store(l.in.Consumed())
		if err != nil {
			return nil
		}
	}
}

// next reads at most size bytes of whole lines; what follows the last line
// feed waits for the next call.
func (l *loader) next(buf []byte, size int) ([]byte, error) {
	if cap(buf) < size || cap(buf) < len(l.rest)+1 {
		buf = make([]byte, 0, max(size, 2*len(l.rest)))
	}
	buf = append(buf[:0], l.rest...)
	l.rest = nil
	for {
		for len(buf) < min(size, cap(buf)) {
			n, err := l.in.text.Read(buf[len(buf):min(size, cap(buf))])
			buf = buf[:len(buf)+n]
			if err == io.EOF {
				return buf, io.EOF
			}
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", l.in.Name, err)
			}
		}
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			l.rest = append([]byte(nil), buf[i+1:]...)
			return buf[:i+1], nil
		}
		if size > maxLine {
			return nil, fmt.Errorf("read %s: a line longer than %d bytes; is it a log of lines?", l.in.Name, maxLine)
		}
		size *= 2
		buf = append(make([]byte, 0, size), buf...)
	}
}

// write declares, folds and stores one block; the ledger row comes last.
func (l *loader) write(ctx context.Context, s span, folder block.Folder) error {
	row := block.LedgerRow{ID: s.id, Kind: block.KindBlock, State: block.Declared, Group: "analyze", Instance: l.cfg.Instance,
		ConfigHash: l.cfg.ConfigHash, Version: l.cfg.Version, WrittenAt: time.Now().UTC()}
	open := func() error { return nil } // nobody else writes to an embedded store
	if err := l.store.WriteLedger(ctx, row, open); err != nil {
		return fmt.Errorf("declare block %s: %w", s.id, err)
	}
	at, lines := s.id.First, int64(0)
	records := make([]block.Record, 0, 1024)
	for text := s.text; len(text) > 0; {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if !blank(line) {
			records = append(records, block.Record{Offset: at, Value: line})
			if len(records) == cap(records) {
				folder.Add(records)
				records = records[:0]
			}
			lines++
		}
		at += int64(len(line)) + 1
	}
	folder.Add(records)
	c := folder.Contents()
	defer folder.Reset()
	l.progress.Bytes.Add(int64(len(s.text)))
	l.progress.Lines.Add(lines)
	l.buffers <- s.text
	if err := l.store.WriteRows(ctx, s.id, c, open); err != nil {
		return fmt.Errorf("insert block %s: %w", s.id, err)
	}
	select {
	case <-s.before:
	case <-ctx.Done():
		return ctx.Err()
	}
	row = row.Stored(c, time.Now().UTC())
	if err := l.store.WriteLedger(ctx, row, open); err != nil {
		return fmt.Errorf("store the ledger row of block %s: %w", s.id, err)
	}
	close(s.stored)
	return nil
}

// blank reports whether a line holds nothing but white space.
func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
