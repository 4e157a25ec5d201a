package store

import (
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"statline/classify"
	"statline/ingest/schema"
)

// columnOf is one column of an INSERT of rows R, and how it takes its values
// from the rows, all rows at once.
//
// Over HTTP the client says what it sends: put writes the values in the type
// wire, a plain String where the table has a LowCardinality, which the server
// casts. Over the native protocol the server dictates the types, and fill
// appends to the column that clickhouse-go made of its header. put costs a
// tenth of fill and leaves no garbage.
type columnOf[R any] struct {
	name schema.Column
	wire string
	put  func(w *wire, rows []R)
	fill func(to column.Interface, rows []R, s *scratch) error
}

// scratch holds the buffers of one INSERT being built.
type scratch struct {
	wire wire

	// The values of one column after the other, which clickhouse-go copies.
	u8    []uint8
	u16   []uint16
	u32   []uint32
	u64   []uint64
	i16   []int16
	i32   []int32
	i64   []int64
	f64   []float64
	text  []string
	bytes [][]byte
	arena []byte
	addr  [][16]byte
}

// forget drops the references to a block's strings, not the buffers.
func (s *scratch) forget() {
	clear(s.text[:cap(s.text)])
}

// values is how a fixed column keeps and writes values of type V.
type values[V any] struct {
	wire   string
	buffer func(*scratch) *[]V
	put    func(dst []byte, v V) []byte
}

func fixed[R, V any](name schema.Column, of values[V], get func(*R) V) columnOf[R] {
	return columnOf[R]{
		name: name,
		wire: of.wire,
		put: func(w *wire, rows []R) {
			for i := range rows {
				w.plain = of.put(w.plain, get(&rows[i]))
				w.spill()
			}
		},
		fill: func(to column.Interface, rows []R, s *scratch) error {
			list := (*of.buffer(s))[:0]
			for i := range rows {
				list = append(list, get(&rows[i]))
			}
			*of.buffer(s) = list
			_, err := to.Append(list)
			return err
		},
	}
}

func u8[R any](name schema.Column, get func(*R) uint8) columnOf[R] {
	return fixed(name, values[uint8]{"UInt8", func(s *scratch) *[]uint8 { return &s.u8 }, put8}, get)
}

func u16[R any](name schema.Column, get func(*R) uint16) columnOf[R] {
	return fixed(name, values[uint16]{"UInt16", func(s *scratch) *[]uint16 { return &s.u16 }, put16}, get)
}

func u32[R any](name schema.Column, get func(*R) uint32) columnOf[R] {
	return fixed(name, values[uint32]{"UInt32", func(s *scratch) *[]uint32 { return &s.u32 }, put32}, get)
}

func u64[R any](name schema.Column, get func(*R) uint64) columnOf[R] {
	return fixed(name, values[uint64]{"UInt64", func(s *scratch) *[]uint64 { return &s.u64 }, put64}, get)
}

func i16[R any](name schema.Column, get func(*R) int16) columnOf[R] {
	return fixed(name, values[int16]{"Int16", func(s *scratch) *[]int16 { return &s.i16 }, putI16}, get)
}

func i32[R any](name schema.Column, get func(*R) int32) columnOf[R] {
	return fixed(name, values[int32]{"Int32", func(s *scratch) *[]int32 { return &s.i32 }, putI32}, get)
}

func i64[R any](name schema.Column, get func(*R) int64) columnOf[R] {
	return fixed(name, values[int64]{"Int64", func(s *scratch) *[]int64 { return &s.i64 }, putI64}, get)
}

func f64[R any](name schema.Column, get func(*R) float64) columnOf[R] {
	return fixed(name, values[float64]{"Float64", func(s *scratch) *[]float64 { return &s.f64 }, putF64}, get)
}

func addr[R any](name schema.Column, get func(*R) [16]byte) columnOf[R] {
	return fixed(name, values[[16]byte]{"IPv6", func(s *scratch) *[][16]byte { return &s.addr }, putAddr}, get)
}

// seconds is a DateTime from Unix seconds.
func seconds[R any](name schema.Column, get func(*R) uint32) columnOf[R] {
	return fixed(name, values[int64]{"DateTime('UTC')", func(s *scratch) *[]int64 { return &s.i64 }, putSeconds},
		func(r *R) int64 { return int64(get(r)) })
}

