package judge

import (
	"math"
	"slices"

	"statline/classify/detect"
)

// rivals are the rules that people use instead, on the same rows: failures are
// timeouts and offline answers together.
func rivals() []detector {
	return []detector{
		{"share > 5 % in 5 min, n >= 50", holding(func(s *series, p *sums, t int) bool {
			n, k := p.last(t, 5)
			return n >= 50 && k > 0.05*n
		})},
		{"share > 1 % a minute, for 15 min", lasting(15, func(s *series, p *sums, t int) bool {
			n, k := p.last(t, 1)
			return n > 0 && k > 0.01*n
		})},
		{"10 failures in 5 min", holding(func(s *series, p *sums, t int) bool {
			_, k := p.last(t, 5)
			return k >= 10
		})},
		{burnRate, holding(func(s *series, p *sums, t int) bool {
			return p.burns(t, 60, 5, 14.4) || p.burns(t, 360, 30, 6)
		})},
		{"3 sigma over 60 min", threeSigma},
		{"Tukey K = 1.5 over 24 h", tukey(1.5)},
		{"Tukey K = 10 over 24 h", tukey(10)},
		{adaptiveBand, adaptive},
		{handTuned, holding(func(s *series, p *sums, t int) bool {
			n, k := p.last(t, 5)
			return k >= 10 && k > max(3*s.BaseShare, 0.01)*n
		})},
	}
}

// leading are the best rivals in the worlds with most planted incidents.
func leading() (list []detector) {
	for _, d := range rivals() {
		switch d.name {
		case burnRate, adaptiveBand, handTuned:
			list = append(list, d)
		}
	}
	return list
}

// The names of the leading rivals.
const (
	burnRate     = "multi-window burn rate 99.9 %, k >= 10"
	adaptiveBand = "adaptive band, 26 h"
	handTuned    = "hand-tuned: 3 x the true base share"
)

// sums are prefix sums of requests and failures.
type sums struct{ n, k []float64 }

func failures(c detect.Counts) float64 { return float64(c.Timeout) + float64(c.Offline) }

func newSums(s *series) *sums {
	n, k := make([]float64, len(s.counts)), make([]float64, len(s.counts))
	for i, c := range s.counts {
		n[i], k[i] = float64(c.N), failures(c)
	}
	return &sums{prefix(n), prefix(k)}
}

// last sums the w minutes that end with t.
func (p *sums) last(t, w int) (n, k float64) {
	from := max(0, t+1-w)
	return p.n[t+1] - p.n[from], p.k[t+1] - p.k[from]
}

func (p *sums) burns(t, long, short int, factor float64) bool {
	n, k := p.last(t, long)
	m, l := p.last(t, short)
	return k >= 10 && k > factor*0.001*n && l > factor*0.001*m
}

// holding raises an alarm while a condition holds.
func holding(cond func(s *series, p *sums, t int) bool) func(*series) []alarm {
	return lasting(1, cond)
}

// lasting raises an alarm once a condition has held for a number of minutes.
func lasting(minutes int, cond func(s *series, p *sums, t int) bool) func(*series) []alarm {
	return func(s *series) (out []alarm) {
		p, run := newSums(s), 0
		for t := range s.counts {
			if !cond(s, p, t) {
				run = 0
				continue
			}
			if run++; run < minutes {
				continue
			}
			if n := len(out); n > 0 && out[n-1].end == t-1 {
				out[n-1].end = t
			} else {
				out = append(out, alarm{t, t})
			}
		}
		return out
	}
}

// threeSigma compares a minute's share with mean and deviation of the hour
// before.
func threeSigma(s *series) []alarm {
	const w = 60
	share := make([]float64, len(s.counts))
	for i, c := range s.counts {
		if c.N > 0 {
			share[i] = failures(c) / float64(c.N)
		}
	}
	sum, squares := prefix(share), prefix(squared(share))
	return holding(func(s *series, _ *sums, t int) bool {
		if t < w {
			return false
		}
		mean := (sum[t] - sum[t-w]) / w
		sd := math.Sqrt(max((squares[t]-squares[t-w])/w-mean*mean, 0))
		return share[t] > mean+3*sd && failures(s.counts[t]) > 0
	})(s)
}

// tukey compares the share of five minutes with the quartiles of the day
// before: above Q3 + k * IQR.
func tukey(k float64) func(*series) []alarm {
	return func(s *series) (out []alarm) {
		p := newSums(s)
		var shares []float64
		for t := 4; t < len(s.counts); t += 5 {
			n, bad := p.last(t, 5)
			share := 0.0
			if n > 0 {
				share = bad / n
			}
			if len(shares) >= 288 {
				day := slices.Clone(shares[len(shares)-288:])
				slices.Sort(day)
				if q1, q3 := day[72], day[216]; share > q3+k*(q3-q1) && bad > 0 {
					out = append(out, alarm{t, t + 4})
				}
			}
			shares = append(shares, share)
		}
		return merge(out)
	}
}

// adaptive is a band around the mean of the last hour, as wide as two of the
// hourly deviations that were usual in the last 26 hours; a deviation counts
// when it is over half the mean. It alerts after five minutes outside.
func adaptive(s *series) []alarm {
	p := newSums(s)
	share := make([]float64, len(s.counts))
	for t := range s.counts {
		if n, k := p.last(t, 5); n > 0 {
			share[t] = k / n
		}
	}
	sum, squares := prefix(share), prefix(squared(share))
	deviation, counted := make([]float64, len(share)), make([]float64, len(share))
	mean := func(t, w int) float64 { return (sum[t] - sum[max(t-w, 0)]) / float64(w) }
	for t := 60; t < len(share); t++ {
		m := mean(t, 60)
		if sd := math.Sqrt(max((squares[t]-squares[t-60])/60-m*m, 0)); sd > 0.5*m {
			deviation[t], counted[t] = sd, 1
		}
	}
	usual, count := prefix(deviation), prefix(counted)
	const day = 26 * 60
	return lasting(5, func(s *series, _ *sums, t int) bool {
		if t < day {
			return false
		}
		sd := 0.0
		if n := count[t] - count[t-day]; n > 0 {
			sd = (usual[t] - usual[t-day]) / n
		}
		m := mean(t, 60)
		return share[t] > max(m, mean(t, day))*1.5+2*sd && failures(s.counts[t]) > 0
	})(s)
}

// prefix sums x: the sum of x[a:b] is out[b] - out[a].
func prefix(x []float64) []float64 {
	out := make([]float64, len(x)+1)
	for i := range x {
		out[i+1] = out[i] + x[i]
	}
	return out
}

func squared(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] * x[i]
	}
	return out
}
