package store

import (
	"context"
	"fmt"
	"time"

	"statline/ingest/schema"
)

// StoredConfig is a configuration under the hash that blocks refer to.
type StoredConfig struct {
	Hash           string
	DecoderVersion uint32
	Build          string // of the binary that writes it
	Body           []byte // without secrets; see fold.Config.Written
}

// WriteConfig stores c, unless its hash is known.
func (s *Store) WriteConfig(ctx context.Context, c StoredConfig) error {
	known, err := s.ReadConfig(ctx, c.Hash)
	if err != nil || known != nil {
		return err
	}
	rows := []StoredConfig{c}
	cut := sheet{rows: len(rows), partition: onePartition}
	for _, j := range cut.jobs(schema.Configs, configColumns(rows, time.Now())) {
		if err := s.insert(ctx, j, "configs/"+c.Hash, func() error { return nil }); err != nil {
			return fmt.Errorf("insert configuration %s: %w", c.Hash, Classify(err))
		}
	}
	return nil
}

// ReadConfig is the body of the configuration with a hash; nil when it was
// never stored, as binaries before schema 4 never did.
func (s *Store) ReadConfig(ctx context.Context, hash string) ([]byte, error) {
	rows, err := Select[struct {
		Body string `ch:"body"`
	}](ctx, s, "SELECT body FROM "+s.Table(schema.Configs)+" WHERE config_hash = ? LIMIT 1", hash)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", hash, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return []byte(rows[0].Body), nil
}

func configColumns(rows []StoredConfig, now time.Time) []insertColumn {
	type row = StoredConfig
	return []insertColumn{
		text(schema.ConfigHash, of(rows, func(r *row) string { return r.Hash })),
		u32(schema.DecoderVersion, of(rows, func(r *row) uint32 { return r.DecoderVersion })),
		text(schema.Build, of(rows, func(r *row) string { return r.Build })),
		text(schema.Body, of(rows, func(r *row) string { return string(r.Body) })),
		millis(schema.WrittenAt, of(rows, func(*row) int64 { return now.UnixMilli() })),
	}
}
