package detect

// Counts are the responses of one service in one minute. Bad is what burns the
// error budget: timeout, offline, internal_error and server_error.
type Counts struct {
	N, Timeout, Offline, Bad uint32
}

const (
	blockMinutes  = 5
	minuteHistory = 4800 // 3 days, what is read at once while catching up, and some
	blockHistory  = 6400 // > 3 weeks + 2 hours, in blocks of 5 minutes
)

// block is five minutes of one service. masked has bit i set when series i was
// in or just before an incident: its baseline skips the block.
type block struct {
	index           int32 // start minute / 5; tells a stale slot of the ring
	n               uint32
	timeout, offlin uint32
	masked          uint8
}

// History is what the service detectors remember of one service: three days of
// minutes and three weeks of five-minute blocks. It is a cache of stored
// aggregates and can be rebuilt from them at any time.
type History struct {
	minutes []Counts
	blocks  []block
	first   Minute // first minute with data, -1 for none
	last    Minute // newest minute set
	settled int32  // newest block appended; -1 for none
}

// NewHistory makes an empty history (200 KB).
func NewHistory() *History {
	h := &History{minutes: make([]Counts, minuteHistory), blocks: make([]block, blockHistory), first: -1, last: -1, settled: -1}
	for i := range h.blocks {
		h.blocks[i].index = -1
	}
	return h
}

// Set stores the counts of minute m. A minute after the newest clears what
// lies between. Minutes older than the ring are ignored.
func (h *History) Set(m Minute, c Counts) {
	if h.last < 0 {
		h.last = m - 1
	}
	if m <= h.last-minuteHistory {
		return
	}
	if m > h.last {
		from := max(h.last+1, m-minuteHistory+1)
		for x := from; x < m; x++ {
			h.minutes[int(x)%minuteHistory] = Counts{}
		}
		h.last = m
	}
	if c.N > 0 && (h.first < 0 || m < h.first) {
		h.first = m
	}
	h.minutes[int(m)%minuteHistory] = c
}

// At returns the counts of minute m, zero outside the last three days.
func (h *History) At(m Minute) Counts { return h.at(m) }

// Extend makes m the newest minute, empty, unless there is a newer one.
func (h *History) Extend(m Minute) {
	if m > h.last {
		h.Set(m, Counts{})
	}
}

// at returns the counts of minute m, zero outside the ring.
func (h *History) at(m Minute) Counts {
	if m > h.last || m <= h.last-minuteHistory || m < 0 {
		return Counts{}
	}
	return h.minutes[int(m)%minuteHistory]
}

// SetBlock stores a block of the past, when a history is rebuilt. start is a
// multiple of five. Mask what was in an incident afterwards.
func (h *History) SetBlock(start Minute, n, timeout, offline uint32) {
	i := int32(start) / blockMinutes
	h.blocks[int(i)%blockHistory] = block{index: i, n: n, timeout: timeout, offlin: offline}
	h.settled = max(h.settled, i)
	if n > 0 && (h.first < 0 || start < h.first) {
		h.first = start
	}
}

// closeBlock appends the block that ends with minute m from the minutes.
func (h *History) closeBlock(m Minute, masked uint8) {
	i := int32(m) / blockMinutes
	b := block{index: i, masked: masked}
	for x := m - blockMinutes + 1; x <= m; x++ {
		c := h.at(x)
		b.n += c.N
		b.timeout += c.Timeout
		b.offlin += c.Offline
	}
	h.blocks[int(i)%blockHistory] = b
	h.settled = max(h.settled, i)
}

// block returns block i, nil when it is not known.
func (h *History) block(i int32) *block {
	if i < 0 {
		return nil
	}
	if b := &h.blocks[int(i)%blockHistory]; b.index == i {
		return b
	}
	return nil
}

// mask marks the blocks that overlap [from, to] as belonging to an incident of
// a series.
func (h *History) mask(series int, from, to Minute) {
	for i := int32(from) / blockMinutes; i <= int32(to)/blockMinutes; i++ {
		if b := h.block(i); b != nil {
			b.masked |= 1 << series
		}
	}
}

// reader says which blocks a baseline reads: those of a series that start at
// or after since and are not masked, or were masked before lifted.
type reader struct {
	series        int
	since, lifted Minute
}

func (r reader) reads(b *block) bool {
	start := Minute(b.index) * blockMinutes
	return start >= r.since && (b.masked>>r.series&1 == 0 || start < r.lifted)
}

// k is the block's count of a series.
func (b *block) k(series int) uint32 {
	if series == seriesOffline {
		return b.offlin
	}
	return b.timeout
}

// sum adds the blocks with index in [from, to) that r reads.
func (h *History) sum(r reader, from, to int32) (n, k uint64) {
	for i := from; i < to; i++ {
		if b := h.block(i); b != nil && r.reads(b) {
			n += uint64(b.n)
			k += uint64(b.k(r.series))
		}
	}
	return n, k
}

// The series that are watched for spikes.
const (
	seriesTimeout = iota
	seriesOffline
	seriesCount
)

func (c Counts) k(series int) uint32 {
	if series == seriesOffline {
		return c.Offline
	}
	return c.Timeout
}
