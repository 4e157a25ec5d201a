package detect

// Counts are the responses of one service in one minute. Bad is what burns the
// error budget: timeout, offline, internal_error and server_error.
type Counts struct {
	N, Timeout, Offline, Bad uint64
}

// Errors are the bad responses that are neither timeouts nor offline.
func (c Counts) Errors() uint64 { return c.Bad - min(c.Bad, c.Timeout+c.Offline) }

// Add adds the counts of other responses of the same minute.
func (c *Counts) Add(o Counts) {
	c.N, c.Timeout, c.Offline, c.Bad = c.N+o.N, c.Timeout+o.Timeout, c.Offline+o.Offline, c.Bad+o.Bad
}

const (
	blockMinutes  = 5
	minuteHistory = 4800 // 3 days, what is read at once while catching up, and some
	blockHistory  = 6400 // > 3 weeks + 2 hours, in blocks of 5 minutes
)

// block is five minutes of one service. masked has bit i set when series i was
// in or just before an incident: its baseline skips the block. Its counts are
// exact up to 16.7 million and right to seven digits above; four bytes each keep
// the three weeks of a service small.
type block struct {
	index  int32 // start minute / 5; tells a stale slot of the ring
	n      float32
	k      [seriesCount]float32
	masked uint8
}

func blockOf(index int32, c Counts) block {
	b := block{index: index, n: float32(c.N)}
	for i := range b.k {
		b.k[i] = float32(c.k(i))
	}
	return b
}

// History is what the service detectors remember of one service: three days of minutes
// and three weeks of five-minute blocks. It is a cache of stored aggregates and can be
// rebuilt from them at any time.
type History struct {
	minutes []Counts
	blocks  []block
	first   Minute // first minute with data, -1 for none
	last    Minute // newest minute set
	settled int32  // newest block appended; -1 for none

	usual   [seriesCount][4]remembered
	changes int // of blocks
}

// remembered is a baseline that was computed for a block, and from what.
type remembered struct {
	at      int32
	reader  reader
	changes int
	baseline
}

// NewHistory makes an empty history (300 KB).
func NewHistory() *History {
	h := &History{minutes: make([]Counts, minuteHistory), blocks: make([]block, blockHistory), first: -1, last: -1,
		settled: -1}
	for i := range h.blocks {
		h.blocks[i].index = -1
	}
	return h
}

// Set stores the counts of minute m. A minute after the newest clears those in
// between. Minutes older than the ring are ignored.
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

// Extend makes m the newest minute, empty, unless there is a newer one.
func (h *History) Extend(m Minute) {
	if m > h.last {
		h.Set(m, Counts{})
	}
}

// At returns the counts of minute m, zero outside the last three days.
func (h *History) At(m Minute) Counts {
	if m > h.last || m <= h.last-minuteHistory || m < 0 {
		return Counts{}
	}
	return h.minutes[int(m)%minuteHistory]
}

// SetBlock stores a past block when a history is rebuilt. start is a multiple of five.
// Afterwards, Mask those that were in an incident.
func (h *History) SetBlock(start Minute, c Counts) {
	h.changes++
	i := int32(start) / blockMinutes
	h.blocks[int(i)%blockHistory] = blockOf(i, c)
	h.settled = max(h.settled, i)
	if c.N > 0 && (h.first < 0 || start < h.first) {
		h.first = start
	}
}

// closeBlock appends the block that ends with minute m from the minutes.
func (h *History) closeBlock(m Minute, masked uint8) {
	h.changes++
	i := int32(m) / blockMinutes
	var sum Counts
	for x := m - blockMinutes + 1; x <= m; x++ {
		sum.Add(h.At(x))
	}
	b := blockOf(i, sum)
	b.masked = masked
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
	h.changes++
	for i := int32(from) / blockMinutes; i <= int32(to)/blockMinutes; i++ {
		if b := h.block(i); b != nil {
			b.masked |= 1 << series
		}
	}
}

// reader selects the blocks for a baseline: those of a series that start at or after
// since and are not masked, or were masked before lifted.
type reader struct {
	series        int
	since, lifted Minute
}

func (r reader) reads(b *block) bool {
	start := Minute(b.index) * blockMinutes
	return start >= r.since && (b.masked>>r.series&1 == 0 || start < r.lifted)
}

// sum adds the blocks with index in [from, to) that r reads.
func (h *History) sum(r reader, from, to int32) (n, k uint64) {
	for i := from; i < to; i++ {
		if b := h.block(i); b != nil && r.reads(b) {
			n += uint64(b.n)
			k += uint64(b.k[r.series])
		}
	}
	return n, k
}

// The series watched for spikes.
const (
	seriesTimeout = iota
	seriesOffline
	seriesErrors
	seriesCount
)

var seriesNames = [seriesCount]string{"timeout", "offline", "error"}

func (c Counts) k(series int) uint64 {
	switch series {
	case seriesTimeout:
		return c.Timeout
	case seriesOffline:
		return c.Offline
	}
	return c.Errors()
}

// fill adds the blocks without a response when a history is rebuilt up to minute at:
// the store has no rows of them.
func (h *History) fill(at Minute) {
	if h.first < 0 {
		return
	}
	h.changes++
	last := (int32(at)+1)/blockMinutes - 1
	for i := max(int32(h.first)/blockMinutes, last-blockHistory+1); i <= last; i++ {
		if h.block(i) == nil {
			h.blocks[int(i)%blockHistory] = block{index: i}
		}
	}
	h.settled = max(h.settled, last)
}

// lastSeen is the newest minute up to t with a response, 0 for none. Beyond the
// minutes that are kept it is the end of a block.
func (h *History) lastSeen(t Minute) Minute {
	for m := t; m > h.last-minuteHistory && m >= h.first && m > t-3*day; m-- {
		if h.At(m).N > 0 {
			return m
		}
	}
	for i := int32(t-3*day) / blockMinutes; ; i-- {
		b := h.block(i)
		if b == nil {
			return 0
		}
		if b.n > 0 {
			return Minute(i)*blockMinutes + blockMinutes - 1
		}
	}
}
