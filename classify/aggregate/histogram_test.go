package aggregate

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/quick"
)

// A bucket's midpoint is within 1/128 of every latency in it, over the whole
// range, and buckets do not fall as latencies rise.
func TestBucketError(t *testing.T) {
	check := func(us int64) {
		b := Bucket(us)
		if err := math.Abs(BucketMicros(b)-float64(us)) / math.Max(float64(us), 1); err > 1.0/128 {
			t.Fatalf("%d us is in bucket %d, whose midpoint %g is %g off", us, b, BucketMicros(b), err)
		}
		if us > 0 && Bucket(us-1) > b {
			t.Fatalf("bucket of %d is over the bucket of %d", us-1, us)
		}
	}
	for us := range int64(1 << 18) {
		check(us)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for range 200_000 {
		check(rng.Int64() >> rng.IntN(50))
	}
	for shift := range 63 {
		for _, d := range []int64{-1, 0, 1} {
			check(max(1<<shift+d, 0))
		}
	}
	check(math.MaxInt64)
	if Bucket(-1) != 0 || Bucket(math.MinInt64) != 0 {
		t.Error("a negative latency is not in bucket 0")
	}
}

// The midpoint is what the stored queries compute.
func TestBucketMicrosFormula(t *testing.T) {
	for b := range Bucket(math.MaxInt64) {
		want := float64(b)
		if b >= 128 {
			want = (64 + float64(b%64) + 0.5) * math.Exp2(float64(b/64)-1)
		}
		if got := BucketMicros(b); got != want {
			t.Fatalf("bucket %d: got %g; want %g", b, got, want)
		}
	}
}

// histogram of a list of latencies, in the form of a row.
func histogramOf(latencies []uint32) histogramSum {
	var h histograms
	h.reset()
	d := h.newDirectory()
	for _, us := range latencies {
		h.add(d, Bucket(int64(us)))
	}
	var s histogramSum
	h.addTo(&s, d)
	return s
}

// What a row shows of a histogram is what adding it to nothing shows.
func TestAppendTo(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for range 200 {
		var h histograms
		h.reset()
		d := h.newDirectory()
		for range rng.IntN(2000) {
			h.add(d, Bucket(rng.Int64N(1<<rng.IntN(43))))
		}
		var s histogramSum
		h.addTo(&s, d)
		b1, c1 := s.take(nil, nil)
		b2, c2 := h.appendTo(nil, nil, d)
		if !slices.Equal(b1, b2) || !slices.Equal(c1, c2) {
			t.Fatalf("got %v %v; want %v %v", b2, c2, b1, c1)
		}
	}
}

func mergeSums(a, b histogramSum) histogramSum {
	for _, h := range []histogramSum{b} {
		buckets, counts := h.take(nil, nil)
		a.add(buckets, counts)
	}
	return a
}

// Merging is associative and commutative, an empty histogram changes nothing,
// and merging two lists' histograms gives the histogram of both.
func TestHistogramLaws(t *testing.T) {
	rows := func(s histogramSum) [2]any {
		buckets, counts := s.take(nil, nil)
		return [2]any{buckets, counts}
	}
	same := func(a, b histogramSum) bool { return reflect.DeepEqual(rows(a), rows(b)) }
	laws := func(x, y, z []uint32) bool {
		a, b, c := histogramOf(x), histogramOf(y), histogramOf(z)
		return same(mergeSums(a, b), mergeSums(b, a)) &&
			same(mergeSums(mergeSums(a, b), c), mergeSums(a, mergeSums(b, c))) &&
			same(mergeSums(a, histogramSum{}), a) &&
			same(mergeSums(a, b), histogramOf(append(append([]uint32{}, x...), y...)))
	}
	if err := quick.Check(laws, &quick.Config{MaxCount: 200}); err != nil {
		t.Error(err)
	}
}

// Quantiles read from a histogram are within 1 % of the exact ones.
func TestQuantileError(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 50 {
		n := 1 + rng.IntN(3000)
		latencies := make([]uint32, n)
		for i := range latencies {
			latencies[i] = uint32(math.Exp(rng.NormFloat64()*1.5 + 9))
		}
		s := histogramOf(latencies)
		buckets, counts := s.take(nil, nil)
		sorted := make([]float64, n)
		for i, us := range latencies {
			sorted[i] = float64(us)
		}
		slices.Sort(sorted)
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			rank := int(q * float64(n-1))
			var seen uint64
			for i, b := range buckets {
				if seen += counts[i]; seen > uint64(rank) {
					if got, want := BucketMicros(b), sorted[rank]; math.Abs(got-want) > 0.01*want {
						t.Fatalf("quantile %g of %d: got %g; want %g", q, n, got, want)
					}
					break
				}
			}
		}
	}
}

// Counts are exact far beyond the byte that a page has for each.
func TestHistogramCountsBeyondAByte(t *testing.T) {
	var h histograms
	h.reset()
	d, e := h.newDirectory(), h.newDirectory()
	const n = 100_003
	for i := range n {
		h.add(d, 700)
		if i%2 == 0 {
			h.add(e, 700)
		}
		if i < 256 {
			h.add(e, 701)
		}
	}
	var s histogramSum
	h.addTo(&s, d)
	if b, c := s.take(nil, nil); !reflect.DeepEqual(b, []uint16{700}) || !reflect.DeepEqual(c, []uint64{n}) {
		t.Errorf("got %v %v", b, c)
	}
	if b, c := h.appendTo(nil, nil, d); !reflect.DeepEqual(b, []uint16{700}) || !reflect.DeepEqual(c, []uint64{n}) {
		t.Errorf("got %v %v", b, c)
	}
	h.addTo(&s, e)
	if b, c := s.take(nil, nil); !reflect.DeepEqual(b, []uint16{700, 701}) ||
		!reflect.DeepEqual(c, []uint64{n/2 + 1, 256}) {
		t.Errorf("got %v %v", b, c)
	}
}
