package detect

import "slices"

// Rule is one rule about entities of a type E, of which the store has a row R a
// minute. It says in one place which requests count against the entity: an incident
// adds them up, stays open as long as they come, and is restored from them.
type Rule[E, R any] struct {
	Name    string // as it is stored
	Version uint32
	// Against is how many requests of a row count against the entity.
	Against func(row *R) uint64
	// Over says why an open incident ends in minute t, whose row has nothing against
	// the entity; "" while it lasts.
	Over func(c *Config, e *Episode, row *R, t Minute) string
	// Judge opens an incident or describes the open one, in minute t with
	// something against the entity. rows are its rows up to t, sorted.
	Judge func(c *Config, x *E, e *Episode, rows []R, t Minute)
}

// Family is an entity type with its rules.
type Family[E, R any] struct {
	Type     EntityType
	Name     func(x *E) string   // as incidents name the entity
	Service  func(x *E) string   // that the allow list names instead of the entity; nil for none
	Minute   func(row *R) Minute // of a row
	Requests func(row *R) uint64 // of every outcome
	Lookback int                 // minutes of rows that the rules look back on
	Rules    []Rule[E, R]        // at most maxRules
}

// maxRules bounds the rules of a family, so that the states of an entity are
// copied and compared by value.
const maxRules = 4

// States are the states of a family's rules for one entity at one minute. They
// are the zero value until an incident begins: of the keys that are ever
// refused, most need none.
type States struct{ of [maxRules]Episode }

// Idle reports whether no incident is open.
func (s *States) Idle() bool {
	for i := range s.of {
		if s.of[i].IsOpen() {
			return false
		}
	}
	return true
}

// Open appends the open incidents of s.
func (s *States) Open(list []Incident) []Incident {
	for i := range s.of {
		if s.of[i].IsOpen() {
			list = append(list, *s.of[i].inc)
		}
	}
	return list
}

// Remembers reports that the states still matter at minute t: an incident is open, or
// was closed within Memory.
func (s *States) Remembers(t Minute) bool {
	return slices.ContainsFunc(s.of[:], func(e Episode) bool {
		return e.IsOpen() || e.lastClose > 0 && e.lastClose > t-Memory
	})
}

// IsOpen reports whether an incident of the named rule is open.
func (f *Family[E, R]) IsOpen(s *States, rule string) bool {
	i := f.index(rule)
	return i >= 0 && s.of[i].IsOpen()
}

func (f *Family[E, R]) index(rule string) int {
	return slices.IndexFunc(f.Rules, func(r Rule[E, R]) bool { return r.Name == rule })
}

// Step folds minute t into s. rows are the entity's rows up to and including
// minute t, sorted. It appends what it closed to closed. A minute without a row
// needs a step only while something is open.
func (f *Family[E, R]) Step(c *Config, x *E, s *States, rows []R, t Minute, closed []Incident) []Incident {
	if f.Service != nil && c.allowed(ServiceEntity, f.Service(x)) ||
		f.Service == nil && c.allowed(f.Type, f.Name(x)) {
		return closed
	}
	row := f.now(rows, t)
	for i := range f.Rules {
		r, e := &f.Rules[i], &s.of[i]
		bad := r.Against(&row)
		if bad > 0 {
			e.saw(t)
		}
		if e.IsOpen() {
			inc := e.edit()
			inc.Requests += f.Requests(&row)
			inc.Affected += bad
			if bad == 0 {
				if as := r.Over(c, e, &row, t); as != "" {
					closed = append(closed, e.end(t, as))
				}
			}
		}
		if bad > 0 {
			r.Judge(c, x, e, rows, t)
		}
	}
	return closed
}

// now returns the row of minute t, an empty one when there is none.
func (f *Family[E, R]) now(rows []R, t Minute) (row R) {
	if n := len(rows); n > 0 && f.Minute(&rows[n-1]) == t {
		row = rows[n-1]
	}
	return row
}

// Restore is the state of an entity at minute at, from its rows and from what the
// table incidents has.
func (f *Family[E, R]) Restore(rows []R, at Minute, known []Restored) (s States) {
	for _, r := range known {
		i := f.index(r.Rule)
		if i < 0 {
			continue // a rule of another version of the program
		}
		var last Minute
		for j := range rows {
			if m := f.Minute(&rows[j]); m <= at && f.Rules[i].Against(&rows[j]) > 0 {
				last = m
			}
		}
		s.of[i].restore(r, last)
	}
	return s
}

// Sums adds up what rows in [from, to] contributed to an incident of a rule.
func (f *Family[E, R]) Sums(rule string, rows []R, from, to Minute) (requests, affected uint64) {
	i := f.index(rule)
	if i < 0 {
		return 0, 0
	}
	for j := range rows {
		if m := f.Minute(&rows[j]); m >= from && m <= to {
			requests += f.Requests(&rows[j])
			affected += f.Rules[i].Against(&rows[j])
		}
	}
	return requests, affected
}

// back returns the rows of the w minutes that end with t.
func back[R any](rows []R, minute func(*R) Minute, t Minute, w int) []R {
	i := len(rows)
	for i > 0 && minute(&rows[i-1]) > t-Minute(w) {
		i--
	}
	return rows[i:]
}

// quiet ends an incident that has had nothing against its entity for some minutes.
func (e *Episode) quiet(t Minute, minutes int, as string) string {
	if int(t-e.lastBad) >= minutes {
		return as
	}
	return ""
}
