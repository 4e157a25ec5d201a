package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/ingest"
	"statline/ingest/config"
	"statline/ingest/source"
	"statline/ingest/store"
)

// groupState is the state of the consumer group on one partition.
type groupState struct {
	Committed int64 `json:"committed"`
	// LagRecords counts the offsets that can be read and are not stored, including
	// those that are committed and missing. LagHighWatermark also counts what an open
	// transaction holds back.
	LagRecords       int64 `json:"lag_records"`
	LagHighWatermark int64 `json:"lag_high_watermark"`
	// LagSeconds is the age of the oldest record that can be read and is not stored; 0
	// when there is none or it has no timestamp.
	LagSeconds float64 `json:"lag_seconds"`
}

// group is the state of a consumer group, and what it has committed that the store
// does not have.
type group struct {
	partitions map[topicPartition]groupState
	missing    []ingest.Missing
	several    bool // several topics are read
}

// name is the name of a partition, with its topic when there are several.
func (g *group) name(at topicPartition) string {
	if g.several {
		return fmt.Sprintf("%s/%d", at.topic, at.partition)
	}
	return fmt.Sprintf("partition %d", at.partition)
}

type topicPartition struct {
	topic     string
	partition int32
}

// sorted lists the partitions by topic and number.
func (g *group) sorted() []topicPartition {
	return slices.SortedFunc(maps.Keys(g.partitions), func(a, b topicPartition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
}

// of is the state of a topic's partitions.
func (g *group) of(topic string) map[int32]groupState {
	all := map[int32]groupState{}
	for at, state := range g.partitions {
		if at.topic == topic {
			all[at.partition] = state
		}
	}
	return all
}

// readGroup compares the group of a configuration with a store, in every topic.
func readGroup(ctx context.Context, c *config.Config, s *store.Store) (*group, error) {
	names, err := topicNames(ctx, c)
	if err != nil {
		return nil, err
	}
	g := &group{partitions: map[topicPartition]groupState{}, several: c.Kafka.Several()}
	for _, name := range names {
		if err := g.read(ctx, kafkaOf(c, name), s); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// read adds a topic.
func (g *group) read(ctx context.Context, cfg source.Config, s *store.Store) (err error) {
	client, err := source.New(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	cluster, err := client.ClusterID(ctx)
	if err != nil {
		return err
	}
	missing, err := ingest.Compare(ctx, client, s, cluster, cfg.Topic, cfg.Group)
	if err != nil {
		return err
	}
	g.missing = append(g.missing, missing...)
	committed, err := client.GroupOffsets(ctx, cfg.Group)
	if err != nil {
		return err
	}
	starts, err := client.StartOffsets(ctx)
	if err != nil {
		return err
	}
	high, err := client.HighWatermarks(ctx)
	if err != nil {
		return err
	}
	stable, err := client.EndOffsets(ctx)
	if err != nil {
		return err
	}
	for p, end := range stable {
		next := committed[p].Offset
		if next < 0 {
			next = starts[p]
		}
		for _, m := range missing {
			if m.Partition == p && m.First < m.End {
				next = max(m.First, m.LogStart)
			}
		}
		state := groupState{Committed: committed[p].Offset, LagRecords: max(0, end-next)}
		state.LagHighWatermark = state.LagRecords + max(0, high[p]-end)
		if state.LagRecords > 0 {
			at, ok, err := client.TimeAt(ctx, p, next)
			if err != nil {
				return fmt.Errorf("read the oldest record of %s/%d that is not stored: %w", cfg.Topic, p, err)
			}
			if ok {
				state.LagSeconds = max(0, time.Since(time.UnixMilli(at)).Seconds())
			}
		}
		g.partitions[topicPartition{cfg.Topic, p}] = state
	}
	return nil
}

// tails are the records missing at the ends of the ledger. An audit finds what is
// missing before them.
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
