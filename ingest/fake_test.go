package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"statline/ingest/block"
	"statline/ingest/fold/foldtest"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// topic is a Kafka topic and consumer group in memory, with one member.
type topic struct {
	mu         sync.Mutex
	logs       [][]block.Record
	committed  map[int32]block.Committed
	generation int32
	end        context.CancelFunc // ends the generation
	fetchBytes int
	compacted  bool
	down       int             // calls of ClusterID that fail
	away       error           // of HighWatermarks
	open       map[int32]int64 // records behind an open transaction
	unjoined   error           // while set, the group cannot be joined
	broken     error           // of Fetch, Commit and what a partition resumes by
}

func newTopic(partitions int) *topic {
	return &topic{logs: make([][]block.Record, partitions), committed: map[int32]block.Committed{}}
}

// produce appends values to partitions in turn.
func (t *topic) produce(rs []block.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, r := range rs {
		p := i % len(t.logs)
		r.Offset = int64(len(t.logs[p]))
		t.logs[p] = append(t.logs[p], r)
	}
}

func (t *topic) ClusterID(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down > 0 {
		t.down--
		return "", fmt.Errorf("connection refused")
	}
	return "cluster", nil
}

func (t *topic) Partitions(context.Context) (ps []int32, err error) {
	for p := range t.logs {
		ps = append(ps, int32(p))
	}
	return ps, nil
}

func (t *topic) offsets(end bool) map[int32]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[int32]int64{}
	for p, log := range t.logs {
		m[int32(p)] = 0
		if end {
			m[int32(p)] = int64(len(log))
		}
	}
	return m
}

func (t *topic) StartOffsets(context.Context) (map[int32]int64, error) { return t.offsets(false), nil }
func (t *topic) EndOffsets(context.Context) (map[int32]int64, error)   { return t.offsets(true), nil }
func (t *topic) Turns() int64                                          { return time.Now().Unix() }

// HighWatermarks implements Source: what is open is not in the log yet.
func (t *topic) HighWatermarks(context.Context) (map[int32]int64, error) {
	ends := t.offsets(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, n := range t.open {
		ends[p] += n
	}
	return ends, t.away
}

func (t *topic) TimeAt(_ context.Context, p int32, offset int64) (int64, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if log := t.logs[p]; offset < int64(len(log)) {
		return log[offset].UnixMilli, log[offset].UnixMilli > 0, nil
	}
	return 0, false, nil
}

func (t *topic) Compacted(context.Context) (bool, error) { return t.compacted, nil }
func (t *topic) TopicID(context.Context) (string, error) { return "", nil }
func (t *topic) SetFetchBytes(n int)                     { t.fetchBytes = n }
func (t *topic) SessionTimeout() time.Duration           { return 10 * time.Second }

func (t *topic) JoinError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unjoined
}

func (t *topic) GroupOffsets(context.Context, string) (map[int32]block.Committed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[int32]block.Committed{}
	for p := range t.logs {
		m[int32(p)] = block.Committed{Offset: -1}
		if c, ok := t.committed[int32(p)]; ok {
			m[int32(p)] = c
		}
	}
	return m, nil
}

func (t *topic) RunGroup(ctx context.Context, handle func(context.Context, Generation) error) error {
	for ctx.Err() == nil {
		if t.JoinError() != nil {
			time.Sleep(time.Second)
			continue
		}
		t.mu.Lock()
		t.generation++
		g := &member{topic: t, number: t.generation}
		alive, end := context.WithCancel(ctx)
		t.end = end
		t.mu.Unlock()
		err := handle(alive, g)
		ended := alive.Err() != nil
		end()
		if !ended && err == nil {
			return nil
		}
	}
	return nil
}

// rebalance ends the generation.
func (t *topic) rebalance() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end()
}

type member struct {
	*topic
	number int32
}

func (m *member) Number() int32 { return m.number }
func (m *member) Owned() (ps []int32) {
	ps, _ = m.Partitions(context.Background())
	return ps
}
func (m *member) All() int                          { return len(m.Owned()) }
func (m *member) LastHeartbeat() time.Time          { return time.Now() }
func (m *member) Partition(p int32) block.Partition { return &memberPartition{m, p} }

type memberPartition struct {
	*member
	p int32
}

func (m *memberPartition) StampOf(_ context.Context, offset int64) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if log := m.logs[m.p]; offset < int64(len(log)) {
		return log[offset].UnixMilli, true, nil
	}
	return 0, false, nil
}

func (m *memberPartition) Bounds(context.Context) (int64, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 0, int64(len(m.logs[m.p])), m.broken
}

func (m *memberPartition) Committed(ctx context.Context) (block.Committed, error) {
	all, err := m.GroupOffsets(ctx, "")
	return all[m.p], err
}

