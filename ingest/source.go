package ingest

import (
	"context"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Source is a topic and this process's membership in its consumer group.
type Source interface {
	ClusterID(ctx context.Context) (string, error)
	Partitions(ctx context.Context) ([]int32, error)
	// Offsets has the first retained offset of each partition. EndOffsets is the last
	// stable offset, HighWatermarks the log's end.
	Offsets
	EndOffsets(ctx context.Context) (map[int32]int64, error)
	HighWatermarks(ctx context.Context) (map[int32]int64, error)
	// TimeAt is Kafka's timestamp of the first record at or after an offset; ok is
	// false when there is none or it carries no time.
	TimeAt(ctx context.Context, partition int32, offset int64) (unixMilli int64, ok bool, err error)
	Compacted(ctx context.Context) (bool, error)
	// TopicID is the topic's id, "" where the cluster has none.
	TopicID(ctx context.Context) (string, error)
	SetFetchBytes(n int)
	SessionTimeout() time.Duration
	// RunGroup calls handle once per generation, with a context that ends when
	// the generation does, until ctx ends.
	RunGroup(ctx context.Context, handle func(ctx context.Context, g Generation) error) error
	// JoinError is why the group cannot be joined; nil when it can be or is.
	JoinError() error
	// Turns grows as long as the loop that keeps this member in the group makes
	// progress, whether or not Kafka answers it.
	Turns() int64
}

// Generation is what this member owns until the next rebalance.
type Generation interface {
	Number() int32
	Owned() []int32
	// All is the number of partitions that this member owns, over all topics.
	All() int
	Partition(p int32) block.Partition
	// LastHeartbeat is when the group last confirmed that the generation lives.
	LastHeartbeat() time.Time
}

// Store is where blocks go.
type Store interface {
	block.Store
	Ledgers
	Ping(ctx context.Context) error
	// Writers lists who has stored blocks of a topic since a moment.
	Writers(ctx context.Context, cluster, topic string, since time.Time) ([]store.Writer, error)
	// WriteConfig keeps a configuration under its hash; ReadConfig is its body,
	// nil when it was never kept.
	WriteConfig(ctx context.Context, c store.StoredConfig) error
	ReadConfig(ctx context.Context, hash string) ([]byte, error)
	// FirstStart is how the topic was when it was first read from its end: now, if this
	// is the first time.
	FirstStart(ctx context.Context, cluster, topic string, now schema.Start) (schema.Start, error)
	// WritePipeline writes the state of the pipeline for dashboards.
	WritePipeline(ctx context.Context, rows []store.PipelineRow) error
	Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error)
}

// Rules are what records are folded by: one configuration. It lends a partition
// its builders.
type Rules interface {
	For(partition int32) block.Pool
	// Hash is the config_hash of everything that blocks depend on besides
	// their records, Written all
	// of that for the store, without secrets.
	Hash() string
	Written() ([]byte, error)
	// Under lends a partition the builders of the configuration that Written made body
	// of, and returns that configuration's hash in this binary.
	Under(body []byte, partition int32) (f block.Pool, hash string, err error)
}
