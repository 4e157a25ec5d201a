package watch

import (
	"context"
	"maps"
	"slices"

	"statline/classify/detect"
)

// family is the entities of one type that the evaluator holds, with their rows
// and the states of their rules.
type family interface {
	entityType() detect.EntityType
	// read takes the rows of b's minutes, the last of which is to, out of b or
	// from the store; settled is the last settled minute.
	read(ctx context.Context, ev Evidence, b *Rows, settled, to detect.Minute) error
	// settle folds the minutes after settled up to res.Settled for good, and a
	// copy of the states up to res.To.
	settle(settled detect.Minute, res *Result)
	// forget drops what no rule looks back on after the settled minute.
	forget(settled detect.Minute)
	// contributed is what the minutes [from, to] of l added to an incident.
	contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64)
	// restore sets the states as of minute at of everything that has rows, or is
	// in known by its name. stored are the incidents that known sums up.
	restore(at detect.Minute, known map[string][]detect.Restored, stored []Stored)
}

// entities is the family of a type E whose entities, told apart by K, have a row
// R in few minutes.
type entities[K comparable, E, R any] struct {
	*detect.Family[E, R]
	cfg    *detect.Config
	order  func(a, b K) int
	create func(K) E
	// find is the K of an entity that incidents name.
	find func(name string, stored []Stored) (K, bool)
	of   map[K]*entity[K, E, R]

	due []*entity[K, E, R] // of settle, kept for the next time
}

// entity is one entity. states is nil while they are zero, as those of most are.
type entity[K comparable, E, R any] struct {
	id     K
	is     E
	rows   []R // sorted by minute
	states *states
	// followed is set while rows are complete: a read that failed half-way
	// leaves some that are not.
	followed bool
}

// states are those at the settled minute, and those ahead of it.
type states struct{ settled, ahead detect.States }

func newEntities[K comparable, E, R any](
	cfg *detect.Config, f *detect.Family[E, R], order func(a, b K) int, create func(K) E,
) *entities[K, E, R] {
	return &entities[K, E, R]{Family: f, cfg: cfg, order: order, create: create, of: map[K]*entity[K, E, R]{}}
}

func (s *entities[K, E, R]) entityType() detect.EntityType { return s.Type }

// get returns the entity of id, a new one when there is none.
func (s *entities[K, E, R]) get(id K) *entity[K, E, R] {
	x := s.of[id]
	if x == nil {
		x = &entity[K, E, R]{id: id, is: s.create(id)}
		s.of[id] = x
	}
	return x
}

// put inserts or replaces a row of an entity.
func (s *entities[K, E, R]) put(x *entity[K, E, R], row R) {
	m := s.Minute(&row)
	if n := len(x.rows); n == 0 || s.Minute(&x.rows[n-1]) < m {
		x.rows = append(x.rows, row)
		return
	}
	i, found := s.search(x.rows, m)
	if found {
		x.rows[i] = row
		return
	}
	x.rows = slices.Insert(x.rows, i, row)
}

func (s *entities[K, E, R]) search(rows []R, m detect.Minute) (int, bool) {
	return slices.BinarySearchFunc(rows, m, func(x R, m detect.Minute) int { return int(s.Minute(&x) - m) })
}

// busy reports whether an incident is open, at the settled minute or ahead of it.
func (x *entity[K, E, R]) busy() bool {
	return x.states != nil && !(x.states.settled.Idle() && x.states.ahead.Idle())
}

// follow drops the rows of entities that no longer matter: no candidates, nothing
// open, and not kept by keep (nil keeps none). It returns, sorted, the candidates
// whose rows are still to be read and the entities that are followed already. Dropped
// rows can be read again.
func (s *entities[K, E, R]) follow(candidates []K, keep func(*entity[K, E, R]) bool) (fresh, known []K) {
	for _, id := range candidates {
		if x := s.of[id]; x == nil || !x.followed {
			fresh = append(fresh, id)
		}
	}
	for id, x := range s.of {
		if !x.followed {
			x.rows = nil
			continue
		}
		_, candidate := slices.BinarySearchFunc(candidates, id, s.order)
		if candidate || x.busy() || keep != nil && keep(x) {
			known = append(known, id)
		} else {
			x.rows, x.followed = nil, false
		}
	}
	slices.SortFunc(known, s.order)
	return fresh, known
}

