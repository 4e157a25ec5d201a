package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batchSpec describes a record batch; franz-go's types write it down.
type batchSpec struct {
	base     int64
	offsets  []int32 // deltas; nil: one record each, without holes
	values   []string
	last     int32 // last offset delta when it is beyond the last record
	attr     int16
	producer int64
	baseTime int64
	maxTime  int64
	codec    int16
	key      []byte
}

func (s batchSpec) bytes(t testing.TB) []byte {
	t.Helper()
	var body []byte
	last := s.last
	for i, v := range s.values {
		delta := int32(i)
		if s.offsets != nil {
			delta = s.offsets[i]
		}
		last = max(last, delta)
		r := kmsg.Record{
			OffsetDelta: delta, TimestampDelta64: int64(i), Key: s.key, Value: []byte(v),
			Headers: []kmsg.Header{{Key: "h", Value: []byte("x")}},
		}
		// Length counts what follows it; written as 0 it takes one byte.
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		body = r.AppendTo(body)
	}
	body = compress(t, s.codec, body)
	b := kmsg.RecordBatch{
		FirstOffset: s.base, Length: int32(batchHeader - 12 + len(body)), PartitionLeaderEpoch: -1, Magic: 2,
		Attributes: s.attr | s.codec, LastOffsetDelta: last, FirstTimestamp: s.baseTime, MaxTimestamp: s.maxTime,
		ProducerID: s.producer, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(s.values)), Records: body,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[batchCRC:], crc32.Checksum(raw[batchAttributes:], castagnoli))
	return raw
}

func compress(t testing.TB, codec int16, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	must := func(_ int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	switch codec {
	case 0:
		return body
	case codecGzip:
		w := gzip.NewWriter(&b)
		must(w.Write(body))
		must(0, w.Close())
	case codecSnappy:
		return snappy.Encode(nil, body)
	case codecLZ4:
		w := lz4.NewWriter(&b)
		must(w.Write(body))
		must(0, w.Close())
	case codecZstd:
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(1<<20))
		must(0, err)
		must(w.Write(body))
		must(0, w.Close())
	}
	return b.Bytes()
}

// marker is a control batch that ends a producer's transaction.
func marker(t testing.TB, base, producer int64, kind byte) []byte {
	return batchSpec{base: base, attr: attrControl | attrTransactional, producer: producer,
		key: []byte{0, 0, 0, kind}, values: []string{"\x00\x00\x00\x00\x00\x00"}}.bytes(t)
}

func newDecoder() *decoder {
	return &decoder{maxBytes: 1 << 20, maxRecords: 1000, maxValue: 1 << 20, codecs: codecs{limit: 1 << 20}}
}

// drain decodes a whole record set and describes it: offset@time=value.
func drain(d *decoder) (got []string, next int64, err error) {
	for {
		records, n, ok, err := d.decode()
		for _, r := range records {
			got = append(got, fmt.Sprintf("%d@%d=%s", r.Offset, r.UnixMilli, r.Value))
		}
		next = n
		if err != nil || !ok {
			return got, next, err
		}
	}
}

