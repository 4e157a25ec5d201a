package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest/block"
)

// sizes is drain with the size of what is too large for its value.
func sizes(d *decoder) (got []string, next int64, err error) {
	for {
		records, n, ok, err := d.decode()
		for _, r := range records {
			got = append(got, sized(r))
		}
		next = n
		if err != nil || !ok {
			return got, next, err
		}
	}
}

func sized(r block.Record) string {
	switch {
	case r.TooLarge == nil:
		return fmt.Sprintf("%d@%d=%.5s", r.Offset, r.UnixMilli, r.Value)
	case r.TooLarge.Batch:
		return fmt.Sprintf("%d@%d batch of %d", r.Offset, r.UnixMilli, r.TooLarge.Bytes)
	}
	return fmt.Sprintf("%d@%d %d bytes", r.Offset, r.UnixMilli, r.TooLarge.Bytes)
}

// recompressed is a batch whose records are compressed by f, with a new CRC.
func recompressed(t *testing.T, s batchSpec, codec int16, f func(plain []byte) []byte) []byte {
	t.Helper()
	s.codec = 0
	plain := s.bytes(t)
	b := append(slices.Clone(plain[:batchHeader]), f(plain[batchHeader:])...)
	binary.BigEndian.PutUint32(b[batchLength:], uint32(len(b)-12))
	binary.BigEndian.PutUint16(b[batchAttributes:], uint16(s.attr|codec))
	binary.BigEndian.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttributes:], castagnoli))
	return b
}

func xerialStream(plain []byte) []byte {
	stream := []byte(xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01")
	for part := range slices.Chunk(plain, 32<<10) {
		enc := snappy.Encode(nil, part)
		stream = append(binary.BigEndian.AppendUint32(stream, uint32(len(enc))), enc...)
	}
	return stream
}

// Promise: a record over the limit comes as its offset and size, with every
// codec and wherever reading begins; its neighbours in the batch come whole.
// Where a batch cannot be read by parts, all its records come as their offsets
// and the batch's size.
func TestTooLarge(t *testing.T) {
	huge := strings.Repeat("x", 2<<20)
	many := slices.Repeat([]string{strings.Repeat("y", 100<<10)}, 30)
	spec := batchSpec{base: 10, values: []string{"first", huge, "third"}, producer: -1, baseTime: 1000, maxTime: 1002}
	wide := batchSpec{base: 13, values: many, producer: -1, baseTime: 2000}
	var yes []string
	for i := range many {
		yes = append(yes, fmt.Sprintf("%d@%d=yyyyy", 13+i, 2000+i))
	}
	parts := []string{"10@1000=first", "11@1001 2097152 bytes", "12@1002=third"}
	type set struct {
		name string
		b    []byte
		want []string
	}
	var sets []set
	for _, codec := range []int16{0, codecGzip, codecLZ4, codecZstd} {
		s, w := spec, wide
		s.codec, w.codec = codec, codec
		sets = append(sets, set{codecName(uint16(codec)), slices.Concat(s.bytes(t), w.bytes(t)),
			slices.Concat(parts, yes)})
	}
	sets = append(sets, set{"snappy in blocks", slices.Concat(recompressed(t, spec, codecSnappy, xerialStream),
		recompressed(t, wide, codecSnappy, xerialStream)), slices.Concat(parts, yes)})
	bare := spec
	bare.codec = codecSnappy
	whole := len(spec.bytes(t)[batchHeader:])
	sets = append(sets, set{"a snappy block", bare.bytes(t), []string{
		fmt.Sprintf("10@1002 batch of %d", whole), fmt.Sprintf("11@1002 batch of %d", whole),
		fmt.Sprintf("12@1002 batch of %d", whole)}})
	for _, s := range sets {
		for skip := range 3 { // a broker sends no batch before the wanted one
			d := newDecoder()
			d.maxRecords = 2
			d.start(s.b, nil, 10+int64(skip))
			got, next, err := sizes(d)
			if err != nil || !slices.Equal(got, s.want[skip:]) || next != 10+int64(len(s.want)) {
				t.Errorf("%s from %d: got %.300v, next %d, %v; want %.300v", s.name, 10+skip, got, next, err,
					s.want[skip:])
			}
		}
	}
	// A compacted batch that cannot be read by parts does not say where its
	// records are.
	bare.offsets, bare.last = []int32{0, 2, 5}, 7
	d := newDecoder()
	d.start(bare.bytes(t), nil, 10)
	if _, _, err := sizes(d); classOf(err) != "permanent" {
		t.Errorf("a compacted snappy block: got %v; want permanent", err)
	}
}

// Promise: a window larger than the limit is no reason to leave a batch out.
func TestLargeWindow(t *testing.T) {
	spec := batchSpec{base: 10, values: []string{"first", "other"}, producer: -1, baseTime: 1000}
	set := recompressed(t, spec, codecZstd, func(plain []byte) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
		if err == nil {
			_, err = w.Write(plain[:1])
		}
		if err == nil {
			err = w.Flush() // the frame's header is written before its size is known
		}
		if err == nil {
			_, err = w.Write(plain[1:])
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	})
	d := newDecoder()
	d.start(set, nil, 10)
	if got, _, err := sizes(d); err != nil || !slices.Equal(got, []string{"10@1000=first", "11@1001=other"}) {
		t.Errorf("got %v, %v; want both records", got, err)
	}
}

// What is wrong inside of a batch that is read by parts is said, never a panic
// and never an invented record.
func TestPartsCut(t *testing.T) {
	spec := batchSpec{base: 10, values: []string{"first", strings.Repeat("x", 2<<20), "third"}, producer: -1}
	plain := spec.bytes(t)[batchHeader:]
	for _, n := range []int{1, 5, 20, 1000, len(plain) - 20, len(plain) - 1} {
		set := recompressed(t, spec, codecGzip, func([]byte) []byte {
			return compress(t, codecGzip, append(slices.Clone(plain[:n]), make([]byte, 3<<20)...))
		})
		d := newDecoder()
		d.start(set, nil, 10)
		if _, _, err := sizes(d); classOf(err) != "permanent" {
			t.Errorf("cut at %d: got %v; want permanent", n, err)
		}
	}
}

// Promise: what does not fit into a response is passed by as well, its
// neighbours are read, and the reader goes on.
func TestLargerThanAFetch(t *testing.T) {
	b := broker(t, 1, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "8388608"}))
	p := producer(t, b.ListenAddrs(), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(4<<20))
	for _, v := range []string{"a", strings.Repeat("x", 2<<20), "c"} {
		produce(t, p, 0, v)
	}
	cfg := testConfig(b.ListenAddrs())
	cfg.FetchBytes, cfg.FetchLimit, cfg.RecordLimit = 64<<10, 1<<20, 1<<20
	r := client(t, cfg).Reader(0)
	var got []string
	for at := int64(0); at < 3; {
		batch, err := r.Fetch(deadline(t), at, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range batch.Records {
			_, text, _ := strings.Cut(sized(rec), "@")
			_, text, _ = strings.Cut(text, string(text[13]))
			got = append(got, text)
		}
		at = batch.Next
	}
	if len(got) != 3 || got[0] != "a" || !strings.HasPrefix(got[1], "batch of 209") || got[2] != "c" {
		t.Errorf("got %q; want a, the size of a batch of 2 MiB, c", got)
	}
}
