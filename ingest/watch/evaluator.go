package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unique"

	"statline/classify/detect"
)

// Evaluator runs the detectors forward over event minutes. It keeps a cache of
// the evidence that they look back on, and the state of each entity at the
// last settled minute. It is not safe for concurrent use.
type Evaluator struct {
	cfg      *detect.Config
	evidence Evidence

	services  map[string]*service
	keys      map[string]*key
	clients   map[string]*client
	contracts map[Pair]*contract

	settled   detect.Minute // last minute that is final; 0 before the first
	evaluated detect.Minute // last minute that was decided
	alive     map[detect.Minute]bool
	dirty     map[detect.Minute]bool // minutes whose counts changed when read again

	due []*key // of settleKeys, kept for the next time
}

// Each entity carries, besides its settled state, the state ahead of it: as of
// the evaluated minute.
type (
	service struct {
		detect.Service
		ahead detect.ServiceState
		seen  detect.Minute // newest minute with traffic
	}
	key struct {
		detect.Key
		states *keyStates // nil while they are zero, as those of most keys are
		// followed is set while Rows are complete: a read that failed half-way
		// leaves some of a key that is not.
		followed bool
	}
	keyStates struct{ settled, ahead detect.KeyState }
	client    struct {
		detect.Client
		ahead    detect.ClientState
		followed bool // as of a key
	}
	contract struct {
		detect.Contract
		ahead detect.ContractState
	}
)

// Result is what an advance decided.
type Result struct {
	From, To detect.Minute // minutes that are newly evaluated
	Settled  detect.Minute // everything up to here is final
	// Final are the incidents that closed in a settled minute; Tentative those
	// that are open at To, or closed in a minute that is not settled yet.
	Final, Tentative []detect.Incident
	Scores           []ScoreRow
}

// ScoreRow is one row of the table scores.
type ScoreRow struct {
	Minute  detect.Minute
	Service string
	detect.Score
}

// NewEvaluator makes an evaluator that begins with the first minute it is
// given. cfg must be valid.
func NewEvaluator(cfg *detect.Config, e Evidence) *Evaluator {
	return &Evaluator{
		cfg: cfg, evidence: e,
		services: map[string]*service{}, keys: map[string]*key{}, clients: map[string]*client{}, contracts: map[Pair]*contract{},
		alive: map[detect.Minute]bool{}, dirty: map[detect.Minute]bool{},
	}
}

// Start sets where to begin: the next minute to decide is first.
func (e *Evaluator) Start(first detect.Minute) { e.settled, e.evaluated = first-1, first-1 }

// Settled and Evaluated are the last final minute and the last decided one.
func (e *Evaluator) Settled() detect.Minute   { return e.settled }
func (e *Evaluator) Evaluated() detect.Minute { return e.evaluated }

// chunkMinutes bounds how much evidence is read at once while catching up.
const chunkMinutes = 360

// again are the delays, in minutes, after which a decided minute is read again.
var again = [...]detect.Minute{5, detect.SettleMinutes}

