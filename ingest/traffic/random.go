package traffic

import (
	"math"
	"math/rand/v2"
)

// stream is an independent random source for one purpose (name) and one entity (index) of
// a seed: adding an entity changes no other's numbers.
func stream(seed uint64, name string, index int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(fnv1a(name)+uint64(index)*0x9e3779b97f4a7c15)))
}

func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix is the finalizer of splitmix64: every bit of x reaches every bit of the
// result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// poisson draws from the Poisson distribution: by products below a mean of 10,
// by transformed rejection above (Hörmann 1993, PTRS). Both are exact.
func poisson(r *rand.Rand, mean float64) uint64 {
	if mean <= 0 {
		return 0
	}
	if mean < 10 {
		limit, p := math.Exp(-mean), 1.0
		for k := uint64(0); ; k++ {
			if p *= r.Float64(); p <= limit {
				return k
			}
		}
	}
	sqrt, logMean := math.Sqrt(mean), math.Log(mean)
	b := 0.931 + 2.53*sqrt
	a := -0.059 + 0.02483*b
	inverseAlpha := 1.1239 + 1.1328/(b-3.4)
	vr := 0.9277 - 3.6224/(b-2)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + mean + 0.43)
		if us >= 0.07 && v <= vr {
			return uint64(k)
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		lg, _ := math.Lgamma(k + 1)
		if math.Log(v)+math.Log(inverseAlpha)-math.Log(a/(us*us)+b) <= k*logMean-mean-lg {
			return uint64(k)
		}
	}
}

// binomial draws the number of successes in n trials: by waiting times when
// few are expected, by transformed rejection otherwise (Hörmann 1993, BTRS).
// Both are exact.
func binomial(r *rand.Rand, n uint64, p float64) uint64 {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	}
	nf := float64(n)
	if nf*p < 10 {
		q, sum := math.Log1p(-p), 0.0
		for k := uint64(0); k < n; k++ {
			if sum += -r.ExpFloat64() / float64(n-k); sum < q {
				return k
			}
		}
		return n
	}
	spq := math.Sqrt(nf * p * (1 - p))
	b := 1.15 + 2.53*spq
	a := -0.0873 + 0.0248*b + 0.01*p
	c := nf*p + 0.5
	alpha := (2.83 + 5.1/b) * spq
	vr := 0.92 - 4.2/b
	logRatio := math.Log(p / (1 - p))
	mode := math.Floor((nf + 1) * p)
	lg1, _ := math.Lgamma(mode + 1)
	lg2, _ := math.Lgamma(nf - mode + 1)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + c)
		if k < 0 || k > nf {
			continue
		}
		if us >= 0.07 && v <= vr {
			return uint64(k)
		}
		lk1, _ := math.Lgamma(k + 1)
		lk2, _ := math.Lgamma(nf - k + 1)
		if math.Log(v*alpha/(a/(us*us)+b)) <= lg1+lg2-lk1-lk2+(k-mode)*logRatio {
			return uint64(k)
		}
	}
}

// between draws uniformly from [low, high].
func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// drift is a first-order autoregressive log-normal factor with mean 1: sigma
// is its stationary standard deviation (of the logarithm), rho its correlation
// from one step to the next.
type drift struct{ sigma, rho, x float64 }

func newDrift(r *rand.Rand, sigma, rho float64) drift {
	return drift{sigma: sigma, rho: rho, x: sigma * r.NormFloat64()}
}

func (d *drift) next(r *rand.Rand) float64 {
	if d.sigma == 0 {
		return 1
	}
	d.x = d.rho*d.x + d.sigma*math.Sqrt(1-d.rho*d.rho)*r.NormFloat64()
	return math.Exp(d.x - d.sigma*d.sigma/2)
}

// alias draws indices with given weights in constant time (Vose 1991) from one
// 64-bit random number: its high half picks a column, its low half the side.
type alias struct {
	cut   []uint32 // probability of the column itself, scaled to 2^32
	other []uint32
}

func newAlias(weights []float64) alias {
	n := len(weights)
	total := 0.0
	for _, w := range weights {
		total += w
	}
	a := alias{cut: make([]uint32, n), other: make([]uint32, n)}
	scaled := make([]float64, n)
	var small, large []int
	for i, w := range weights {
		if scaled[i] = w * float64(n) / total; scaled[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.cut[s], a.other[s] = uint32(scaled[s]*(1<<32-1)), uint32(l)
		if scaled[l] -= 1 - scaled[s]; scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) { // what rounding left over
		a.cut[i], a.other[i] = math.MaxUint32, uint32(i)
	}
	return a
}

func (a *alias) pick(x uint64) int {
	i := (x >> 32) * uint64(len(a.cut)) >> 32
	if uint32(x) < a.cut[i] {
		return int(i)
	}
	return int(a.other[i])
}

// zipf gives the weights 1/rank^s of n ranks.
func zipf(n int, s float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Pow(float64(i+1), -s)
	}
	return w
}
