package store

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"statline/classify"
	"statline/ingest/schema"
)

// stored labels, as a reader sees them.
func storedLabels(t *testing.T, s *Store) map[classify.KeyID]string {
	t.Helper()
	rows, err := Select[struct {
		Key  string `ch:"key_id"`
		Name string `ch:"label"`
	}](t.Context(), s,
		"SELECT key_id, argMax(name, revision) AS label FROM "+s.Table(schema.KeyLabels)+" GROUP BY key_id HAVING label != ''")
	if err != nil {
		t.Fatal(err)
	}
	all := map[classify.KeyID]string{}
	for _, r := range rows {
		id, ok := classify.ParseKeyID(r.Key)
		if !ok {
			t.Fatalf("got key id %q", r.Key)
		}
		all[id] = r.Name
	}
	return all
}

// What was set last is what is stored, before and after a merge; the same
// again writes nothing.
func TestSetKeyLabels(t *testing.T) {
	s := open(t)
	for _, step := range []struct {
		labels  map[classify.KeyID]string
		changed int
	}{
		{map[classify.KeyID]string{}, 0},
		{map[classify.KeyID]string{key(1): "acme", key(2): "bolt"}, 2},
		{map[classify.KeyID]string{key(1): "acme", key(2): "bolt"}, 0},
		{map[classify.KeyID]string{key(1): "zenith", key(2): "bolt"}, 1},
		{map[classify.KeyID]string{key(1): "acme", key(3): "coil"}, 3}, // renamed back, taken away, new
		{map[classify.KeyID]string{key(1): "acme", key(3): "coil"}, 0},
		{nil, 2},
		{nil, 0},
		{map[classify.KeyID]string{key(2): "bolt"}, 1},
	} {
		changed, err := s.SetKeyLabels(t.Context(), step.labels)
		if err != nil || changed != step.changed {
			t.Errorf("%v: got %d changed, %v; want %d", step.labels, changed, err, step.changed)
		}
		for _, merge := range []bool{false, true} {
			if merge {
				if err := s.Exec(t.Context(), "OPTIMIZE TABLE "+s.Table(schema.KeyLabels)+" FINAL"); err != nil {
					t.Fatal(err)
				}
			}
			if got := storedLabels(t, s); !maps.Equal(got, step.labels) {
				t.Errorf("merged %v: got %v; want %v", merge, got, step.labels)
			}
		}
	}
}

// Several instances that set the same labels at once leave them set.
func TestSetKeyLabelsAtOnce(t *testing.T) {
	s := open(t)
	want := map[classify.KeyID]string{}
	for i := range 250 {
		want[key(byte(i))] = fmt.Sprint("customer ", i)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := s.SetKeyLabels(t.Context(), want); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := storedLabels(t, s); !maps.Equal(got, want) {
		t.Errorf("got %d labels; want %d", len(got), len(want))
	}
}