// minutesFor lists the minutes to read to advance to minute to: the new ones,
// and those whose time to be read again has come.
func (e *Evaluator) minutesFor(to detect.Minute) []detect.Minute {
	set := map[detect.Minute]bool{}
	for m := e.evaluated + 1; m <= to; m++ {
		set[m] = true
	}
	for _, d := range again {
		for m := e.evaluated + 1 - d; m <= to-d; m++ {
			if m > e.settled {
				set[m] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// Advance decides every minute up to to and settles those that are older than
// detect.SettleMinutes. It reads at most chunkMinutes at a time; more is false
// when to is reached.
func (e *Evaluator) Advance(ctx context.Context, to detect.Minute) (res Result, more bool, err error) {
	if to <= e.evaluated {
		return Result{From: e.evaluated + 1, To: e.evaluated, Settled: e.settled}, false, nil
	}
	if to > e.evaluated+chunkMinutes {
		to, more = e.evaluated+chunkMinutes, true
	}
	minutes := e.minutesFor(to)
	b, err := e.evidence.Batch(ctx, minutes)
	if err != nil {
		return Result{}, false, fmt.Errorf("read evidence of %d minutes up to %s: %w", len(minutes), to.Time().Format("2006-01-02T15:04"), err)
	}
	if err := e.take(ctx, b, to); err != nil {
		return Result{}, false, err
	}
	res = Result{From: e.evaluated + 1, To: to, Settled: max(e.settled, to-detect.SettleMinutes)}
	e.settleServices(&res)
	e.settleKeys(&res)
	e.settleClients(&res)
	e.settleContracts(&res)
	e.settled, e.evaluated = res.Settled, to
	e.forget()
	return res, more, nil
}

// take puts a batch into the cache.
func (e *Evaluator) take(ctx context.Context, b *Batch, to detect.Minute) error {
	for _, m := range b.Minutes {
		e.alive[m] = false
	}
	for i := range b.Services {
		r := &b.Services[i]
		s := e.service(r.Service)
		if r.Minute <= e.evaluated && s.History.At(r.Minute) != r.Counts {
			e.dirty[r.Minute] = true
		}
		s.History.Set(r.Minute, r.Counts)
		if r.N > 0 {
			e.alive[r.Minute] = true
			s.seen = max(s.seen, r.Minute)
		}
	}
	if err := e.readKeys(ctx, b.Minutes, to); err != nil {
		return err
	}
	if err := e.readClients(ctx, b.Minutes, to); err != nil {
		return err
	}
	for i := range b.Contracts {
		if err := e.takeContract(ctx, &b.Contracts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Evaluator) service(name string) *service {
	s := e.services[name]
	if s == nil {
		s = &service{Service: *detect.NewService(name, e.cfg)}
		s.Settled.At = e.settled
		e.services[name] = s
	}
	return s
}

func (e *Evaluator) takeKey(r *KeyRow) {
	k := e.keys[r.Key]
	if k == nil {
		k = &key{Key: detect.Key{ID: r.Key, Service: unique.Make(r.Service).Value()}}
		e.keys[r.Key] = k
	}
	if k.Service != r.Service {
		k.Service = ""
	}
	k.Rows = put(k.Rows, r.KeyMinute, func(m *detect.KeyMinute) detect.Minute { return m.Minute })
}

func (e *Evaluator) client(ip string) *client {
	c := e.clients[ip]
	if c == nil {
		c = &client{Client: detect.Client{IP: ip}}
		e.clients[ip] = c
	}
	return c
}

func (e *Evaluator) takeClient(r *ClientRow) {
	c := e.client(r.IP)
	c.Rows = put(c.Rows, r.ClientMinute, func(m *detect.ClientMinute) detect.Minute { return m.Minute })
}

func (e *Evaluator) takeContract(ctx context.Context, r *ContractRow) error {
	c := e.contracts[r.Pair]
	if c == nil {
		seen, err := e.evidence.PairSeen(ctx, r.Pair, r.Minute)
		if err != nil {
			return fmt.Errorf("look up when %s/%d/%d was seen: %w", r.Pair.Service, r.Pair.Code, r.Pair.HTTPStatus, err)
		}
		c = newContract(r.Pair)
		c.LastBefore = seen
		e.contracts[r.Pair] = c
	}
	c.Rows = put(c.Rows, r.ContractMinute, func(m *detect.ContractMinute) detect.Minute { return m.Minute })
	return nil
}

func newContract(p Pair) *contract {
	return &contract{Contract: detect.Contract{Service: p.Service, Code: p.Code, HTTPStatus: p.HTTPStatus, Reason: p.Reason, Catalogue: p.Catalogue}}
}

// put inserts or replaces a row in a slice sorted by minute.
func put[R any](rows []R, r R, minute func(*R) detect.Minute) []R {
	m := minute(&r)
	if n := len(rows); n == 0 || minute(&rows[n-1]) < m {
		return append(rows, r)
	}
	i, found := slices.BinarySearchFunc(rows, m, func(x R, m detect.Minute) int { return int(minute(&x) - m) })
	if found {
		rows[i] = r
		return rows
	}
	return slices.Insert(rows, i, r)
}

// readKeys brings the rows of every key that matters up to minute to, and lets
// go of those of the others: what is not followed can be read again.
func (e *Evaluator) readKeys(ctx context.Context, minutes []detect.Minute, to detect.Minute) error {
	first := e.settled + 1 - detect.CandidateWindow
	candidates, err := e.evidence.Candidates(ctx, minutes, first, e.cfg.Candidate())
	if err != nil {
		return fmt.Errorf("look for refused keys: %w", err)
	}
	var fresh, known []string // candidates, and those with an incident open
	suspects := map[string]bool{}
	for _, id := range candidates {
		if k := e.keys[id]; k == nil || !k.followed {
			fresh = append(fresh, id)
		}
	}
	for id, k := range e.keys {
		if !k.followed {
			k.Rows = nil
			continue
		}
		_, candidate := slices.BinarySearch(candidates, id)
		switch {
		case k.suspect(e.cfg):
			suspects[id] = true
		case candidate || k.open():
			known = append(known, id)
		default:
			k.Rows, k.followed = nil, false
		}
	}
	slices.Sort(known)
	for _, n := range []KeyNeed{
		{IDs: known, Minutes: minutes, Refusals: true},
		{IDs: fresh, Minutes: minutesOf(first, to), Refusals: true},
		{IDs: slices.Sorted(maps.Keys(suspects)), Minutes: minutes},
	} {
		if err := e.evidence.Keys(ctx, n, e.takeKey); err != nil {
			return fmt.Errorf("read the rows of %d keys: %w", len(n.IDs), err)
		}
	}
	for _, id := range fresh {
		if k := e.keys[id]; k != nil {
			k.followed = true
		}
	}
	// The successes count too of keys that are suspects by what has just come.
	var more []string
	for _, id := range slices.Concat(known, fresh) {
		if k := e.keys[id]; k != nil && k.suspect(e.cfg) {
			more = append(more, id)
		}
	}
	if err := e.evidence.Keys(ctx, KeyNeed{IDs: more, Minutes: minutes}, e.takeKey); err != nil {
		return fmt.Errorf("read all rows of %d keys: %w", len(more), err)
	}
	return nil
}

func comparePairs(a, b Pair) int {
	return cmp.Or(strings.Compare(a.Service, b.Service), cmp.Compare(a.Code, b.Code), cmp.Compare(a.HTTPStatus, b.HTTPStatus), cmp.Compare(a.Reason, b.Reason))
}

// suspect reports whether successes of the key matter: it was refused as dead,
// or often enough as invalid.
func (k *key) suspect(cfg *detect.Config) bool {
	if s := k.states; s != nil && (s.settled.Invalid.IsOpen() || s.ahead.Invalid.IsOpen()) {
		return true
	}
	minutes, refused := 0, uint64(0)
	for i := range k.Rows {
		r := &k.Rows[i]
		if r.Dead > 0 {
			return true
		}
		if r.Invalid > 0 {
			minutes, refused = minutes+1, refused+uint64(r.Invalid)
		}
	}
	return minutes >= cfg.InvalidKey.MinMinutes || refused >= cfg.InvalidKey.MinCount
}

// readClients does for clients what readKeys does for keys. The rules compare
// with all requests of a day, so that all rows of a day are needed.
func (e *Evaluator) readClients(ctx context.Context, minutes []detect.Minute, to detect.Minute) error {
	first := e.settled + 1 - detect.ClientWindow
	candidates, err := e.evidence.ClientCandidates(ctx, minutes, first, e.cfg.ClientCandidate())
	if err != nil {
		return fmt.Errorf("look for failing clients: %w", err)
	}
	var fresh, known []string
	for _, ip := range candidates {
		if c := e.clients[ip]; c == nil || !c.followed {
			fresh = append(fresh, ip)
		}
	}
	for ip, c := range e.clients {
		if !c.followed {
			c.Rows = nil
			continue
		}
		if _, candidate := slices.BinarySearch(candidates, ip); candidate || !c.Settled.Idle() || !c.ahead.Idle() {
			known = append(known, ip)
		} else {
			c.Rows, c.followed = nil, false
		}
	}
	slices.Sort(known)
	if err := e.evidence.Clients(ctx, known, minutes, e.takeClient); err != nil {
		return fmt.Errorf("read the rows of %d clients: %w", len(known), err)
	}
	if err := e.evidence.Clients(ctx, fresh, minutesOf(first, to), e.takeClient); err != nil {
		return fmt.Errorf("read the day of %d clients: %w", len(fresh), err)
	}
	for _, ip := range fresh {
		if c := e.clients[ip]; c != nil {
			c.followed = true
		}
	}
	return nil
}

// minutesOf lists the minutes [first, last].
func minutesOf(first, last detect.Minute) []detect.Minute {
	list := make([]detect.Minute, 0, max(0, last-first+1))
	for m := first; m <= last; m++ {
		list = append(list, m)
	}
	return list
}

func (e *Evaluator) settleServices(res *Result) {
	for _, name := range slices.Sorted(maps.Keys(e.services)) {
		s := e.services[name]
		for m := e.settled + 1; m <= res.To; m++ {
			s.History.Extend(m)
		}
		for m := e.settled + 1; m <= res.Settled; m++ {
			res.Final = s.Settle(m, e.alive[m], res.Final)
			if m >= res.From || e.dirty[m] {
				res.Scores = appendScores(res.Scores, s, &s.Settled)
			}
		}
		s.ahead = s.Settled
		for m := res.Settled + 1; m <= res.To; m++ {
			res.Tentative = s.Preview(&s.ahead, m, e.alive[m], res.Tentative)
			if m >= res.From || e.dirty[m] {
				res.Scores = appendScores(res.Scores, s, &s.ahead)
			}
		}
		res.Tentative = s.ahead.Open(res.Tentative)
	}
	clear(e.dirty)
}

func appendScores(rows []ScoreRow, s *service, st *detect.ServiceState) []ScoreRow {
	for _, sc := range s.Scores(st) {
		if sc.N > 0 {
			rows = append(rows, ScoreRow{Minute: st.At, Service: s.Name, Score: sc})
		}
	}
	return rows
}

// walk steps an entity over the minutes (from, to]: those with a row, and all
// others too while something is open. step gets the number of rows up to and
// including the minute.
func walk[R any](rows []R, minute func(*R) detect.Minute, from, to detect.Minute, idle func() bool, step func(n int, m detect.Minute)) {
	i, _ := slices.BinarySearchFunc(rows, from+1, func(x R, m detect.Minute) int { return int(minute(&x) - m) })
	for m := from + 1; m <= to; m++ {
		if idle() {
			if i >= len(rows) {
				return
			}
			if m = minute(&rows[i]); m > to {
				return
			}
		}
		if i < len(rows) && minute(&rows[i]) == m {
			i++
		}
		step(i, m)
	}
}

func (e *Evaluator) settleKeys(res *Result) {
	at := func(r *detect.KeyMinute) detect.Minute { return r.Minute }
	for _, k := range e.dueKeys() {
		var s keyStates
		if k.states != nil {
			s = *k.states
		}
		walk(k.Rows, at, e.settled, res.Settled, s.settled.Idle, func(n int, m detect.Minute) {
			res.Final = e.cfg.Step(&k.Key, &s.settled, k.Rows[:n], m, res.Final)
		})
		s.ahead = s.settled
		walk(k.Rows, at, res.Settled, res.To, s.ahead.Idle, func(n int, m detect.Minute) {
			res.Tentative = e.cfg.Step(&k.Key, &s.ahead, k.Rows[:n], m, res.Tentative)
		})
		res.Tentative = s.ahead.Open(res.Tentative)
		k.keep(s)
	}
}

// dueKeys are the keys that have rows after the settled minute, or a state,
// sorted: nothing happens to the others. The slice is used again.
func (e *Evaluator) dueKeys() []*key {
	due := e.due[:0]
	for _, k := range e.keys {
		if n := len(k.Rows); k.states != nil || n > 0 && k.Rows[n-1].Minute > e.settled {
			due = append(due, k)
		}
	}
	slices.SortFunc(due, func(a, b *key) int { return strings.Compare(a.ID, b.ID) })
	clear(e.due[min(len(due), len(e.due)):]) // what is forgotten is not held
	e.due = due
	return due
}

// open reports whether an incident of the key is open, at the settled minute or
// ahead of it.
func (k *key) open() bool {
	return k.states != nil && !(k.states.settled.Idle() && k.states.ahead.Idle())
}

// keep makes s the key's states.
func (k *key) keep(s keyStates) {
	switch {
	case s == keyStates{}:
		k.states = nil
	case k.states == nil:
		k.states = &s
	default:
		*k.states = s
	}
}

// remembers reports whether a closed incident still matters.
func (k *key) remembers(at detect.Minute) bool {
	return k.states != nil && k.states.settled.Remembers(at)
}

func (e *Evaluator) settleClients(res *Result) {
	at := func(r *detect.ClientMinute) detect.Minute { return r.Minute }
	for _, ip := range slices.Sorted(maps.Keys(e.clients)) {
		c := e.clients[ip]
		walk(c.Rows, at, e.settled, res.Settled, c.Settled.Idle, func(n int, m detect.Minute) {
			res.Final = e.cfg.StepClient(&c.Client, &c.Settled, c.Rows[:n], m, res.Final)
		})
		c.ahead = c.Settled
		walk(c.Rows, at, res.Settled, res.To, c.ahead.Idle, func(n int, m detect.Minute) {
			res.Tentative = e.cfg.StepClient(&c.Client, &c.ahead, c.Rows[:n], m, res.Tentative)
		})
		res.Tentative = c.ahead.Open(res.Tentative)
	}
}

func (e *Evaluator) settleContracts(res *Result) {
	at := func(r *detect.ContractMinute) detect.Minute { return r.Minute }
	for _, p := range slices.SortedFunc(maps.Keys(e.contracts), comparePairs) {
		c := e.contracts[p]
		walk(c.Rows, at, e.settled, res.Settled, c.Settled.Idle, func(n int, m detect.Minute) {
			res.Final = e.cfg.StepContract(&c.Contract, &c.Settled, c.Rows[:n], m, res.Final)
		})
		c.ahead = c.Settled
		walk(c.Rows, at, res.Settled, res.To, c.ahead.Idle, func(n int, m detect.Minute) {
			res.Tentative = e.cfg.StepContract(&c.Contract, &c.ahead, c.Rows[:n], m, res.Tentative)
		})
		res.Tentative = c.ahead.Open(res.Tentative)
	}
}

// forget drops what no detector looks back on any more.
func (e *Evaluator) forget() {
	maps.DeleteFunc(e.services, func(_ string, s *service) bool {
		return s.seen < e.settled-detect.Memory && len(s.ahead.Open(nil)) == 0
	})
	maps.DeleteFunc(e.alive, func(m detect.Minute, _ bool) bool { return m <= e.settled })
	for id, k := range e.keys {
		k.Rows = slices.DeleteFunc(k.Rows, func(r detect.KeyMinute) bool {
			return r.Minute <= e.settled-detect.KeyWindow || r.Minute <= e.settled-keyMemory && r.Dead == 0 && r.Success == 0
		})
		if !k.suspect(e.cfg) {
			k.Rows = slices.DeleteFunc(k.Rows, func(r detect.KeyMinute) bool { return r.Minute <= e.settled-keyMemory })
		}
		if len(k.Rows) == 0 && !k.remembers(e.settled) {
			delete(e.keys, id)
		}
	}
	for ip, c := range e.clients {
		c.Rows = slices.DeleteFunc(c.Rows, func(r detect.ClientMinute) bool { return r.Minute <= e.settled-detect.ClientWindow })
		if len(c.Rows) == 0 && !c.Settled.Remembers(e.settled) {
			delete(e.clients, ip)
		}
	}
	for p, c := range e.contracts {
		old := e.settled - detect.ContractWindow
		for len(c.Rows) > 0 && c.Rows[0].Minute <= old {
			if c.Rows[0].Count > 0 {
				c.LastBefore = c.Rows[0].Minute
			}
			c.Rows = c.Rows[1:]
		}
		if len(c.Rows) == 0 && !c.Settled.Remembers(e.settled) && c.LastBefore <= old-detect.ContractMemory {
			delete(e.contracts, p)
		}
	}
}
