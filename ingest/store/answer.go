package store

import (
	"context"
	"reflect"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Answer is Ask for a caller that does not know the columns: head is called once with
// their names and ClickHouse types, then row with the values of each row, nil for
// NULL. The server lets the query change nothing (readonly = 2). An error of head or
// row ends the query and is returned as it is.
func (s *Store) Answer(ctx context.Context, query string, values map[string]any,
	head func(names, types []string) error, row func(values []any) error) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 2}))
	return s.rows(ctx, query, named(values), func(rows driver.Rows) error {
		columns := rows.ColumnTypes()
		types, dest, got := make([]string, len(columns)), make([]any, len(columns)), make([]any, len(columns))
		for i, c := range columns {
			types[i], dest[i] = c.DatabaseTypeName(), reflect.New(c.ScanType()).Interface()
		}
		if err := head(rows.Columns(), types); err != nil {
			return err
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			for i := range dest {
				got[i] = valueAt(dest[i])
			}
			if err := row(got); err != nil {
				return err
			}
		}
		return nil
	})
}

// valueAt is the value that a pointer points to; the driver scans a Nullable(T) into a
// **T.
func valueAt(p any) any {
	v := reflect.ValueOf(p).Elem()
	if v.Kind() != reflect.Pointer {
		return v.Interface()
	}
	if v.IsNil() {
		return nil
	}
	return v.Elem().Interface()
}
