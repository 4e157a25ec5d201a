package store

import (
	"context"
	"fmt"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Ends is how far the ledger goes on each known partition of a topic, in the newest
// epoch that has rows of the partition. It is one consistent read of all of the
// topic's rows.
func (s *Store) Ends(ctx context.Context, cluster, topic string) (map[int32]block.Ends, error) {
	if _, found, err := schema.ReadLayout(ctx, s.Conn(), s.database); err != nil || !found {
		return nil, Classify(err) // without tables nothing is stored
	}
	// With a lagging replica stored blocks would seem to be missing.
	if err := s.syncReplica(ctx, schema.Ledger); err != nil {
		return nil, fmt.Errorf("read the ledger's ends of %s: %w", topic, err)
	}
	table, of := s.Table(schema.Ledger), " WHERE cluster = ? AND topic = ?"
	const stored = "l.state = 'stored' AND l.kind IN ('block', 'gap')"
	rows, err := Select[struct {
		Epoch     uint32 `ch:"epoch"`
		Partition int32  `ch:"partition"`
		Rows      uint64 `ch:"rows"`
		First     int64  `ch:"first"`
		End       int64  `ch:"end"`
		Covered   int64  `ch:"covered"`
		Declared  int64  `ch:"declared"`
	}](ctx, s,
		"SELECT epoch, partition, countIf("+stored+") AS rows, minIf(l.first, "+stored+") AS first, maxIf(l.end, "+stored+") AS end,"+
			" sumIf(l.end - l.first, "+stored+") AS covered, minIf(l.first, l.state = 'declared') AS declared"+
			" FROM "+table+" AS l"+of+" AND kind IN ('block', 'gap') AND (partition, epoch) IN (SELECT partition, max(epoch) FROM "+table+of+" GROUP BY partition) GROUP BY epoch, partition",
		cluster, topic, cluster, topic)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's ends of %s: %w", topic, err)
	}
	ends := make(map[int32]block.Ends, len(rows))
	for _, r := range rows {
		e := block.Ends{Epoch: r.Epoch, Known: true, End: r.End, Uncovered: max(0, r.End-r.First-r.Covered)}
		if r.Rows == 0 {
			e.End, e.Uncovered = r.Declared, 0
		}
		ends[r.Partition] = e
	}
	return ends, nil
}

// Writer is an instance that stores blocks, and the configuration of the newest.
type Writer struct {
	Instance   string    `json:"instance" ch:"instance"`
	ConfigHash string    `json:"config_hash" ch:"config_hash"`
	Version    string    `json:"version" ch:"version"`
	At         time.Time `json:"at" ch:"at"`
}

// Writers lists by name the instances that have stored blocks of a topic since a time.
func (s *Store) Writers(ctx context.Context, cluster, topic string, since time.Time) ([]Writer, error) {
	rows, err := Select[Writer](ctx, s,
		"SELECT instance, argMax(config_hash, written_at) AS config_hash, argMax(version, written_at) AS version, max(written_at) AS at"+
			" FROM "+s.Table(schema.Ledger)+" WHERE cluster = ? AND topic = ? AND kind = 'block' AND state = 'stored' AND written_at >= fromUnixTimestamp64Milli(?)"+
			" GROUP BY instance ORDER BY instance", cluster, topic, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list the instances that write %s: %w", topic, err)
	}
	return rows, nil
}
