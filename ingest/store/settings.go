package store

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/ingest/schema"
)

// layout says whether tables are replicated or distributed. It is read once they
// exist; Open comes before they are made.
func (s *Store) layout(ctx context.Context) (schema.Layout, error) {
	if l := s.known.Load(); l != nil {
		return *l, nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	l, found, err := schema.ReadLayout(ctx, s.conn(), s.database)
	if err != nil {
		return schema.Layout{}, cause(ctx, Classify(err))
	}
	if found {
		s.known.Store(&l)
	}
	return l, nil
}

// insertSettings are those of an INSERT under a token.
func (s *Store) insertSettings(ctx context.Context, token string) (clickhouse.Settings, error) {
	settings, err := s.waiting(ctx)
	if err != nil {
		return nil, err
	}
	settings["async_insert"] = 0
	settings["insert_deduplicate"] = 1
	settings["optimize_on_insert"] = 0 // a block's rows are merged already
	settings["max_execution_time"] = int(s.config.InsertTimeout/time.Second) + 1
	settings["insert_deduplication_token"] = token
	spoilSettings(settings)
	return settings, nil
}

// waiting are the settings that make an INSERT wait until its rows can be read
// anywhere, and keep it from being split.
func (s *Store) waiting(ctx context.Context) (clickhouse.Settings, error) {
	l, err := s.layout(ctx)
	if err != nil {
		return nil, err
	}
	settings := clickhouse.Settings{}
	maps.Copy(settings, l.InsertSettings())
	maps.Copy(settings, s.profile)
	if l.Replicated {
		settings["insert_quorum_timeout"] = s.config.InsertTimeout.Milliseconds()
	}
	return settings, nil
}

// Inserting gives ctx the settings for an INSERT of another package, through Conn or
// Exec: on a cluster it is answered when its rows are in all tables.
func (s *Store) Inserting(ctx context.Context) (context.Context, error) {
	settings, err := s.waiting(ctx)
	if err != nil || len(settings) == 0 {
		return ctx, err
	}
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings)), nil
}

// InsertingOnce is Inserting for an INSERT that counts once, however often it is sent
// under its token.
func (s *Store) InsertingOnce(ctx context.Context, token string) (context.Context, error) {
	settings, err := s.insertSettings(ctx, token)
	if err != nil || len(settings) == 0 {
		return ctx, err
	}
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings)), nil
}

// syncReplica waits until the replica that answers has everything that the others have
// of a table, if there are others.
func (s *Store) syncReplica(ctx context.Context, t schema.Table) error {
	return s.sync(ctx, t, false)
}

// syncReplicas waits until every replica of every table has everything that the others
// have.
func (s *Store) syncReplicas(ctx context.Context) error {
	for _, t := range schema.Tables() {
		if err := s.sync(ctx, t, true); err != nil {
			return fmt.Errorf("wait for the replicas of %s: %w", t, err)
		}
	}
	return nil
}

func (s *Store) sync(ctx context.Context, t schema.Table, everywhere bool) error {
	l, err := s.layout(ctx)
	if err != nil || !l.Replicated {
		return err
	}
	statement := "SYSTEM SYNC REPLICA "
	if everywhere {
		statement += l.OnCluster() + " "
	}
	return s.Exec(ctx, statement+s.Table(l.Storage(t))+" LIGHTWEIGHT")
}
