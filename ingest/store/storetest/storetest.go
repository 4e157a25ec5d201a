// Package storetest opens stores on the embedded engine that the tests of a
// package share.
package storetest

import (
	"reflect"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Dial is a store on an empty database of its own.
func Dial(t testing.TB) *store.Store {
	t.Helper()
	return On(t, sandboxtest.Database(t))
}

// On is a store on a database that may exist already; change alters its
// configuration.
func On(t testing.TB, database string, change ...func(*store.Config)) *store.Store {
	t.Helper()
	c := store.DefaultConfig()
	c.URL, c.Database = sandboxtest.URL(t), database
	for _, f := range change {
		f(&c)
	}
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Open is a store with its tables in a database of its own.
func Open(t testing.TB) *store.Store {
	t.Helper()
	s := Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(),
		schema.Options{Database: s.Database(), Temporary: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Exec runs a statement.
func Exec(t testing.TB, s *store.Store, query string) {
	t.Helper()
	if err := s.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// Number is the value of an expression, or of a query of one number in
// brackets.
func Number(t testing.TB, s *store.Store, expression string) uint64 {
	t.Helper()
	rows, err := store.Select[struct {
		N uint64 `ch:"n"`
	}](t.Context(), s, "SELECT toUInt64("+expression+") AS n")
	if err != nil {
		t.Fatal(err)
	}
	return rows[0].N
}

// Rows are the rows of a query with ClickHouse's own query parameters, by
// column: each value as the pointer that it was scanned into, a *T for a
// Nullable(T) too, nil for NULL.
func Rows(t testing.TB, s *store.Store, query string, values map[string]any) (all []map[string]any, err error) {
	t.Helper()
	args := make([]any, 0, len(values))
	for name, value := range values {
		args = append(args, clickhouse.Named(name, value))
	}
	rows, err := s.Conn().Query(t.Context(), query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		dest := make([]any, 0, len(rows.Columns()))
		for _, c := range rows.ColumnTypes() {
			dest = append(dest, reflect.New(c.ScanType()).Interface())
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, name := range rows.Columns() {
			row[name] = dest[i]
			if p := reflect.ValueOf(dest[i]).Elem(); p.Kind() == reflect.Pointer {
				row[name] = p.Interface()
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
