package block

import (
	"context"
	"log/slog"
	"time"

	"statline/ingest/retry"
)

// From is where a partition starts that neither the group nor the ledger
// knows.
type From string

// The two starts. Latest speaks of what there was when the topic was first read:
// a partition that is added later, and a topic made again, are read from their
// beginning.
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

// ResumeAt decides when the group's commit is ahead of the ledger, which
// happens after a backup was restored: rows are missing in between.
type ResumeAt string

// Refuse stops the partition. AtLedger reads the missing range again;
// AtGroup leaves it out and says so in a gap row.
const (
	Refuse   ResumeAt = ""
	AtLedger ResumeAt = "ledger"
	AtGroup  ResumeAt = "group"
)

// OnGap decides what happens when records are gone that were never stored.
type OnGap string

// Fail stops the partition; Skip writes a gap row and goes on.
const (
	Fail OnGap = "fail"
	Skip OnGap = "skip"
)

// Limits is when a block is cut.
type Limits struct {
	// Flush is the age at which a block that has caught up with the log is
	// written; MaxAge is the age for one that has not.
	Flush, MaxAge time.Duration
	// Records and Memory are never exceeded by much: a block is cut at the
	// record that reaches them. Memory is in bytes.
	Records uint64
	Memory  int
}

// Tokens is the store's deduplication window as this process trusts it: a
// partly inserted block older than Age, or with more than Blocks blocks
// stored since, is not finished but refused.
type Tokens struct {
	Age    time.Duration
	Blocks uint64
}

// Config is what one partition's machine is told.
type Config struct {
	Cluster, Topic string
	Partition      int32
	// Epoch is the life of the topic; 0 means the newest that the ledger knows.
	Epoch                                uint32
	Group, Instance, ConfigHash, Version string

	From     From
	Start    Start
	ResumeAt ResumeAt
	OnGap    OnGap
	// Compacted says that records may vanish from the middle of the log.
	Compacted bool
	// Takeover allows to follow another group's recent rows.
	Takeover bool

	Limits Limits
	Tokens Tokens
	// Pipelined folds the next block while this one is being inserted.
	Pipelined bool
	// StopTimeout bounds how long a declared block may still take after a stop
	// was asked for. AttemptTimeout bounds one try of one effect.
	StopTimeout, AttemptTimeout time.Duration
	// Retry is between tries of one effect, RetryWaiting after an error that asks
	// for time.
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

// writerQuiet is how long another group's newest ledger row must be past.
const writerQuiet = 10 * time.Minute

// Builder folds records into a block's contents. It is used by one goroutine
// at a time and holds nothing of a block after Reset.
type Builder interface {
	// Declared tells when the block is declared, in Unix seconds. A builder has to know
	// before it is given a record that is not Stamped: the time of the declaration
	// bounds that record's.
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

// Pool lends builders, so that idle partitions hold none. large says that
// much is going to be folded. Put resets.
type Pool interface {
	Get(large bool) Builder
	Put(Builder)
}

// Env is what a machine works with. Latest, Rules, Alive, Observe, At, Budget,
// Whole and Log may be nil.
type Env struct {
	Partition Partition
	Store     Store
	Pool      Pool
	// Latest is asked once for each new block: the pool and config_hash that
	// hold for it, Pool and Config.ConfigHash without it. So a configuration
	// can change while the machine runs, at the boundary of a block.
	Latest func() (pool Pool, configHash string)
	// Rules lends the pool of the configuration with a config_hash, for a block
	// that was declared under it. An error that wraps ErrOtherRules says that this
	// binary has none that fold as those did.
	Rules func(ctx context.Context, configHash string) (Pool, error)
	// Alive is asked before each INSERT: an error means that the session may
	// have ended, so the partition may belong to another member already.
	Alive  func() error
	Budget *Budget
	// Whole holds readers off while a block is half written.
	Whole   *Whole
	Observe func(Event)
	// Hurry is asked while a block waits for more records: once it says yes, what
	// has caught up with the log is written at once. Nil never does.
	Hurry func() bool
	// At is told every named step, before or after an effect. Tests crash here.
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

// The events. Opened is the first record of a block that is being read, Crowded
// that a block waits for a place in the memory budget. Located carries, before the ledger has been read, what the group
// has committed as Next (the log's start when nothing) and LastStable; Resumed
// carries Next, the offset from which the partition reads, LastStable and Row.
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
