package ingest

import (
	"math"
	"sort"
	"sync"
	"time"

	"statline/ingest/block"
)

// Status is how the pipeline does at one moment.
type Status struct {
	// Ready: connected, every owned partition moves or has nothing to do.
	Ready bool `json:"ready"`
	// Waiting is what keeps the pipeline from starting, "" once it runs.
	Waiting    string `json:"waiting,omitempty"`
	Generation int32  `json:"generation"`
	// TopicPartitions is how many there are, whoever owns them.
	TopicPartitions int               `json:"topic_partitions"`
	Partitions      []PartitionStatus `json:"partitions"`
	// Detectors is why the detectors cannot go on until a person acts, "" when
	// they can.
	Detectors string `json:"detectors,omitempty"`
	// Audit is the last audit's result, nil when this instance made none.
	Audit *AuditStatus `json:"audit,omitempty"`
}

// AuditStatus is the outcome of an audit (see store.Audit).
type AuditStatus struct {
	At          time.Time `json:"at"`
	Differences int       `json:"differences"`
}

// PartitionStatus is one owned partition. Counts are since the start of the
// process.
type PartitionStatus struct {
	Partition int32  `json:"partition"`
	State     string `json:"state"`
	// Next is the committed offset, -1 until the group was asked; End is the
	// log's last stable one.
	Next       int64 `json:"next"`
	End        int64 `json:"end"`
	LagRecords int64 `json:"lag_records"`
	// LagSeconds is the age of the newest stored record while there are newer
	// ones, 0 when there are none.
	LagSeconds float64 `json:"lag_seconds"`
	// FreshnessSeconds is how old the newest record of the last block was, by
	// Kafka's timestamp, when it became queryable; at least LagSeconds.
	FreshnessSeconds float64 `json:"freshness_seconds"`
	RecordsPerSecond float64 `json:"records_per_second"`
	Blocks           uint64  `json:"blocks"`
	Records          uint64  `json:"records"`
	Responses        uint64  `json:"responses"`
	Rejected         uint64  `json:"rejected"`
	// LastRecord is Kafka's timestamp of the newest stored record, LastEvent the
	// newest event time stored; after a start those of the last block before it.
	LastRecord time.Time `json:"last_record"`
	LastEvent  time.Time `json:"last_event"`
	// Stalled: for a minute there was something to do and nothing was stored, or
	// it was not found out where to go on; or the partition cannot go on.
	// LastError is why, as far as known.
	Stalled   bool   `json:"stalled"`
	LastError string `json:"last_error,omitempty"`
}

// stalledAfter is how long nothing may be stored while there is lag, and how
// long a partition may take to find out where to go on.
const stalledAfter = time.Minute

// joining is what the pipeline waits for between two generations.
const joining = "joining the consumer group"

// rateWindow is the time over which RecordsPerSecond forgets.
const rateWindow = 10 * time.Second

// board collects events into statuses.
type board struct {
	mu         sync.Mutex
	waiting    string
	generation int32
	members    int
	partitions map[int32]*entry
	audit      *AuditStatus
}

type entry struct {
	PartitionStatus
	freshness float64
	moved     time.Time // when something was stored, or there was nothing to do
	rate      float64
	rated     time.Time
	owned     bool
	resumed   bool
	failed    bool
}

func newBoard() *board {
	return &board{waiting: "not started", partitions: map[int32]*entry{}}
}

func (b *board) wait(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = what
}

// own sets the partitions that this process has now; g is nil between two
// generations. The others are remembered and not shown.
func (b *board) own(g Generation, members int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.members = "", members
	for _, e := range b.partitions {
		e.owned = false
	}
	if g == nil {
		b.waiting = joining
		return
	}
	b.generation = g.Number()
	for _, p := range g.Owned() {
		e := b.partitions[p]
		if e == nil {
			e = &entry{PartitionStatus: PartitionStatus{Partition: p}}
			b.partitions[p] = e
		}
		e.State, e.owned, e.failed, e.LastError, e.moved = "owned", true, false, "", time.Now()
		e.Next, e.resumed = -1, false
	}
}