// complete records that all rows of some entities have been read.
func (s *entities[K, E, R]) complete(ids []K) {
	for _, id := range ids {
		if x := s.of[id]; x != nil {
			x.followed = true
		}
	}
}

func (s *entities[K, E, R]) settle(settled detect.Minute, res *Result) {
	for _, x := range s.dueAfter(settled) {
		var now states
		if x.states != nil {
			now = *x.states
		}
		s.walk(x, settled, res.Settled, &now.settled, &res.Final)
		now.ahead = now.settled
		s.walk(x, res.Settled, res.To, &now.ahead, &res.Tentative)
		res.Tentative = now.ahead.Open(res.Tentative)
		x.keep(now)
	}
}

// dueAfter returns, sorted, the entities with rows after the settled minute or with
// states: nothing happens to the others. The slice is reused.
func (s *entities[K, E, R]) dueAfter(settled detect.Minute) []*entity[K, E, R] {
	due := s.due[:0]
	for _, x := range s.of {
		if n := len(x.rows); x.states != nil || n > 0 && s.Minute(&x.rows[n-1]) > settled {
			due = append(due, x)
		}
	}
	slices.SortFunc(due, func(a, b *entity[K, E, R]) int { return s.order(a.id, b.id) })
	clear(s.due[min(len(due), len(s.due)):]) // do not hold forgotten entities
	s.due = due
	return due
}

// walk steps an entity over the minutes (from, to]: those with a row, and all of them
// while something is open.
func (s *entities[K, E, R]) walk(
	x *entity[K, E, R], from, to detect.Minute, st *detect.States, closed *[]detect.Incident,
) {
	i, _ := s.search(x.rows, from+1)
	for m := from + 1; m <= to; m++ {
		if st.Idle() {
			if i >= len(x.rows) {
				return
			}
			if m = s.Minute(&x.rows[i]); m > to {
				return
			}
		}
		if i < len(x.rows) && s.Minute(&x.rows[i]) == m {
			i++
		}
		*closed = s.Step(s.cfg, &x.is, st, x.rows[:i], m, *closed)
	}
}

// keep stores now as the entity's states.
func (x *entity[K, E, R]) keep(now states) {
	switch {
	case now == states{}:
		x.states = nil
	case x.states == nil:
		x.states = &now
	default:
		*x.states = now
	}
}

// forget drops rows that are too old for the rules, and entities without any rows or
// states.
func (s *entities[K, E, R]) forget(settled detect.Minute) {
	old := settled - detect.Minute(s.Lookback)
	for id, x := range s.of {
		x.rows = slices.DeleteFunc(x.rows, func(r R) bool { return s.Minute(&r) <= old })
		if len(x.rows) == 0 && !x.remembers(settled) {
			delete(s.of, id)
		}
	}
}

// remembers reports that a closed incident still matters.
func (x *entity[K, E, R]) remembers(settled detect.Minute) bool {
	return x.states != nil && x.states.settled.Remembers(settled)
}

func (s *entities[K, E, R]) restore(at detect.Minute, known map[string][]detect.Restored, stored []Stored) {
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if id, ok := s.find(name, stored); ok {
			s.get(id)
		}
	}
	for _, x := range s.of {
		now := s.Restore(x.rows, at, known[s.Name(&x.is)])
		x.keep(states{now, now})
		// The evidence has all rows of entities with an open incident or rows there, and
		// none of the others, whose incidents are over.
		x.followed = len(x.rows) > 0 || x.busy()
	}
}

// named finds an entity whose key is its name.
func named(name string, _ []Stored) (string, bool) { return name, true }
