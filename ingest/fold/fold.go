// Package fold is the pure middle of the pipeline: it decodes, classifies and
// aggregates records into the contents of a block.
//
// Its guarantee: the contents are a function of the records, of when the block was
// declared and of Config, however the records are handed over and whatever a
// builder saw before. It reads no clock, does no input or output, and knows no store.
package fold

import (
	"fmt"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
)

// Builder is decode, classify and aggregate: a pure function of the records
// added and of its Config. It implements block.Builder. It is used by one
// goroutine at a time.
type Builder struct {
	cfg       Config
	decoders  *decoders
	partition int32
	table     *aggregate.Table

	rejects     []block.RejectRow
	rejectBytes int
	records     uint64
	last        int64
	declared    int64 // when the block was declared, Unix milliseconds; 0: unknown
	peak        int   // the most memory any block took

	record *block.Record // the current one
	index  uint32        // of the next response or reject in it
	decode lineDecoder
	// folding is set while the tables are being changed.
	folding bool
}

// New makes a builder outside of any pool, for one goroutine; partition and offsets
// of the records only reach samples and rejects.
func New(c Config, partition int32) (*Builder, error) {
	d, err := newDecoders(c.Decode, 1)
	if err != nil {
		return nil, err
	}
	return &Builder{cfg: c, decoders: d, partition: partition, table: aggregate.New(c.Aggregate)}, nil
}

// Declared implements block.Builder.
func (f *Builder) Declared(unix int64) { f.declared = 1000 * unix }

// Add implements block.Builder.
func (f *Builder) Add(rs []block.Record) {
	f.decode = f.decoders.get()
	for len(rs) > 0 {
		rs = rs[f.add(rs):]
	}
	f.decoders.put(f.decode)
	f.record, f.decode = nil, nil
}

// add folds records and returns how many. A decoder should not panic. If one does, it
// does so for the same bytes each time, and its partition would never get past them:
// so the rest of that record becomes a reject.
func (f *Builder) add(rs []block.Record) (done int) {
	defer func() {
		if f.folding || done == len(rs) {
			return // the tables' counts cannot be trusted: let it crash
		}
		if why := recover(); why != nil {
			f.reject(block.RejectRow{Index: f.index, Reason: ReasonPanic, Detail: fmt.Sprint(why)}, nil)
			f.decode = f.decoders.fresh()
			f.records++
			done++
		}
	}()
	for done < len(rs) {
		r := &rs[done]
		f.record, f.index, f.last = r, 0, r.UnixMilli
		if r.TooLarge != nil {
			f.tooLarge(r.TooLarge)
		} else {
			if done == 0 || r.Columns != rs[done-1].Columns {
				f.decode.Columns(r.Columns)
			}
			f.decode.Decode(r.Value, f)
		}
		f.records++
		done++
	}
	return done
}

// AddPart folds the items of a record from from up to until, counting responses and
// rejects together. The record counts as one.
func (f *Builder) AddPart(r block.Record, from, until int) {
	f.decode = f.decoders.get()
	f.record, f.index, f.last = &r, uint32(from), r.UnixMilli
	if r.TooLarge == nil {
		f.decode.Columns(r.Columns)
		f.decode.Decode(r.Value, &part{to: f, from: from, until: until})
	} else if from == 0 && until > 0 {
		f.tooLarge(r.TooLarge)
	}
	f.records++
	f.decoders.put(f.decode)
	f.record, f.decode = nil, nil
}

// part is a Sink that passes on the responses of some items.
type part struct {
	to          *Builder
	from, until int
	at          int
}

func (p *part) Reject(decode.Reject) { p.at++ }
func (p *part) Response(r *classify.Response) {
	if p.at >= p.from && p.at < p.until {
		p.to.Response(r)
	}
	p.at++
}

// Response implements decode.Sink.
func (f *Builder) Response(r *classify.Response) {
	index := f.index
	f.index++
	if r.UnixMilli == classify.RecordTime {
		if !block.Stamped(f.record.UnixMilli) {
			f.noTime(index)
			return
		}
		r.UnixMilli = f.record.UnixMilli
	}
	if reason := f.cfg.CheckTime(r.UnixMilli, Times{f.record.UnixMilli, f.declared}); reason != "" {
		f.badTime(index, reason, r.UnixMilli)
		return
	}
	f.folding = true
	f.table.Add(r, f.cfg.Catalogue.Decide(r), aggregate.Position{Partition: f.partition, Offset: f.record.Offset})
	f.folding = false
}

// Reject implements decode.Sink.
func (f *Builder) Reject(r decode.Reject) {
	f.index++
	f.reject(block.RejectRow{Index: uint32(r.Index), Reason: r.Reason, Detail: r.Detail, Format: r.Format}, r.Raw)
}

// rejectsHard bounds the raw bytes of a block's rejects. New blocks are cut long
// before. A block that is read again under another configuration may reject what was
// fine before; beyond the bound only the beginning of each line is kept.
const (
	rejectsHard = 64 << 20
	rawShort    = 256
	rejectRow   = 160 // bytes of a RejectRow itself
)

func (f *Builder) reject(row block.RejectRow, raw []byte) {
	if f.rejectBytes > rejectsHard && len(raw) > rawShort {
		raw = raw[:rawShort]
	}
	row.Partition, row.Offset, row.RecordUnixMilli = f.partition, f.record.Offset, f.record.UnixMilli
	row.DecoderVersion = decode.Version
	row.Raw = string(raw)
	f.rejects = append(f.rejects, row)
	f.rejectBytes += rejectRow + len(row.Raw) + len(row.Detail)
}

// MemoryBytes implements block.Builder.
func (f *Builder) MemoryBytes() int { return f.table.MemoryBytes() + 2*f.rejectBytes }

// Contents implements block.Builder.
func (f *Builder) Contents() *block.Contents {
	f.peak = max(f.peak, f.MemoryBytes())
	rows := f.table.Rows()
	return &block.Contents{
		Rows:                rows,
		Rejects:             f.rejects,
		Records:             f.records,
		Responses:           rows.Responded,
		Rejected:            uint64(len(f.rejects)),
		LastRecordUnixMilli: f.last,
		DeclaredUnix:        f.declared / 1000,
	}
}

// Reset implements block.Builder.
func (f *Builder) Reset() {
	f.table.Reset()
	clear(f.rejects)
	f.rejects, f.rejectBytes, f.records, f.last, f.declared = f.rejects[:0], 0, 0, 0, 0
}
