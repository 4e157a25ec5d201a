package aggregate

import "encoding/json"

// List is the rows of a table. Those of keys and of addresses, which are most, are made
// when they are read, of what a Table has counted: they would take twice as much as
// that.
type List[R any] struct {
	n int
	// at returns row i, which it may make in made.
	at func(i int, made *R) *R
	// has reports whether row i has more than zeros in a part; nil is always.
	has func(i int, p part) bool
}

// part is a group of columns that are zero in most rows.
type part uint8

const (
	always   part = iota
	failures      // what only failures have
	told          // what only some logs tell
)

// ListOf is a list of the given rows, which it keeps.
func ListOf[R any](rows []R) List[R] {
	return List[R]{n: len(rows), at: func(i int, _ *R) *R { return &rows[i] }}
}

// Len is the number of rows.
func (l List[R]) Len() int { return l.n }

// At is row i.
func (l List[R]) At(i int) R {
	var made R
	return *l.at(i, &made)
}

// All is a copy of the rows.
func (l List[R]) All() []R {
	if l.n == 0 {
		return nil
	}
	rows := make([]R, l.n)
	for i := range rows {
		rows[i] = *l.at(i, &rows[i])
	}
	return rows
}

// MarshalJSON implements json.Marshaler: a list of its rows.
func (l List[R]) MarshalJSON() ([]byte, error) { return json.Marshal(l.All()) }

// ReadRows reads get of rows.
func ReadRows[R, V any](rows List[R], get func(*R) V) Read[V] { return readPart(rows, always, get) }

// readPart is ReadRows of a column in p: only rows that have p are made.
func readPart[R, V any](rows List[R], p part, get func(*R) V) Read[V] {
	return func(dst []V, from, to int) []V {
		var made R
		for i := from; i < to; i++ {
			var v V
			if p == always || rows.has == nil || rows.has(i, p) {
				v = get(rows.at(i, &made))
			}
			dst = append(dst, v)
		}
		return dst
	}
}
