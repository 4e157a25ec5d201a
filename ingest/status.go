package ingest

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"statline/ingest/block"
)

// Status is how the pipeline does at one moment.
type Status struct {
	// Ready: connected, every owned partition moves or has nothing to do.
	Ready bool `json:"ready"`
	// Waiting is what keeps the pipeline from starting; "" once it runs.
	Waiting    string `json:"waiting,omitempty"`
	Generation int32  `json:"generation"`
	// TopicPartitions is how many there are, whoever owns them.
	TopicPartitions int `json:"topic_partitions"`
	// Topics has each topic's own state, when several are read.
	Topics     []TopicStatus     `json:"topics,omitempty"`
	Partitions []PartitionStatus `json:"partitions"`
	// Conditions are whatever else has to be known: what turns Ready off, and notes.
	Conditions []Condition `json:"conditions,omitempty"`
	// Configurations is the number of configurations (config_hash) under which
	// instances have stored blocks of the topic in the last ten minutes, including this
	// one's; 0 when not known.
	Configurations int `json:"configurations,omitempty"`
	// Detectors is why the detectors cannot go on until somebody acts; "" when they
	// can.
	Detectors string `json:"detectors,omitempty"`
	// Audit is the last audit's result, nil when this instance made none.
	Audit *AuditStatus `json:"audit,omitempty"`
}

// AuditStatus is the outcome of an audit (see store.Audit).
type AuditStatus struct {
	At          time.Time `json:"at"`
	Differences int       `json:"differences"`
}

// TopicStatus is one of several topics.
type TopicStatus struct {
	Topic string `json:"topic"`
	// Ready: nothing of this topic is red.
	Ready bool `json:"ready"`
	// Waiting is what keeps it from being read, such as that it does not exist.
	Waiting        string `json:"waiting,omitempty"`
	Partitions     int    `json:"partitions"` // whoever owns them
	Owned          int    `json:"owned"`      // by this instance
	LagRecords     int64  `json:"lag_records"`
	ConfigHash     string `json:"config_hash"` // of new blocks
	Configurations int    `json:"configurations,omitempty"`
}

// PartitionStatus is one owned partition. Counts are since the start of the
// process.
type PartitionStatus struct {
	// Topic is "" when one topic is read alone.
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition"`
	State     string `json:"state"`
	// Next is the committed offset, -1 until the group has been asked; End is the log's
	// last stable offset.
	Next int64 `json:"next"`
	End  int64 `json:"end"`
	// HighWatermark is the log's end, including what open transactions hold back.
	HighWatermark int64 `json:"high_watermark"`
	// LagRecords counts the offsets up to End that are not stored: those not
	// committed, and MissingRecords. LagHighWatermark counts up to HighWatermark.
	LagRecords       int64 `json:"lag_records"`
	LagHighWatermark int64 `json:"lag_high_watermark"`
	// LagSeconds is the age of the oldest record below End that is not stored, by
	// Kafka's timestamp. While that is unknown, or the record has no timestamp, it is
	// how long the record is known to be there. 0 when everything is stored.
	LagSeconds float64 `json:"lag_seconds"`
	// TransactionSeconds is how long an open transaction has held End back, as far as
	// this process has seen; 0 when there is none.
	TransactionSeconds float64 `json:"transaction_seconds"`
	// MissingRecords counts the offsets that are committed and not in the ledger.
	MissingRecords int64 `json:"missing_records"`
	// FreshnessSeconds is the age of the newest record of the last block, by Kafka's
	// timestamp, when it could be queried; at least LagSeconds.
	FreshnessSeconds float64 `json:"freshness_seconds"`
	RecordsPerSecond float64 `json:"records_per_second"`
	Blocks           uint64  `json:"blocks"`
	Records          uint64  `json:"records"`
	Responses        uint64  `json:"responses"`
	Rejected         uint64  `json:"rejected"`
	// LastRecord is Kafka's timestamp of the newest stored record, LastEvent the newest
	// stored event time; after a start, those of the last block before it.
	LastRecord time.Time `json:"last_record"`
	LastEvent  time.Time `json:"last_event"`
	// Stalled: for a minute there was work and nothing was stored, or it was not found
	// out where to go on; or the partition cannot go on, as when a transaction is open
	// for too long. LastError is the reason, as far as known.
	Stalled   bool   `json:"stalled"`
	LastError string `json:"last_error,omitempty"`
}