// millis is a DateTime64(3) from Unix milliseconds.
func millis[R any](name schema.Column, get func(*R) int64) columnOf[R] {
	return fixed(name, values[int64]{"DateTime64(3, 'UTC')", func(s *scratch) *[]int64 { return &s.i64 }, putI64}, get)
}

func flag[R any](name schema.Column, get func(*R) bool) columnOf[R] {
	return u8(name, func(r *R) uint8 {
		if get(r) {
			return 1
		}
		return 0
	})
}

// text is a String or LowCardinality(String). The dictionary of clickhouse-go
// takes boxed values one by one; equal neighbours share a box.
func text[R any](name schema.Column, get func(*R) string) columnOf[R] {
	c := fixed(name, values[string]{"String", func(s *scratch) *[]string { return &s.text }, appendText}, get)
	plain := c.fill
	c.fill = func(to column.Interface, rows []R, s *scratch) error {
		dictionary, ok := to.(*column.LowCardinality)
		if !ok {
			return plain(to, rows, s)
		}
		var last string
		var boxed any = ""
		for i := range rows {
			if v := get(&rows[i]); v != last {
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
func keyText[R any](name schema.Column, get func(*R) classify.KeyID) columnOf[R] {
	return columnOf[R]{
		name: name,
		wire: "String",
		put: func(w *wire, rows []R) {
			for i := range rows {
				w.key(get(&rows[i]))
			}
		},
		fill: func(to column.Interface, rows []R, s *scratch) error {
			arena, ends := s.arena[:0], s.u32[:0]
			for i := range rows {
				arena = get(&rows[i]).Append(arena)
				ends = append(ends, uint32(len(arena)))
			}
			list, start := s.bytes[:0], uint32(0)
			for _, end := range ends {
				list = append(list, arena[start:end])
				start = end
			}
			s.arena, s.u32, s.bytes = arena, ends, list
			_, err := to.Append(list)
			return err
		},
	}
}

// array is a column of sets, mostly empty ones.
func array[R, V any](name schema.Column, wireType string, get func(*R) []V, put func(*wire, V), boxed func([]V) any) columnOf[R] {
	return columnOf[R]{
		name: name,
		wire: "Array(" + wireType + ")",
		put: func(w *wire, rows []R) {
			putOffsets(w, rows, func(r *R) int { return len(get(r)) })
			for i := range rows {
				for _, v := range get(&rows[i]) {
					put(w, v)
				}
			}
		},
		fill: func(to column.Interface, rows []R, _ *scratch) error {
			for i := range rows {
				if err := to.AppendRow(boxed(get(&rows[i]))); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// putOffsets writes where each row's array ends.
func putOffsets[R any](w *wire, rows []R, length func(*R) int) {
	end := uint64(0)
	for i := range rows {
		end += uint64(length(&rows[i]))
		w.u64(end)
	}
}

func addrs[R any](name schema.Column, get func(*R) [][16]byte) columnOf[R] {
	return array(name, "IPv6", get, (*wire).addr, func(v [][16]byte) any { return v })
}

func texts[R any](name schema.Column, get func(*R) []string) columnOf[R] {
	return array(name, "String", get, (*wire).text, func(v []string) any { return v })
}

func keys[R any](name schema.Column, get func(*R) []classify.KeyID) columnOf[R] {
	return array(name, "String", get, (*wire).key, func(v []classify.KeyID) any {
		if len(v) == 0 {
			return []string(nil)
		}
		names := make([]string, len(v))
		for i, k := range v {
			names[i] = k.String()
		}
		return names
	})
}

// histogram is a pair of parallel arrays.
func histogram[R any](name schema.Column, get func(*R) ([]uint16, []uint64)) columnOf[R] {
	buckets := func(r *R) []uint16 { b, _ := get(r); return b }
	counts := func(r *R) []uint64 { _, c := get(r); return c }
	first := array(name, "UInt16", buckets, (*wire).u16, nil)
	second := array(name, "UInt64", counts, (*wire).u64, nil)
	return columnOf[R]{
		name: name,
		wire: "Tuple(" + first.wire + ", " + second.wire + ")",
		put: func(w *wire, rows []R) {
			first.put(w, rows)
			second.put(w, rows)
		},
		fill: func(to column.Interface, rows []R, _ *scratch) error {
			pair := make([]any, 2)
			for i := range rows {
				pair[0], pair[1] = buckets(&rows[i]), counts(&rows[i])
				if err := to.AppendRow(pair); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
