package watch

import (
	"context"

	"statline/classify/detect"
)

// Batch is the evidence of some minutes: for each of Minutes, every row that
// the detectors need. Rows are sorted by minute within each slice.
type Batch struct {
	Minutes   []detect.Minute // sorted
	Services  []ServiceRow
	Keys      []KeyRow
	Clients   []ClientRow
	Contracts []ContractRow
}

// ServiceRow is what one service did in one minute.
type ServiceRow struct {
	Minute  detect.Minute
	Service string
	detect.Counts
}

// KeyRow is one minute of a key with a refusal for its own fault (limit, dead,
// invalid), or any minute of a key that was asked for by name.
type KeyRow struct {
	Key, Service string // Service "" when the key used several
	detect.KeyMinute
}

// ClientRow is one minute of a client with an invalid key or a failed login, or
// any minute of a client that was asked for by address.
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

// Need says what a batch is to hold besides the minutes' refusals.
type Need struct {
	Minutes []detect.Minute // sorted
	// Keys and Clients are those under suspicion: all their rows are needed.
	Keys, Clients []string
	// EachKey receives the rows of keys, in place of Batch.Keys: a minute may hold
	// hundreds of thousands. They may have come when Batch fails.
	EachKey func(*KeyRow)
}

// Evidence reads what the detectors look at.
type Evidence interface {
	// Batch reads the minutes of n.
	Batch(ctx context.Context, n Need) (*Batch, error)
	// Keys reads every row of the keys in minutes, as Batch does.
	Keys(ctx context.Context, ids []string, minutes []detect.Minute, each func(*KeyRow)) error
	// Clients reads every row of the clients in [from, to].
	Clients(ctx context.Context, ips []string, from, to detect.Minute) ([]ClientRow, error)
	// PairSeen says when a pair was last seen before a minute; 0 for never
	// within detect.ContractMemory.
	PairSeen(ctx context.Context, p Pair, before detect.Minute) (detect.Minute, error)
	// Past reads what an evaluator needs to go on after minute at.
	Past(ctx context.Context, at detect.Minute) (*Past, error)
}

// Past is the evidence before a minute that a restored evaluator needs.
type Past struct {
	Minutes   []ServiceRow // the last three days
	Blocks    []BlockRow   // three weeks
	Keys      []KeyRow     // dead keys: a week; others: KeyMemory
	Clients   []ClientRow  // a day
	Contracts []ContractRow
}

// BlockRow is five minutes of a service; Minute is their first.
type BlockRow struct {
	Minute              detect.Minute
	Service             string
	N, Timeout, Offline uint32
}

// keyMemory is how many minutes of rows are kept of a key that is not dead.
const keyMemory = 90