// stalledAfter is how long nothing may be stored while there is lag, and how long a
// partition may take to find out where to go on.
const stalledAfter = time.Minute

// joining is what the pipeline waits for between two generations.
const joining = "joining the consumer group"

// tracker collects events into statuses.
type tracker struct {
	mu         sync.Mutex
	waiting    string
	generation int32
	members    int
	partitions map[int32]*entry
	audit      *AuditStatus
	conditions map[ConditionName]Condition
	stored     time.Time // when a block was stored last
	// configurations is how many are in use for the topic; 0 when not known.
	configurations int
	// transactionAge is how long a transaction may be open.
	transactionAge time.Duration
}

func newTracker(transactionAge time.Duration) *tracker {
	return &tracker{waiting: "not started", partitions: map[int32]*entry{}, conditions: map[ConditionName]Condition{},
		transactionAge: transactionAge}
}

func (b *tracker) wait(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = what
}

// own sets the partitions that this process has now; g is nil between two generations.
// Other partitions are remembered and not shown.
func (b *tracker) own(g Generation, members int) {
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
			e = &entry{PartitionStatus: PartitionStatus{Partition: p}, looked: moment{offset: -1}}
			b.partitions[p] = e
		}
		e.State, e.owned, e.failed, e.LastError, e.moved = "owned", true, false, "", time.Now()
		e.Next, e.resumed = -1, false
		e.opened, e.behind, e.held, e.missing = nil, time.Time{}, time.Time{}, nil
	}
}

func (b *tracker) event(p int32, e block.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.partitions[p]
	if s == nil {
		return
	}
	now := time.Now()
	switch e.Kind {
	case block.Entered:
		s.State = e.State
	case block.Located:
		s.Next, s.End, s.opened = e.Next, e.LastStable, nil
	case block.Resumed:
		s.Next, s.End, s.resumed, s.resumedAt = e.Next, e.LastStable, true, now
		if e.Row != nil {
			s.newest(e.Row)
		}
	case block.Retried:
		s.LastError = e.Failure.Err.Error()
	case block.Fetched:
		s.End, s.HighWatermark = max(s.End, e.LastStable), e.HighWatermark
		if s.Next >= s.End {
			s.moved, s.failed = now, false
		}
	case block.Opened:
		s.open(moment{e.Next, e.RecordUnixMilli})
	case block.BlockStored:
		s.stored(e, now)
		b.stored = now
	case block.BlockCommitted:
		s.Next, s.moved, s.LastError, s.failed = e.Next, now, "", false
		s.behind = time.Time{}
	}
	s.measure(now)
}

// stop records that a partition cannot go on.
func (b *tracker) stop(p int32, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.partitions[p]; s != nil {
		s.State, s.failed, s.LastError = "stopped", true, err.Error()
	}
}

func (b *tracker) owns(p int32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.partitions[p]
	return e != nil && e.owned
}

func (b *tracker) audited(a AuditStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.audit = &a
}

// ends updates the log's ends, the last stable offsets and the high watermarks. A
// partition that waits for the store does not learn them by fetching.
func (b *tracker) ends(stable, high map[int32]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for p, s := range b.partitions {
		s.End = max(s.End, stable[p])
		if at, ok := high[p]; ok {
			s.HighWatermark = at
		}
		s.measure(now)
	}
}

// unknown lists the partitions that lag since an unknown time.
func (b *tracker) unknown() map[int32]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := map[int32]int64{}
	for p, s := range b.partitions {
		if _, known := s.oldest(); s.owned && s.lag() > 0 && !known && s.looked.offset != s.next() {
			at[p] = s.next()
		}
	}
	return at
}

// look records when the record at an offset was written; 0 when it has no timestamp.
func (b *tracker) look(p int32, m moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.partitions[p]; s != nil {
		s.looked = m
	}
}

// storedSince says whether a block was stored after t.
func (b *tracker) storedSince(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stored.After(t)
}

func (b *tracker) configure(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.configurations = n
}

