package fold

import (
	"runtime"
	"slices"
	"sync"

	"statline/classify/aggregate"
	"statline/ingest/block"
)

// Pool lends builders to the partitions and keeps their memory between blocks,
// within a bound.
type Pool struct {
	cfg      Config
	decoders *decoders
	keep     int // bytes that idle builders may hold

	mu   sync.Mutex
	free []*Builder // by the memory they hold
	held int

	sorting sync.Mutex
	sorter  aggregate.Sorter
}

// lend implements aggregate.Lend: the builders sort one after the other.
func (p *Pool) lend(use func(*aggregate.Sorter)) {
	p.sorting.Lock()
	defer p.sorting.Unlock()
	use(&p.sorter)
}

// NewPool makes a pool whose idle builders and memos of key ids hold at most keep
// bytes.
func NewPool(c Config, keep int) (*Pool, error) {
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

// Hash is the config_hash of everything that blocks depend on besides their records.
func (p *Pool) Hash() string { return p.cfg.Hash() }

// Written is the configuration for the store, see Config.Written.
func (p *Pool) Written() ([]byte, error) { return p.cfg.Written() }

// Under lends a partition the builders of the configuration that Written made body of,
// and returns that configuration's hash in this binary. They use memory of their own.
func (p *Pool) Under(body []byte, partition int32) (f block.Pool, hash string, err error) {
	c, err := p.cfg.Under(body)
	if err != nil {
		return nil, "", err
	}
	under, err := NewPool(c, p.keep)
	if err != nil {
		return nil, "", err
	}
	return under.For(partition), c.Hash(), nil
}

// For lends builders to one partition.
func (p *Pool) For(partition int32) block.Pool { return partitionPool{p, partition} }

type partitionPool struct {
	pool      *Pool
	partition int32
}

// Get implements block.Pool. A small block gets a builder with little memory, so that
// the memory of large ones is not spread over all partitions.
func (l partitionPool) Get(large bool) block.Builder {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	at := -1
	if n := len(p.free); n > 0 && large {
		at = n - 1
	} else if n > 0 && p.free[0].peak <= p.keep/8 {
		at = 0
	}
	f := &Builder{cfg: p.cfg, decoders: p.decoders, partition: l.partition}
	if at < 0 {
		f.table = aggregate.NewWith(p.cfg.Aggregate, p.lend)
		return f
	}
	f = p.free[at]
	p.free = slices.Delete(p.free, at, at+1)
	p.held -= f.peak
	f.partition = l.partition
	return f
}

// Put implements block.Pool.
func (l partitionPool) Put(builder block.Builder) {
	f := builder.(*Builder) // lent by Get
	f.Reset()
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+f.peak > p.keep {
		return
	}
	p.held += f.peak
	at, _ := slices.BinarySearchFunc(p.free, f.peak, func(x *Builder, peak int) int { return x.peak - peak })
	p.free = slices.Insert(p.free, at, f)
}