// The decoder gives what is in a record set from an offset on, and the offset
// to go on from.
func TestDecode(t *testing.T) {
	join := func(bs ...[]byte) []byte { return slices.Concat(bs...) }
	abc := batchSpec{base: 10, values: []string{"a", "b", "c"}, baseTime: 1000, maxTime: 5000, producer: -1}
	logAppend, holes, empty, txn := abc, abc, abc, abc
	logAppend.attr = attrLogAppendTime
	holes.offsets, holes.last = []int32{1, 4, 6}, 9
	empty.base, empty.values, empty.last = 13, nil, 4
	txn.attr, txn.producer = attrTransactional, 7
	other := abc
	other.base, other.attr, other.producer = 13, attrTransactional, 8
	next := abc
	next.base = 13
	for _, c := range []struct {
		name    string
		set     []byte
		aborted []abortedTxn
		from    int64
		want    string
		next    int64
	}{
		{"plain", abc.bytes(t), nil, 10, "10@1000=a 11@1001=b 12@1002=c", 13},
		{"inside a batch", abc.bytes(t), nil, 12, "12@1002=c", 13},
		{"broker's time", logAppend.bytes(t), nil, 10, "10@5000=a 11@5000=b 12@5000=c", 13},
		{"holes", holes.bytes(t), nil, 10, "11@1000=a 14@1001=b 16@1002=c", 20},
		{"from a hole at the end", holes.bytes(t), nil, 18, "", 20},
		{"empty batch", join(abc.bytes(t), empty.bytes(t)), nil, 12, "12@1002=c", 18},
		{"only an empty batch", empty.bytes(t), nil, 14, "", 18},
		{"batch before the offset", join(abc.bytes(t), next.bytes(t)), nil, 13, "13@1000=a 14@1001=b 15@1002=c", 16},
		{"cut after a batch", join(abc.bytes(t), next.bytes(t)[:70]), nil, 10, "10@1000=a 11@1001=b 12@1002=c", 13},
		{"cut inside a header", join(abc.bytes(t), next.bytes(t)[:5]), nil, 12, "12@1002=c", 13},
		{"nothing", nil, nil, 10, "", 10},
		{"committed", join(txn.bytes(t), marker(t, 13, 7, 1)), nil, 10, "10@1000=a 11@1001=b 12@1002=c", 14},
		{"aborted", join(txn.bytes(t), marker(t, 13, 7, 0)), []abortedTxn{{7, 10}}, 10, "", 14},
		{"aborted before, committed after", join(txn.bytes(t), other.bytes(t), marker(t, 16, 7, 0), marker(t, 17, 8, 1)), []abortedTxn{{7, 3}}, 10, "13@1000=a 14@1001=b 15@1002=c", 18},
		{"aborted later by the same producer", join(txn.bytes(t), marker(t, 13, 7, 1)), []abortedTxn{{7, 14}}, 10, "10@1000=a 11@1001=b 12@1002=c", 14},
		{"two aborts, listed out of order", join(other.bytes(t), marker(t, 16, 8, 0), marker(t, 17, 7, 0)), []abortedTxn{{8, 13}, {7, 2}}, 13, "", 18},
		{"a plain record of a producer that aborts", join(abc.bytes(t), other.bytes(t)), []abortedTxn{{-1, 1}, {8, 13}}, 10, "10@1000=a 11@1001=b 12@1002=c", 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDecoder()
			d.start(c.set, slices.Clone(c.aborted), c.from)
			got, next, err := drain(d)
			if s := strings.Join(got, " "); s != c.want || next != c.next || err != nil {
				t.Fatalf("got %q, next %d, %v; want %q, next %d", s, next, err, c.want, c.next)
			}
		})
	}
}

// What is wrong with a batch is said, once the records before it are out; a
// fault is never a panic and never a lost or invented record.
func TestDecodeFaults(t *testing.T) {
	good := batchSpec{base: 0, values: []string{"a"}, producer: -1}.bytes(t)
	spec := batchSpec{base: 1, values: []string{"b", "c"}, producer: -1}
	change := func(at int, to ...byte) []byte {
		b := spec.bytes(t)
		copy(b[at:], to)
		if at != batchCRC {
			binary.BigEndian.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttributes:], castagnoli))
		}
		return b
	}
	backward := spec
	backward.offsets, backward.last = []int32{1, 0}, 1
	for name, bad := range map[string][]byte{
		"CRC-32C":              change(batchCRC, 1, 2, 3, 4),
		"record format 0 or 1": change(batchMagic, 1),
		"unknown record":       change(batchMagic, 9),
		"shorter than":         change(batchLength, 0, 0, 0, 1),
		"last offset before":   change(batchLastDelta, 0xff, 0xff, 0xff, 0xff),
		"more records than":    change(batchRecordCount, 0, 0, 0, 9),
		"longer than its":      change(batchHeader, 0x7e),
		"bytes after":          change(batchRecordCount, 0, 0, 0, 1),
		"out of order":         backward.bytes(t),
		"decompress gzip":      change(batchAttributes+1, codecGzip),
		"decompress lz4":       change(batchAttributes+1, codecLZ4),
		"decompress snappy":    change(batchAttributes+1, codecSnappy),
		"decompress zstd":      change(batchAttributes+1, codecZstd),
		"decompress codec 5":   change(batchAttributes+1, 5),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder()
			d.start(slices.Concat(good, bad), nil, 0)
			got, next, err := drain(d)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), name) || classOf(err) != "permanent" {
				t.Fatalf("got %v; want %q", err, name)
			}
			if len(got) == 0 || got[0] != "0@0=a" || next < 1 {
				t.Fatalf("got %v, next %d: the good record is lost", got, next)
			}
		})
	}
}

