package main

import (
	"slices"
	"strings"
	"testing"
)

// The seed reproduces the plan, and another seed makes another one.
func TestSeedFixesThePlan(t *testing.T) {
	if !slices.Equal(newPlan(7, 300), newPlan(7, 300)) {
		t.Error("the same seed made two plans")
	}
	if slices.Equal(newPlan(7, 300), newPlan(8, 300)) {
		t.Error("two seeds made the same plan")
	}
	if !slices.Equal(newPlan(7, 300)[:25], newPlan(7, 25)) {
		t.Error("a longer run does not begin as the shorter one")
	}
}

// A run of 25 rounds has every kind of fault; one of 300 every step and table.
func TestPlanLeavesNothingOut(t *testing.T) {
	for seed := range uint64(20) {
		kinds, names := map[kind]bool{}, map[string]bool{}
		for _, f := range newPlan(seed, 25) {
			kinds[f.kind] = true
		}
		for _, f := range newPlan(seed, 300) {
			names[f.name()] = true
		}
		for _, k := range deck {
			if !kinds[k] {
				t.Errorf("seed %d: 25 rounds lack %q", seed, k)
			}
		}
		for _, s := range steps {
			if name := string(crash) + " " + s; !names[name] {
				t.Errorf("seed %d: 300 rounds lack %q", seed, name)
			}
		}
		for _, where := range expiries {
			if name := string(expire) + " " + where; !names[name] {
				t.Errorf("seed %d: 300 rounds lack %q", seed, name)
			}
		}
		for _, table := range cutTables {
			if name := string(cut) + " " + table; !names[name] {
				t.Errorf("seed %d: 300 rounds lack %q", seed, name)
			}
		}
	}
}

// What is missing is lost, what is too much is doubled, and neither hides the
// other.
func TestDifference(t *testing.T) {
	lost, doubled, example := difference(map[string]uint64{"a": 5, "b": 1, "d": 2}, map[string]uint64{"a": 3, "b": 4, "c": 7})
	if lost != 10 || doubled != 4 || example == "" {
		t.Errorf("got %d lost, %d doubled, %q; want 10, 4 and an example", lost, doubled, example)
	}
	if lost, doubled, example := difference(map[string]uint64{"a": 5}, map[string]uint64{"a": 5}); lost != 0 || doubled != 0 || example != "" {
		t.Errorf("equal maps: got %d lost, %d doubled, %q", lost, doubled, example)
	}
}

// A padded response stays one JSON object, and ends as it did.
func TestPad(t *testing.T) {
	got := string(pad([]byte(`{"user_agent":"curl"}`), 100))
	if len(got) != 100 || !strings.HasPrefix(got, `{"user_agent":"curlxx`) || !strings.HasSuffix(got, `x"}`) {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
	if got := string(pad([]byte(`{"status":200}`), 20)); got != `{"status":200}xxxxxx` {
		t.Errorf("got %q", got)
	}
	if got := string(pad([]byte(`long enough`), 5)); got != "long enough" {
		t.Errorf("got %q", got)
	}
}

// Every table of counts is compared with the truth.
func TestEveryRollupIsChecked(t *testing.T) {
	for _, table := range rollups() {
		if !slices.ContainsFunc(checks(truth{}), func(c check) bool { return c.table == table }) {
			t.Errorf("no check of %s", table)
		}
	}
}
