package traffic

import (
	"math"
	"testing"
)

// The samplers have the mean and the variance of their distributions, on both
// sides of the switch between algorithms.
func TestSamplers(t *testing.T) {
	const draws = 100_000
	check := func(name string, draw func() uint64, mean, variance float64) {
		t.Helper()
		var sum, squares float64
		for range draws {
			x := float64(draw())
			sum += x
			squares += x * x
		}
		m := sum / draws
		v := squares/draws - m*m
		if tolerance := 5 * math.Sqrt(variance/draws); math.Abs(m-mean) > tolerance {
			t.Errorf("%s: got mean %.4f; want %.4f within %.4f", name, m, mean, tolerance)
		}
		if math.Abs(v-variance) > 0.03*variance {
			t.Errorf("%s: got variance %.4f; want %.4f within 3 %%", name, v, variance)
		}
	}
	r := stream(1, "samplers", 0)
	for _, mean := range []float64{0.02, 1, 9.9, 10, 60, 6000} {
		check("poisson", func() uint64 { return poisson(r, mean) }, mean, mean)
	}
	for _, c := range []struct {
		n uint64
		p float64
	}{{10, 0.1}, {6000, 0.0003}, {100, 0.3}, {6000, 0.01}, {50, 0.9}, {1000, 0.9}} {
		mean := float64(c.n) * c.p
		check("binomial", func() uint64 { return binomial(r, c.n, c.p) }, mean, mean*(1-c.p))
	}
	weights := []float64{5, 1, 0.5, 3, 0.5}
	a := newAlias(weights)
	for i, w := range weights {
		p := w / 10
		check("alias", func() uint64 {
			if a.pick(r.Uint64()) == i {
				return 1
			}
			return 0
		}, p, p*(1-p))
	}
}
