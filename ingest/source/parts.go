package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"statline/ingest/block"
)

// parts is an open batch that is too large to be decompressed whole: its records are
// read one by one; of a record that is too large itself, only the size.
type parts struct {
	r *bufio.Reader // nil: the batch cannot be read by parts
	// whole is the size of such a batch.
	whole int64
}

// readPart reads the next record of the open batch and returns how many bytes
// it takes.
func (d *decoder) readPart() (bytes int, err error) {
	rec := block.Record{Offset: d.previous + 1, UnixMilli: d.maxTime,
		TooLarge: &block.TooLarge{Bytes: d.parts.whole, Batch: true}}
	if d.parts.r != nil {
		if rec, err = d.unpack(&unpacker{r: d.parts.r}); err != nil {
			return 0, err
		}
	}
	d.left--
	d.previous = rec.Offset
	if rec.Offset >= d.next {
		d.records = append(d.records, rec)
		d.next = rec.Offset + 1
	}
	if d.left == 0 {
		if d.parts.r != nil {
			if _, err := d.parts.r.ReadByte(); err != io.EOF {
				return 0, d.corrupt("bytes after the last record")
			}
		}
		d.next, d.parts = d.last+1, nil
	}
	return len(rec.Value), nil
}

// unpack reads one record; see readRecords.
func (d *decoder) unpack(u *unpacker) (block.Record, error) {
	u.left = 10 // a varint
	u.left = u.varint()
	u.skip(1) // attributes
	timeDelta := u.varint()
	delta := u.varint()
	u.skip(max(0, u.varint())) // key
	size := max(0, u.varint())
	r := block.Record{Offset: d.base + delta, UnixMilli: d.maxTime}
	if r.UnixMilli < 0 {
		r.UnixMilli = d.baseTime + timeDelta
	}
	switch {
	case size > int64(d.maxValue):
		r.TooLarge = &block.TooLarge{Bytes: size}
		u.skip(size)
	case r.Offset < d.next:
		u.skip(size)
	default:
		r.Value = u.bytes(size)
	}
	u.skip(u.left) // headers
	switch {
	case errors.Is(u.err, errCut), errors.Is(u.err, io.EOF), errors.Is(u.err, io.ErrUnexpectedEOF):
		return r, d.corrupt("record longer than its batch")
	case u.err != nil:
		return r, &CorruptError{Offset: d.base, Reason: "decompress", Err: u.err}
	case delta < 0, r.Offset <= d.previous, r.Offset > d.last:
		return r, d.corrupt("offsets out of order")
	}
	return r, nil
}

// unpacker reads the fields of one record from a stream; left is how much of it is
// still to come. After an error it gives zeroes.
type unpacker struct {
	r    *bufio.Reader
	left int64
	err  error
}

// ReadByte implements io.ByteReader.
func (u *unpacker) ReadByte() (byte, error) {
	if u.left <= 0 {
		return 0, errCut
	}
	u.left--
	return u.r.ReadByte()
}

func (u *unpacker) varint() int64 {
	if u.err != nil {
		return 0
	}
	v, err := binary.ReadVarint(u)
	if u.err = err; err != nil {
		return 0
	}
	return v
}

// take accounts for n bytes and reports whether the record has them.
func (u *unpacker) take(n int64) bool {
	if u.err == nil && (n < 0 || n > u.left) {
		u.err = errCut
	}
	if u.err != nil {
		return false
	}
	u.left -= n
	return true
}

func (u *unpacker) skip(n int64) {
	if u.take(n) {
		_, u.err = io.CopyN(io.Discard, u.r, n)
	}
}

func (u *unpacker) bytes(n int64) []byte {
	if !u.take(n) {
		return nil
	}
	b := make([]byte, n)
	_, u.err = io.ReadFull(u.r, b)
	return b
}

// passBy returns, from its header alone, the records of a batch that does not even fit
// into a response as too large; false when the header does not say which offsets have
// records.
func (d *decoder) passBy(size int) bool {
	b := d.set
	if len(b) < batchHeader || b[batchMagic] != 2 {
		return false
	}
	first := int64(binary.BigEndian.Uint64(b[batchOffset:]))
	last := first + int64(int32(binary.BigEndian.Uint32(b[batchLastDelta:])))
	count := int64(int32(binary.BigEndian.Uint32(b[batchRecordCount:])))
	if first < 0 || last < d.next || last-first+1 != count {
		return false
	}
	dropped := d.drop(b, binary.BigEndian.Uint16(b[batchAttributes:]), last)
	d.set = nil
	if dropped {
		d.next = last + 1
		return true
	}
	d.parts, d.left = &parts{whole: int64(size)}, int(count)
	d.readHeader(b, first, last)
	return true
}
