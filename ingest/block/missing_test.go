package block

import "testing"

// Promise: a commit ahead of the ledger is told, by the offsets that are missing
// in the store; what a running group looks like between two writes is not.
func TestMissingOf(t *testing.T) {
	declared := Declaration{First: 100, End: 200, ConfigHash: "c", UnixSeconds: 1}.Metadata()
	for name, c := range map[string]struct {
		commit Committed
		ledger Ends
		want   *Missing
	}{
		"nothing committed": {Committed{Offset: -1}, Ends{}, nil},
		"as far as the ledger": {Committed{100, mark(0, markDone, "")}, Ends{Known: true, End: 100},
			nil},
		"stored, not committed yet":    {Committed{100, declared}, Ends{Known: true, End: 200}, nil},
		"declared at the ledger's end": {Committed{100, declared}, Ends{Known: true, End: 100}, nil},
		"a start that is being marked": {Committed{100, mark(0, markStart, "id")}, Ends{}, nil},
		"a start of the next life": {Committed{7, mark(2, markStart, "")},
			Ends{Epoch: 1, Known: true, End: 100}, nil},
		"a commit of an earlier life": {Committed{500, mark(1, markDone, "")},
			Ends{Epoch: 2, Known: true, End: 100}, nil},
		"an older store": {Committed{100, mark(0, markDone, "")}, Ends{Known: true, End: 60},
			&Missing{3, 60, 100}},
		"an older store, declared": {Committed{100, declared}, Ends{Known: true, End: 60},
			&Missing{3, 60, 100}},
		"an older store, after the first start": {Committed{100, mark(0, markStart, "")}, Ends{Known: true, End: 60}, &Missing{3, 60, 100}},
		"an empty store":                        {Committed{100, mark(0, markDone, "")}, Ends{}, &Missing{3, -1, 100}},
		"a commit by hand":                      {Committed{100, ""}, Ends{Known: true, End: 60}, &Missing{3, 60, 100}},
		"a store of an earlier life": {Committed{100, mark(2, markDone, "")},
			Ends{Epoch: 1, Known: true, End: 900}, &Missing{3, -1, 100}},
	} {
		got, missing := MissingOf(3, c.commit, c.ledger)
		if missing != (c.want != nil) || missing && got != *c.want {
			t.Errorf("%s: got %+v, %t; want %+v", name, got, missing, c.want)
		}
	}
}
