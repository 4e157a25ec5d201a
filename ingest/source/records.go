package source

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"

	"statline/ingest/block"
)

// Layout of a record batch of format 2
// (kafka.apache.org/documentation/#recordbatch); the CRC covers everything
// from the attributes on.
const (
	batchOffset      = 0  // int64 base offset
	batchLength      = 8  // int32 bytes after this field
	batchMagic       = 16 // int8
	batchCRC         = 17 // uint32
	batchAttributes  = 21 // int16
	batchLastDelta   = 23 // int32 last offset - base offset; kept by compaction
	batchBaseTime    = 27 // int64 ms
	batchMaxTime     = 35 // int64 ms
	batchProducerID  = 43 // int64, -1 none
	batchRecordCount = 57 // int32
	batchHeader      = 61

	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// abortedTxn is a transaction that the broker lists as aborted: what the producer
// wrote from first on, up to its abort marker, does not count.
type abortedTxn struct {
	producer, first int64
}

// decoder turns the record set of a fetch response into records, in place: values
// alias the record set or, for compressed batches, the arena. It stops at a limit and
// goes on at the next call, so that the memory of decoded records is bounded however
// large the fetch was.
type decoder struct {
	maxBytes   int // decompressed bytes per call, checked between batches
	maxRecords int // records per call
	maxValue   int // bytes of a value; a larger one is handed out as its size
	codecs     codecs

	set     []byte // what is left of the record set
	next    int64  // records below are not wanted
	aborted []abortedTxn
	pids    []int64 // producers whose open transaction is known to abort

	// The batch being read.
	body     []byte // its records, decompressed
	left     int    // records left in body
	base     int64
	last     int64
	previous int64 // offset of the last record read
	baseTime int64
	maxTime  int64  // broker's time of the whole batch; -1: each record has its own
	borrowed bool   // body lies in the arena
	parts    *parts // the batch, when it is too large to be read whole
	failed   error  // what comes after the records already handed out

	arena   []byte
	largest int // decompressed size of the largest batch of late
	records []block.Record
}

// start begins a new record set. It forgets what was left of the old one.
func (d *decoder) start(set []byte, aborted []abortedTxn, next int64) {
	d.set, d.next, d.aborted = set, next, aborted
	slices.SortFunc(d.aborted, func(a, b abortedTxn) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return 0
	})
	d.pids = d.pids[:0]
	d.body, d.left, d.borrowed, d.parts, d.failed = nil, 0, false, nil, nil
	d.largest -= d.largest / 16
}

// pending reports whether decode may have more from offset on.
func (d *decoder) pending(offset int64) bool {
	return d.next == offset && (d.left > 0 || len(d.set) > 0 || d.failed != nil)
}

// missing is the size of the batch that the record set is cut off in, 0 when it ends
// with a batch.
func (d *decoder) missing() int {
	if len(d.set) < batchLength+4 {
		return len(d.set)
	}
	return int(binary.BigEndian.Uint32(d.set[batchLength:])) + batchLength + 4
}

// decode returns the next records and the offset to go on from. An error is
// returned only when nothing else is: records before a bad batch come first.
// Without progress, what is left of the set is less than a batch.
func (d *decoder) decode() (records []block.Record, next int64, progress bool, err error) {
	d.records = d.records[:0]
	d.reclaim()
	from, room := d.next, d.maxBytes
	for d.failed == nil && len(d.records) < d.maxRecords {
		switch {
		case d.left == 0:
		case d.parts == nil:
			d.failed = d.readRecords()
			continue
		case room > 0 || d.next == from:
			var n int
			n, d.failed = d.readPart()
			room -= n
			continue
		}
		if room <= 0 || len(d.records) > 0 && cap(d.arena) > 0 && cap(d.arena)-len(d.arena) < d.largest {
			break
		}
		n, err := d.openBatch()
		if n == 0 {
			d.failed = err
			break
		}
		room -= n
	}
	if d.next > from {
		return d.records, d.next, true, nil
	}
	err = d.failed
	if err != nil {
		d.start(nil, nil, from) // the caller may fetch again
	}
	return nil, from, false, err
}

// reclaim frees the arena for the next records, but keeps the rest of a batch that is
// half read.
func (d *decoder) reclaim() {
	if d.left > 0 && d.borrowed {
		d.arena = append(d.arena[:0], d.body...)
		d.body = d.arena
		return
	}
	if cap(d.arena) > 4*max(d.maxBytes, d.largest) {
		d.arena = nil // one huge batch long ago
	}
	d.arena = d.arena[:0]
}

