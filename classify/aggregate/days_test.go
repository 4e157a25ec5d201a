package aggregate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The sums that the audit compares are those of the rows written, day by day.
func TestSumDays(t *testing.T) {
	const day = 20_000
	minute := func(d, m uint32) uint32 { return (day+d)*daySeconds + m*60 }
	r := Rows{
		Days: []DayCount{{Day: day, Responses: 9, Keyed: 77}, {Day: day + 1, Responses: 1},
			{Day: day + 2, Responses: 5}},
		Keys: ListOf([]KeyRow{{Minute: minute(0, 1), Requests: 2}, {Minute: minute(0, 1439), Requests: 3},
			{Minute: minute(2, 0), Requests: 4}}),
		Agents:  []AgentRow{{Minute: minute(1, 7), Requests: 1}, {Minute: minute(2, 9), Requests: 2}},
		Clients: ListOf([]ClientRow{{Minute: minute(0, 0), Requests: 9}, {Minute: minute(2, 0), Requests: 5}}),
	}
	want := []DayCount{
		{Day: day, Responses: 9, Keyed: 5, Addressed: 9},
		{Day: day + 1, Responses: 1, Agented: 1},
		{Day: day + 2, Responses: 5, Keyed: 4, Addressed: 5, Agented: 2},
	}
	for range 2 {
		r.SumDays()
		if diff := cmp.Diff(want, r.Days); diff != "" {
			t.Fatal(diff)
		}
	}
}
