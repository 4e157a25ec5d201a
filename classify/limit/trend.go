package limit

import (
	"math"
	"slices"
)

// Use is the largest share of its limit that a key used on a day: 1 is all of it.
type Use struct {
	Day   int32 // Unix days
	Share float64
}

// MinDays is how many days with requests a trend needs.
const MinDays = 11

// certain is the least z of the Mann-Kendall test that counts as growth: three of a
// hundred thousand flat keys reach it by chance.
const certain = 4

// Trend is how a key's use develops.
type Trend struct {
	Median, Peak float64
	// PerDay is the growth of the share per day (Theil-Sen), 0 if growth is not certain.
	PerDay float64
	// Breach is the day on which the limit is reached at that growth: the first with
	// a share of 1. 0 when there is none.
	Breach int32
	// Over: the newest day already reaches the limit.
	Over bool
}

// TrendOf finds the trend of sorted days. It is robust: up to a third of the days may be
// outliers.
func TrendOf(days []Use) Trend {
	if len(days) == 0 {
		return Trend{}
	}
	shares := make([]float64, len(days))
	for i, d := range days {
		shares[i] = d.Share
	}
	t := Trend{Median: median(shares), Peak: slices.Max(shares), Over: days[len(days)-1].Share >= 1}
	if len(days) < MinDays || !grows(days) {
		return t
	}
	var slopes []float64
	for i := range days {
		for j := range i {
			slopes = append(slopes, (days[i].Share-days[j].Share)/float64(days[i].Day-days[j].Day))
		}
	}
	slope := median(slopes)
	if slope <= 0 {
		return t
	}
	rests := make([]float64, len(days))
	for i, d := range days {
		rests[i] = d.Share - slope*float64(d.Day-days[0].Day)
	}
	t.PerDay = slope
	if at := (1 - median(rests)) / slope; !t.Over && at < 10*365 {
		t.Breach = max(days[0].Day+int32(math.Ceil(at)), days[len(days)-1].Day+1)
	}
	return t
}

// grows is the test of Mann and Kendall: more pairs of days rise than chance
// explains.
func grows(days []Use) bool {
	var rising float64
	for i := range days {
		for j := range i {
			switch {
			case days[i].Share > days[j].Share:
				rising++
			case days[i].Share < days[j].Share:
				rising--
			}
		}
	}
	n := float64(len(days))
	return (rising-1)/math.Sqrt(n*(n-1)*(2*n+5)/18) >= certain
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
