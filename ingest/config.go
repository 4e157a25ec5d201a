package ingest

import (
	"fmt"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// Config configures a Pipeline. Start from DefaultConfig.
type Config struct {
	// Block is the protocol's configuration. The pipeline fills in Cluster,
	// Partition, ConfigHash and Limits.
	Block block.Config
	// MemoryBudget bounds, in bytes, what fetches, blocks in flight and their rows
	// take, over all partitions. A backlog of hours does not take more.
	MemoryBudget int
	// FlushInterval is the age at which a block that has caught up is written;
	// 0 chooses it by the number of partitions (see FlushInterval).
	FlushInterval time.Duration
	// UntilCaughtUp ends Run when every partition of the topic, whoever owns it, is
	// committed up to its end as of the start of Run.
	UntilCaughtUp bool
	// AllowCompacted reads topics whose clean-up policy is compact, although a block
	// that is read again may then have other records.
	AllowCompacted bool
	// RetryStopped is the longest pause before a partition that cannot go on tries
	// again; the first pause is a second.
	RetryStopped time.Duration
	// TransactionAge is how long an open transaction may hold records back before the
	// pipeline is not ready.
	TransactionAge time.Duration
	// AuditEvery is the time between two audits of the whole database, made by the
	// instance that owns partition 0; 0 turns them off. TTL is how long rows live: rows
	// that have expired are not missing.
	AuditEvery time.Duration
	TTL        schema.TTL
}

// DefaultConfig is a config that only lacks names.
func DefaultConfig() Config {
	return Config{
		Block:        block.DefaultConfig(),
		MemoryBudget: 256 << 20,
		RetryStopped: 20 * time.Second,
		// What brokers abort themselves: their default transaction.max.timeout.ms.
		TransactionAge: 15 * time.Minute,
		AuditEvery:     15 * time.Minute,
		TTL:            schema.DefaultTTL(),
	}
}

// Validate checks what cannot be checked key by key.
func (c Config) Validate() error {
	switch {
	case c.Block.Topic == "":
		return fmt.Errorf("topic: got an empty name; want a topic such as access")
	case c.Block.Group == "":
		return fmt.Errorf("group: got an empty name; want a consumer group such as statline")
	case c.MemoryBudget < minBudget:
		return fmt.Errorf("memory-budget: got %d bytes; want at least %dMiB", c.MemoryBudget, minBudget>>20)
	case c.TransactionAge <= 0:
		return fmt.Errorf("transaction-age: got %s; want more than 0s", c.TransactionAge)
	case c.Block.From != block.Earliest && c.Block.From != block.Latest:
		return fmt.Errorf("from: got %q; want earliest or latest", c.Block.From)
	case c.Block.OnGap != block.Fail && c.Block.OnGap != block.Skip:
		return fmt.Errorf("on-gap: got %q; want fail or skip", c.Block.OnGap)
	}
	switch c.Block.ResumeAt {
	case block.Refuse, block.AtLedger, block.AtGroup:
		return nil
	}
	return fmt.Errorf("resume-at: got %q; want ledger or group", c.Block.ResumeAt)
}

const minBudget = 16 << 20

// FlushInterval is how long a block of one partition may wait for more records once it
// has caught up. Each block is one INSERT into each table, and too many parts slow a
// store down. Up to 12 partitions records can be queried within 3 seconds; with more,
// each table gets at most 4 INSERTs a second from all partitions together.
func FlushInterval(partitions int) time.Duration {
	n := time.Duration(partitions)
	if partitions > 12 {
		return n * time.Second / 4
	}
	return max(time.Second, n*time.Second/6)
}

// shares are the parts of the memory budget. The rest is for the store's encoding, the
// decoders and the garbage collector.
type shares struct {
	fetch        int // one fetch of one partition
	small, large int // see block.Budget
}

// largeBlocks is how many large blocks may be in flight: one being folded per core
// and one being inserted.
const largeBlocks = 3

// shares divides the budget for a number of owned partitions. Blocks get most of it:
// the larger they are, the fewer rows and INSERTs a backlog needs, and these are most
// of the cost of draining it.
func (c Config) shares(partitions int) shares {
	n := max(1, partitions)
	return shares{
		fetch: min(max(c.MemoryBudget/64/n, 64<<10), 4<<20),
		small: blockBytes(c.MemoryBudget) / 4 / (2 * n),
		large: LargeBlockBytes(c.MemoryBudget),
	}
}

// blockBytes is what blocks may take of a budget, all together.
func blockBytes(budget int) int { return budget * 3 / 5 }

// LargeBlockBytes is the most that a block of a partition that is behind may
// take in memory, its rows included, under a budget in bytes.
func LargeBlockBytes(budget int) int { return blockBytes(budget) * 3 / 4 / largeBlocks }
