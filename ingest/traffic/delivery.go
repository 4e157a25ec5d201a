package traffic

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// DeliveryConfig says how lines are delayed between the API and the log.
type DeliveryConfig struct {
	Seed uint64
	// Late is the share of lines that come late: log-normal with a median of
	// 20 s and a 99th percentile of 10 min.
	Late float64
	// VeryLate is the share of lines that come one to three hours late.
	VeryLate float64
	// Shuffle delays every line by a random time up to it.
	Shuffle time.Duration
}

// RealDelivery is the delivery of the evaluation: 1 % late, 0.1 % very late.
func RealDelivery(seed uint64) DeliveryConfig {
	return DeliveryConfig{Seed: seed, Late: 0.01, VeryLate: 0.001}
}

// Delivery gives out a source's lines in the order of their arrival, with the time of
// arrival instead of the event time, each exactly once. The source must be ordered by time
// within maxSkew.
type Delivery struct {
	source  Source
	cfg     DeliveryConfig
	r       *rand.Rand
	waiting arrivals
	reached int64
	ended   bool
}

// NewDelivery wraps source.
func NewDelivery(source Source, c DeliveryConfig) *Delivery {
	return &Delivery{source: source, cfg: c, r: stream(c.Seed, "delivery", 0), reached: math.MinInt64}
}

// Next implements Source.
func (d *Delivery) Next(line []byte) (out []byte, unixMilli int64, partitionKey uint64, ok bool) {
	// The first line may go out once the source has none left that could come before it.
	for !d.ended && (len(d.waiting) == 0 || d.waiting[0].at > d.reached-2*maxSkew) {
		text, at, key, more := d.source.Next(nil)
		if d.ended = !more; d.ended {
			break
		}
		d.reached = max(d.reached, at)
		heap.Push(&d.waiting, arrival{at + d.delay(), key, text})
	}
	if len(d.waiting) == 0 {
		return line, 0, 0, false
	}
	a := heap.Pop(&d.waiting).(arrival)
	return append(line, a.text...), a.at, a.key, true
}

// delay draws a line's delay in milliseconds.
func (d *Delivery) delay() int64 {
	ms := 0.0
	switch u := d.r.Float64(); {
	case u < d.cfg.VeryLate:
		ms = 3_600_000 * between(d.r, 1, 3)
	case u < d.cfg.VeryLate+d.cfg.Late:
		sigma := math.Log(600.0/20) / 2.326 // 99th percentile over median
		ms = 20_000 * lognormal(d.r, sigma)
	}
	return int64(ms + float64(d.cfg.Shuffle.Milliseconds())*d.r.Float64())
}

type arrival struct {
	at   int64
	key  uint64
	text []byte
}

// arrivals is a heap by time.
type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].at < a[j].at }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
