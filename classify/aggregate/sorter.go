package aggregate

import "slices"

// Sorter is the memory in which a block's rows are sorted: twice as large as the rows
// themselves, and needed for a moment. The zero value is ready.
type Sorter struct{ refs, spare []ref }

// Lend calls use with a Sorter that nobody else uses meanwhile. Tables that share one
// wait for each other.
type Lend func(use func(*Sorter))

// sorted sorts the refs of n rows, and calls f with them.
func (t *Table) sorted(n int, refs func(into []ref) []ref, f func(refs []ref)) {
	t.lend(func(s *Sorter) { f(s.sort(n, refs)) })
}

func (s *Sorter) sort(n int, refs func(into []ref) []ref) []ref {
	if cap(s.refs) > 1<<16 && cap(s.refs) > 4*n {
		s.refs, s.spare = nil, nil // the blocks are much smaller than they were
	}
	s.refs = refs(slices.Grow(s.refs[:0], n))
	s.spare = slices.Grow(s.spare[:0], n)[:n]
	sortRefs(s.refs, s.spare)
	return s.refs
}

// permute moves rows, which count from 1, into the order of their refs, with move(to,
// from). Row 0 is used meanwhile, and whatever it had is lost. The refs' row numbers
// are, too.
func permute(refs []ref, move func(to, from uint32)) {
	for i := range refs {
		first := uint32(i + 1)
		if refs[i].row == first || refs[i].row == 0 {
			continue
		}
		move(0, first)
		at := first
		for {
			from := refs[at-1].row
			refs[at-1].row = 0 // done
			if from == first {
				move(at, 0)
				break
			}
			move(at, from)
			at = from
		}
	}
}

// renumber tells the overflows of a table's counts, before its rows are moved, where
// these are going to be.
func (t *Table) renumber(x *index, refs []ref) {
	for i := range t.carries {
		if c := &t.carries[i]; c.table == x {
			c.row = uint32(slices.IndexFunc(refs, func(r ref) bool { return r.row == c.row }) + 1)
		}
	}
}

// moved says that the row from is now the row to, or a part of it.
func (t *Table) moved(x *index, from, to uint32) {
	for i := range t.carries {
		if c := &t.carries[i]; c.table == x && c.row == from {
			c.row = to
		}
	}
}

// addUp adds the count n of the row from to sum, the count of the row to.
func (t *Table) addUp(x *index, sum *uint32, to uint32, n *uint32, from uint32) {
	t.moved(x, from, to)
	if *sum += *n; *sum < *n {
		t.carries = append(t.carries, carry{x, to})
	}
}
