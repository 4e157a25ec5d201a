package store

import (
	"fmt"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// insertColumn is one column of an INSERT: put writes the values of the rows [from,
// to) in the type wire; where the table has a LowCardinality that is a plain String,
// which the server converts. unset reports that all of them are the type's default;
// nil when that is unknown.
type insertColumn struct {
	name  schema.Column
	wire  string
	put   func(w *wire, s *scratch, from, to int)
	unset func(s *scratch, from, to int) bool
}

// scratch holds the buffers of one INSERT being built.
type scratch struct {
	wire wire

	// Values of one column after the other.
	flags  []bool
	u8     []uint8
	u16    []uint16
	u32    []uint32
	u64    []uint64
	i16    []int16
	i32    []int32
	i64    []int64
	f64    []float64
	clock  []aggregate.Seconds
	text   []string
	keys   []classify.KeyID
	addr   [][16]byte
	pairs  []aggregate.Histogram
	texts  [][]string
	keyset [][]classify.KeyID
	addrs  [][][16]byte
}

// forget drops the references to a block's rows and keeps the buffers.
func (s *scratch) forget() {
	clear(s.text[:cap(s.text)])
	clear(s.pairs[:cap(s.pairs)])
	clear(s.texts[:cap(s.texts)])
	clear(s.keyset[:cap(s.keyset)])
	clear(s.addrs[:cap(s.addrs)])
}

// reader appends a column's values in the rows [from, to) to dst.
type reader[V any] func(dst []V, from, to int) []V

// of reads get of rows.
func of[R, V any](rows []R, get func(*R) V) reader[V] {
	return reader[V](aggregate.ReadRows(aggregate.ListOf(rows), get))
}

// runRows is how many rows are read at a time, so that the buffers stay small.
const runRows = 1024

// each calls f with the values of the rows [from, to), run by run.
func (r reader[V]) each(buffer *[]V, from, to int, f func(list []V)) {
	for ; from < to; from += runRows {
		*buffer = r((*buffer)[:0], from, min(from+runRows, to))
		f(*buffer)
	}
}

// all reports whether is holds for every value of the rows [from, to).
func (r reader[V]) all(buffer *[]V, from, to int, is func(*V) bool) bool {
	for ; from < to; from += runRows {
		*buffer = r((*buffer)[:0], from, min(from+runRows, to))
		for i := range *buffer {
			if !is(&(*buffer)[i]) {
				return false
			}
		}
	}
	return true
}

// values says how a column of fixed size keeps and writes values of type V.
type values[V any] struct {
	wire   string
	buffer func(*scratch) *[]V
	put    func(w *wire, list []V)
}

func fixed[V comparable](name schema.Column, as values[V], read reader[V]) insertColumn {
	return insertColumn{
		name: name,
		wire: as.wire,
		put: func(w *wire, s *scratch, from, to int) {
			read.each(as.buffer(s), from, to, func(list []V) { as.put(w, list) })
		},
		unset: func(s *scratch, from, to int) bool {
			var zero V
			return read.all(as.buffer(s), from, to, func(v *V) bool { return *v == zero })
		},
	}
}

func u8(name schema.Column, read reader[uint8]) insertColumn {
	return fixed(name, values[uint8]{"UInt8", func(s *scratch) *[]uint8 { return &s.u8 }, (*wire).u8s}, read)
}

func u16(name schema.Column, read reader[uint16]) insertColumn {
	return fixed(name, values[uint16]{"UInt16", func(s *scratch) *[]uint16 { return &s.u16 }, (*wire).u16s}, read)
}

func u32(name schema.Column, read reader[uint32]) insertColumn {
	return fixed(name, values[uint32]{"UInt32", func(s *scratch) *[]uint32 { return &s.u32 }, put32[uint32]}, read)
}

func u64(name schema.Column, read reader[uint64]) insertColumn {
	return fixed(name, values[uint64]{"UInt64", func(s *scratch) *[]uint64 { return &s.u64 }, put64[uint64]}, read)
}

func i16(name schema.Column, read reader[int16]) insertColumn {
	return fixed(name, values[int16]{"Int16", func(s *scratch) *[]int16 { return &s.i16 }, (*wire).i16s}, read)
}

func i32(name schema.Column, read reader[int32]) insertColumn {
	return fixed(name, values[int32]{"Int32", func(s *scratch) *[]int32 { return &s.i32 }, put32[int32]}, read)
}

func i64(name schema.Column, read reader[int64]) insertColumn {
	return fixed(name, values[int64]{"Int64", func(s *scratch) *[]int64 { return &s.i64 }, put64[int64]}, read)
}

func f64(name schema.Column, read reader[float64]) insertColumn {
	return fixed(name, values[float64]{"Float64", func(s *scratch) *[]float64 { return &s.f64 }, (*wire).f64s}, read)
}

func addr(name schema.Column, read reader[[16]byte]) insertColumn {
	return fixed(name, values[[16]byte]{"IPv6", func(s *scratch) *[][16]byte { return &s.addr }, (*wire).addrs}, read)
}

// millis is a DateTime64(3) of Unix milliseconds of any size: Kafka keeps any
// timestamp that a producer wrote.
func millis(name schema.Column, read reader[int64]) insertColumn {
	c := i64(name, read)
	c.wire = "DateTime64(3, 'UTC')"
	return c
}

// seconds is a DateTime from Unix seconds.
func seconds(name schema.Column, read reader[aggregate.Seconds]) insertColumn {
	buffer := func(s *scratch) *[]aggregate.Seconds { return &s.clock }
	return fixed(name, values[aggregate.Seconds]{"DateTime('UTC')", buffer, put32[aggregate.Seconds]}, read)
}

// flag is a UInt8 of 1 or 0.
func flag(name schema.Column, read reader[bool]) insertColumn {
	return fixed(name, values[bool]{"UInt8", func(s *scratch) *[]bool { return &s.flags }, (*wire).flags}, read)
}

func bit(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

// text is a String or LowCardinality(String).
func text(name schema.Column, read reader[string]) insertColumn {
	return fixed(name, values[string]{"String", func(s *scratch) *[]string { return &s.text }, (*wire).texts}, read)
}

// keyText is a key's identity in its stored form.
func keyText(name schema.Column, read reader[classify.KeyID]) insertColumn {
	buffer := func(s *scratch) *[]classify.KeyID { return &s.keys }
	c := fixed(name, values[classify.KeyID]{"String", buffer, (*wire).keys}, read)
	c.unset = nil
	return c
}

// items says how a column of arrays keeps and writes items of type V.
type items[V any] struct {
	wire   string
	buffer func(*scratch) *[][]V
	put    func(w *wire, list []V)
}

// array is a column of sets, mostly empty ones.
func array[V any](name schema.Column, as items[V], read reader[[]V]) insertColumn {
	return insertColumn{
		name: name,
		wire: "Array(" + as.wire + ")",
		put: func(w *wire, s *scratch, from, to int) {
			end := uint64(0)
			read.each(as.buffer(s), from, to, func(list [][]V) {
				for _, set := range list {
					end += uint64(len(set))
					w.u64(end)
				}
			})
			read.each(as.buffer(s), from, to, func(list [][]V) {
				for _, set := range list {
					as.put(w, set)
				}
			})
		},
		unset: func(s *scratch, from, to int) bool {
			return read.all(as.buffer(s), from, to, func(set *[]V) bool { return len(*set) == 0 })
		},
	}
}

func addrSet(name schema.Column, read reader[[][16]byte]) insertColumn {
	return array(name, items[[16]byte]{"IPv6", func(s *scratch) *[][][16]byte { return &s.addrs }, (*wire).addrs}, read)
}

func textSet(name schema.Column, read reader[[]string]) insertColumn {
	return array(name, items[string]{"String", func(s *scratch) *[][]string { return &s.texts }, (*wire).texts}, read)
}

func keySet(name schema.Column, read reader[[]classify.KeyID]) insertColumn {
	buffer := func(s *scratch) *[][]classify.KeyID { return &s.keyset }
	return array(name, items[classify.KeyID]{"String", buffer, (*wire).keys}, read)
}

// histogram is a pair of parallel arrays.
func histogram(name schema.Column, read reader[aggregate.Histogram]) insertColumn {
	return insertColumn{
		name: name,
		wire: "Tuple(Array(UInt16), Array(UInt64))",
		put: func(w *wire, s *scratch, from, to int) {
			part := func(length func(*aggregate.Histogram) int, put func(*aggregate.Histogram)) {
				end := uint64(0)
				read.each(&s.pairs, from, to, func(list []aggregate.Histogram) {
					for i := range list {
						end += uint64(length(&list[i]))
						w.u64(end)
					}
				})
				read.each(&s.pairs, from, to, func(list []aggregate.Histogram) {
					for i := range list {
						put(&list[i])
					}
				})
			}
			type pair = aggregate.Histogram
			part(func(h *pair) int { return len(h.Buckets) }, func(h *pair) { w.u16s(h.Buckets) })
			part(func(h *pair) int { return len(h.Counts) }, func(h *pair) { put64(w, h.Counts) })
		},
		unset: func(s *scratch, from, to int) bool {
			return read.all(&s.pairs, from, to,
				func(h *aggregate.Histogram) bool { return len(h.Buckets) == 0 && len(h.Counts) == 0 })
		},
	}
}

// rollupColumns are the columns of a block's rows of a rollup.
func rollupColumns(r aggregate.Rollup, rows aggregate.View) []insertColumn {
	columns := make([]insertColumn, len(r.Columns))
	for i, c := range r.Columns {
		columns[i] = rollupColumn(schema.Column(c.Name), rows.Values[i])
	}
	return columns
}

func rollupColumn(name schema.Column, v aggregate.Values) insertColumn {
	switch read := v.(type) {
	case aggregate.Read[bool]:
		return flag(name, reader[bool](read))
	case aggregate.Read[uint8]:
		return u8(name, reader[uint8](read))
	case aggregate.Read[uint16]:
		return u16(name, reader[uint16](read))
	case aggregate.Read[uint32]:
		return u32(name, reader[uint32](read))
	case aggregate.Read[uint64]:
		return u64(name, reader[uint64](read))
	case aggregate.Read[aggregate.Seconds]:
		return seconds(name, reader[aggregate.Seconds](read))
	case aggregate.Read[string]:
		return text(name, reader[string](read))
	case aggregate.Read[[16]byte]:
		return addr(name, reader[[16]byte](read))
	case aggregate.Read[classify.KeyID]:
		return keyText(name, reader[classify.KeyID](read))
	case aggregate.Read[[]string]:
		return textSet(name, reader[[]string](read))
	case aggregate.Read[[][16]byte]:
		return addrSet(name, reader[[][16]byte](read))
	case aggregate.Read[[]classify.KeyID]:
		return keySet(name, reader[[]classify.KeyID](read))
	case aggregate.Read[aggregate.Histogram]:
		return histogram(name, reader[aggregate.Histogram](read))
	default:
		panic(fmt.Sprintf("column %s: no way to write a %T", name, v)) // aggregate.Value has a type that is not here
	}
}
