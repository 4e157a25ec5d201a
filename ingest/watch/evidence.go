package watch

import (
	"context"

	"statline/classify/detect"
)

// Rows are the evidence of some minutes: for each of Minutes, every row that
// the detectors need, but those of keys and clients. Rows are sorted by minute
// within each slice.
type Rows struct {
	Minutes   []detect.Minute // sorted
	Services  []ServiceRow
	Versions  []VersionRow // sorted by service, too
	Contracts []ContractRow
	Sources   []SourceRow
	Paces     []PaceRow
	Misses    []MissRow
	Near      []NearRow

	errors []ErrorRow // see Evidence.Errors
}

// SourceRow is one minute of a source, by Kafka's time of its records.
type SourceRow struct {
	Source string // topic/partition
	detect.SourceMinute
}

// ServiceRow is what one service did in one minute.
type ServiceRow struct {
	Minute  detect.Minute
	Service string
	detect.Counts
}

// KeyRow is one minute of a key.
type KeyRow struct {
	Key, Service string // Service "" when the key used several
	detect.KeyMinute
}

// ClientRow is one minute of a client.
type ClientRow struct {
	IP string
	detect.ClientMinute
}

// ContractRow is one minute of a pair that breaks the contract.
type ContractRow struct {
	Pair Pair
	detect.ContractMinute
}

// Pair is a code and the HTTP status that it came with, in a service.
type Pair struct {
	Service    string
	Code       uint16
	HTTPStatus uint16
	Reason     detect.ContractReason
	Catalogue  int16
}

// Need says which rows of keys or clients are needed: those of Names in Minutes, and
// those of Fresh from First to the last of Minutes. Each query reads most of a table's
// rows of its minutes, so that both are asked for at once.
type Need struct {
	Names   []string
	Minutes []detect.Minute // sorted
	Fresh   []string        // none of Names
	First   detect.Minute
}

// KeyNeed says which rows of keys are needed.
type KeyNeed struct {
	Need
	// Refusals leaves out the minutes without a refusal for the key's own fault
	// (limit, dead, invalid), but for keys in Whole, which are some of Names.
	Refusals bool
	Whole    []string
}

// Evidence reads what the detectors look at.
type Evidence interface {
	// Rows reads minutes, which are sorted.
	Rows(ctx context.Context, minutes []detect.Minute) (*Rows, error)
	// Errors reads the errors of minutes that are new to their services. seen are the
	// deploys that versions tell, by when they were known.
	Errors(ctx context.Context, minutes []detect.Minute, seen []detect.Deploy) ([]ErrorRow, error)
	// Candidates reads, sorted, the keys that were refused in one of minutes and
	// are at least suspicious by what is stored since from: a flood may refuse
	// millions of keys a few times each, and none of those is read.
	Candidates(ctx context.Context, minutes []detect.Minute, from detect.Minute, c detect.Candidate) ([]string, error)
	// Keys reads rows of keys. Rows may have come when it fails.
	Keys(ctx context.Context, n KeyNeed, each func(*KeyRow)) error
	// ClientCandidates reads, sorted, the clients that sent an invalid key, failed to
	// log in or asked for a path that does not exist in one of minutes, and are at
	// least suspicious by what is stored since from.
	ClientCandidates(ctx context.Context, minutes []detect.Minute, from detect.Minute,
		c detect.ClientCandidate) ([]string, error)
	// Clients reads rows of clients. Rows may have come when it fails.
	Clients(ctx context.Context, n Need, each func(*ClientRow)) error
	// FloodCandidates reads, sorted, the client addresses or keys that were answered at
	// least so many times in one of minutes.
	FloodCandidates(ctx context.Context, of detect.EntityType, minutes []detect.Minute, least uint64) ([]string, error)
	// Floods reads how often client addresses or keys were answered in minutes, and
	// what is usual then. Rows may have come when it fails.
	Floods(ctx context.Context, of detect.EntityType, names []string, minutes []detect.Minute,
		each func(*FloodRow)) error
	// PairSeen says when a pair was last seen before a minute; 0 for never
	// within detect.ContractMemory.
	PairSeen(ctx context.Context, p Pair, before detect.Minute) (detect.Minute, error)
	// Past reads what an evaluator needs to go on after minute at, when the
	// given keys and clients have an incident open.
	Past(ctx context.Context, at detect.Minute, keys, clients []string) (*Past, error)
}

// Past is the evidence before a minute that a restored evaluator needs.
type Past struct {
	Minutes   []ServiceRow // detect.MinuteHistory
	Blocks    []BlockRow   // three weeks
	Keys      []KeyRow     // dead keys: a week; those with something open: the refusals of keyMemory
	Clients   []ClientRow  // those with something open: a day
	Contracts []ContractRow
	Sources   []SourceRow     // an hour
	Paces     []PaceRow       // detect.PaceLookback
	Misses    []MissRow       // detect.MissLookback
	Versions  []VersionRow    // detect.DeployLookback
	Deploys   []detect.Deploy // that Tables.Seen stored, by when they were known, also later ones
	Near      []NearRow       // detect.NearLookback
	// Late is how many minutes late the rows of services come that lie in late
	// sources alone.
	Late map[string]int
}

// BlockRow is five minutes of a service; Minute is their first.
type BlockRow struct {
	Minute  detect.Minute
	Service string
	detect.Counts
}

// keyMemory is how many minutes of rows are kept of a key that is not dead.
const keyMemory = detect.CandidateLookback + 2*detect.SettleMinutes
