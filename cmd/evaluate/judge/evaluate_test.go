package judge

import (
	"math"
	"strings"
	"testing"
)

// The report is a function of its options; on a small world its tables are
// complete, and what does not depend on luck meets its target.
func TestRunSmall(t *testing.T) {
	o := Options{Seeds: TuningSeeds()[:1], Services: 1, Keys: 200, Parallel: 2, Rivals: true, World: "rough"}
	var a, b strings.Builder
	errA, errB := Run(&a, o), Run(&b, o)
	if a.String() != b.String() {
		t.Error("two runs with the same options differ")
	}
	if (errA == nil) != (errB == nil) {
		t.Errorf("got %v, then %v", errA, errB)
	}
	for _, want := range []string{"rough world", "fail2ban", "hand-tuned", "dead_key", "### Targets", "Seeds [100]"} {
		if !strings.Contains(a.String(), want) {
			t.Errorf("the report does not name %q", want)
		}
	}
}

// A missed target is an error that says which, and by how much.
func TestMissedTarget(t *testing.T) {
	r := &report{}
	r.most("false alarms", 0.3, 0.1)
	r.least("recall", 0.95, 0.9)
	missed := r.targetReport()
	if len(missed) != 1 || !strings.Contains(missed[0], "false alarms: got 0.3; want <= 0.1") {
		t.Errorf("got %q", missed)
	}
	if !strings.Contains(r.String(), "**missed**") {
		t.Error("the table does not show it")
	}
	r = &report{}
	r.least("nothing to measure", math.NaN(), 0.9)
	if len(r.targetReport()) != 1 {
		t.Error("a target without a measurement counts as met")
	}
}

func TestWilson(t *testing.T) {
	low, high := wilson(9, 10) // Wilson 1927: 0.596 to 0.982
	if math.Abs(low-0.5958) > 1e-3 || math.Abs(high-0.9821) > 1e-3 {
		t.Errorf("9 of 10: got %.4f to %.4f", low, high)
	}
}

// Tuning and validation never share a seed.
func TestSeedsAreDisjoint(t *testing.T) {
	for _, a := range TuningSeeds() {
		for _, b := range ValidationSeeds() {
			if a == b {
				t.Errorf("seed %d is in both", a)
			}
		}
	}
}
