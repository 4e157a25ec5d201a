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
	// in which row says what: sums do not. Rows of many names cost more to
	// insert than to fold, so large blocks are cheap.
	BlockBytes int
	// BlockMemory ends a block early when its rows take so many bytes.
	BlockMemory int
	// Workers fold blocks at the same time, one goroutine each.
	Workers    int
	ConfigHash string
	Version    string
	Instance   string
}

// DefaultConfig suits a machine with workers processors.
func DefaultConfig(workers int) Config {
	return Config{BlockBytes: 256 << 20, BlockMemory: 96 << 20, Workers: max(workers, 1)}
}

// Progress is how far loading has come; its fields are read while it runs.
type Progress struct {
	Bytes   atomic.Int64 // bytes of text folded
	Lines   atomic.Int64 // non-blank lines folded
	OnDisk  atomic.Int64 // bytes read from disk
	Skipped atomic.Int64 // bytes of text that the store already had
}

// span is the text of a block, or of several when its rows take much memory.
type span struct {
	id block.ID // End is 0 when only chunks tell
	// chunks are whole lines, borrowed from loader.buffers, when the text comes
	// from a stream; nil when the span is read from the file itself.
	chunks chan []byte
	whole  bool // one block, whatever it takes: it was declared so before
	// The ledger names blocks as stored in the order of their offsets, so that
	// its highest end is where a later run goes on: before is closed when the
	// span in front is stored, stored when this one is.
	before <-chan struct{}
	stored chan struct{}
}

