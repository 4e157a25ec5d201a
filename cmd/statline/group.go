package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"statline/ingest"
	"statline/ingest/source"
	"statline/ingest/store"
)

// groupState is where the consumer group stands on one partition.
type groupState struct {
	Committed int64 `json:"committed"`
	// LagRecords counts the offsets that can be read and are not stored, those
	// included that are committed and missing; LagHighWatermark those too that an
	// open transaction holds back.
	LagRecords       int64 `json:"lag_records"`
	LagHighWatermark int64 `json:"lag_high_watermark"`
	// LagSeconds is the age of the oldest record that can be read and is not
	// stored, 0 when there is none or it carries no time.
	LagSeconds float64 `json:"lag_seconds"`
}

// group is where a consumer group stands, and what it has committed that the
// store does not have.
type group struct {
	partitions map[int32]groupState
	missing    []ingest.Missing
}

// readGroup compares the group of a configuration with a store.
func readGroup(ctx context.Context, cfg source.Config, s *store.Store) (g *group, err error) {
	client, err := source.New(cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	cluster, err := client.ClusterID(ctx)
	if err != nil {
		return nil, err
	}
	g = &group{partitions: map[int32]groupState{}}
	if g.missing, err = ingest.Compare(ctx, client, s, cluster, cfg.Topic, cfg.Group); err != nil {
		return nil, err
	}
	committed, err := client.GroupOffsets(ctx, cfg.Group)
	if err != nil {
		return nil, err
	}
	starts, err := client.StartOffsets(ctx)
	if err != nil {
		return nil, err
	}
	high, err := client.HighWatermarks(ctx)
	if err != nil {
		return nil, err
	}
	stable, err := client.EndOffsets(ctx)
	if err != nil {
		return nil, err
	}
	for p, end := range stable {
		next := committed[p].Offset
		if next < 0 {
			next = starts[p]
		}
		for _, m := range g.missing {
			if m.Partition == p && m.First < m.End {
				next = max(m.First, m.LogStart)
			}
		}
		state := groupState{Committed: committed[p].Offset, LagRecords: max(0, end-next)}
		state.LagHighWatermark = state.LagRecords + max(0, high[p]-end)
		if state.LagRecords > 0 {
			at, ok, err := client.TimeAt(ctx, p, next)
			if err != nil {
				return nil, fmt.Errorf("read the oldest record of %s/%d that is not stored: %w", cfg.Topic, p, err)
			}
			if ok {
				state.LagSeconds = max(0, time.Since(time.UnixMilli(at)).Seconds())
			}
		}
		g.partitions[p] = state
	}
	return g, nil
}

// tails are the records that are missing at the ends of the ledger; what is
// missing before them an audit finds by itself.
func (g *group) tails() []ingest.Missing {
	var all []ingest.Missing
	if g != nil {
		for _, m := range g.missing {
			if m.First < m.End {
				m.Uncovered = 0
				all = append(all, m)
			}
		}
	}
	return all
}
