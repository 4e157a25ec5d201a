package schema_test

import (
	"testing"

	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// The server that the tests run on takes the setting, for every table.
func TestNewTablesMergeLazily(t *testing.T) {
	s := storetest.Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	type count struct {
		Tables uint64 `ch:"tables"`
	}
	n, err := store.Select[count](t.Context(), s,
		"SELECT count() AS tables FROM system.tables WHERE engine_full LIKE '%merge_selector_base = 12%' AND database = '"+
			s.Database()+"'")
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(len(schema.Tables())); n[0].Tables != want {
		t.Errorf("got %d tables that merge lazily; want %d", n[0].Tables, want)
	}
}
