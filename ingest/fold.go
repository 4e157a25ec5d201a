package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
)

// FoldConfig is everything that a block's contents depend on besides its
// records. Start from DefaultFoldConfig.
type FoldConfig struct {
	Decode    decode.Config
	Catalogue *classify.Catalogue
	Aggregate aggregate.Config
	// MaxAge and MaxAhead bound a response's own time: it lies within
	// [Kafka's timestamp - MaxAge, Kafka's timestamp + MaxAhead], or the line is
	// a reject (too_old, bad_time). AnyTime accepts every time.
	MaxAge, MaxAhead time.Duration
	AnyTime          bool
}

// DefaultFoldConfig is the built-in catalogue, any format, 30 days back and
// 10 minutes ahead.
func DefaultFoldConfig() FoldConfig {
	return FoldConfig{
		Catalogue: classify.Builtin(),
		Aggregate: aggregate.DefaultConfig(),
		MaxAge:    30 * 24 * time.Hour,
		MaxAhead:  10 * time.Minute,
	}
}

// Hash is the config_hash: two folds with the same hash make the same contents
// of the same records.
func (c FoldConfig) Hash() string {
	rows := c.Aggregate
	rows.Seed = 0 // where rows lie in memory
	h := sha256.New()
	fmt.Fprintf(h, "%d|%s|%s|%+v|%d|%d|%t", decode.Version, c.Decode.Fingerprint(), c.Catalogue.Hash(), rows, c.MaxAge, c.MaxAhead, c.AnyTime)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Reject reasons of the fold; the decoder has its own. A record that makes the
// decoder panic is kept without its bytes: they cannot be scrubbed.
const (
	ReasonTooOld  = "too_old"
	ReasonBadTime = "bad_time"
	ReasonPanic   = "panic"
)

// lineDecoder is what a fold needs of a decode.Decoder.
type lineDecoder interface {
	Decode(value []byte, sink decode.Sink)
	DecodeAt(record int, value []byte, sink decode.BatchSink)
	Flush()
	Scrub(raw []byte) []byte
}

// Fold is decode, classify and aggregate: a pure function of the records
// added and of its FoldConfig. It implements block.Folder. It is used by one
// goroutine at a time.
type Fold struct {
	cfg       FoldConfig
	decoders  *decoders
	partition int32
	table     *aggregate.Table

	rejects     []block.RejectRow
	rejectBytes int
	records     uint64
	last        int64
	peak        int // the most memory any block took

	// The record in hand: the at-th of batch.
	batch  []block.Record
	at     int
	record block.Record
	index  uint32 // of the next response or reject in it
	decode lineDecoder
	// folding is set while the tables are being changed.
	folding bool
}

// NewFold makes a fold of its own, for one goroutine; partition and offsets
// of the records only reach samples and rejects.
func NewFold(c FoldConfig, partition int32) (*Fold, error) {
	d, err := newDecoders(c.Decode, 1)
	if err != nil {
		return nil, err
	}
	return &Fold{cfg: c, decoders: d, partition: partition, table: aggregate.New(c.Aggregate)}, nil
}

// Add implements block.Folder.
func (f *Fold) Add(rs []block.Record) {
	f.decode = f.decoders.get()
	for len(rs) > 0 {
		rs = rs[f.add(rs):]
	}
	f.record.Value, f.batch = nil, nil
	f.decoders.put(f.decode)
	f.decode = nil
}

// add folds records and returns how many. A decoder does not panic; should one
// do, then for the same bytes again and again, so that its partition would
// never get past them: the rest of the record is a reject instead.
func (f *Fold) add(rs []block.Record) (done int) {
	f.batch, f.at = rs, -1
	defer func() {
		if f.folding || done == len(rs) {
			return // the tables' counts cannot be trusted: let it crash
		}
		if why := recover(); why != nil {
			f.decode.Flush() // what was found before
			if f.at != done {
				f.At(done, 0)
			}
			f.reject(block.RejectRow{Index: f.index, Reason: ReasonPanic, Detail: fmt.Sprint(why)}, nil)
			f.decode = f.decoders.fresh()
			f.records++
			done++
		}
	}()
	for done < len(rs) {
		r := &rs[done]
		f.last = r.UnixMilli
		f.decode.DecodeAt(done, r.Value, f)
		f.records++
		done++
	}
	f.decode.Flush()
	return done
}

// At implements decode.BatchSink.
func (f *Fold) At(record, index int) {
	if record != f.at {
		f.at, f.record = record, f.batch[record]
	}
	f.index = uint32(index)
}

// Response implements decode.Sink.
func (f *Fold) Response(r *classify.Response) {
	index := f.index
	f.index++
	if reason := f.cfg.window(r.UnixMilli, f.record.UnixMilli); reason != "" {
		f.outOfWindow(index, reason, r.UnixMilli)
		return
	}
	f.folding = true
	f.table.Add(r, f.cfg.Catalogue.Decide(r), aggregate.Place{Partition: f.partition, Offset: f.record.Offset})
	f.folding = false
}

// window says why a response's time is not acceptable beside its record's, ""
// when it is.
func (c FoldConfig) window(event, record int64) string {
	switch ahead := event - record; {
	case c.AnyTime:
	case ahead < -c.MaxAge.Milliseconds():
		return ReasonTooOld
	case ahead > c.MaxAhead.Milliseconds():
		return ReasonBadTime
	}
	return ""
}

// windowDetail begins the detail of a reject of the window, whose raw bytes
// are the whole record; those of the decoder's rejects are the one line.
const windowDetail = "event time "

func (f *Fold) outOfWindow(index uint32, reason string, unixMilli int64) {
	event, record := time.UnixMilli(unixMilli).UTC(), time.UnixMilli(f.record.UnixMilli).UTC()
	f.reject(block.RejectRow{
		Index:  index,
		Reason: reason,
		Detail: fmt.Sprintf(windowDetail+"%s, record time %s", event.Format(time.RFC3339), record.Format(time.RFC3339)),
	}, f.decode.Scrub(f.record.Value))
}

// Reject implements decode.Sink.
func (f *Fold) Reject(r decode.Reject) {
	f.index++
	f.reject(block.RejectRow{Index: uint32(r.Index), Reason: r.Reason, Detail: r.Detail, Format: r.Format}, r.Raw)
}

// rejectsHard bounds the raw bytes of a block's rejects. Fresh blocks are cut
// long before; a block that is read again under another configuration may
// reject what was fine before, and then keeps only the beginning of each.
const (
	rejectsHard = 64 << 20
	rawShort    = 256
	rejectRow   = 160 // bytes of a RejectRow itself
)

func (f *Fold) reject(row block.RejectRow, raw []byte) {
	if f.rejectBytes > rejectsHard && len(raw) > rawShort {
		raw = raw[:rawShort]
	}
	row.Partition, row.Offset, row.RecordUnixMilli = f.partition, f.record.Offset, f.record.UnixMilli
	row.DecoderVersion = decode.Version
	row.Raw = string(raw)
	f.rejects = append(f.rejects, row)
	f.rejectBytes += rejectRow + len(row.Raw) + len(row.Detail)
}

// MemoryBytes implements block.Folder.
func (f *Fold) MemoryBytes() int { return f.table.MemoryBytes() + 2*f.rejectBytes }

// Contents implements block.Folder.
func (f *Fold) Contents() *block.Contents {
	f.peak = max(f.peak, f.MemoryBytes())
	rows := f.table.Rows()
	return &block.Contents{
		Rows:                rows,
		Rejects:             f.rejects,
		Records:             f.records,
		Responses:           rows.Responded,
		Rejected:            uint64(len(f.rejects)),
		LastRecordUnixMilli: f.last,
	}
}

// Reset implements block.Folder.
func (f *Fold) Reset() {
	f.table.Reset()
	clear(f.rejects)
	f.rejects, f.rejectBytes, f.records, f.last = f.rejects[:0], 0, 0, 0
}

// decoders lends at most as many decoders as can run at a time, so that their
// memory does not grow with the number of partitions.
type decoders struct {
	make func() (lineDecoder, error)
	free chan lineDecoder // nil elements are decoders not made yet
}

func newDecoders(cfg decode.Config, n int) (*decoders, error) {
	d := &decoders{free: make(chan lineDecoder, n)}
	d.make = func() (lineDecoder, error) { return decode.New(cfg) }
	first, err := d.make()
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	for range n - 1 {
		d.free <- nil
	}
	d.free <- first
	return d, nil
}

func (d *decoders) get() lineDecoder {
	if dec := <-d.free; dec != nil {
		return dec
	}
	return d.fresh()
}

func (d *decoders) fresh() lineDecoder {
	dec, err := d.make()
	if err != nil {
		panic(err) // the same configuration has made a decoder before
	}
	return dec
}

func (d *decoders) put(dec lineDecoder) { d.free <- dec }

// Pool lends folds to the partitions and keeps their memory between blocks,
// within a bound.
type Pool struct {
	cfg      FoldConfig
	decoders *decoders
	keep     int // bytes that idle folds may hold

	mu   sync.Mutex
	free []*Fold // by the memory they hold
	held int
}

// NewPool makes a pool whose idle folds and memos of key ids hold at most keep
// bytes.
func NewPool(c FoldConfig, keep int) (*Pool, error) {
	workers := runtime.GOMAXPROCS(0)
	if c.Decode.KeyMemo == 0 {
		// A known key takes about 128 bytes; all memos together take no more than
		// half of keep.
		c.Decode.KeyMemo = min(max(keep/2/128/workers, 1024), 196_608)
	}
	d, err := newDecoders(c.Decode, workers)
	if err != nil {
		return nil, err
	}
	return &Pool{cfg: c, decoders: d, keep: keep / 2}, nil
}

// Hash implements Folds.
func (p *Pool) Hash() string { return p.cfg.Hash() }

// For implements Folds.
func (p *Pool) For(partition int32) block.Folders { return partitionFolds{p, partition} }

type partitionFolds struct {
	pool      *Pool
	partition int32
}

// Get implements block.Folders. A small block gets a fold that holds little,
// so that the memory of large ones is not spread over all partitions.
func (l partitionFolds) Get(large bool) block.Folder {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	at := -1
	if n := len(p.free); n > 0 && large {
		at = n - 1
	} else if n > 0 && p.free[0].peak <= p.keep/8 {
		at = 0
	}
	f := &Fold{cfg: p.cfg, decoders: p.decoders, partition: l.partition}
	if at < 0 {
		f.table = aggregate.New(p.cfg.Aggregate)
		return f
	}
	f = p.free[at]
	p.free = slices.Delete(p.free, at, at+1)
	p.held -= f.peak
	f.partition = l.partition
	return f
}

// Put implements block.Folders.
func (l partitionFolds) Put(folder block.Folder) {
	f := folder.(*Fold) // lent by Get
	f.Reset()
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+f.peak > p.keep {
		return
	}
	p.held += f.peak
	at, _ := slices.BinarySearchFunc(p.free, f.peak, func(x *Fold, peak int) int { return x.peak - peak })
	p.free = slices.Insert(p.free, at, f)
}
