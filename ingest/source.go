package ingest

import (
	"context"
	"time"

	"statline/ingest/block"
	"statline/ingest/store"
)

// Source is the topic, and this process's place in its consumer group.
type Source interface {
	ClusterID(ctx context.Context) (string, error)
	Partitions(ctx context.Context) ([]int32, error)
	// StartOffsets and EndOffsets are the retained range of each partition, up
	// to the last stable offset.
	StartOffsets(ctx context.Context) (map[int32]int64, error)
	EndOffsets(ctx context.Context) (map[int32]int64, error)
	GroupOffsets(ctx context.Context, group string) (map[int32]block.Committed, error)
	Compacted(ctx context.Context) (bool, error)
	SetFetchBytes(n int)
	SessionTimeout() time.Duration
	// RunGroup calls handle once per generation, with a context that ends when
	// the generation does, until ctx ends.
	RunGroup(ctx context.Context, handle func(ctx context.Context, g Generation) error) error
	// JoinError is why the group cannot be joined, nil when it can or is.
	JoinError() error
}

// Generation is what this member owns until the next rebalance.
type Generation interface {
	Number() int32
	Owned() []int32
	Partition(p int32) block.Partition
	// LastHeartbeat is when the group last confirmed that the generation lives.
	LastHeartbeat() time.Time
}

// Store is where blocks go.
type Store interface {
	block.Store
	Ping(ctx context.Context) error
	// WriteConfig keeps a configuration under its hash; ReadConfig is its body,
	// nil when it was never kept.
	WriteConfig(ctx context.Context, c store.StoredConfig) error
	ReadConfig(ctx context.Context, hash string) ([]byte, error)
	// WritePipeline tells dashboards how the pipeline does.
	WritePipeline(ctx context.Context, rows []store.PipelineRow) error
	Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error)
}

// Folds lends a partition its folders.
type Folds interface {
	For(partition int32) block.Folders
	// Hash is the config_hash of everything that the folds depend on, Written all
	// of that for the store, without secrets.
	Hash() string
	Written() ([]byte, error)
	// Under lends a partition folders of the configuration that Written made body
	// of, and tells what hash it has to this binary.
	Under(body []byte, partition int32) (f block.Folders, hash string, err error)
}
