package aggregate

import (
	"slices"

	"statline/classify"
)

// Rollup describes a table that responses are counted in. Everything that makes,
// writes, sums, audits or repairs such tables uses these descriptions, so that a new
// table only needs a description and a migration.
type Rollup struct {
	Name  string
	Level Level
	// Sum is the count of a day that the table's requests add up to.
	Sum Sum
	// Shard are the dimensions that choose a row's shard in a cluster.
	Shard []string
	// Columns are the table's, in its order: minute, dimensions, measures.
	Columns []Column
	view    func(*Rows) View
}

// Level is the length of time that a row covers.
type Level uint8

// The levels.
const (
	Minute Level = iota
	Hour
)

// Sum names a count in a DayCount.
type Sum uint8

// The sums of a day: all responses, those with a key, those with an address, those
// with a user agent.
const (
	Responded Sum = iota
	Keyed
	Addressed
	Agented
)

// Of is the count of a day that s names.
func (s Sum) Of(d DayCount) uint64 {
	return [...]uint64{d.Responses, d.Keyed, d.Addressed, d.Agented}[s]
}

// Merge is how values of rows with the same minute and dimensions become one: the name
// of the engine's function.
type Merge string

// The merges. A union of sets keeps 16 members, however many rows it merges.
const (
	None  Merge = "" // a dimension
	Add   Merge = "sum"
	Max   Merge = "max"
	Min   Merge = "min"
	Or    Merge = "groupBitOr"
	Sums  Merge = "sumMap"
	Union Merge = "groupUniqArrayArray(16)"
)

// Column is one column of a rollup.
type Column struct {
	Name  string
	Merge Merge
}

// Seconds is a time in Unix seconds.
type Seconds uint32

// Histogram is a latency histogram: parallel slices, see ResponseRow.
type Histogram struct {
	Buckets []uint16
	Counts  []uint64
}

// Value is a type that a column may have.
type Value interface {
	bool | uint8 | uint16 | uint32 | uint64 | Seconds | string | [16]byte | classify.KeyID |
		[]string | [][16]byte | []classify.KeyID | Histogram
}

// Name is a type that a dimension may have.
type Name interface {
	uint16 | string | [16]byte | classify.KeyID
}

// Read appends a column's values in the rows [from, to) to dst.
type Read[V any] func(dst []V, from, to int) []V

// Values is a Read of one of the types that a Value may have.
type Values interface{ values() }

func (Read[V]) values() {}

// View is a block's rows of one rollup.
type View struct {
	Len int
	// Minute, in Unix seconds, and Requests are those of row i. Unlike Values, they are
	// for one goroutine at a time.
	Minute   func(i int) uint32
	Requests func(i int) uint64
	// Values are parallel to the rollup's Columns.
	Values []Values
	only   func(keep func(minute uint32) bool) View
}

// Dimensions are the indexes in Columns of the dimensions, without the minute.
func (r *Rollup) Dimensions() (at []int) {
	for i, c := range r.Columns {
		if c.Merge == None && i > 0 {
			at = append(at, i)
		}
	}
	return at
}

// Of is the block's rows of r.
func (r *Rollup) Of(rows *Rows) View { return r.view(rows) }

// Only selects the rows whose minute is kept.
func (v View) Only(keep func(minute uint32) bool) View { return v.only(keep) }

// Days sums v's requests by Unix day.
func (v View) Days() map[int64]uint64 {
	days := map[int64]uint64{}
	for i := range v.Len {
		days[int64(v.Minute(i))/daySeconds] += v.Requests(i)
	}
	return days
}

// Description describes a Rollup of rows R: Describe adds the columns that every
// rollup has, minute and requests.
type Description[R any] struct {
	Name     string
	Level    Level
	Sum      Sum
	Shard    []string
	Rows     func(*Rows) List[R]
	Minute   func(*R) uint32
	Requests func(*R) uint64
	// Dimensions and Measures are in the table's order.
	Dimensions, Measures []ColumnOf[R]
}

// ColumnOf is a column of rows R.
type ColumnOf[R any] struct {
	Column
	read func(rows List[R]) Values
}

// Dimension is a column that distinguishes rows.
func Dimension[R any, V Name](name string, get func(*R) V) ColumnOf[R] {
	return Measure(name, None, get)
}

// Measure is a column whose values are merged.
func Measure[R any, V Value](name string, merge Merge, get func(*R) V) ColumnOf[R] {
	return measureOf(always, name, merge, get)
}

// measureOf is Measure for a column that is zero in rows without p.
func measureOf[R any, V Value](p part, name string, merge Merge, get func(*R) V) ColumnOf[R] {
	return ColumnOf[R]{Column{Name: name, Merge: merge}, func(rows List[R]) Values { return readPart(rows, p, get) }}
}

// Describe makes the Rollup of a description.
func Describe[R any](d Description[R]) Rollup {
	columns := slices.Concat(
		[]ColumnOf[R]{Measure("minute", None, func(r *R) Seconds { return Seconds(d.Minute(r)) })}, d.Dimensions,
		[]ColumnOf[R]{Measure("requests", Add, d.Requests)}, d.Measures)
	r := Rollup{Name: d.Name, Level: d.Level, Sum: d.Sum, Shard: d.Shard}
	for _, c := range columns {
		r.Columns = append(r.Columns, c.Column)
	}
	var of func(rows List[R]) View
	of = func(rows List[R]) View {
		var made R
		v := View{
			Len:      rows.n,
			Minute:   func(i int) uint32 { return d.Minute(rows.at(i, &made)) },
			Requests: func(i int) uint64 { return d.Requests(rows.at(i, &made)) },
			only: func(keep func(minute uint32) bool) View {
				var kept []R
				for i := range rows.n {
					if row := rows.at(i, &made); keep(d.Minute(row)) {
						kept = append(kept, *row)
					}
				}
				return of(ListOf(kept))
			},
		}
		for _, c := range columns {
			v.Values = append(v.Values, c.read(rows))
		}
		return v
	}
	r.view = func(b *Rows) View { return of(d.Rows(b)) }
	return r
}