// The limit holds for every codec, whatever the batch claims.
func TestDecompressLimit(t *testing.T) {
	body := make([]byte, 3<<20)
	for codec := int16(codecGzip); codec <= codecZstd; codec++ {
		c := codecs{limit: 3<<20 - 1}
		if _, err := c.decode(uint16(codec), nil, compress(t, codec, body)); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: got %v; want %v", codecName(uint16(codec)), err, errTooLarge)
		}
		c = codecs{limit: len(body)}
		if got, err := c.decode(uint16(codec), nil, compress(t, codec, body)); err != nil || len(got) != len(body) {
			t.Errorf("%s: got %d bytes, %v", codecName(uint16(codec)), len(got), err)
		}
	}
}

// Java writes snappy in blocks with a header.
func TestXerialSnappy(t *testing.T) {
	stream := []byte(xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01")
	var want []byte
	for _, block := range []string{"one ", strings.Repeat("two ", 1000), "three"} {
		enc := snappy.Encode(nil, []byte(block))
		stream = append(binary.BigEndian.AppendUint32(stream, uint32(len(enc))), enc...)
		want = append(want, block...)
	}
	c := codecs{limit: 1 << 20}
	got, err := c.decode(codecSnappy, nil, stream)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(want))
	}
	for cut := 17; cut < len(stream); cut++ {
		if got, err := c.decode(codecSnappy, nil, stream[:cut]); err == nil && len(got) == len(want) {
			t.Fatalf("cut at %d: got everything", cut)
		}
	}
}

// Values stay as they were until the next call, however the arena grows
// meanwhile.
func TestValuesStay(t *testing.T) {
	var set []byte
	var want []string
	for i := range 40 {
		s := batchSpec{base: int64(i), codec: int16(i % 5), producer: -1,
			values: []string{strings.Repeat(fmt.Sprint(i%10), 1000*(i+1))}}
		set = append(set, s.bytes(t)...)
		want = append(want, s.values[0])
	}
	d := newDecoder()
	d.maxBytes = 100_000
	for round := range 3 {
		d.start(set, nil, 0)
		n := 0
		for {
			records, _, ok, err := d.decode()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for _, r := range records {
				if string(r.Value) != want[r.Offset] {
					t.Fatalf("round %d: value at %d has changed", round, r.Offset)
				}
				n++
			}
		}
		if n != len(want) {
			t.Fatalf("round %d: got %d records; want %d", round, n, len(want))
		}
	}
}

