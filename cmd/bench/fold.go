package main

import (
	"fmt"
	"math"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/fold"
)

// folded is the result of one pass over the records.
type folded struct {
	records, rejected  uint64
	responses, keys    int
	clients            int
	blocks             int
	other              aggregate.Others
	perRecord, objects float64
	minuteRowsARecord  float64
}

// cutter cuts records into blocks and folds them as the daemon does: a block ends when it takes
// blockMemory bytes or has a million records.
type cutter struct {
	builder     *fold.Builder
	blockMemory int
}

// daemonBlock is the memory of a large block of run under its default
// --memory-budget.
var daemonBlock = ingest.LargeBlockBytes(ingest.DefaultConfig().MemoryBudget)

const (
	blockRecords  = 1 << 20
	recordsAnAdd  = 256
	recordsACheck = 4096
)

func newCutter(blockMemory int) (*cutter, error) {
	c := fold.DefaultConfig()
	c.Decode.Secret = []byte("a secret for measurements")
	c.Decode.KeyMemo = 196_608 // as fold.NewPool chooses it
	f, err := fold.New(c, 0)
	if err != nil {
		return nil, err
	}
	return &cutter{f, blockMemory}, nil
}

func (f *cutter) pass(rs []block.Record) folded {
	var out folded
	first := 0
	for i := 0; i < len(rs); {
		n := min(recordsAnAdd, len(rs)-i)
		f.builder.Add(rs[i : i+n])
		i += n
		full := i-first >= blockRecords || (i-first)%recordsACheck == 0 && f.builder.MemoryBytes() >= f.blockMemory
		if full || i == len(rs) {
			f.end(&out)
			first = i
		}
	}
	return out
}

func (f *cutter) end(out *folded) {
	c := f.builder.Contents()
	out.records += c.Records
	out.rejected += c.Rejected
	out.responses += len(c.Rows.Responses)
	out.keys += c.Rows.Keys.Len()
	out.clients += c.Rows.Clients.Len()
	for i, n := range c.Rows.Other {
		out.other[i] += n
	}
	out.blocks++
	f.builder.Reset()
}

// foldCost is the CPU cost of decode, classify and fold over records, and the result. What
// is compared is measured in turn: a machine that is slow for a while is so for all of it.
type foldCost struct {
	folded
	cutter *cutter
	rs     []block.Record
}

// newFoldCost folds rs to warm up. Records in __other__ cost less than others, so they are
// allowed only where no target is judged.
func newFoldCost(rs []block.Record, mayOverflow bool) (*foldCost, error) {
	f, err := newCutter(daemonBlock)
	if err != nil {
		return nil, err
	}
	out := f.pass(rs)
	if out.rejected > 0 || out.records != uint64(len(rs)) {
		return nil, fmt.Errorf("fold: %d of %d records, %d rejected; want all and none", out.records, len(rs),
			out.rejected)
	}
	if out.other != (aggregate.Others{}) && !mayOverflow {
		return nil, fmt.Errorf("fold: %v records in __other__; want none", out.other)
	}
	out.objects = float64(mallocs(func() { f.pass(rs) })) / float64(len(rs))
	out.minuteRowsARecord = float64(out.responses+out.keys+out.clients) / float64(len(rs))
	out.perRecord = math.Inf(1)
	return &foldCost{out, f, rs}, nil
}

// round measures once more; the cheapest round counts.
func (c *foldCost) round() error {
	cost, err := least(1, func() error { c.cutter.pass(c.rs); return nil })
	c.perRecord = min(c.perRecord, perRecord(cost, len(c.rs)))
	return err
}
