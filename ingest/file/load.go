package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"statline/ingest/block"
	"statline/ingest/decode"
)

// Config says how files are split into blocks.
type Config struct {
	// BlockBytes is the text of one block. It affects which row says what, but not the
	// sums. Rows of many names cost more to insert than to fold, so large blocks are
	// cheap.
	BlockBytes int
	// BlockMemory ends a block early when its rows take this many bytes.
	BlockMemory int
	// Workers fold blocks at the same time, one goroutine each.
	Workers int
	// Final counts the last line of a plain file even without a line feed. Otherwise
	// that line is left until it is finished. A compressed file or a pipe has an end.
	Final bool
	// Distinct counts each file for itself when several of a run have the same
	// text, or one is the beginning of another.
	Distinct bool
	// Whole keeps readers of the store out while a block is half written; nil keeps
	// nobody out.
	Whole      *block.Whole
	ConfigHash string
	Version    string
	Instance   string
}

// DefaultConfig suits a machine with workers processors.
func DefaultConfig(workers int) Config {
	return Config{BlockBytes: 256 << 20, BlockMemory: 96 << 20, Workers: max(workers, 1)}
}

// Store is where blocks go.
type Store interface {
	WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error
	WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error
	Inserts(id block.ID, c *block.Contents) int
	// Blocks lists the ledger's rows of kind block of a cluster.
	Blocks(ctx context.Context, cluster string) ([]block.LedgerRow, error)
	// Restore inserts again what the store has lost of a block that an earlier run
	// declared and this one has written again. Meanwhile nothing else is written, and
	// the ledger does not say stored yet.
	Restore(ctx context.Context, id block.ID, c *block.Contents) (block.Restoration, error)
}

// Progress is how far loading is; its fields can be read while it runs.
type Progress struct {
	Bytes  atomic.Int64 // bytes of text folded
	Lines  atomic.Int64 // non-blank lines folded
	OnDisk atomic.Int64 // bytes read from disk
}

// Loader loads files into one store, one after the other.
type Loader struct {
	cfg   Config
	store Store
	pool  block.Pool
	known *known // nil until the first file
	// alone is held by whoever writes a block, exclusively for a block that an earlier
	// run declared: no other block may be half written while the store looks for its
	// rows.
	alone sync.RWMutex
}

// NewLoader makes a Loader. Each worker borrows one builder.
func NewLoader(cfg Config, store Store, pool block.Pool) *Loader {
	return &Loader{cfg: cfg, store: store, pool: pool}
}

// Load folds every line of in that the store does not have and writes the blocks. The
// workers read a plain file side by side, anything else as one stream. When ctx ends,
// what has been folded is written and the Result says how much; the error is then the
// cause. After an *InputError the Loader can load other files.
func (l *Loader) Load(ctx context.Context, in *Input, p *Progress) (Result, error) {
	if l.known == nil {
		rows, err := l.store.Blocks(ctx, block.FileCluster)
		if err != nil {
			return Result{}, err
		}
		if l.known, err = newKnown(rows); err != nil {
			return Result{}, err
		}
	}
	r := Result{File: in.Name}
	if !l.cfg.Final {
		var err error
		if r.UnfinishedBytes, err = in.lastLine(); err != nil {
			return r, err
		}
	}
	if empty, err := in.empty(); empty || err != nil {
		r.State = Empty
		return r, err
	}
	in.stop = ctx.Done()
	m, err := l.known.find(in, l.cfg.Distinct)
	if err != nil && ctx.Err() != nil {
		r.State, r.Interrupted = Unread, true
		return r, context.Cause(ctx)
	}
	if err != nil {
		return r, err
	}
	j := &job{Loader: l, in: in, progress: p, stream: m.stream, opened: make(chan struct{})}
	if j.stream != nil {
		j.topic = j.stream.topic
		close(j.opened)
	}
	err = j.run(ctx)
	r.Lines, r.Interrupted, r.Restored = j.lines.Load(), ctx.Err() != nil, j.restored
	r.describe(m, j)
	return r, err
}

// job loads one file.
type job struct {
	*Loader
	in       *Input
	progress *Progress
	stream   *stream // nil for a new file until its first block
	lines    atomic.Uint64
	buffers  chan []byte
	rest     []byte
	fields   plainFields

	// topic is set when opened is closed: the first block of a new file gives it its
	// name, and is declared before all others, so that the file can be recognised by
	// its beginning. It stays empty when there is no first block.
	topic  string
	opened chan struct{}

	mu       sync.Mutex
	blocks   []stretch           // declared or stored by this job
	restored []block.RestoredDay // of blocks of an earlier run
}

// span is the text of a block, or of several if its rows take much memory.
type span struct {
	first, end int64 // end is 0 when only chunks tell
	// chunks are whole lines, borrowed from job.buffers, when the text comes from
	// a stream; nil when the span is read from the file itself.
	chunks chan []byte
	// declared is set when the span is one block, declared by an earlier run.
	declared *block.LedgerRow
	// columns is the #Fields line in force where chunks begin.
	columns string
	// within: the span begins within a line whose beginning was already counted as a
	// line.
	within bool
}

