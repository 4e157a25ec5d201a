package store

import (
	"encoding/binary"
	"io"
	"math"
	"net"
	"slices"

	"github.com/ClickHouse/ch-go/compress"

	"statline/classify"
)

// wire builds the body of an INSERT: one block in ClickHouse's Native format
// (counts, then each column's name, type and values, little-endian), in LZ4
// frames as decompress=1 and the native protocol expect them, or plain. A body is
// a list of frames, so that none is ever copied to grow; they are used again.
type wire struct {
	plain  []byte // the frame being filled
	bare   bool   // it is sent as it is
	frames body   // full ones
	spare  [][]byte
	lz4    *compress.Writer
	err    error
}

const frameBytes = 1 << 20

// body is what an INSERT sends, in pieces.
type body [][]byte

func (b body) len() (n int64) {
	for _, frame := range b {
		n += int64(len(frame))
	}
	return n
}

func (b body) reader() io.ReadCloser {
	left := net.Buffers(slices.Clone(b))
	return io.NopCloser(&left)
}

// form is what the two protocols and their users require of a body.
type form struct {
	plain bool // without compression
	info  bool // with a block info, which the native protocol has
}

// blockInfo is the protocol's for a block without overflows and buckets: pairs
// of a field's number and its value.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

// begin starts the body of a block.
func (w *wire) begin(columns, rows int, f form) {
	w.spare, w.frames = append(w.spare, w.frames...), w.frames[:0]
	w.plain, w.bare, w.err = w.plain[:0], f.plain, nil
	if f.info {
		w.plain = append(w.plain, blockInfo...)
	}
	w.plain = binary.AppendUvarint(w.plain, uint64(columns))
	w.plain = binary.AppendUvarint(w.plain, uint64(rows))
}

// end completes the body and returns it; it is valid until begin.
func (w *wire) end() (body, error) {
	w.flush()
	return w.frames, w.err
}

// spill ends a frame that is full. Every text and every run of other values
// calls it, so that a frame is a little more than frameBytes, or one text.
func (w *wire) spill() {
	if len(w.plain) >= frameBytes {
		w.flush()
	}
}

func (w *wire) flush() {
	if len(w.plain) == 0 || w.err != nil {
		return
	}
	if w.bare {
		w.frames = append(w.frames, w.plain)
		w.plain = w.empty()
		return
	}
	if w.lz4 == nil {
		w.lz4 = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	w.err = w.lz4.Compress(w.plain)
	w.frames = append(w.frames, append(w.empty(), w.lz4.Data...))
	w.plain = w.plain[:0]
}

// empty is a buffer for a frame.
func (w *wire) empty() []byte {
	if n := len(w.spare) - 1; n >= 0 {
		b := w.spare[n]
		w.spare = w.spare[:n]
		return b[:0]
	}
	if w.bare && len(w.plain) >= frameBytes {
		return make([]byte, 0, frameBytes+frameBytes/16) // more of the same follows
	}
	return nil
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
