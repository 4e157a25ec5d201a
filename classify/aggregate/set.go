package aggregate

// set is a bounded set: it keeps the size smallest of all values added, by (hash,
// value), which depends neither on their order nor on how often they were added. Most
// sets have one member, which is stored here; more go to the pool.
type set[V comparable] struct {
	n     uint32
	slab  uint32 // in the pool, when n > 1
	hash  uint64
	value V
}

type member[V comparable] struct {
	hash  uint64
	value V
}

// sets is the pool of the sets of one kind.
type sets[V comparable] struct {
	size    int
	less    func(a, b V) bool // orders values whose hashes collide
	members []member[V]       // size to a slab
}

func (p *sets[V]) reset() { p.members = p.members[:0] }

// add adds value, whose hash is hash, to s.
func (p *sets[V]) add(s *set[V], hash uint64, value V) {
	switch s.n {
	case 0:
		if p.size > 0 {
			s.n, s.hash, s.value = 1, hash, value
		}
		return
	case 1:
		if s.value == value {
			return
		}
		if p.size == 1 {
			if m := (member[V]{s.hash, s.value}); p.before(hash, value, &m) {
				s.hash, s.value = hash, value
			}
			return
		}
		s.slab = uint32(len(p.members))
		s.n = 2
		for range p.size {
			p.members = append(p.members, member[V]{})
		}
		p.members[s.slab] = member[V]{s.hash, s.value}
		p.members[s.slab+1] = member[V]{hash, value}
		return
	}
	members := p.members[s.slab : int(s.slab)+int(s.n)]
	last := 0 // the greatest member
	for i := range members {
		m := &members[i]
		if m.hash == hash && m.value == value {
			return
		}
		if p.before(members[last].hash, members[last].value, m) {
			last = i
		}
	}
	if int(s.n) < p.size {
		p.members[int(s.slab)+int(s.n)] = member[V]{hash, value}
		s.n++
		return
	}
	if p.before(hash, value, &members[last]) {
		members[last] = member[V]{hash, value}
	}
}

func (p *sets[V]) before(hash uint64, value V, m *member[V]) bool {
	return hash < m.hash || hash == m.hash && p.less(value, m.value)
}

// each calls f with every member, in no particular order.
func (p *sets[V]) each(s *set[V], f func(V)) {
	if s.n == 1 {
		f(s.value)
		return
	}
	for i := range s.n {
		f(p.members[s.slab+i].value)
	}
}