// openBatch reads the header of the next batch and prepares its records. It returns
// how many bytes that took from the call's allowance, 0 when less than a batch is
// left. A batch without deliverable records is skipped.
func (d *decoder) openBatch() (int, error) {
	set := d.set
	if len(set) < batchMagic+1 {
		return 0, nil // a broker may cut the last batch anywhere
	}
	at := int64(binary.BigEndian.Uint64(set[batchOffset:]))
	if magic := set[batchMagic]; magic != 2 {
		if magic > 2 {
			return 0, &CorruptError{Offset: at, Reason: "unknown record format"}
		}
		return 0, &CorruptError{Offset: at, Reason: "record format 0 or 1 (from before Kafka 0.11) is not supported"}
	}
	size := int64(int32(binary.BigEndian.Uint32(set[batchLength:]))) + batchLength + 4
	if size < batchHeader {
		return 0, &CorruptError{Offset: at, Reason: "shorter than its header"}
	}
	if size > int64(len(set)) {
		return 0, nil
	}
	b := set[:size]
	last := at + int64(int32(binary.BigEndian.Uint32(b[batchLastDelta:])))
	if at < 0 || last < at || last == math.MaxInt64 {
		return 0, &CorruptError{Offset: at, Reason: "last offset before the first"}
	}
	if last < d.next { // wholly before the wanted offset
		d.set = set[size:]
		return int(size), nil
	}
	if crc32.Checksum(b[batchAttributes:], castagnoli) != binary.BigEndian.Uint32(b[batchCRC:]) {
		return 0, &CorruptError{Offset: at, Reason: "CRC-32C does not match"}
	}
	attr := binary.BigEndian.Uint16(b[batchAttributes:])
	count := int64(int32(binary.BigEndian.Uint32(b[batchRecordCount:])))
	if count < 0 || count > last-at+1 {
		return 0, &CorruptError{Offset: at, Reason: "more records than offsets"}
	}
	if d.drop(b, attr, last) || count == 0 {
		d.set, d.next = set[size:], last+1
		return int(size), nil
	}
	body, used := b[batchHeader:], int(size)
	d.borrowed, d.parts = false, nil
	if codec := attr & attrCodec; codec != 0 {
		plain, err := d.decompress(codec, body)
		if errors.Is(err, errTooLarge) {
			if d.parts, err = d.codecs.parts(codec, body); err == nil && d.parts.r == nil && count <= last-at {
				err = errTooLarge // which of its offsets have a record is not known
			}
		}
		if err != nil {
			return 0, &CorruptError{Offset: at, Reason: "decompress " + codecName(codec), Err: err}
		}
		body, used = plain, max(used, len(plain))
	}
	d.set = set[size:]
	d.body, d.left = body, int(count)
	d.readHeader(b, at, last)
	return used, nil
}

// readHeader takes the offsets and times of a batch from its header.
func (d *decoder) readHeader(header []byte, first, last int64) {
	d.base, d.last, d.previous = first, last, first-1
	d.baseTime = int64(binary.BigEndian.Uint64(header[batchBaseTime:]))
	d.maxTime = -1
	if binary.BigEndian.Uint16(header[batchAttributes:])&attrLogAppendTime != 0 || d.parts != nil && d.parts.r == nil {
		d.maxTime = max(0, int64(binary.BigEndian.Uint64(header[batchMaxTime:])))
	}
}

// drop reports a batch that is not for readers: a control batch, or one of an aborted
// transaction. A producer's transaction counts as aborted from the first offset that
// the broker lists until its abort marker, as in Kafka's own consumer.
func (d *decoder) drop(b []byte, attr uint16, last int64) bool {
	control := attr&attrControl != 0
	if attr&attrTransactional == 0 {
		return control
	}
	for len(d.aborted) > 0 && d.aborted[0].first <= last {
		if p := d.aborted[0].producer; !slices.Contains(d.pids, p) {
			d.pids = append(d.pids, p)
		}
		d.aborted = d.aborted[1:]
	}
	producer := int64(binary.BigEndian.Uint64(b[batchProducerID:]))
	i := slices.Index(d.pids, producer)
	if control {
		if i >= 0 && abortMarker(b[batchHeader:]) {
			d.pids = slices.Delete(d.pids, i, i+1)
		}
		return true
	}
	return i >= 0
}

