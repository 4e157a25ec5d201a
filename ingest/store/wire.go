package store

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/compress"

	"statline/classify"
)

// wire builds the body of an INSERT over HTTP: one block in ClickHouse's
// Native format (revision 0: counts, then each column's name, type and values,
// little-endian), in LZ4 frames as decompress=1 expects them, or plain. It holds
// at most a frame of plain bytes beside the body, and is used again.
type wire struct {
	plain []byte
	bare  bool // no frames: plain is the body
	body  []byte
	lz4   *compress.Writer
	err   error
}

const frameBytes = 1 << 20

// begin starts the body of a block.
func (w *wire) begin(columns, rows int, compressed bool) {
	w.plain, w.bare, w.body, w.err = w.plain[:0], !compressed, w.body[:0], nil
	w.plain = binary.AppendUvarint(w.plain, uint64(columns))
	w.plain = binary.AppendUvarint(w.plain, uint64(rows))
}

// end completes the body and returns it, valid until begin.
func (w *wire) end() ([]byte, error) {
	if w.bare {
		return w.plain, nil
	}
	w.flush()
	return w.body, w.err
}

// spill compresses what has filled a frame. Every text and every run of other
// values calls it, so that a frame is a little more than frameBytes, or one text.
func (w *wire) spill() {
	if len(w.plain) >= frameBytes && !w.bare {
		w.flush()
	}
}

func (w *wire) flush() {
	if len(w.plain) == 0 || w.err != nil {
		return
	}
	if w.lz4 == nil {
		w.lz4 = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	w.err = w.lz4.Compress(w.plain)
	w.body = append(w.body, w.lz4.Data...)
	w.plain = w.plain[:0]
}

func (w *wire) u64(v uint64) { w.plain = binary.LittleEndian.AppendUint64(w.plain, v); w.spill() }

func (w *wire) text(v string) {
	w.plain = append(binary.AppendUvarint(w.plain, uint64(len(v))), v...)
	w.spill()
}

// The values of columns, as they are laid out one after the other.

func (w *wire) texts(list []string) {
	for _, v := range list {
		w.text(v)
	}
}

// keys are stored forms, whose length fits into one byte.
func (w *wire) keys(list []classify.KeyID) {
	dst := w.plain
	for _, k := range list {
		at := len(dst)
		dst = k.Append(append(dst, 0))
		dst[at] = byte(len(dst) - at - 1)
	}
	w.plain = dst
	w.spill()
}

func (w *wire) addrs(list [][16]byte) {
	for i := range list {
		w.plain = append(w.plain, list[i][:]...)
	}
	w.spill()
}

func (w *wire) flags(list []bool) {
	for _, v := range list {
		w.plain = append(w.plain, bit(v))
	}
	w.spill()
}

func (w *wire) u8s(list []uint8) {
	w.plain = append(w.plain, list...)
	w.spill()
}

func (w *wire) u16s(list []uint16) {
	dst := slices.Grow(w.plain, 2*len(list))
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint16(dst, v)
	}
	w.plain = dst
	w.spill()
}

func (w *wire) i16s(list []int16) {
	for _, v := range list {
		w.plain = binary.LittleEndian.AppendUint16(w.plain, uint16(v))
	}
	w.spill()
}

func put32[V ~uint32 | ~int32](w *wire, list []V) {
	dst := slices.Grow(w.plain, 4*len(list))
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	w.plain = dst
	w.spill()
}

func put64[V ~uint64 | ~int64](w *wire, list []V) {
	dst := slices.Grow(w.plain, 8*len(list))
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
	}
	w.plain = dst
	w.spill()
}

func (w *wire) f64s(list []float64) {
	for _, v := range list {
		w.plain = binary.LittleEndian.AppendUint64(w.plain, math.Float64bits(v))
	}
	w.spill()
}
