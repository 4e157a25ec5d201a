package limit

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Keys that grow are named with the day of their breach, within one day; of ten
// thousand flat ones, noisy and with a burst, none.
func TestTrendNamesTheDay(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	use := func(start, perDay, noise float64) (days []Use) {
		for d := range int32(30) {
			share := start + perDay*float64(d) + noise*r.NormFloat64()
			if r.IntN(20) == 0 {
				share *= 0.3 // a quiet day
			}
			days = append(days, Use{Day: 20_000 + d, Share: share})
		}
		return days
	}
	for range 300 {
		start, perDay := 0.1+0.2*r.Float64(), 0.012+0.008*r.Float64()
		want := 20_000 + int32(math.Ceil((1-start)/perDay))
		if got := TrendOf(use(start, perDay, 0.002)); got.Breach < want-1 || got.Breach > want+1 {
			t.Errorf("%.3f a day from %.3f: breach on day %d; want %d", perDay, start, got.Breach, want)
		}
	}
	flat := 0
	for range 10_000 {
		days := use(0.1+0.7*r.Float64(), 0, 0.05)
		days[r.IntN(30)].Share = 0.99
		if got := TrendOf(days); got.Breach != 0 || got.PerDay != 0 {
			flat++
		}
	}
	if flat > 2 { // three of a hundred thousand by chance
		t.Errorf("%d of 10000 flat keys are said to grow", flat)
	}
	if got := TrendOf(use(0.5, 0.02, 0)[:MinDays-1]); got.PerDay != 0 {
		t.Errorf("ten days are a trend: %+v", got)
	}
	if got := TrendOf([]Use{{1, 0.5}, {2, 1.2}}); !got.Over || got.Peak != 1.2 || math.Abs(got.Median-0.85) > 1e-9 {
		t.Errorf("got %+v", got)
	}
}