// miss takes the result of a comparison, and returns what is missing at the end of an
// owned partition that moves all the same. A partition that has resumed since the
// comparison began has handled it itself.
func (b *tracker) miss(all []Missing, began time.Time) (moving []Missing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, before := time.Now(), map[int32]time.Time{}
	for p, s := range b.partitions {
		if s.missing != nil {
			before[p] = s.missed
		}
		s.missing = nil
	}
	for _, m := range all {
		s := b.partitions[m.Partition]
		if s == nil || !s.owned {
			continue
		}
		s.missing, s.missed = &m, now
		if at, ok := before[m.Partition]; ok {
			s.missed = at
		}
		if m.First < m.End && s.resumed && s.resumedAt.Before(began) && !s.failed {
			moving = append(moving, m)
		}
	}
	for _, s := range b.partitions {
		s.measure(now)
	}
	return moving
}

func (b *tracker) status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	st := Status{Waiting: b.waiting, Ready: b.waiting == "", Generation: b.generation, TopicPartitions: b.members,
		Partitions: make([]PartitionStatus, 0, len(b.partitions)), Audit: b.audit, Configurations: b.configurations}
	for _, s := range b.partitions {
		if !s.owned {
			continue
		}
		out := s.PartitionStatus
		out.LagRecords, out.LagSeconds, out.MissingRecords = s.lag(), s.lagSeconds(now), s.missingRecords()
		out.HighWatermark = max(s.HighWatermark, s.End)
		if out.LagHighWatermark = out.LagRecords; s.Next >= 0 {
			out.LagHighWatermark += out.HighWatermark - s.End
		}
		if !s.held.IsZero() {
			out.TransactionSeconds = now.Sub(s.held).Seconds()
		}
		out.FreshnessSeconds = max(s.freshness, out.LagSeconds)
		out.RecordsPerSecond = s.rateAt(now)
		out.Stalled = s.failed || (out.LagRecords > 0 || !s.resumed) && now.Sub(s.moved) > stalledAfter ||
			out.TransactionSeconds >= b.transactionAge.Seconds()
		if out.Stalled {
			st.Ready = false
		}
		st.Partitions = append(st.Partitions, out)
	}
	sort.Slice(st.Partitions, func(i, j int) bool { return st.Partitions[i].Partition < st.Partitions[j].Partition })
	for _, c := range b.conditions {
		st.add(c)
	}
	b.addMissing(&st)
	b.addTransactions(&st, now)
	return st
}

// listed is how many partitions a condition names.
const listed = 5

// addMissing adds RowsMissing when it holds.
func (b *tracker) addMissing(st *Status) {
	var says []string
	var since time.Time
	for _, p := range st.Partitions {
		s := b.partitions[p.Partition]
		if s.missing == nil {
			continue
		}
		if since.IsZero() || s.missed.Before(since) {
			since = s.missed
		}
		says = append(says, s.missing.String())
	}
	if says != nil {
		st.add(Condition{Name: RowsMissing, Red: true, Since: since, Detail: enough(says)})
	}
}

// transactionNote is how long a transaction is open before it is reported; most take
// less than a second.
const transactionNote = 30 * time.Second

// addTransactions adds OpenTransaction when it holds.
func (b *tracker) addTransactions(st *Status, now time.Time) {
	var says []string
	red, oldest := false, now
	for _, p := range st.Partitions {
		s := b.partitions[p.Partition]
		age := time.Duration(p.TransactionSeconds * float64(time.Second))
		if age < min(transactionNote, b.transactionAge) {
			continue
		}
		red = red || age >= b.transactionAge
		if s.held.Before(oldest) {
			oldest = s.held
		}
		says = append(says, fmt.Sprintf("partition %d: an open transaction has held back %d offsets from %d on for %s",
			p.Partition,
			p.HighWatermark-p.End, p.End, age.Round(time.Second)))
	}
	if says != nil {
		st.add(Condition{Name: OpenTransaction, Red: red, Since: oldest, Detail: enough(says) +
			"; if its producer is gone, abort it: kafka-transactions.sh find-hanging, then abort"})
	}
}

// enough joins the first of many lines.
func enough(says []string) string {
	text := strings.Join(says[:min(listed, len(says))], "; ")
	if more := len(says) - listed; more > 0 {
		text += fmt.Sprintf("; and %d partitions more", more)
	}
	return text
}
