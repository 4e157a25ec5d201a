package traffic

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refusedSlots is the most windows with a refusal in any run of minutes, and
// the most refusals.
func refusedSlots(rows []KeyMinute, minutes int64) (slots int, refused uint64) {
	for i, last := range rows {
		s, n := 0, uint64(0)
		for j := i; j >= 0 && rows[j].Minute > last.Minute-60*minutes; j-- {
			if rows[j].Code == 25 {
				s += bits.OnesCount64(rows[j].Slots)
				n += rows[j].Requests
			}
		}
		slots, refused = max(slots, s), max(refused, n)
	}
	return slots, refused
}

// The rate-limit world has the classes it promises, offenders are refused in
// window after window, and the clean keys that could be blamed stay below what
// any rule may blame.
func TestRateLimitWorld(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Default, Seed: 21, Keys: 4000})
	classes := map[string]int{}
	offenders := 0
	for i := range w.Keys() {
		s := w.Key(i)
		classes[s.Class]++
		slots, _ := refusedSlots(s.Rows, 5)
		if s.Offends() {
			offenders++
			if len(s.Labels) == 0 || slots < 12 {
				t.Errorf("%s %s: %d labels, %d refused windows in 5 min; want a label and 12", s.Class, s.Key,
					len(s.Labels), slots)
			}
		} else if len(s.Labels) > 0 {
			t.Errorf("%s has a label", s.Class)
		}
		if slots >= 12 && !s.Offends() && s.Class != KeyBackoff {
			t.Errorf("%s key with %d refused windows in 5 min", s.Class, slots)
		}
		for _, row := range s.Rows {
			if row.Code == 25 && (row.Slots == 0 || row.Slots >= 1<<6 ||
				uint64(bits.OnesCount64(row.Slots)) > row.Requests ||
				len(row.ClientIPs) == 0 || uint64(len(row.ClientIPs)) > row.Requests) {
				t.Fatalf("impossible row %+v", row)
			}
		}
	}
	t.Logf("%v", classes)
	if share := float64(offenders) / 4000; share < 0.013 || share > 0.027 {
		t.Errorf("got %.3f offenders; want about 0.02", share)
	}
	if d := cmp.Diff(w.Key(7), testWorld(t, WorldConfig{Kind: Default, Seed: 21}).Key(7)); d != "" {
		t.Errorf("a key depends on the number of keys:\n%s", d)
	}
}

// Dead keys are refused from their death to their reinstatement and at no
// other time.
func TestDeadKeys(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Default, Seed: 2})
	detectable, reinstated := 0, 0
	for i := range w.DeadKeys() {
		s := w.DeadKey(i)
		if len(s.Labels) == 0 {
			continue
		}
		l := s.Labels[0]
		after := false
		for _, row := range s.Rows {
			inside := row.Minute+59 >= l.Start && row.Minute < l.End
			if row.Outcome != "success" && (!inside || row.Code != 10 && row.Code != 31) {
				t.Errorf("%s: refused outside its label: %+v", s.Class, row)
			}
			after = after || row.Outcome == "success" && row.Minute >= l.End
		}
		if i < deadReinstated && after {
			reinstated++
		}
		if l.Detectable {
			detectable++
		}
	}
	if detectable < 45 || reinstated < 18 {
		t.Errorf("got %d detectable, %d seen reinstated; want nearly all of 50 and of 20", detectable, reinstated)
	}
}

// Scanners and stuffers are labelled, ordinary addresses are not, and there
// are addresses with many failures that are no attack.
func TestClientWorld(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Default, Seed: 2})
	classes := map[string]int{}
	for i := range w.Clients() {
		s := w.Client(i)
		classes[s.Class]++
		clean := s.Class == ClientNAT || s.Class == ClientBackend
		if clean != (len(s.Labels) == 0) {
			t.Errorf("%s has %d labels", s.Class, len(s.Labels))
		}
		if !slices.IsSortedFunc(s.Rows, func(a, b ClientMinute) int {
			return compare(a.Minute, b.Minute, a.Outcome, b.Outcome, a.Code, b.Code)
		}) {
			t.Errorf("%s: rows are not sorted", s.IP)
		}
		var failures, all uint64
		for _, row := range s.Rows {
			all += row.Requests
			if row.Outcome != "success" {
				failures += row.Requests
			}
		}
		if !clean && float64(failures) < 0.9*float64(all) || clean && float64(failures) > 0.05*float64(all) {
			t.Errorf("%s: %d failures of %d", s.Class, failures, all)
		}
	}
	if len(classes) != 6 {
		t.Errorf("got classes %v; want six", classes)
	}
}

// The first four contract services break the catalogue's contract inside their
// labels, and nobody else does.
func TestContractWorld(t *testing.T) {
	w := testWorld(t, WorldConfig{Kind: Default, Seed: 2})
	for i := range w.Contracts() {
		s := w.Contract(i)
		var broken uint64
		for _, row := range s.Rows {
			if row.Code == 0 || int(row.Code) < len(statuses) && int(statuses[row.Code].http) == row.HTTPStatus {
				continue
			}
			broken += row.Requests
			if !slices.ContainsFunc(s.Labels,
				func(l Label) bool { return row.Minute >= l.Start && row.Minute < l.End }) {
				t.Errorf("unlabelled breach %+v", row)
			}
		}
		if (i < 4) != (broken > 0) || i == 2 && broken != 10 {
			t.Errorf("service %d breaks its contract %d times", i, broken)
		}
	}
}
