package distinct

import (
	"math"
	"math/rand/v2"
	"testing"
)

func seen(r *rand.Rand, n int) (b Bitmap) {
	for range n {
		b.Add(r.Uint64())
	}
	return b
}

// The estimate has the mean and the error that the docstring states.
func TestEstimate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n, deviation := range map[int]float64{10: 0.44, 100: 4.7, 300: 16.4, 800: 69} {
		const rounds = 2000
		var sum, squares float64
		for range rounds {
			got, full := seen(r, n).Estimate()
			if full {
				t.Fatalf("%d things fill the bitmap", n)
			}
			sum, squares = sum+float64(got), squares+float64(got-n)*float64(got-n)
		}
		mean, sd := sum/rounds, math.Sqrt(squares/rounds)
		if math.Abs(mean-float64(n)) > 0.03*float64(n) || sd > 1.25*deviation+0.3 {
			t.Errorf("%d things: mean %.1f, deviation %.1f; want %d, about %.1f", n, mean, sd, n, deviation)
		}
	}
	if n, full := (Bitmap{}).Estimate(); n != 0 || full {
		t.Errorf("nothing: got %d, %t", n, full)
	}
	if n, full := seen(r, 10_000).Estimate(); n != Most || !full {
		t.Errorf("10,000 things: got %d, %t; want at least %d", n, full, Most)
	}
	var b Bitmap
	for bit := range Bits - 1 {
		b.Set(uint8(bit))
	}
	if n, full := b.Estimate(); n != Most || full {
		t.Errorf("one bit left: got %d, %t; want %d", n, full, Most)
	}
}

// The bitmap of a whole is the union of its parts', and asking for so many bits is
// asking for the estimate.
func TestJoin(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var whole Bitmap
		var parts [3]Bitmap
		for range r.IntN(600) {
			h := r.Uint64()
			whole.Add(h)
			parts[r.IntN(3)].Add(h)
		}
		joined := parts[1]
		joined.Join(parts[2])
		joined.Join(parts[0])
		if joined != whole {
			t.Fatalf("got %x; want %x", joined, whole)
		}
		for _, n := range []int{1, 40, 150, 700, Most} {
			if got, _ := whole.Estimate(); (got >= n) != (whole.Ones() >= OnesOf(n)) {
				t.Errorf("estimate %d of %d ones; %d things need %d ones", got, whole.Ones(), n, OnesOf(n))
			}
		}
	}
}
