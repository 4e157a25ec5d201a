package store

import (
	"testing"

	"statline/ingest/schema"
)

// Whoever only asks cannot change anything, whatever the query is.
func TestReaderChangesNothing(t *testing.T) {
	s := open(t)
	none := func(func(dest ...any) error) error { return nil }
	if err := s.Reader().Ask(t.Context(), "SELECT count() FROM "+s.Table(schema.Services), nil, none); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"INSERT INTO " + s.Table(schema.Services) + " (service, requests) VALUES ('a', 1)",
		"TRUNCATE TABLE " + s.Table(schema.Services)} {
		if err := s.Reader().Ask(t.Context(), text, nil, none); err == nil {
			t.Errorf("%s is not refused", text)
		}
	}
}
