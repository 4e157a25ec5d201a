package aggregate

import (
	"cmp"
	"encoding/binary"
	"math"

	"statline/classify"
	"statline/classify/prefetch"
)

// Position is where a response was read: it chooses the samples.
type Position struct {
	Partition int32
	Offset    int64
}

// Table folds the responses of one block. It is not safe for concurrent use.
// A Table is used again for the next block (Reset), which keeps its memory and
// the names it knows; neither changes what the next block's rows are.
type Table struct {
	config Config
	sealed bool // Rows was called: only Reset may follow
	rows   Rows // once it is sealed
	lend   Lend

	services   names
	errorTypes names
	userAgents names
	keyNames   names
	dimensions dimensions

	versionNames names

	responses    responses
	keys         keys
	clients      clients
	keyGroups    pairs // minuteAnd(service), resultOfType
	clientGroups pairs // minuteAnd(0), result
	agents       agents
	versions     versions
	samples      samples
	labels       labels

	pending   [batch]pending
	waiting   int  // in pending
	upstreams bool // some of pending tells its upstream time
	carries   []carry
	count     uint64
	min, max  int64 // event time
	out       output
}

// carry is one overflow of a row's 32-bit request count.
type carry struct {
	table *index
	row   uint32
}

// New returns an empty table that sorts in memory of its own.
func New(config Config) *Table {
	var own Sorter
	return NewWith(config, func(use func(*Sorter)) { use(&own) })
}

// NewWith is New for one of several tables that sort in the same memory.
func NewWith(config Config, lend Lend) *Table {
	t := &Table{config: config.withDefaults(), lend: lend}
	t.keys.ips = sets[words]{size: t.config.SetSize, less: words.less}
	t.keys.agents = sets[uint32]{size: t.config.SetSize, less: func(a, b uint32) bool {
		return t.userAgents.list[a] < t.userAgents.list[b]
	}}
	t.clients.keys = sets[words]{size: keySetSize, less: words.less}
	t.dimensions.services, t.dimensions.errorTypes = &t.services, &t.errorTypes
	t.samples.slots, t.samples.dims = t.config.SampleSlots, &t.dimensions
	t.Reset()
	return t
}

// knownNames bounds the names that a table remembers from block to block.
const knownNames = 1 << 16

// Reset empties the table and keeps its memory for the next block. Rows returned
// earlier are not valid any more: their lists read the table.
func (t *Table) Reset() {
	t.sealed, t.rows = false, Rows{}
	gone := t.services.trim(knownNames)
	t.dimensions.trim(t.errorTypes.trim(knownNames) || gone)
	t.userAgents.trim(knownNames)
	t.keyNames.trim(knownNames)
	t.versionNames.trim(knownNames)
	t.responses.reset()
	t.keys.reset()
	t.clients.reset()
	t.keyGroups.reset()
	t.clientGroups.reset()
	t.agents.reset()
	t.versions.reset()
	t.samples.reset()
	t.labels.reset()
	t.carries = t.carries[:0]
	t.waiting, t.upstreams = 0, false
	t.count, t.min, t.max = 0, math.MaxInt64, math.MinInt64
}