// abortMarker says whether the first record of a control batch ends a
// transaction by aborting it: its key is a version and a type, 0 for abort.
func abortMarker(body []byte) bool {
	_, n := varint(body) // length
	if n <= 0 || len(body) <= n {
		return false
	}
	body = body[n+1:] // attributes
	for range 3 {     // timestamp delta, offset delta, length of the key
		if _, n = varint(body); n <= 0 {
			return false
		}
		body = body[n:]
	}
	return len(body) >= 4 && binary.BigEndian.Uint16(body[2:]) == 0
}

// decompress appends to the arena. When the arena has no room, the batch gets
// memory of its own, which becomes the arena once the caller has let go of the
// old one.
func (d *decoder) decompress(codec uint16, src []byte) ([]byte, error) {
	used := len(d.arena)
	out, err := d.codecs.decode(codec, d.arena[used:used:cap(d.arena)], src)
	if err != nil {
		return nil, err
	}
	d.borrowed = true
	d.largest = max(d.largest, len(out))
	if room := d.arena[used:cap(d.arena)]; len(out) > 0 && len(room) > 0 && &room[:1][0] == &out[0] {
		d.arena = d.arena[:used+len(out)]
		return out, nil
	}
	// Records that were read keep aliasing the old arena, which the garbage collector
	// keeps for them. The new one has room for a whole call, so that the next call need
	// not grow it.
	if cap(out) < d.maxBytes {
		grown := make([]byte, len(out), d.maxBytes)
		copy(grown, out)
		out = grown
	}
	d.arena = out
	return out, nil
}

// readRecords reads records of the open batch until it ends or the call's
// limit is reached.
func (d *decoder) readRecords() error {
	body, left, previous := d.body, d.left, d.previous
	records, next := d.records, d.next
	var err error
	for left > 0 && len(records) < d.maxRecords {
		// length, attributes, timestamp delta, offset delta, key, value, headers
		length, n := varint(body)
		if n <= 0 || length < 0 || length > int64(len(body)-n) {
			err = d.corrupt("record longer than its batch")
			break
		}
		rec := body[n : n+int(length)]
		body = body[n+int(length):]
		if len(rec) == 0 {
			err = d.corrupt("empty record")
			break
		}
		rec = rec[1:]
		timeDelta, n1 := varint(rec)
		if n1 <= 0 {
			err = d.corrupt("bad timestamp")
			break
		}
		rec = rec[n1:]
		delta, n2 := varint(rec)
		if n2 <= 0 {
			err = d.corrupt("bad offset")
			break
		}
		rec = rec[n2:]
		offset := d.base + delta
		if delta < 0 || offset <= previous || offset > d.last {
			err = d.corrupt("offsets out of order")
			break
		}
		keyLen, n3 := varint(rec)
		if n3 <= 0 || keyLen < -1 || keyLen > int64(len(rec)-n3) {
			err = d.corrupt("key longer than its record")
			break
		}
		rec = rec[n3+int(max(keyLen, 0)):]
		valueLen, n4 := varint(rec)
		if n4 <= 0 || valueLen < -1 || valueLen > int64(len(rec)-n4) {
			err = d.corrupt("value longer than its record")
			break
		}
		left--
		previous = offset
		if offset < next {
			continue
		}
		end := n4 + int(max(valueLen, 0))
		at := d.maxTime
		if at < 0 {
			at = d.baseTime + timeDelta
		}
		if end-n4 > d.maxValue {
			records = append(records, block.Record{Offset: offset, UnixMilli: at,
				TooLarge: &block.TooLarge{Bytes: int64(end - n4)}})
		} else {
			records = append(records, block.Record{Offset: offset, UnixMilli: at, Value: rec[n4:end:end]})
		}
		next = offset + 1
	}
	d.body, d.previous, d.records = body, previous, records
	if err != nil {
		// Keep what was read before; the rest of the batch stays bad.
		d.left = left
		d.next = next
		return err
	}
	d.left, d.next = left, next
	if left == 0 {
		if len(body) > 0 {
			return d.corrupt("bytes after the last record")
		}
		d.next = d.last + 1
	}
	return nil
}

func (d *decoder) corrupt(reason string) error {
	return &CorruptError{Offset: d.base, Reason: reason}
}

// varint reads a zigzag varint; n <= 0 when it is cut off or too long.
func varint(b []byte) (v int64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		u := b[0]
		return int64(u>>1) ^ -int64(u&1), 1
	}
	if len(b) > 1 && b[1] < 0x80 {
		u := uint64(b[0]&0x7f) | uint64(b[1])<<7
		return int64(u>>1) ^ -int64(u&1), 2
	}
	u, n := binary.Uvarint(b)
	return int64(u>>1) ^ -int64(u&1), n
}
