package block

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"time"

	"statline/ingest/retry"
)

// world is a simulated Kafka partition with its group and a simulated store
// with tokens. Faults hit every effect, before it or after it took place.
type world struct {
	mu  sync.Mutex
	rng *rand.Rand

	log      []Record // retained records; offsets may have holes
	logStart int64
	logEnd   int64

	// life counts how often the topic was made again; earlier holds what its log
	// was before. Without ids, or without fetches by them, brokers are older.
	life           int
	earlier        []Record
	noIDs, byNames bool
	epoch          uint32 // that the operator has set

	generation int
	commit     Committed
	commits    []Committed // in order, for tests of single steps

	tables map[string]map[string]uint64
	tokens map[string]bool
	ledger []LedgerRow
	ops    []string // what was done to the store, in order

	faults bool
	// Sabotage, to prove that the model notices.
	noTokens, noFence, ledgerFirst, blind bool
	// inserts is how many INSERTs a table takes; 0 is one.
	inserts int

	// declared is beside which time a block with records that are not Stamped was
	// folded when it was inserted first, contradicted what differed later.
	declared     map[ID]int64
	contradicted []string
}

func newWorld(seed uint64) *world {
	return &world{
		rng:    rand.New(rand.NewPCG(seed, 1)),
		commit: Committed{Offset: -1},
		tables: map[string]map[string]uint64{},
		tokens: map[string]bool{},
	}
}

var modelTables = []string{"responses", "keys", "clients"}

// append adds n records, with holes in between now and then. Some are not Stamped.
func (w *world) append(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		if w.rng.IntN(20) == 0 {
			w.logEnd += int64(w.rng.IntN(4))
		}
		stamp := 1_700_000_000_000 + w.logEnd*7 + int64(w.life)*1_000_003
		if w.logEnd%16 == 11 {
			stamp *= 1000 // microseconds
		}
		w.log = append(w.log, Record{
			Offset: w.logEnd, UnixMilli: stamp,
			Value: fmt.Appendf(nil, "service-%d of life %d", w.rng.IntN(5), w.life),
		})
		w.logEnd++
	}
}

// recreate deletes the topic, and what the group has committed with it, and makes
// it again with n records.
func (w *world) recreate(n int) {
	w.mu.Lock()
	w.life++
	w.earlier, w.log, w.logStart, w.logEnd = w.log, nil, 0, 0
	w.commit = Committed{Offset: -1}
	w.mu.Unlock()
	w.append(n)
}

// topicID is what the cluster tells.
func (w *world) topicID() string {
	if w.noIDs || w.blind {
		return ""
	}
	return fmt.Sprintf("topic-%d", w.life)
}

// advised does what a refusal says.
func (w *world) advised(err error) {
	if !errors.Is(err, ErrRecreated) {
		return
	}
	_, advice, _ := strings.Cut(err.Error(), "set epoch=")
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, err := fmt.Sscan(advice, &w.epoch); n != 1 {
		panic(err)
	}
}

func (w *world) chance(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faults && w.rng.IntN(n) == 0
}

func (w *world) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// proc is one process that owns the partition in one generation, or believes
// so.
type proc struct {
	w          *world
	name       string
	generation int
	kill       context.CancelFunc
	mu         sync.Mutex
	dead       bool
	lastBeat   time.Time
	beating    bool
}

var (
	errKilled = errors.New("killed")
	errFault  = errors.New("connection reset")
)

func (p *proc) crash() {
	p.mu.Lock()
	p.dead, p.beating = true, false
	p.mu.Unlock()
	p.kill()
}

func (p *proc) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *proc) Alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.beating && time.Since(p.lastBeat) >= 10*time.Second {
		return fmt.Errorf("no heartbeat for %s", time.Since(p.lastBeat))
	}
	return nil
}

func (p *proc) stopBeating() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beating {
		p.beating, p.lastBeat = false, time.Now()
	}
}

// effect runs one effect on the world, with a fault before or after it. A
// frozen process stands still for longer than its session and then goes on.
func (p *proc) effect(ctx context.Context, do func() error) error {
	if p.isDead() {
		return errKilled
	}
	time.Sleep(time.Duration(1+p.w.roll(30)) * time.Millisecond)
	fault := -1
	if p.w.chance(12) {
		fault = p.w.roll(9)
	}
	switch fault {
	case 0:
		return errFault
	case 1:
		return fmt.Errorf("too many parts: %w", retry.ErrWaiting)
	case 2:
		p.crash()
		return errKilled
	case 3:
		p.stopBeating()
		time.Sleep(time.Duration(1+p.w.roll(40)) * time.Second)
	case 4:
		<-ctx.Done() // a hanging call without effect
		return ctx.Err()
	}
	if p.isDead() {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	switch fault {
	case 5, 6:
		return context.DeadlineExceeded // it took effect and nobody knows
	case 7:
		p.crash()
		return errKilled
	case 8:
		p.stopBeating()
		time.Sleep(time.Duration(1+p.w.roll(40)) * time.Second)
	}
	return nil
}

// at is a named step: a place to die.
func (p *proc) at(string) {
	if p.w.chance(60) {
		p.crash()
	}
}

func (p *proc) Bounds(ctx context.Context) (start, end int64, err error) {
	err = p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		start, end = p.w.logStart, p.w.logEnd
		return nil
	})
	return start, end, err
}

func (p *proc) TopicID(ctx context.Context) (id string, err error) {
	err = p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		id = p.w.topicID()
		return nil
	})
	return id, err
}