func (j *job) run(ctx context.Context) error {
	group, work := errgroup.WithContext(context.WithoutCancel(ctx))
	spans := make(chan span)
	group.Go(func() error {
		defer close(spans)
		c := cutter{job: j, stop: ctx.Done(), broken: work.Done(), spans: spans}
		if j.in.plain != nil {
			return c.file()
		}
		return c.text()
	})
	for range j.cfg.Workers {
		group.Go(func() error {
			w := &worker{job: j, stop: ctx.Done(), builder: j.pool.Get(true), records: make([]block.Record, 0, 1024)}
			defer j.pool.Put(w.builder)
			for s := range spans {
				if err := w.load(work, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	j.keep()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// worker folds spans and writes their blocks.
type worker struct {
	*job
	stop    <-chan struct{} // closed when reading has to end
	builder block.Builder
	records []block.Record
	pieces  pieces
	text    []byte // of a plain file

	// The #Fields line in force; of a plain file it is looked for when a line wants it.
	columns string
	looked  bool
	first   int64 // where the span begins
}

// load folds a span, and declares and stores its blocks.
func (w *worker) load(ctx context.Context, s span) error {
	first, at := s.first, s.first
	w.pieces.begin(first)
	w.columns, w.looked, w.first = s.columns, s.chunks != nil, first
	if first == 0 {
		defer w.open() // at the latest
	}
	within := s.within
	fold := func(text []byte) error {
		var err error
		if within, err = w.fold(text, at, within); err != nil {
			return err
		}
		at += int64(len(text))
		w.progress.Bytes.Add(int64(len(text)))
		if s.declared != nil || at == s.end || w.builder.MemoryBytes() < w.cfg.BlockMemory {
			return nil
		}
		defer func() { first = at }()
		return w.write(ctx, first, at, nil)
	}
	var err error
	if s.chunks == nil {
		err = w.readFile(ctx, s, fold)
	} else {
		err = w.readChunks(ctx, s.chunks, fold)
	}
	switch {
	case err != nil:
		return err
	case s.declared != nil && at != s.declared.End:
		return w.cutShort(ctx, s.declared, at)
	case first < at:
		return w.write(ctx, first, at, s.declared)
	}
	return nil
}

// cutShort handles a declared block whose text is not all there.
func (w *worker) cutShort(ctx context.Context, d *block.LedgerRow, at int64) error {
	w.builder.Reset()
	select {
	case <-w.stop:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	return &InputError{fmt.Errorf("%s ends at byte %d, and an earlier run was ended while it stored the lines up to "+
		"byte %d: some of them are counted; "+
		"analyze the file that has them all, or take another --data directory", w.in.Name, at, d.End)}
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

// readFile folds a part of a plain file, which ends with a line, or as much of it as
// there is time for.
func (w *worker) readFile(ctx context.Context, s span, fold func([]byte) error) error {
	if w.text == nil {
		w.text = make([]byte, min(chunkBytes, w.in.Size))
	}
	for at := s.first; at < s.end; {
		select {
		case <-w.stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		text := w.text[:min(int64(len(w.text)), s.end-at)]
		if n, err := w.in.plain.ReadAt(text, at); n < len(text) {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("it became shorter than %d bytes meanwhile", s.end)
			}
			return w.in.readError(err)
		}
		if at+int64(len(text)) < s.end {
			i := bytes.LastIndexByte(text, '\n')
			if i < 0 {
				if len(w.text) >= maxLine {
					return w.in.tooLong()
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

// fold adds the lines of text, which begins at offset at. With within, text begins
// inside a line that was counted already, which is skipped; the result says whether
// text also ends inside it.
func (w *worker) fold(text []byte, at int64, within bool) (bool, error) {
	digested := 0
	for next := 0; next < len(text); {
		line := text[next:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
			next++
		}
		if within {
			within = next+len(line) == len(text) && text[len(text)-1] != '\n'
		} else if !blank(line) {
			columns, err := w.columnsOf(line)
			if err != nil {
				return within, err
			}
			w.records = append(w.records, block.Record{Offset: at, Value: line, Columns: columns})
			if len(w.records) == cap(w.records) {
				w.add()
			}
		}
		next += len(line)
		at += int64(len(line)) + 1
		w.pieces.at.lines++
		if at >= w.pieces.until {
			w.pieces.add(text[digested:next])
			w.pieces.cut()
			digested = next
		}
	}
	w.pieces.add(text[digested:])
	w.add() // the text is about to be overwritten
	return within, nil
}

// columnsOf is the #Fields line that names the columns of line, "" for a line without
// columns.
func (w *worker) columnsOf(line []byte) (string, error) {
	switch {
	case (line[0] == '#' || line[0] == mark[0]) && decode.FieldsLine(line):
		w.columns, w.looked = string(bytes.TrimPrefix(bytes.TrimRight(line, " \r"), []byte(mark))), true
		return "", nil
	case !wantsFields(line):
		return "", nil
	case !w.looked:
		var err error
		if w.columns, err = w.job.fields.find(w.in, w.first); err != nil {
			return "", err
		}
		w.looked = true
	}
	return w.columns, nil
}

// blank reports a line of white space only.
func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// tooLong is the error of a line without an end.
func (in *Input) tooLong() error {
	return in.readError(fmt.Errorf("a line longer than %d bytes; is it a log of lines?", maxLine))
}
