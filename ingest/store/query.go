package store

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Select runs a query and returns its rows; T is a struct with `ch` tags that
// name the columns. The query is bounded by Config.QueryTimeout.
func Select[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var rows []T
	if err := s.conn().Select(ctx, &rows, query, args...); err != nil {
		return nil, cause(ctx, Classify(err))
	}
	return rows, nil
}

// Each runs a query and calls row for each of its rows, which need not fit
// into memory. row's error ends the query and is returned as it is.
func Each[T any](ctx context.Context, s *Store, row func(*T) error, query string, args ...any) error {
	return s.rows(ctx, query, args, func(rows driver.Rows) error {
		for rows.Next() {
			var v T
			if err := rows.ScanStruct(&v); err != nil {
				return err
			}
			if err := row(&v); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows runs a query and calls read with its rows. read's error is returned as it is.
func (s *Store) rows(ctx context.Context, query string, args []any, read func(driver.Rows) error) (err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.conn().Query(ctx, query, args...)
	if err != nil {
		return cause(ctx, Classify(err))
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			err = cause(ctx, Classify(e))
		}
	}()
	if err := read(rows); err != nil {
		return err
	}
	return cause(ctx, Classify(rows.Err()))
}

// named are the values of a query's parameters.
func named(values map[string]any) []any {
	args := make([]any, 0, len(values))
	for name, value := range values {
		args = append(args, clickhouse.Named(name, value))
	}
	return args
}

// Exec runs a statement without rows, bounded by Config.QueryTimeout.
func (s *Store) Exec(ctx context.Context, query string, args ...any) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return cause(ctx, Classify(s.conn().Exec(ctx, query, args...)))
}

// bounded ends ctx after Config.QueryTimeout.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.config.QueryTimeout,
		fmt.Errorf("no answer within %s", s.config.QueryTimeout))
}

// Ask runs a query with ClickHouse's own query parameters, such as
// {service:String}, and calls row for each row of the answer with what scans
// it. The values travel beside the text: whatever they hold, they are values.
// row's error ends the query and is returned as it is.
func (s *Store) Ask(ctx context.Context, query string, values map[string]any,
	row func(scan func(dest ...any) error) error) error {
	return s.rows(ctx, query, named(values), func(rows driver.Rows) error {
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return nil
	})
}
