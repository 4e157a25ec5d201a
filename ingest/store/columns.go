package store

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// insertColumn is one column of an INSERT, and how it takes its values from the
// rows [from, to) that it was made of, all at once.
//
// Over HTTP the client says what it sends: put writes the values in the type
// wire, a plain String where the table has a LowCardinality, which the server
// casts. Over the native protocol the server dictates the types, and fill
// appends to the column that clickhouse-go made of its header. put costs a
// tenth of fill and leaves no garbage.
type insertColumn struct {
	name schema.Column
	wire string
	put  func(w *wire, s *scratch, from, to int)
	fill func(dst column.Interface, s *scratch, from, to int) error
}

// scratch holds the buffers of one INSERT being built.
type scratch struct {
	wire wire

	// The values of one column after the other, which clickhouse-go copies.
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
	bytes  [][]byte
	ends   []uint32
	arena  []byte
}

// forget drops the references to a block's rows, not the buffers.
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
	return reader[V](aggregate.ReadRows(rows, get))
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

// all is the values of the rows [from, to).
func (r reader[V]) all(buffer *[]V, from, to int) []V {
	*buffer = r((*buffer)[:0], from, to)
	return *buffer
}

// values is how a fixed column keeps and writes values of type V.
type values[V any] struct {
	wire   string
	buffer func(*scratch) *[]V
	put    func(w *wire, list []V)
}

func fixed[V any](name schema.Column, as values[V], read reader[V]) insertColumn {
	return insertColumn{
		name: name,
		wire: as.wire,
		put: func(w *wire, s *scratch, from, to int) {
			read.each(as.buffer(s), from, to, func(list []V) { as.put(w, list) })
		},
		fill: func(dst column.Interface, s *scratch, from, to int) error {
			_, err := dst.Append(read.all(as.buffer(s), from, to))
			return err
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

// millis is a DateTime64(3) from Unix milliseconds, of any size: Kafka keeps as a
// timestamp whatever a producer wrote. clickhouse-go goes by nanoseconds, which
// end in 2262, unless it decodes what a server would send.
func millis(name schema.Column, read reader[int64]) insertColumn {
	c := i64(name, read)
	c.wire = "DateTime64(3, 'UTC')"
	c.fill = func(dst column.Interface, s *scratch, from, to int) error {
		arena := s.arena[:0]
		for _, v := range read.all(&s.i64, from, to) {
			arena = binary.LittleEndian.AppendUint64(arena, uint64(v))
		}
		s.arena = arena
		return dst.Decode(proto.NewReader(bytes.NewReader(arena)), to-from)
	}
	return c
}

// seconds is a DateTime from Unix seconds, which clickhouse-go takes as int64.
func seconds(name schema.Column, read reader[aggregate.Seconds]) insertColumn {
	buffer := func(s *scratch) *[]aggregate.Seconds { return &s.clock }
	c := fixed(name, values[aggregate.Seconds]{"DateTime('UTC')", buffer, put32[aggregate.Seconds]}, read)
	c.fill = func(dst column.Interface, s *scratch, from, to int) error {
		s.i64 = s.i64[:0]
		for _, v := range read.all(&s.clock, from, to) {
			s.i64 = append(s.i64, int64(v))
		}
		_, err := dst.Append(s.i64)
		return err
	}
	return c
}

// flag is a UInt8 of 1 or 0.
func flag(name schema.Column, read reader[bool]) insertColumn {
	c := fixed(name, values[bool]{"UInt8", func(s *scratch) *[]bool { return &s.flags }, (*wire).flags}, read)
	c.fill = func(dst column.Interface, s *scratch, from, to int) error {
		s.u8 = s.u8[:0]
		for _, v := range read.all(&s.flags, from, to) {
			s.u8 = append(s.u8, bit(v))
		}
		_, err := dst.Append(s.u8)
		return err
	}
	return c
}

func bit(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

// text is a String or LowCardinality(String). The dictionary of clickhouse-go
// takes boxed values one by one; equal neighbours share a box.
func text(name schema.Column, read reader[string]) insertColumn {
	c := fixed(name, values[string]{"String", func(s *scratch) *[]string { return &s.text }, (*wire).texts}, read)
	plain := c.fill
	c.fill = func(dst column.Interface, s *scratch, from, to int) error {
		dictionary, ok := dst.(*column.LowCardinality)
		if !ok {
			return plain(dst, s, from, to)
		}
		var last string
		var boxed any = ""
		for _, v := range read.all(&s.text, from, to) {
			if v != last {
				last, boxed = v, v
			}
			if err := dictionary.AppendRow(boxed); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// keyText is a key's identity in its stored form.
func keyText(name schema.Column, read reader[classify.KeyID]) insertColumn {
	buffer := func(s *scratch) *[]classify.KeyID { return &s.keys }
	c := fixed(name, values[classify.KeyID]{"String", buffer, (*wire).keys}, read)
	c.fill = func(dst column.Interface, s *scratch, from, to int) error {
		arena, ends := s.arena[:0], s.ends[:0]
		for _, k := range read.all(&s.keys, from, to) {
			arena = k.Append(arena)
			ends = append(ends, uint32(len(arena)))
		}
		list, start := s.bytes[:0], uint32(0)
		for _, end := range ends {
			list = append(list, arena[start:end])
			start = end
		}
		s.arena, s.ends, s.bytes = arena, ends, list
		_, err := dst.Append(list)
		return err
	}
	return c
}

// items is how a column of arrays keeps and writes items of type V; boxed is
// an array as clickhouse-go takes it.
type items[V any] struct {
	wire   string
	buffer func(*scratch) *[][]V
	put    func(w *wire, list []V)
	boxed  func([]V) any
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
		fill: func(dst column.Interface, s *scratch, from, to int) error {
			for _, set := range read.all(as.buffer(s), from, to) {
				if err := dst.AppendRow(as.boxed(set)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func addrSet(name schema.Column, read reader[[][16]byte]) insertColumn {
	return array(name, items[[16]byte]{"IPv6", func(s *scratch) *[][][16]byte { return &s.addrs }, (*wire).addrs,
		func(v [][16]byte) any { return v }}, read)
}

func textSet(name schema.Column, read reader[[]string]) insertColumn {
	return array(name, items[string]{"String", func(s *scratch) *[][]string { return &s.texts }, (*wire).texts,
		func(v []string) any { return v }}, read)
}

func keySet(name schema.Column, read reader[[]classify.KeyID]) insertColumn {
	buffer := func(s *scratch) *[][]classify.KeyID { return &s.keyset }
	return array(name, items[classify.KeyID]{"String", buffer, (*wire).keys, func(v []classify.KeyID) any {
		names := make([]string, len(v))
		for i, k := range v {
			names[i] = k.String()
		}
		return names
	}}, read)
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
		fill: func(dst column.Interface, s *scratch, from, to int) error {
			pair := make([]any, 2)
			for _, h := range read.all(&s.pairs, from, to) {
				pair[0], pair[1] = h.Buckets, h.Counts
				if err := dst.AppendRow(pair); err != nil {
					return err
				}
			}
			return nil
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
