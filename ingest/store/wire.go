package store

import (
	"encoding/binary"
	"math"

	"github.com/ClickHouse/ch-go/compress"

	"statline/classify"
)

// wire builds the body of an INSERT over HTTP: one block in ClickHouse's
// Native format (revision 0: counts, then each column's name, type and values,
// little-endian), in LZ4 frames as decompress=1 expects them. It holds at most
// a frame of plain bytes, whatever the block's size, and is used again.
type wire struct {
	plain []byte
	body  []byte
	lz4   *compress.Writer
	err   error
}

const frameBytes = 1 << 20

// begin starts the body of a block.
func (w *wire) begin(columns, rows int) {
	w.plain, w.body, w.err = w.plain[:0], w.body[:0], nil
	w.plain = binary.AppendUvarint(w.plain, uint64(columns))
	w.plain = binary.AppendUvarint(w.plain, uint64(rows))
}

// end completes the body and returns it, valid until begin.
func (w *wire) end() ([]byte, error) {
	w.flush()
	return w.body, w.err
}

// spill compresses what has filled a frame. Every value calls it, so that a
// frame is a few bytes more than frameBytes, or one value.
func (w *wire) spill() {
	if len(w.plain) >= frameBytes {
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

func (w *wire) u16(v uint16) { w.plain = binary.LittleEndian.AppendUint16(w.plain, v); w.spill() }
func (w *wire) u64(v uint64) { w.plain = binary.LittleEndian.AppendUint64(w.plain, v); w.spill() }

func (w *wire) text(v string) {
	w.plain = appendText(w.plain, v)
	w.spill()
}

// key is a key's stored form, whose length fits into one byte.
func (w *wire) key(k classify.KeyID) {
	w.plain = appendKey(w.plain, k)
	w.spill()
}

func (w *wire) addr(a [16]byte) {
	w.plain = append(w.plain, a[:]...)
	w.spill()
}

func appendText(dst []byte, v string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

func appendKey(dst []byte, k classify.KeyID) []byte {
	at := len(dst)
	dst = k.Append(append(dst, 0))
	dst[at] = byte(len(dst) - at - 1)
	return dst
}

// The values of fixed columns, as they are laid out in a column.

func put8(dst []byte, v uint8) []byte       { return append(dst, v) }
func put16(dst []byte, v uint16) []byte     { return binary.LittleEndian.AppendUint16(dst, v) }
func put32(dst []byte, v uint32) []byte     { return binary.LittleEndian.AppendUint32(dst, v) }
func put64(dst []byte, v uint64) []byte     { return binary.LittleEndian.AppendUint64(dst, v) }
func putI16(dst []byte, v int16) []byte     { return put16(dst, uint16(v)) }
func putI32(dst []byte, v int32) []byte     { return put32(dst, uint32(v)) }
func putI64(dst []byte, v int64) []byte     { return put64(dst, uint64(v)) }
func putSeconds(dst []byte, v int64) []byte { return put32(dst, uint32(v)) }
func putAddr(dst []byte, v [16]byte) []byte { return append(dst, v[:]...) }
func putF64(dst []byte, v float64) []byte   { return put64(dst, math.Float64bits(v)) }
