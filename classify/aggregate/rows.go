// Package aggregate folds classified responses into rows keyed by event
// minute. Its one guarantee: the rows of a set of responses do not depend on
// the order of the responses, and merging the rows of any split of the set
// gives the rows of the whole, as long as no cardinality budget is exceeded.
// It is pure: no clock, no randomness, no goroutine.
package aggregate

import (
	"statline/classify"
	"statline/classify/distinct"
)

// Rows is everything that a block writes besides its rejects and its ledger
// row. Each slice is sorted by its key columns, so the same responses give the same
// bytes: Keys, KeysHour and Clients by the day, then as their tables are (the outcome,
// the key or the address, …, the minute), the others in the order of the struct's fields.
type Rows struct {
	Responses     []ResponseRow
	ResponsesHour []ResponseRow // the same, Minute truncated to the hour
	Services      []ServiceRow
	ServicesHour  []ServiceHourRow
	Keys          List[KeyRow]
	KeysHour      List[KeyRow]
	Clients       List[ClientRow]
	Agents        []AgentRow
	AgentsHour    []AgentRow // the same, Minute truncated to the hour
	Samples       []SampleRow
	KeyNames      []KeyNameRow
	Other         Others
	// Days is the number of responses per event day (Unix day number), sorted.
	Days []DayCount
	// MinUnixMilli and MaxUnixMilli bound the event times; 0, 0 when empty.
	MinUnixMilli, MaxUnixMilli int64
	// Responded is the number of responses folded.
	Responded uint64
}

// DayCount is a number of responses on one event day. The audit compares it
// with what each table holds of the day.
type DayCount struct {
	Day       int32 // days since 1970-01-01 UTC
	Responses uint64
	Keyed     uint64 // of which counted in Keys, and so in KeysHour
	Addressed uint64 // of which counted in Clients
	Agented   uint64 // of which counted in Agents, and so in AgentsHour: their lines told a user agent
}

// ResponseRow is one row of the tables responses and responses_hour.
type ResponseRow struct {
	Minute     uint32 // Unix seconds, a multiple of 60 (of 3600 in the hour table)
	Service    string
	Route      string
	Method     string
	ErrorType  string // the API's own name of an error; "" for what is no failure
	HTTPStatus uint16 // 0 when absent
	Code       uint16
	Outcome    classify.Outcome
	DecidedBy  classify.DecidedBy
	Blame      classify.Blame
	Requests   uint64
	Bytes      uint64
	Drift      uint64 // responses whose HTTP status contradicts the catalogue
	// Latency is a log-linear histogram of microseconds (Bucket, BucketMicros):
	// parallel slices, buckets ascending, counts over zero.
	LatencyBuckets []uint16
	LatencyCounts  []uint64
	// LatencyMicros is the exact sum, for means; Upstream likewise, with its own
	// number of measured requests and its own histogram.
	LatencyMicros    uint64
	UpstreamRequests uint64
	UpstreamMicros   uint64
	UpstreamBuckets  []uint16
	UpstreamCounts   []uint64
	Retries          uint64 // requests that declared not to be the first try
	Truncated        bool   // a budget was exceeded in this block
}

// ServiceRow is one row of the table services.
type ServiceRow struct {
	Minute   uint32
	Service  string
	Outcome  classify.Outcome
	Version  string // of the service; "" for responses that tell none
	Requests uint64
}

// ServiceHourRow is one row of the table services_hour: the rows of
// responses_hour summed over all but service and outcome.
type ServiceHourRow struct {
	Minute         uint32 // a multiple of 3600
	Service        string
	Outcome        classify.Outcome
	Requests       uint64
	LatencyBuckets []uint16 // as in ResponseRow
	LatencyCounts  []uint64

	UpstreamBuckets []uint16
	UpstreamCounts  []uint64
}

// KeyRow is one row of the tables keys and keys_hour: responses to requests
// that carried a key. There are more of it than of all other rows together, and most
// are successes: a Table makes them when they are read (see List).
type KeyRow struct {
	Minute      uint32
	Code        uint16
	Outcome     classify.Outcome
	Truncated   bool
	Key         classify.KeyID
	Service     string
	Requests    uint64
	Bytes       uint64
	*KeyFailure // never nil in the rows of a Table; all zero for what is no failure
	*KeyTold    // never nil in the rows of a Table; all zero for most
}

// KeyTold is what a KeyRow has where log lines tell it.
type KeyTold struct {
	// Quota joins what the responses told the key of its rate limit.
	Quota   classify.Quota
	Retries uint64 // requests that declared not to be the first try
}

func (t *KeyTold) join(o *KeyTold) {
	t.Quota.Join(o.Quota)
	t.Retries += o.Retries
}

// KeyFailure is what a KeyRow has for failures only.
type KeyFailure struct {
	ErrorType string // one of the row's dimensions
	CountMax  uint32 // highest request count read from code 25's message
	LimitMax  uint32
	// Slots has bit i set when a refused (rate_limited) response fell into
	// the i-th slot of SlotSeconds of the minute. 0 in the hour table.
	Slots       uint64
	SlotSeconds uint8  // 0 when no slot is set
	FirstSeen   uint32 // Unix seconds
	LastSeen    uint32
	// ClientIPs and UserAgents are bounded sorted sets.
	ClientIPs  [][16]byte
	UserAgents []string
}

// ClientRow is one row of the table clients.
type ClientRow struct {
	Minute         uint32
	Code           uint16
	Outcome        classify.Outcome
	Truncated      bool
	ClientIP       [16]byte
	Requests       uint64
	*ClientFailure // never nil in the rows of a Table; all zero for what is no failure
}

// ClientFailure is what a ClientRow has for failures only.
type ClientFailure struct {
	Slots uint64
	Keys  []classify.KeyID // bounded sorted set
	// Paths has seen the paths, without their queries, that were answered 404.
	Paths distinct.Bitmap
}

// AgentRow is one row of the tables agents and agents_hour: responses to requests
// whose line told a user agent.
type AgentRow struct {
	Minute    uint32
	Service   string
	Class     string // agent.Class
	Agent     string // a name of package agent; "" for what it does not know
	Outcome   classify.Outcome
	Requests  uint64
	Truncated bool // a budget was exceeded in this block
	// Keys has seen the keys that the requests carried.
	Keys distinct.Bitmap
}

// SampleRow is one scrubbed example of a (minute, service, outcome).
type SampleRow struct {
	Minute         uint32
	Service        string
	Outcome        classify.Outcome
	Slot           uint8 // 0..2: the table keeps one row a slot
	UnixMilli      int64
	Route          string
	Method         string
	Path           string
	HTTPStatus     uint16
	Code           uint16
	Message        string
	Key            classify.KeyID
	ClientIP       [16]byte
	LatencyMicros  int64
	UpstreamStatus int16
	RequestID      string
	UserAgent      string
	Partition      int32
	Offset         int64
}

// KeyNameRow names a key by what the gateway calls it.
type KeyNameRow struct {
	Key  classify.KeyID
	Name string
}

// Len is the number of rows, of all tables.
func (r *Rows) Len() int {
	n := len(r.Samples) + len(r.KeyNames)
	for _, rollup := range Rollups() {
		n += rollup.Of(r).Len
	}
	return n
}
