package block

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"statline/classify/aggregate"
)

// FileCluster is the Cluster of blocks of log files. Their topic is the file,
// their offsets are bytes of its text, and they may be stored in any order.
const FileCluster = "file"

// ID is the identity of a block: the offset range [First, End) of one
// partition in one life (epoch) of a topic.
type ID struct {
	Cluster   string
	Topic     string
	Epoch     uint32
	Partition int32
	First     int64
	End       int64
}

// String is the identity as it appears in tokens, errors and logs:
// cluster/topic/epoch/partition/first-end.
func (id ID) String() string {
	return fmt.Sprintf("%s/%s/%d/%d/%d-%d", id.Cluster, id.Topic, id.Epoch, id.Partition, id.First, id.End)
}

// Token is the insert deduplication token of one chunk of one table: a
// function of the block's identity only, so a repeated insert is dropped by
// ClickHouse.
func (id ID) Token(table string, chunk int) string {
	return id.String() + "/" + table + "/" + strconv.Itoa(chunk)
}

// Record is one Kafka record. Value aliases the fetch buffer: it is valid
// until the next Fetch on the same partition.
type Record struct {
	Offset    int64
	UnixMilli int64 // Kafka's record timestamp, see Stamped
	Value     []byte
	// TooLarge says that the record is larger than its reader's limit; then it has
	// no Value. nil for all others.
	TooLarge *TooLarge
	// Columns is the line of a file that names what is in this one, "" for none
	// and for Kafka's records, which stand alone.
	Columns string
}

// Stamped reports whether a record's timestamp can be real: Kafka keeps what a
// producer wrote, and some write 0, -1 ("none"), seconds or nanoseconds. It depends on
// the timestamp alone, so that a record is judged the same wherever it is read.
func Stamped(unixMilli int64) bool { return unixMilli >= firstStamp && unixMilli < endStamp }

// A real timestamp lies between 1990 and 2099. One in seconds, or from a clock that
// counts from its start, is smaller; one in microseconds is larger.
const (
	firstStamp = 631_152_000_000
	endStamp   = 4_102_444_800_000
)

// DefaultRecordLimit is the largest record that is read, in bytes, unless another
// limit is set.
const DefaultRecordLimit = 64 << 20

// TooLarge tells the size of a record that its reader does not return.
type TooLarge struct {
	Bytes int64 // of its value
	Batch bool  // Bytes are those of the whole batch around it, which cannot be read in parts
}

// Fetch is what one fetch returned: records in offset order, none below the
// offset asked for, control and aborted records left out.
type Fetch struct {
	Records []Record
	// Next is the offset to fetch from next: past everything seen, holes and
	// control records included. Next > asked offset whenever progress was made.
	Next int64
	// TopicID is the id of the topic whose log it is, when the broker was asked for
	// that and no other; empty when it was asked by the topic's name.
	TopicID string
	// LastStable is the end of the decided log; a fetch has caught up when Next >= LastStable.
	LastStable int64
	// HighWatermark is the log's end, including undecided transactions. When it is
	// above LastStable, an open transaction and all records after it lie in between.
	HighWatermark int64
	// Holes counts the offsets below Next that carried no deliverable record
	// (compaction, aborted or control records).
	Holes int64
	// WireBytes is the size of the record set on the wire.
	WireBytes int
}

// Committed is a partition's committed offset with its metadata. Offset is -1
// when the group has never committed.
type Committed struct {
	Offset   int64
	Metadata string
}

// Partition is one partition owned by this process in one group generation.
// Every Commit is fenced by the generation and the member id: when the
// partition has moved to another member it returns an error that wraps
// ErrFenced. Fetch returns ErrOutOfRange when the offset is not retained.
// Fetch may run at the same time as the other methods; no method runs twice at
// the same time.
type Partition interface {
	// Bounds returns the retained range: the first offset kept and the last
	// stable offset (what is below it is readable).
	Bounds(ctx context.Context) (logStart, lastStable int64, err error)
	Committed(ctx context.Context) (Committed, error)
	Commit(ctx context.Context, c Committed) error
	// Fetch reads from offset, waiting at most maxWait for data. The returned
	// records are valid until the next call.
	Fetch(ctx context.Context, offset int64, maxWait time.Duration) (Fetch, error)
	// TopicID asks for the id of the topic as it is now; a topic that was deleted
	// and made again has another. Empty when the cluster has none.
	TopicID(ctx context.Context) (string, error)
	// StampOf is Kafka's timestamp of the record at offset; ok is false when the
	// log keeps no record there.
	StampOf(ctx context.Context, offset int64) (unixMilli int64, ok bool, err error)
}

// Contents is everything that a block stores. It is a function of its records, of when
// it was declared and of config_hash alone.
type Contents struct {
	Rows                aggregate.Rows
	Rejects             []RejectRow
	Records             uint64 // deliverable records in the range
	Responses           uint64
	Rejected            uint64
	Holes               uint64
	LastRecordUnixMilli int64 // timestamp of the last record, 0 when none
	DeclaredUnix        int64 // when the block was declared, in Unix seconds; 0: not known
}

// RejectRow is one line that could not become a response.
type RejectRow struct {
	Partition       int32
	Offset          int64
	Index           uint32 // position inside the record (arrays, several lines)
	RecordUnixMilli int64
	Reason          string
	Detail          string
	Format          string
	DecoderVersion  uint32
	Raw             string // scrubbed, at most 64 KiB
}

