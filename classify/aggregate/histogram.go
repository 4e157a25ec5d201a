package aggregate

import (
	"encoding/binary"
	"math"
	"math/bits"
)

const (
	// subBuckets is how many buckets an octave of latencies has: the relative
	// error of a bucket's midpoint is at most 1/(2*subBuckets) = 1/128.
	subBuckets     = 64
	subBucketsLog2 = 6
	// maxMicros bounds the latencies that are folded (50 days), so that a
	// histogram has a bounded number of octaves and a sum of latencies cannot
	// overflow. Anything longer counts as this long.
	maxMicros = 1<<42 - 1
	// octaves is the number of pages that latencies up to maxMicros spread over.
	octaves = 42 - subBucketsLog2 + 1
)

// Bucket is the histogram bucket of a latency in microseconds. Buckets are
// log-linear: exact up to 127 us, then 64 to an octave, so that a bucket's
// midpoint is within 1/128 of every latency in it. Negative counts as 0.
func Bucket(micros int64) uint16 {
	if micros < 2*subBuckets {
		return uint16(max(micros, 0))
	}
	shift := bits.Len64(uint64(micros)) - subBucketsLog2 - 1
	return uint16(shift*subBuckets + int(uint64(micros)>>shift))
}

// BucketMicros is the midpoint in microseconds of bucket b; the inverse of
// Bucket to within 1/128. The same formula in SQL:
// if(b < 128, b, (64 + b % 64 + 0.5) * exp2(intDiv(b, 64) - 1)).
func BucketMicros(b uint16) float64 {
	if b < 2*subBuckets {
		return float64(b)
	}
	shift := b/subBuckets - 1
	return math.Ldexp(float64(subBuckets+b%subBuckets)+0.5, int(shift))
}

// page counts one octave of one row's latencies, modulo 256, in one cache
// line; wide holds the rest of the few pages that need it.
type (
	page [subBuckets]uint8
	wide [subBuckets]uint64
)

// directory lists a row's pages, one an octave; 0 is none.
type directory [octaves]uint32

// histograms holds the latency histograms of all response rows: a directory
// a row, a page for each octave that occurs.
type histograms struct {
	directories []directory
	pages       []page
	wide        []uint32 // parallel to pages: its number in wides plus one
	wides       []wide
}

func (h *histograms) reset() {
	h.directories = append(h.directories[:0], directory{}) // 0 takes what has no latency
	h.pages = append(h.pages[:0], page{})                  // page 0 is none
	h.wide = append(h.wide[:0], 0)
	h.wides = h.wides[:0]
}

// newDirectory adds an empty histogram.
func (h *histograms) newDirectory() uint32 {
	h.directories = append(h.directories, directory{})
	return uint32(len(h.directories) - 1)
}

// add counts bucket b in histogram d.
func (h *histograms) add(d uint32, b uint16) {
	entry := &h.directories[d][b>>subBucketsLog2]
	if *entry == 0 {
		h.pages = append(h.pages, page{})
		h.wide = append(h.wide, 0)
		*entry = uint32(len(h.pages) - 1)
	}
	h.count(*entry, b)
}

// count counts bucket b in its page p.
func (h *histograms) count(p uint32, b uint16) {
	n := &h.pages[p][b%subBuckets]
	if *n++; *n == 0 {
		h.carry(p, b%subBuckets)
	}
}

// carry adds the overflow of a page's count.
func (h *histograms) carry(p uint32, i uint16) {
	if h.wide[p] == 0 {
		h.wides = append(h.wides, wide{})
		h.wide[p] = uint32(len(h.wides))
	}
	h.wides[h.wide[p]-1][i] += 256
}

// addTo adds histogram d to sum.
func (h *histograms) addTo(sum *histogramSum, d uint32) {
	for octave, p := range &h.directories[d] {
		if p == 0 {
			continue
		}
		sum.touch(octave)
		total := &sum.counts[octave]
		for i, n := range &h.pages[p] {
			total[i] += uint64(n)
		}
		if w := h.wide[p]; w != 0 {
			for i, n := range &h.wides[w-1] {
				total[i] += n
			}
		}
	}
}

// appendTo appends histogram d in the form of a row, buckets ascending. Most
// pages are sparse: it looks at eight counts at a time.
func (h *histograms) appendTo(buckets []uint16, counts []uint64, d uint32) ([]uint16, []uint64) {
	for octave, p := range &h.directories[d] {
		if p == 0 {
			continue
		}
		first := uint16(octave * subBuckets)
		page := &h.pages[p]
		if w := h.wide[p]; w != 0 {
			for i, n := range &h.wides[w-1] {
				if n += uint64(page[i]); n > 0 {
					buckets, counts = append(buckets, first+uint16(i)), append(counts, n)
				}
			}
			continue
		}
		for i := uint16(0); i < subBuckets; i += 8 {
			for x := binary.LittleEndian.Uint64(page[i : i+8]); x != 0; {
				at := bits.TrailingZeros64(x) &^ 7
				buckets, counts = append(buckets, first+i+uint16(at/8)), append(counts, x>>at&0xff)
				x &^= 0xff << at
			}
		}
	}
	return buckets, counts
}

// histogramSum adds up histograms. The zero value is empty.
type histogramSum struct {
	touched uint64 // bit i: octave i may have counts
	counts  [octaves][subBuckets]uint64
}

func (s *histogramSum) touch(octave int) { s.touched |= 1 << octave }

// add adds a histogram in the form of a row.
func (s *histogramSum) add(buckets []uint16, counts []uint64) {
	for i, b := range buckets {
		octave := int(b >> subBucketsLog2)
		s.touch(octave)
		s.counts[octave][b&(subBuckets-1)] += counts[i]
	}
}

// take appends the sum in the form of a row, buckets ascending, and empties s.
func (s *histogramSum) take(buckets []uint16, counts []uint64) ([]uint16, []uint64) {
	for ; s.touched != 0; s.touched &= s.touched - 1 {
		octave := bits.TrailingZeros64(s.touched)
		page := &s.counts[octave]
		for i, n := range page {
			if n > 0 {
				buckets = append(buckets, uint16(octave*subBuckets+i))
				counts = append(counts, n)
			}
		}
		*page = [subBuckets]uint64{}
	}
	return buckets, counts
}