// Load folds every line of in and writes the blocks to store. The lines that
// the store already has from an earlier run over the same content (told by its
// first line) are skipped. Each worker borrows one folder. A plain file is read
// by the workers side by side, anything else in one stream.
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
	l := &loader{cfg: cfg, in: in, store: store, progress: p, known: known}
	if known.Last != nil {
		if err := l.skip(known.Last.End); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	spans := make(chan span)
	group.Go(func() error {
		defer close(spans)
		if in.plain != nil {
			return l.cutFile(ctx, id, spans)
		}
		return l.cutStream(ctx, id, spans)
	})
	for range cfg.Workers {
		group.Go(func() error {
			w := &worker{loader: l, folder: folders.Get(true), records: make([]block.Record, 0, 1024)}
			defer folders.Put(w.folder)
			for s := range spans {
				if err := w.load(ctx, s); err != nil {
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
	known    block.Ledger
	buffers  chan []byte
	offset   int64 // of the next byte of text
	rest     []byte
}

// skip passes over text that is stored already.
func (l *loader) skip(end int64) error {
	n := min(end, l.in.Size)
	if l.in.plain == nil {
		var err error
		if n, err = io.CopyN(io.Discard, l.in.text, end); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s: %w", l.in.Name, err)
		}
	}
	l.offset = end
	l.progress.Skipped.Store(n)
	if n < end {
		return fmt.Errorf("%s is shorter (%d bytes) than what the store has of it (%d bytes): it was cut or is another file; use another --data directory", l.in.Name, n, end)
	}
	return nil
}

// next makes the span that begins at l.offset, and says how long it may be. A
// block that an earlier run declared and did not finish is cut as it was then.
func (l *loader) next(id block.ID, before <-chan struct{}) (span, int64) {
	s := span{id: id, before: before, stored: make(chan struct{})}
	s.id.First = l.offset
	if d := l.known.Pending; d != nil && d.First == l.offset {
		s.whole = true
		return s, d.End - d.First
	}
	return s, int64(l.cfg.BlockBytes)
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// cutFile cuts a plain file into spans that end with a line.
func (l *loader) cutFile(ctx context.Context, id block.ID, spans chan<- span) error {
	for before := closed(); l.offset < l.in.Size; {
		s, size := l.next(id, before)
		end := min(l.offset+size, l.in.Size)
		if !s.whole {
			var err error
			if end, err = l.lineEnd(l.offset, end); err != nil {
				return err
			}
		}
		s.id.End, l.offset, before = end, end, s.stored
		select {
		case spans <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// lineEnd is the end of the last line that ends in (first, end]; of the first
// one after it when none does.
func (l *loader) lineEnd(first, end int64) (int64, error) {
	if end == l.in.Size {
		return end, nil
	}
	buf := make([]byte, 64<<10)
	for to := end; to > first; {
		from := max(first, to-int64(len(buf)))
		window := buf[:to-from]
		if _, err := l.in.plain.ReadAt(window, from); err != nil {
			return 0, fmt.Errorf("read %s: %w", l.in.Name, err)
		}
		if i := bytes.LastIndexByte(window, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		to = from
	}
	for end < l.in.Size {
		n, err := l.in.plain.ReadAt(buf, end)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return end + int64(i) + 1, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read %s: %w", l.in.Name, err)
		}
		end += int64(n)
	}
	return l.in.Size, nil
}

// chunkBytes is the text that is read at once; a longer line is read whole.
const chunkBytes = 1 << 20

// cutStream reads chunks of whole lines and deals them out, a span after the
// other: while one worker writes its rows, another folds.
func (l *loader) cutStream(ctx context.Context, id block.ID, spans chan<- span) error {
	// Chunks on their way, one being read and one being folded.
	l.buffers = make(chan []byte, 8)
	for range cap(l.buffers) {
		l.buffers <- nil
	}
	for before := closed(); ; {
		s, left := l.next(id, before)
		s.chunks = make(chan []byte, cap(l.buffers))
		before = s.stored
		if l.rest == nil && l.ended() {
			return nil
		}
		select {
		case spans <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
		for left > 0 {
			var buf []byte
			select {
			case buf = <-l.buffers:
			case <-ctx.Done():
				return ctx.Err()
			}
			text, err := l.chunk(buf, int(min(left, chunkBytes)))
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			left -= int64(len(text))
			l.offset += int64(len(text))
			s.chunks <- text // never waits: there are no more buffers than room
			l.progress.OnDisk.Store(l.in.Consumed())
			if err != nil {
				close(s.chunks)
				return nil
			}
			if left < chunkBytes && !s.whole {
				break
			}
		}
		close(s.chunks)
	}
}

// ended reports whether the stream has no more text.
func (l *loader) ended() bool {
	_, err := l.in.text.Peek(1)
	return errors.Is(err, io.EOF)
}

// chunk reads at most size bytes of whole lines, one line when it is longer;
// what follows the last line feed waits for the next call. It returns io.EOF
// with the last chunk.
func (l *loader) chunk(buf []byte, size int) ([]byte, error) {
	size = max(size, len(l.rest)+1)
	if cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	buf = append(buf[:0], l.rest...)
	l.rest = nil
	for {
		for len(buf) < size {
			n, err := l.in.text.Read(buf[len(buf):size])
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
		if size >= maxLine {
			return nil, l.tooLong()
		}
		size = min(2*size, maxLine)
		buf = append(make([]byte, 0, size), buf...)
	}
}

func (l *loader) tooLong() error {
	return fmt.Errorf("read %s: a line longer than %d bytes; is it a log of lines?", l.in.Name, maxLine)
}

// worker folds spans and writes their blocks.
type worker struct {
	*loader
	folder  block.Folder
	records []block.Record
	text    []byte // of a plain file
}

// load folds a span, and declares and stores its block or blocks.
func (w *worker) load(ctx context.Context, s span) error {
	first, at := s.id.First, s.id.First
	fold := func(text []byte) error {
		w.fold(text, at)
		at += int64(len(text))
		w.progress.Bytes.Add(int64(len(text)))
		if s.whole || at == s.id.End || w.folder.MemoryBytes() < w.cfg.BlockMemory {
			return nil
		}
		id := s.id
		id.First, id.End = first, at
		first = at
		return w.write(ctx, id, s.before)
	}
	var err error
	if s.chunks == nil {
		err = w.readFile(ctx, s.id, fold)
	} else {
		err = w.readChunks(ctx, s.chunks, fold)
	}
	if err != nil {
		return err
	}
	if id := s.id; first < at {
		id.First, id.End = first, at
		if err := w.write(ctx, id, s.before); err != nil {
			return err
		}
	}
	close(s.stored)
	return nil
}

func (w *worker) readChunks(ctx context.Context, chunks <-chan []byte, fold func([]byte) error) error {
	for {
		select {
		case text, ok := <-chunks:
			if !ok {
				return nil
			}
			if err := fold(text); err != nil {
				return err
			}
			w.buffers <- text
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readFile folds a part of a plain file, which ends with a line.
func (w *worker) readFile(ctx context.Context, id block.ID, fold func([]byte) error) error {
	if w.text == nil {
		w.text = make([]byte, chunkBytes)
	}
	for at := id.First; at < id.End; {
		if err := ctx.Err(); err != nil {
			return err
		}
		text := w.text[:min(int64(len(w.text)), id.End-at)]
		n, err := w.in.plain.ReadAt(text, at)
		if n < len(text) {
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("read %s: it became shorter than %d bytes meanwhile", w.in.Name, id.End)
			}
			return fmt.Errorf("read %s: %w", w.in.Name, err)
		}
		if at+int64(len(text)) < id.End {
			i := bytes.LastIndexByte(text, '\n')
			if i < 0 {
				if len(w.text) >= maxLine {
					return w.tooLong()
				}
				w.text = make([]byte, 2*len(w.text))
				continue
			}
			text = text[:i+1]
		}
		if err := fold(text); err != nil {
			return err
		}
		at += int64(len(text))
		w.progress.OnDisk.Add(int64(len(text)))
	}
	return nil
}

// fold adds the lines of text, which begins at offset at.
func (w *worker) fold(text []byte, at int64) {
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if !blank(line) {
			w.records = append(w.records, block.Record{Offset: at, Value: line})
			if len(w.records) == cap(w.records) {
				w.add()
			}
		}
		at += int64(len(line)) + 1
	}
	w.add() // the text is about to be overwritten
}

func (w *worker) add() {
	w.folder.Add(w.records)
	w.progress.Lines.Add(int64(len(w.records)))
	w.records = w.records[:0]
}

// write declares and stores what is folded, under id; the ledger row comes last.
func (w *worker) write(ctx context.Context, id block.ID, before <-chan struct{}) error {
	defer w.folder.Reset()
	row := block.LedgerRow{ID: id, Kind: block.KindBlock, State: block.Declared, Group: "analyze", Instance: w.cfg.Instance,
		ConfigHash: w.cfg.ConfigHash, Version: w.cfg.Version, WrittenAt: time.Now().UTC()}
	open := func() error { return nil } // nobody else writes to an embedded store
	if err := w.store.WriteLedger(ctx, row, open); err != nil {
		return fmt.Errorf("declare block %s: %w", id, err)
	}
	c := w.folder.Contents()
	if err := w.store.WriteRows(ctx, id, c, open); err != nil {
		return fmt.Errorf("insert block %s: %w", id, err)
	}
	select {
	case <-before:
	case <-ctx.Done():
		return ctx.Err()
	}
	row = row.Stored(c, time.Now().UTC())
	if err := w.store.WriteLedger(ctx, row, open); err != nil {
		return fmt.Errorf("store the ledger row of block %s: %w", id, err)
	}
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