func (m *memberPartition) Commit(_ context.Context, c block.Committed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.broken != nil:
		return m.broken
	case m.number != m.generation:
		return block.ErrFenced
	}
	m.committed[m.p] = c
	return nil
}

func (m *memberPartition) Fetch(ctx context.Context, offset int64, wait time.Duration) (block.Fetch, error) {
	for deadline := time.Now().Add(wait); ; time.Sleep(5 * time.Millisecond) {
		m.mu.Lock()
		log, open, broken := m.logs[m.p], m.open[m.p], m.broken
		m.mu.Unlock()
		if broken != nil {
			return block.Fetch{}, broken
		}
		b := block.Fetch{LastStable: int64(len(log)), HighWatermark: int64(len(log)) + open, Next: offset}
		if offset < int64(len(log)) {
			b.Records = log[offset:min(int64(len(log)), offset+500)]
			b.Next = offset + int64(len(b.Records))
		}
		if b.Next > offset || ctx.Err() != nil || !time.Now().Before(deadline) {
			return b, ctx.Err()
		}
	}
}

// memory is a store in memory, with tokens.
type memory struct {
	mu      sync.Mutex
	tokens  map[string]bool
	sum     foldtest.Totals
	ledger  map[int32][]block.LedgerRow
	status  []store.PipelineRow
	fail    func(id block.ID, c *block.Contents) error // WriteRows
	unread  error                                      // of Ledger and Ends
	away    error                                      // of Ping
	hang    bool                                       // until the caller gives up
	block   func(block.ID)                             // called by WriteRows, without the lock
	writers []store.Writer
	configs map[string]store.StoredConfig
}

func newMemory() *memory {
	return &memory{tokens: map[string]bool{}, ledger: map[int32][]block.LedgerRow{},
		configs: map[string]store.StoredConfig{}}
}

func (s *memory) Ping(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ctx.Err()
	}
	return s.away
}

// restore takes back what the ledger and the tokens know of blocks that end
// beyond an offset, as an older backup does, and returns where it ends then.
func (s *memory) restore(p int32, end int64) (left int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]bool{}
	s.ledger[p] = slices.DeleteFunc(s.ledger[p], func(r block.LedgerRow) bool { return r.End > end })
	return s.ledger[p][len(s.ledger[p])-1].End
}

func (s *memory) Ends(context.Context, string, string) (map[int32]block.Ends, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := map[int32]block.Ends{}
	for p, rows := range s.ledger {
		e := block.Ends{}
		for i, row := range rows {
			if row.State == block.Stored {
				if i > 0 && e.Known {
					e.Uncovered += row.First - e.End
				}
				e.Known, e.End = true, row.End
			}
		}
		ends[p] = e
	}
	return ends, s.unread
}

func (s *memory) Writers(context.Context, string, string, time.Time) ([]store.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writers, nil
}

func (s *memory) WritePipeline(_ context.Context, rows []store.PipelineRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = append(s.status, rows...)
	return nil
}

func (s *memory) Audit(_ context.Context, o store.AuditOptions) (*store.AuditReport, error) {
	return &store.AuditReport{At: o.Now, Differences: make([]store.Difference, 2)}, nil
}

func (s *memory) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	s.mu.Lock()
	hang, blocks := s.hang, s.block
	s.mu.Unlock()
	if blocks != nil {
		blocks(id)
	}
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(id, c); err != nil {
			return err
		}
	}
	if err := fence(); err != nil {
		return err
	}
	if !s.tokens[id.String()] {
		s.tokens[id.String()] = true
		s.sum.Add(c)
	}
	return nil
}

func (s *memory) Inserts(block.ID, *block.Contents) int { return 1 }

func (s *memory) WriteConfig(_ context.Context, c store.StoredConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configs[c.Hash] = c
	return nil
}

func (s *memory) FirstStart(_ context.Context, _, _ string, now schema.Start) (schema.Start, error) {
	return now, nil
}

func (s *memory) ReadConfig(_ context.Context, hash string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.configs[hash].Body, nil
}

// end is where the ledger of a partition ends.
func (s *memory) end(partition int32) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.ledger[partition]
	return rows[len(rows)-1].End
}

func (s *memory) WriteLedger(_ context.Context, row block.LedgerRow, fence func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := fence(); err != nil {
		return err
	}
	token := row.ID.String() + string(row.Kind) + string(row.State)
	if !s.tokens[token] {
		s.tokens[token] = true
		s.ledger[row.Partition] = append(s.ledger[row.Partition], row)
	}
	return nil
}

func (s *memory) Ledger(_ context.Context, _, _ string, p int32) (l block.Ledger, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread != nil {
		return l, s.unread
	}
	for _, row := range s.ledger[p] {
		switch {
		case row.State == block.Stored:
			l.Last, l.Pending = &row, nil
		case row.State == block.Declared:
			l.Pending = &row
		}
	}
	return l, nil
}