// Any bytes: no panic, offsets in order and within what was asked, next never
// goes back, and decoding ends.
func FuzzDecode(f *testing.F) {
	for codec := range int16(5) {
		f.Add(batchSpec{base: 5, codec: codec, values: []string{"a", "bb", ""}, producer: 3,
			attr: attrTransactional}.bytes(f), int64(5), int64(3))
	}
	f.Add(slices.Concat(batchSpec{base: 1, values: []string{"a"}}.bytes(f), marker(f, 2, 3, 0)), int64(2), int64(3))
	f.Fuzz(func(t *testing.T, set []byte, from, producer int64) {
		if from < 0 {
			return
		}
		// The checksum would stop nearly every input: make it right.
		fixed := slices.Clone(set)
		for rest := fixed; len(rest) >= batchHeader; {
			size := int64(int32(binary.BigEndian.Uint32(rest[batchLength:]))) + 12
			if size < batchHeader || size > int64(len(rest)) {
				break
			}
			binary.BigEndian.PutUint32(rest[batchCRC:], crc32.Checksum(rest[batchAttributes:size], castagnoli))
			rest = rest[size:]
		}
		for _, b := range [][]byte{set, fixed} {
			d := newDecoder()
			d.maxRecords = 3
			d.start(b, []abortedTxn{{producer, 0}}, from)
			at := from
			for {
				records, next, ok, err := d.decode()
				for _, r := range records {
					if r.Offset < at {
						t.Fatalf("record %d after %d", r.Offset, at)
					}
					at = r.Offset + 1
				}
				if next < at {
					t.Fatalf("next %d after %d", next, at)
				}
				at = next
				if !ok || err != nil {
					return
				}
			}
		}
	})
}

func benchmarkDecode(b *testing.B, codec int16) {
	const perBatch, batches = 400, 10
	line := `{"ts":"2026-09-30T12:00:%02d.%03dZ","service":"movies","method":"GET","path":"/3/movie/%d","route":"/3/movie/{id}","status":200,"code":1,"api_key":"k%016d","client_ip":"10.0.%d.%d","latency_ms":%d,"bytes":5123,"request_id":"%08x"}`
	var set []byte
	for i := range batches {
		s := batchSpec{base: int64(i * perBatch), codec: codec, producer: -1, baseTime: 1}
		for j := range perBatch {
			n := i*perBatch + j
			s.values = append(s.values, fmt.Sprintf(line, n%60, n%1000, n*7919, n%997, n%256, n%251, n%313,
				uint32(n)*2654435761))
		}
		set = append(set, s.bytes(b)...)
	}
	d := &decoder{maxBytes: 2 << 20, maxRecords: 16384, maxValue: 64 << 20, codecs: codecs{limit: 64 << 20}}
	b.ReportAllocs()
	b.SetBytes(int64(len(set)))
	n, bytes := 0, 0
	for b.Loop() {
		d.start(set, nil, 0)
		for {
			records, _, ok, err := d.decode()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			n += len(records)
			for i := range records {
				bytes += len(records[i].Value)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
	b.ReportMetric(float64(bytes)/float64(n), "B/record")
}

func BenchmarkDecodePlain(b *testing.B)  { benchmarkDecode(b, 0) }
func BenchmarkDecodeGzip(b *testing.B)   { benchmarkDecode(b, codecGzip) }
func BenchmarkDecodeSnappy(b *testing.B) { benchmarkDecode(b, codecSnappy) }
func BenchmarkDecodeLZ4(b *testing.B)    { benchmarkDecode(b, codecLZ4) }
func BenchmarkDecodeZstd(b *testing.B)   { benchmarkDecode(b, codecZstd) }

// After warm-up a record costs no memory, whatever its codec. The few
// allocations per fetch that lz4's reader makes do not grow with the records.
func TestDecodeAllocates(t *testing.T) {
	for codec := range int16(5) {
		s := batchSpec{codec: codec, producer: -1, values: numbered(900)}
		set := s.bytes(t)
		d := newDecoder()
		n := testing.AllocsPerRun(50, func() {
			d.start(set, nil, 0)
			if records, _, _, err := d.decode(); err != nil || len(records) != 900 {
				t.Fatalf("got %d records, %v", len(records), err)
			}
		})
		if n > 4 {
			t.Errorf("%s: %v allocations for 900 records", codecName(uint16(codec)), n)
		}
	}
}