// Add folds one classified response, read at the given position. It keeps nothing
// of r and does not allocate once the table has seen as many distinct names.
// It must not be called between Rows and Reset.
//
// Event times outside of 1970 to 2106 count as the nearest time inside.
func (t *Table) Add(r *classify.Response, d classify.Decision, at Position) {
	if t.sealed {
		panic("aggregate: Add between Rows and Reset")
	}
	t.count++
	t.min, t.max = min(t.min, r.UnixMilli), max(t.max, r.UnixMilli)
	second := uint32(min(max(r.UnixMilli, 0)/1000, math.MaxUint32))
	minute := second / 60

	var errorType []byte
	if len(r.ErrorType) > 0 && d.Outcome.Failure() {
		errorType = r.ErrorType[:min(len(r.ErrorType), maxErrorType)]
	}
	dim := t.dimensions.number(r.Service, r.Route, errorType, methodOf(r.Method))
	cell, answer := minuteAnd(minute, dim), answerOf(r, d)
	last := &t.dimensions.list[dim]
	if row := &t.responses.rows[last.row]; row.cell != cell || row.answer != answer {
		last.row = t.response(cell, answer, d)
	}
	n := last.row
	row := &t.responses.rows[n]
	row.requests++
	row.bytes += uint64(max(r.Bytes, 0))
	if d.Drift {
		row.drift++
	}
	p := &t.pending[t.waiting]
	p.upstream = 0
	if r.UpstreamLatencyMicros >= 0 {
		u, micros := &t.responses.upstream[n], min(r.UpstreamLatencyMicros, maxMicros)
		u.requests++
		u.micros += uint64(micros)
		if u.histogram == 0 {
			u.histogram = t.responses.histograms.newDirectory()
		}
		p.upstream, p.upstreamBucket, t.upstreams = u.histogram, Bucket(micros), true
	}
	hash := mixWords(uint64(uint32(at.Partition)), uint64(at.Offset))
	if t.samples.wants(row.sampleGroup, hash) {
		t.samples.keep(row.sampleGroup, r, d, at, dim, hash)
	}

	if r.Agent != (classify.Agent{}) {
		t.agents.add(row.sampleGroup, r.Agent, &r.Key)
	}
	if len(r.Version) > 0 {
		id, _ := t.versionNames.number(r.Version[:min(len(r.Version), maxVersion)])
		t.versions.add(row.sampleGroup, id)
	}

	p.histogram, p.bucket = 0, 0
	if r.LatencyMicros >= 0 {
		micros := min(r.LatencyMicros, maxMicros)
		row.latency += uint64(micros)
		p.histogram, p.bucket = row.histogram, Bucket(micros)
	}
	p.keyGroup, p.clientGroup = row.keyGroup, row.clientGroup
	p.keyHash = p.key.setAndHash((*[16]byte)(&r.Key), p.keyGroup, t.config.Seed)
	p.clientHash = p.ip.setAndHash(&r.ClientIP, p.clientGroup, t.config.Seed)
	prefetch.Lines(&t.keys.slots[p.keyHash&t.keys.mask], &t.clients.slots[p.clientHash&t.clients.mask],
		&t.responses.histograms.directories[p.histogram][p.bucket>>subBucketsLog2])
	p.bytes = uint64(max(r.Bytes, 0))
	p.quota, p.retry = r.Quota, r.Attempt > 1
	if p.retry {
		t.responses.upstream[n].retries++
	}
	p.failure = d.Outcome.Failure()
	if p.failure {
		t.waitFailure(p, r, d, second)
	}
	if len(r.KeyName) > 0 && p.key != (words{}) {
		id, _ := t.keyNames.number(r.KeyName)
		t.labels.add(p.key, id, r.UnixMilli, &t.keyNames)
	}
	if t.waiting++; t.waiting == len(t.pending) {
		t.flush()
	}
}

// response returns the row of (cell, answer), a new one if need be.
func (t *Table) response(cell uint64, a answer, d classify.Decision) uint32 {
	n, h, i := t.responses.find(cell, a)
	if n != 0 {
		return n
	}
	minute, names := minuteIn(cell), &t.dimensions.list[numberIn(cell)]
	service := names.service
	kg, _ := t.keyGroups.number([2]uint64{minuteAnd(minute, service), resultOfType(names.errorType, resultOf(d))})
	cg, _ := t.clientGroups.number([2]uint64{minuteAnd(minute, 0), uint64(resultOf(d))})
	sg := t.samples.group(minute, service, d.Outcome)
	return t.responses.add(responseRow{cell: cell, answer: a, keyGroup: kg, clientGroup: cg, sampleGroup: sg}, h, i)
}

// carried is the overflow of row's 32-bit count.
func (t *Table) carried(table *index, row uint32) (n uint64) {
	for _, c := range t.carries {
		if c.table == table && c.row == row {
			n += 1 << 32
		}
	}
	return n
}

// MemoryBytes estimates what the responses folded since Reset take, with the
// rows that Rows will make of them. It grows with the number of distinct
// names, not of responses: a caller that bounds its memory ends the block
// when it is over its bound. It is 0 after Reset.
func (t *Table) MemoryBytes() int {
	t.flush()
	return t.responses.bytes() + t.keys.bytes() + t.clients.bytes() +
		t.agents.bytes() + t.versions.bytes() + t.samples.bytes() + t.labels.bytes() +
		(len(t.keyGroups.keys)+len(t.clientGroups.keys))*32 +
		t.services.fresh() + t.errorTypes.fresh() + t.userAgents.fresh() + t.keyNames.fresh() +
		t.versionNames.fresh() + t.dimensions.fresh()
}

// words is a 128-bit value whose order is the order of its bytes.
type words [2]uint64

func wordsOf(b [16]byte) words {
	return words{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// setAndHash is wordsOf and rowHash, word by word: a pair that is read as a whole
// right after its halves were written waits for both.
func (w *words) setAndHash(b *[16]byte, group uint32, seed uint64) uint32 {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	w[0], w[1] = high, low
	return rowHash(high, low, group, seed)
}

func (w words) array() (b [16]byte) {
	w.put(&b)
	return b
}

func (w words) put(b *[16]byte) {
	binary.BigEndian.PutUint64(b[:8], w[0])
	binary.BigEndian.PutUint64(b[8:], w[1])
}

func (w words) less(o words) bool { return w[0] < o[0] || w[0] == o[0] && w[1] < o[1] }

func (w words) compare(o words) int {
	if w[0] != o[0] {
		return cmp.Compare(w[0], o[0])
	}
	return cmp.Compare(w[1], o[1])
}
