package watch

import (
	"slices"
	"testing"

	"statline/classify/detect"
)

// Stored days are looked at in stretches; a month of silence ends one.
func TestStretches(t *testing.T) {
	day := func(n int) detect.Minute { return detect.Minute(n * dayMinutes) }
	days := func(list ...int) (all []uint32) {
		for _, n := range list {
			all = append(all, uint32(n*dayMinutes))
		}
		return all
	}
	whole := Range{First: day(100) + 7, From: day(100) + 7, To: day(2000) + 9}
	for _, c := range []struct {
		days []uint32
		of   Range
		want []Range
	}{
		{nil, whole, nil},
		{days(100, 101, 130), Range{First: day(100) + 7, From: day(100) + 7, To: day(130) + 9}, []Range{{First: day(100) + 7, From: day(100) + 7, To: day(130) + 9}}},
		{days(100, 129, 2000), whole, []Range{
			{First: day(100) + 7, From: day(100) + 7, To: day(133)}, {First: day(2000), From: day(2000), To: day(2000) + 9}}},
		{days(100, 2000), Range{First: day(100) + 7, From: day(1999), To: day(2000) + 9}, []Range{{First: day(2000), From: day(2000), To: day(2000) + 9}}},
		{days(100, 2000), Range{First: day(100) + 7, From: day(100) + 7, To: day(1500)}, []Range{{First: day(100) + 7, From: day(100) + 7, To: day(104)}}},
	} {
		if got := stretches(c.days, c.of); !slices.Equal(got, c.want) {
			t.Errorf("days %v of %v: got %v; want %v", c.days, c.of, got, c.want)
		}
	}
}
