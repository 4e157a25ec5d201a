package store

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Reader queries a store and cannot change it: the server refuses (readonly = 2),
// whatever a query says.
type Reader struct{ store *Store }

// Reader is the store for callers that only read.
func (s *Store) Reader() Reader { return Reader{s} }

// Database is the store's.
func (r Reader) Database() string { return r.store.Database() }

// Ask is Store.Ask.
func (r Reader) Ask(ctx context.Context, query string, values map[string]any,
	row func(scan func(dest ...any) error) error) error {
	return r.store.Ask(clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 2})), query,
		values, row)
}
