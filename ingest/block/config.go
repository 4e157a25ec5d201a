package block

import (
	"context"
	"log/slog"
	"time"

	"statline/ingest/retry"
)

// From says where to start a partition that neither the group nor the ledger knows.
type From string

// The two starts. Latest is relative to when the topic was first read: a partition
// that is added later, and a topic that is made again, are read from their beginning.
const (
	Earliest From = "earliest"
	Latest   From = "latest"
)

// Start is the partition when the topic was first read, for From Latest.
type Start struct {
	TopicID string
	Epoch   uint32
	End     int64 // of the partition's log; -1 when there was no such partition
}

// ResumeAt says what to do when the group's commit is ahead of the ledger. That
// happens after an older backup was restored: the rows in between are missing.
type ResumeAt string

// Refuse stops the partition. AtLedger reads the missing range again;
// AtGroup leaves it out and says so in a gap row.
const (
	Refuse   ResumeAt = ""
	AtLedger ResumeAt = "ledger"
	AtGroup  ResumeAt = "group"
)

// OnGap says what to do when records are gone from the log before they were stored.
type OnGap string

// Fail stops the partition; Skip writes a gap row and goes on.
const (
	Fail OnGap = "fail"
	Skip OnGap = "skip"
)

// Limits says when a block is cut.
type Limits struct {
	// Flush is the age at which a block that has caught up with the log is
	// written; MaxAge is the age for one that has not.
	Flush, MaxAge time.Duration
	// Records and Memory are never exceeded by much: a block is cut at the
	// record that reaches them. Memory is in bytes.
	Records uint64
	Memory  int
}

// Tokens is how much of the store's deduplication window this process relies on. A
// partly inserted block that is older than Age, or has more than Blocks blocks stored
// after it, is refused instead of finished.
type Tokens struct {
	Age    time.Duration
	Blocks uint64
}

// Config configures the machine of one partition.
type Config struct {
	Cluster, Topic string
	Partition      int32
	// Epoch is the life of the topic; 0 means the newest in the ledger.
	Epoch                                uint32
	Group, Instance, ConfigHash, Version string

	From     From
	Start    Start
	ResumeAt ResumeAt
	OnGap    OnGap
	// Compacted says that records may disappear from the middle of the log.
	Compacted bool
	// Takeover allows this group to go on after another group's recent rows.
	Takeover bool

	Limits Limits
	Tokens Tokens
	// Pipelined folds the next block while this one is being inserted.
	Pipelined bool
	// StopTimeout bounds how long a declared block may still take after a stop.
	// AttemptTimeout bounds one try of one effect.
	StopTimeout, AttemptTimeout time.Duration
	// Retry is the pause between tries of one effect, RetryWaiting the pause after an
	// error that asks for time.
	Retry, RetryWaiting retry.Pause
}

// DefaultConfig is a config that only lacks names.
func DefaultConfig() Config {
	return Config{
		From:  Earliest,
		OnGap: Fail,
		Limits: Limits{
			Flush: time.Second, MaxAge: 5 * time.Second,
			Records: 1 << 20, Memory: 32 << 20,
		},
		Tokens:         Tokens{Age: 6 * 24 * time.Hour, Blocks: 20_000},
		Pipelined:      true,
		StopTimeout:    15 * time.Second,
		AttemptTimeout: time.Minute,
		Retry:          retry.Pause{Initial: 100 * time.Millisecond, Max: 5 * time.Second},
		RetryWaiting:   retry.Pause{Initial: time.Second, Max: 30 * time.Second},
	}
}

// writerQuiet is the least age of another group's newest ledger row.
const writerQuiet = 10 * time.Minute

// Builder folds records into a block's contents. It is used by one goroutine
// at a time and holds nothing of a block after Reset.
type Builder interface {
	// Declared sets when the block is declared, in Unix seconds. It must be called
	// before the first record that is not Stamped: the time of the declaration bounds
	// that record's time.
	Declared(unix int64)
	// Add folds records, in order; it does not keep their values.
	Add(rs []Record)
	// MemoryBytes is what the block under construction takes, with the rows
	// that Contents will make of it. It is cheap.
	MemoryBytes() int
	// Contents is what was added since the last Reset. It may alias the
	// builder's memory: it is valid until Reset.
	Contents() *Contents
	Reset()
}

// Pool lends builders, so that idle partitions hold none. large says that a lot is
// going to be folded. Put resets the builder.
type Pool interface {
	Get(large bool) Builder
	Put(Builder)
}

// Env is what a machine works with. Latest, Rules, Alive, Observe, At, Budget, Whole
// and Log may be nil.
type Env struct {
	Partition Partition
	Store     Store
	Pool      Pool
	// Latest is called once for each new block and returns the pool and config_hash for
	// it; when nil, Pool and Config.ConfigHash are used. So the configuration can
	// change while the machine runs, between two blocks.
	Latest func() (pool Pool, configHash string)
	// Rules returns the pool for a config_hash that a block was declared under. An
	// error that wraps ErrOtherRules says that this binary cannot fold as that
	// configuration did.
	Rules func(ctx context.Context, configHash string) (Pool, error)
	// Alive is called before each INSERT. An error means that the session may have
	// ended, so another member may already own the partition.
	Alive  func() error
	Budget *Budget
	// Whole keeps readers out while a block is half written.
	Whole   *Whole
	Observe func(Event)
	// Hurry is called while a block waits for more records. Once it returns true, a
	// block that has caught up with the log is written at once. Nil means never.
	Hurry func() bool
	// At is called before and after each effect, with the name of the step. Tests crash
	// here.
	At  func(step string)
	Log *slog.Logger
	// LogLimiter is shared by the partitions of a process; nil makes the machine
	// bound its own log lines only.
	LogLimiter *retry.LogLimiter
}

// Event tells what a machine does, for metrics and status.
type Event struct {
	Kind EventKind
	// State is the state entered.
	State string
	// Failure is a try that failed and is made again (Retried).
	Failure retry.Failure
	// Next and LastStable are the read position and the log's end (Fetched), or
	// the committed offset (BlockCommitted). HighWatermark is the log's end, with
	// what is not decided yet (Fetched).
	Next, LastStable, HighWatermark int64
	// RecordUnixMilli is Kafka's timestamp of the first record of a block, whose
	// offset is Next (Opened).
	RecordUnixMilli int64
	// Row is the ledger row that was stored (Resumed: the last one stored before,
	// nil when there is none) and Contents its rows, valid during the call only
	// and nil for a gap; Took is the time since it was declared.
	Row      *LedgerRow
	Contents *Contents
	Took     time.Duration
}

// EventKind says which fields of an Event are set. Events of one machine come
// from two goroutines, the filler's and its own.
type EventKind uint8

// The events. Opened: a block has read its first record. Crowded: a block waits for
// memory. Located comes before the ledger has been read; its Next is the group's
// commit (the log's start when there is none), and it has LastStable. Resumed has the
// offset from which the partition reads (Next), LastStable and Row.
const (
	Entered EventKind = iota
	Located
	Resumed
	Retried
	Fetched
	Opened
	Crowded
	BlockStored
	BlockCommitted
)