// State is how far a ledger row's block has come.
type State string

// The two states of a block in the ledger.
const (
	Declared State = "declared"
	Stored   State = "stored"
)

// Kind says where a ledger row's rows come from.
type Kind string

// The kinds of ledger row.
const (
	KindBlock   Kind = "block"
	KindReplay  Kind = "replay"
	KindDiscard Kind = "discard"
	KindGap     Kind = "gap"
	KindForget  Kind = "forget" // no block: somebody was taken out of the tables
)

// LedgerRow is one row of the table ledger: append-only, the truth for audit
// and resume.
type LedgerRow struct {
	ID
	// TopicID is the id of the topic whose log it is; empty where the cluster has
	// none, and in rows of earlier versions.
	TopicID             string
	Kind                Kind
	State               State
	Group               string
	Instance            string
	ConfigHash          string
	Version             string
	Records             uint64
	Responses           uint64
	Rejected            uint64
	Holes               uint64
	Days                []aggregate.DayCount
	MinEventUnixMilli   int64
	MaxEventUnixMilli   int64
	LastRecordUnixMilli int64
	Mixed               bool   // finished under other rules than it was declared under
	Inserts             uint32 // the most INSERTs that one of its tables takes; 0: not known
	// DeclaredUnix is when the block was declared, in Unix seconds: the same in both
	// its rows and in its declaration. Rows from before schema 9 do not have it; see
	// DeclaredAt.
	DeclaredUnix int64
	// Note is the reason, for gaps, replays and discards. For a declared block of a
	// file it is the file's text, for a stored one NoteUnproven or nothing.
	Note      string
	WrittenAt time.Time
}

// DeclaredAt is when the block was declared, in Unix seconds. For a row of an older
// version, which does not tell, it is when the block was stored.
func (r *LedgerRow) DeclaredAt() int64 {
	if r.DeclaredUnix == 0 {
		return r.WrittenAt.Unix()
	}
	return r.DeclaredUnix
}

// Store writes blocks and keeps the ledger. Every write is idempotent: its
// token is a function of the block's identity.
type Store interface {
	// WriteRows inserts the rows of every table but the ledger, in a fixed
	// order, each chunk with its token. fence is called before every INSERT;
	// its error ends the write. nil means that every row is durable.
	WriteRows(ctx context.Context, id ID, c *Contents, fence func() error) error
	// WriteLedger appends one ledger row (token: id + "/ledger/" + kind + state;
	// of a file's block and when it was written).
	WriteLedger(ctx context.Context, row LedgerRow, fence func() error) error
	// Inserts is the most INSERTs that WriteRows makes into one table.
	Inserts(id ID, c *Contents) int
	// Ledger returns what the ledger knows of a partition.
	Ledger(ctx context.Context, cluster, topic string, partition int32) (Ledger, error)
}

// Ledger is the ledger's view of one partition.
type Ledger struct {
	// Epoch is the newest epoch of the topic, over all its partitions, and TopicID
	// the id that the newest of its rows name; "" when they name none.
	Epoch   uint32
	TopicID string
	// Own and OwnTopicID are the same of the partition's own rows.
	Own        uint32
	OwnTopicID string
	// Last is the stored row of kind block or gap with the highest End in Own;
	// nil when there is none.
	Last *LedgerRow
	// Pending is the newest declared row that has no stored one; nil when none.
	Pending *LedgerRow
	// BlocksSince counts the blocks stored (over all partitions) after
	// Pending was declared.
	BlocksSince uint64
}

// Declaration is the metadata of an offset commit that declares a block.
type Declaration struct {
	Epoch       uint32
	First, End  int64
	ConfigHash  string
	TopicID     string // of the log; empty where there is none
	UnixSeconds int64
}

// Metadata is the wire form: v1:epoch:first-end:config_hash@topic:unix_time. Without a
// topic id, @topic is left out. Earlier versions take config_hash@topic for an unknown
// hash: they finish the range under the hash in the ledger, or under their own rules
// when the ledger has nothing yet. They must recognise a gap by its hash, so a gap's
// metadata has no topic; the ledger row that names the topic is always written first.
func (d Declaration) Metadata() string {
	hash := d.ConfigHash
	if d.TopicID != "" && hash != gapHash {
		hash += "@" + d.TopicID
	}
	return fmt.Sprintf("v1:%d:%d-%d:%s:%d", d.Epoch, d.First, d.End, hash, d.UnixSeconds)
}

// ParseDeclaration reads Metadata's form. ok is false for anything else, an
// empty string included: then nothing is declared.
func ParseDeclaration(metadata string) (d Declaration, ok bool) {
	f := strings.Split(metadata, ":")
	if len(f) != 5 || f[0] != "v1" {
		return Declaration{}, false
	}
	first, end, ok := strings.Cut(f[2], "-")
	if !ok {
		return Declaration{}, false
	}
	epoch, err1 := strconv.ParseUint(f[1], 10, 32)
	a, err2 := strconv.ParseInt(first, 10, 64)
	b, err3 := strconv.ParseInt(end, 10, 64)
	at, err4 := strconv.ParseInt(f[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || a < 0 || b <= a {
		return Declaration{}, false
	}
	hash, topic, _ := strings.Cut(f[3], "@")
	return Declaration{Epoch: uint32(epoch), First: a, End: b, ConfigHash: hash, TopicID: topic, UnixSeconds: at}, true
}