func (p *proc) StampOf(ctx context.Context, offset int64) (unixMilli int64, ok bool, err error) {
	err = p.effect(ctx, func() error {
		unixMilli, ok = 0, false
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if offset < p.w.logStart || offset > p.w.logEnd {
			return fmt.Errorf("fetch %d: %w", offset, ErrOutOfRange)
		}
		for _, r := range p.w.log {
			if r.Offset == offset && !p.w.blind {
				unixMilli, ok = r.UnixMilli, true
			}
		}
		return nil
	})
	return unixMilli, ok, err
}

func (p *proc) Committed(ctx context.Context) (c Committed, err error) {
	err = p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		c = p.w.commit
		return nil
	})
	return c, err
}

func (p *proc) Commit(ctx context.Context, c Committed) error {
	return p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if p.generation != p.w.generation && !p.w.noFence {
			return fmt.Errorf("commit %d: %w", c.Offset, ErrFenced)
		}
		p.w.commit = c
		p.w.commits = append(p.w.commits, c)
		p.w.ops = append(p.w.ops, fmt.Sprintf("commit %d %s", c.Offset, c.Metadata))
		return nil
	})
}

func (p *proc) Fetch(ctx context.Context, offset int64, maxWait time.Duration) (b Fetch, err error) {
	err = p.effect(ctx, func() error {
		b = Fetch{}
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		if offset < p.w.logStart || offset > p.w.logEnd {
			return fmt.Errorf("fetch %d: %w", offset, ErrOutOfRange)
		}
		b.Next, b.LastStable = offset, p.w.logEnd
		if !p.w.byNames {
			b.TopicID = p.w.topicID()
		}
		i := sort.Search(len(p.w.log), func(i int) bool { return p.w.log[i].Offset >= offset })
		for n := 1 + p.w.rng.IntN(20); n > 0 && i < len(p.w.log); n-- {
			b.Records = append(b.Records, p.w.log[i])
			b.Next = p.w.log[i].Offset + 1
			i++
		}
		if i == len(p.w.log) {
			b.Next = p.w.logEnd
		}
		return nil
	})
	if err == nil && b.Next == offset {
		retry.Sleep(ctx, maxWait)
	}
	return b, err
}

// WriteRows inserts into every table; fence, fault and token each.
func (p *proc) WriteRows(ctx context.Context, id ID, c *Contents, fence func() error) error {
	p.w.beside(id, c)
	for _, table := range modelTables {
		if err := fence(); err != nil {
			return err
		}
		err := p.effect(ctx, func() error {
			p.w.mu.Lock()
			defer p.w.mu.Unlock()
			if p.w.tokens[id.Token(table, 0)] && !p.w.noTokens {
				return nil
			}
			p.w.tokens[id.Token(table, 0)] = true
			p.w.ops = append(p.w.ops, "insert "+id.Token(table, 0))
			if p.w.tables[table] == nil {
				p.w.tables[table] = map[string]uint64{}
			}
			for _, row := range c.Rows.Services {
				p.w.tables[table][row.Service] += row.Requests
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("insert into %s: %w", table, err)
		}
	}
	return nil
}

// beside notes beside which time a block was folded.
func (w *world) beside(id ID, c *Contents) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range c.Rejects { // see countBuilder
		if w.declared == nil {
			w.declared = map[ID]int64{}
		}
		if _, ok := w.declared[id]; !ok {
			w.declared[id] = r.RecordUnixMilli
		}
		if first := w.declared[id]; r.RecordUnixMilli != c.DeclaredUnix || r.RecordUnixMilli != first || first == 0 {
			w.contradicted = append(w.contradicted,
				fmt.Sprintf("block %s was folded beside %d and declared at %d; it was folded beside %d before",
					id, r.RecordUnixMilli, c.DeclaredUnix, first))
		}
	}
}

// Inserts is what a test says, or one of each table.
func (p *proc) Inserts(ID, *Contents) int { return max(1, p.w.inserts) }

func (p *proc) WriteLedger(ctx context.Context, row LedgerRow, fence func() error) error {
	if err := fence(); err != nil {
		return err
	}
	return p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.w.addLedger(row)
		if p.w.ledgerFirst && row.State == Declared {
			row.State = Stored
			p.w.addLedger(row)
		}
		return nil
	})
}

func (w *world) addLedger(row LedgerRow) {
	token := fmt.Sprintf("%s/ledger/%s%s", row.ID, row.Kind, row.State)
	if w.tokens[token] {
		return
	}
	w.tokens[token] = true
	w.ledger = append(w.ledger, row)
	w.ops = append(w.ops, fmt.Sprintf("ledger %s %s [%d,%d)", row.Kind, row.State, row.First, row.End))
}

func (p *proc) Ledger(ctx context.Context, _, _ string, _ int32) (l Ledger, err error) {
	err = p.effect(ctx, func() error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		l = p.w.readLedger()
		return nil
	})
	return l, err
}

func (w *world) readLedger() (l Ledger) {
	stored := map[ID]bool{}
	for i := range w.ledger {
		row := &w.ledger[i]
		if row.Epoch < l.Epoch {
			continue
		}
		if row.Epoch > l.Epoch {
			l = Ledger{Epoch: row.Epoch, Own: row.Epoch}
		}
		if row.TopicID != "" {
			l.TopicID, l.OwnTopicID = row.TopicID, row.TopicID
		}
		if row.State != Stored {
			continue
		}
		stored[row.ID] = true
		if l.Last == nil || row.End > l.Last.End {
			l.Last = row
		}
	}
	for i := range w.ledger {
		if row := &w.ledger[i]; row.State == Declared && row.Epoch == l.Epoch && !stored[row.ID] {
			l.Pending = row
		}
	}
	if l.Pending != nil {
		for _, row := range w.ledger {
			if row.State == Stored && row.WrittenAt.After(l.Pending.WrittenAt) {
				l.BlocksSince++
			}
		}
	}
	return l
}
