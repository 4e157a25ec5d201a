package watch

import (
	"context"
	"maps"
	"slices"

	"statline/classify/detect"
)

// services are the services, which have a row in almost every minute.
type services struct {
	cfg   *detect.Config
	of    map[string]*service
	alive map[detect.Minute]bool // whether any service had traffic
	dirty map[detect.Minute]bool // minutes whose counts changed when read again
	// settled and evaluated are the last minutes decided, for good and at all.
	settled, evaluated detect.Minute
}

// service carries, besides its settled state, the state ahead of it: as of the
// evaluated minute.
type service struct {
	detect.Service
	ahead detect.ServiceState
	seen  detect.Minute // newest minute with traffic
	late  detect.Minute // when Late was last seen to be true
}

func newServices(cfg *detect.Config) *services {
	return &services{cfg: cfg, of: map[string]*service{}, alive: map[detect.Minute]bool{},
		dirty: map[detect.Minute]bool{}}
}

func (s *services) entityType() detect.EntityType { return detect.ServiceEntity }

func (s *services) get(name string) *service {
	x := s.of[name]
	if x == nil {
		x = &service{Service: *detect.NewService(name, s.cfg)}
		x.Settled.At = s.settled
		s.of[name] = x
	}
	return x
}

func (s *services) read(_ context.Context, _ Evidence, b *Rows, settled, to detect.Minute) error {
	s.settled = settled
	for _, m := range b.Minutes {
		s.alive[m] = false
	}
	for i := range b.Services {
		r := &b.Services[i]
		x := s.get(r.Service)
		if old := x.History.At(r.Minute); r.Minute <= s.evaluated && old != r.Counts {
			s.dirty[r.Minute] = true
			if old.N == 0 {
				x.cameLate(r.Minute, to)
			}
		}
		x.History.Set(r.Minute, r.Counts)
		if r.N > 0 {
			s.alive[r.Minute] = true
			x.seen = max(x.seen, r.Minute)
		}
	}
	return nil
}

// lateFor is how many minutes a service counts as late after it was.
const lateFor = 1440

// cameLate records that the first rows of minute m came when minute to was decided. A
// service is as late as it was at worst within a day.
func (x *service) cameLate(m, to detect.Minute) {
	if by := int(to - m); by >= x.Late || to > x.late+lateFor {
		x.Late, x.late = by, to
	}
}

func (s *services) settle(settled detect.Minute, res *Result) {
	for _, name := range slices.Sorted(maps.Keys(s.of)) {
		x := s.of[name]
		for m := settled + 1; m <= res.To; m++ {
			x.History.Extend(m)
		}
		for m := settled + 1; m <= res.Settled; m++ {
			res.Final = x.Settle(m, s.alive[m], res.Final)
			s.score(res, x, &x.Settled)
		}
		x.ahead = x.Settled
		for m := res.Settled + 1; m <= res.To; m++ {
			res.Tentative = x.Preview(&x.ahead, m, s.alive[m], res.Tentative)
			s.score(res, x, &x.ahead)
		}
		res.Tentative = x.ahead.Open(res.Tentative)
	}
	clear(s.dirty)
	s.evaluated = res.To
}

// score appends the scores of the minute that st has just folded, if it is new or has
// changed.
func (s *services) score(res *Result, x *service, st *detect.ServiceState) {
	if st.At < res.From && !s.dirty[st.At] {
		return
	}
	for _, sc := range x.Scores(st) {
		if sc.N > 0 {
			res.Scores = append(res.Scores, ScoreRow{Minute: st.At, Service: x.Name, Score: sc})
		}
	}
}

func (s *services) forget(settled detect.Minute) {
	maps.DeleteFunc(s.of, func(_ string, x *service) bool {
		return x.seen < settled-detect.Memory && len(x.ahead.Open(nil)) == 0
	})
	maps.DeleteFunc(s.alive, func(m detect.Minute, _ bool) bool { return m <= settled })
}

func (s *services) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	for _, r := range l.services[inc.Entity] {
		if r.Minute >= from && r.Minute <= to {
			n, k := detect.ServiceSum(inc.Rule, &r.Counts)
			requests, affected = requests+n, affected+k
		}
	}
	return requests, affected
}

// take fills the histories up to minute at.
func (s *services) take(p *Past, at detect.Minute) {
	s.settled, s.evaluated = at, at
	for i := range p.Minutes {
		r := &p.Minutes[i]
		x := s.get(r.Service)
		x.History.Set(r.Minute, r.Counts)
		x.seen = max(x.seen, r.Minute)
		s.alive[r.Minute] = true
	}
	for name, late := range p.Late {
		x := s.get(name)
		x.Late, x.late = noticed(late), at
	}
	for i := range p.Blocks {
		r := &p.Blocks[i]
		if r.Minute+4 <= at {
			x := s.get(r.Service)
			x.History.SetBlock(r.Minute, r.Counts)
			x.seen = max(x.seen, r.Minute)
		}
	}
}

func (s *services) restore(at detect.Minute, known map[string][]detect.Restored, stored []Stored) {
	for i := range stored {
		r := &stored[i]
		if r.EntityType != detect.ServiceEntity || r.State == detect.Withdrawn || r.OpenedAt > at {
			continue
		}
		last := r.ClosedAt
		if last == 0 || last > at {
			last = at
		}
		x := s.get(r.Entity)
		x.Mask(r.Rule, r.OpenedAt, last)
		x.seen = max(x.seen, last)
	}
	for name := range known {
		s.get(name)
	}
	for name, x := range s.of {
		x.Restore(at, known[name], func(m detect.Minute) bool { return s.alive[m] })
	}
}
