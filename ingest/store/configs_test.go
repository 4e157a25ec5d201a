package store

import (
	"slices"
	"sync"
	"testing"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// A configuration is kept once, whoever writes it and however often, and is
// found by its hash.
func TestConfigs(t *testing.T) {
	s := open(t)
	if body, err := s.ReadConfig(t.Context(), "h"); err != nil || body != nil {
		t.Fatalf("got %q, %v; want none", body, err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, c := range []StoredConfig{{"h", 2, "v1", []byte(`{"a":1}`)}, {"other", 3, "v2", []byte(`{"a":2}`)}} {
				if err := s.WriteConfig(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, s, schema.Configs); n != 2 {
		t.Errorf("got %d rows; want one for each configuration", n)
	}
	if body, err := s.ReadConfig(t.Context(), "h"); err != nil || string(body) != `{"a":1}` {
		t.Errorf("got %q, %v", body, err)
	}
}

// Inserts is what WriteRows does: the most INSERTs that one table takes.
func TestInserts(t *testing.T) {
	s := &Store{config: DefaultConfig(), rollups: aggregate.Rollups()}
	id, c := blockOf(100, 200, 1, 10)
	if n := s.Inserts(id, c); n != 1 {
		t.Errorf("a small block: got %d; want 1", n)
	}
	c.Rows.Keys = aggregate.ListOf(slices.Repeat(c.Rows.Keys.All()[:1], 2*maxRows+1))
	if n := s.Inserts(id, c); n != 3 {
		t.Errorf("%d rows of keys: got %d; want 3", c.Rows.Keys.Len(), n)
	}
	if n := s.Inserts(id, &block.Contents{}); n != 0 {
		t.Errorf("no rows: got %d; want 0", n)
	}
}
