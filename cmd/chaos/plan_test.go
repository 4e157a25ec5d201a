package main

import (
	"slices"
	"strings"
	"testing"
)

// The seed reproduces the plan, and another seed makes another one.
func TestSeedFixesThePlan(t *testing.T) {
	if !slices.Equal(newPlan(7, 300, deck), newPlan(7, 300, deck)) {
		t.Error("the same seed made two plans")
	}
	if slices.Equal(newPlan(7, 300, deck), newPlan(8, 300, deck)) {
		t.Error("two seeds made the same plan")
	}
	if !slices.Equal(newPlan(7, 300, deck)[:25], newPlan(7, 25, deck)) {
		t.Error("a longer run does not begin as the shorter one")
	}
}

// A run that deals its deck once has every kind of fault on either broker; one
// of 300 every step and table.
func TestPlanLeavesNothingOut(t *testing.T) {
	for _, broker := range brokerNames() {
		for seed := range uint64(20) {
			planLeavesNothingOut(t, seed, deckOn(broker))
		}
	}
}

func planLeavesNothingOut(t *testing.T, seed uint64, deck []kind) {
	t.Helper()
	kinds, names := map[kind]bool{}, map[string]bool{}
	for _, f := range newPlan(seed, len(deck), deck) {
		kinds[f.kind] = true
	}
	for _, f := range newPlan(seed, 300, deck) {
		names[f.name()] = true
	}
	for _, k := range deck {
		if !kinds[k] {
			t.Errorf("seed %d: %d rounds lack %q", seed, len(deck), k)
		}
	}
	for kind, targets := range map[kind][]string{crash: steps, expire: expiries, cut: cutTables,
		recreate: recreations} {
		for _, target := range targets {
			if name := string(kind) + " " + target; !names[name] {
				t.Errorf("seed %d: 300 rounds lack %q", seed, name)
			}
		}
	}
}

// Faults are picked by parts of their names; one that there is not is refused.
func TestPickPlan(t *testing.T) {
	plan, err := pickPlan(7, 40, deckOn(apacheName), []string{"of CH", "after commit"})
	if err != nil || len(plan) != 40 {
		t.Fatalf("got %d rounds, %v; want 40", len(plan), err)
	}
	kinds := map[kind]bool{}
	for _, f := range plan {
		kinds[f.kind] = true
	}
	if len(kinds) != 2 || !kinds[engine] || !kinds[cut] {
		t.Errorf("got %v; want %q and %q", kinds, engine, cut)
	}
	if _, err := pickPlan(7, 40, deck, []string{"earthquake"}); err == nil ||
		!strings.Contains(err.Error(), string(killAll)) {
		t.Errorf("got %v; want a list of the faults", err)
	}
}

// What is missing is lost, what is too much is doubled, and neither hides the
// other.
func TestDifference(t *testing.T) {
	lost, doubled, example := difference(map[string]uint64{"a": 5, "b": 1, "d": 2},
		map[string]uint64{"a": 3, "b": 4, "c": 7})
	if lost != 10 || doubled != 4 || example == "" {
		t.Errorf("got %d lost, %d doubled, %q; want 10, 4 and an example", lost, doubled, example)
	}
	if lost, doubled, example := difference(map[string]uint64{"a": 5}, map[string]uint64{"a": 5}); lost != 0 ||
		doubled != 0 || example != "" {
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