func (b *board) event(p int32, e block.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.partitions[p]
	if s == nil {
		return
	}
	now := time.Now()
	switch e.Kind {
	case block.Entered:
		s.State, s.failed = e.State, false
	case block.Located:
		s.Next, s.End = e.Next, e.LastStable
	case block.Resumed:
		s.Next, s.End, s.resumed = e.Next, e.LastStable, true
		if e.Row != nil {
			s.newest(e.Row)
		}
	case block.Retried:
		s.LastError = e.Failure.Err.Error()
	case block.Fetched:
		s.End = max(s.End, e.LastStable)
		if s.Next >= s.End {
			s.moved = now
		}
	case block.BlockStored:
		s.stored(e, now)
	case block.BlockCommitted:
		s.Next, s.moved, s.LastError = e.Next, now, ""
	}
}

func (s *entry) stored(e block.Event, now time.Time) {
	s.Blocks++
	s.Records += e.Row.Records
	s.Responses += e.Row.Responses
	s.Rejected += e.Row.Rejected
	s.rate = s.rateAt(now) + float64(e.Row.Records)/rateWindow.Seconds()
	s.rated = now
	s.newest(e.Row)
	if e.Row.LastRecordUnixMilli > 0 {
		s.freshness = max(0, now.Sub(s.LastRecord).Seconds())
	}
}

// newest takes the times of a stored block.
func (s *entry) newest(row *block.LedgerRow) {
	if ts := row.LastRecordUnixMilli; ts > 0 {
		s.LastRecord = time.UnixMilli(ts)
	}
	if ts := row.MaxEventUnixMilli; ts > 0 && ts > s.LastEvent.UnixMilli() {
		s.LastEvent = time.UnixMilli(ts)
	}
}

func (s *entry) rateAt(now time.Time) float64 {
	return s.rate * math.Exp(-now.Sub(s.rated).Seconds()/rateWindow.Seconds())
}

// stop notes that a partition cannot go on.
func (b *board) stop(p int32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.partitions[p]; s != nil {
		s.State, s.failed, s.LastError = "stopped", true, err.Error()
	}
}

func (b *board) owns(p int32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.partitions[p]
	return e != nil && e.owned
}

func (b *board) audited(a AuditStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.audit = &a
}

// ends refreshes the log's ends, which a partition that waits for the store
// does not learn by fetching.
func (b *board) ends(offsets map[int32]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, s := range b.partitions {
		if end, ok := offsets[p]; ok && end > s.End {
			s.End = end
		}
	}
}

func (b *board) status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	st := Status{Waiting: b.waiting, Ready: b.waiting == "", Generation: b.generation, TopicPartitions: b.members,
		Partitions: make([]PartitionStatus, 0, len(b.partitions)), Audit: b.audit}
	for _, s := range b.partitions {
		if !s.owned {
			continue
		}
		out := s.PartitionStatus
		if s.Next >= 0 {
			out.LagRecords = max(0, s.End-s.Next)
		}
		if out.LagRecords > 0 && !s.LastRecord.IsZero() {
			out.LagSeconds = max(0, now.Sub(s.LastRecord).Seconds())
		}
		out.FreshnessSeconds = max(s.freshness, out.LagSeconds)
		out.RecordsPerSecond = s.rateAt(now)
		out.Stalled = s.failed || (out.LagRecords > 0 || !s.resumed) && now.Sub(s.moved) > stalledAfter
		if out.Stalled {
			st.Ready = false
		}
		st.Partitions = append(st.Partitions, out)
	}
	sort.Slice(st.Partitions, func(i, j int) bool { return st.Partitions[i].Partition < st.Partitions[j].Partition })
	return st
}
