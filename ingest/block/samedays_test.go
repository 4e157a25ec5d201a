package block

import (
	"testing"

	"statline/classify/aggregate"
)

// A declaration of before user agents were counted does not say how many there are;
// one that says it is held to it.
func TestSameDays(t *testing.T) {
	day := func(responses, agented uint64) []aggregate.DayCount {
		return []aggregate.DayCount{{Day: 1, Responses: 5}, {Day: 2, Responses: responses, Agented: agented}}
	}
	for _, c := range []struct {
		told, got []aggregate.DayCount
		want      bool
	}{
		{day(9, 0), day(9, 7), true}, {day(9, 0), day(9, 0), true}, {day(9, 7), day(9, 7), true}, {nil, nil, true},
		{day(9, 7), day(9, 0), false}, {day(9, 7), day(9, 8), false}, {day(9, 0), day(8, 7), false}, {day(9, 0), day(9, 7)[:1], false},
	} {
		if got := SameDays(c.told, c.got); got != c.want {
			t.Errorf("told %v, got %v: %t; want %t", c.told, c.got, got, c.want)
		}
		if c.want && len(c.got) > 1 && c.got[1].Responses != 9 {
			t.Error("the block's own sums were changed")
		}
	}
}
