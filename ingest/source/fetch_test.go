package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest/block"
)

// read fetches from offset until end and returns the values.
func read(t *testing.T, r *Reader, offset, end int64) []string {
	t.Helper()
	var got []string
	for offset < end {
		b, err := r.Fetch(deadline(t), offset, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if b.Holes != b.Next-offset-int64(len(b.Records)) {
			t.Fatalf("got %d holes for %d records of [%d,%d)", b.Holes, len(b.Records), offset, b.Next)
		}
		for _, rec := range b.Records {
			got = append(got, fmt.Sprintf("%d=%s", rec.Offset, rec.Value))
		}
		offset = b.Next
	}
	return got
}

func numbered(n int) []string {
	vs := make([]string, n)
	for i := range vs {
		vs[i] = fmt.Sprintf("%d-%s", i, strings.Repeat("x", i%50))
	}
	return vs
}

func want(values []string, from int) []string {
	var w []string
	for i, v := range values {
		if i >= from {
			w = append(w, fmt.Sprintf("%d=%s", i, v))
		}
	}
	return w
}

// Every codec's records arrive as they were written, whole and in order.
func TestCodecs(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			b := broker(t, 1)
			p := producer(t, b.ListenAddrs(), kgo.ProducerBatchCompression(codec))
			values := numbered(2000)
			produce(t, p, 0, values[:1500]...)
			produce(t, p, 0, values[1500:]...)
			c := client(t, testConfig(b.ListenAddrs()))
			if got := read(t, c.Reader(0), 0, 2000); !slices.Equal(got, want(values, 0)) {
				t.Fatalf("got %d records; want %d", len(got), len(values))
			}
			// An offset inside a batch: what is before it does not come.
			if got := read(t, c.Reader(0), 777, 2000); !slices.Equal(got, want(values, 777)) {
				t.Fatalf("from 777: got %d records, first %s", len(got), got[0])
			}
		})
	}
}

// Small limits cut batches anywhere without losing or doubling a record, and
// a batch larger than a fetch still comes.
func TestFetchLimits(t *testing.T) {
	b := broker(t, 1)
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.ZstdCompression()} {
		produce(t, producer(t, b.ListenAddrs(), kgo.ProducerBatchCompression(codec)), 0, numbered(1000)...)
	}
	values := append(numbered(1000), numbered(1000)...)
	for _, limit := range []int{1, 7, 999, 1000, 5000} {
		cfg := testConfig(b.ListenAddrs())
		cfg.BatchRecords, cfg.BatchBytes, cfg.FetchBytes = limit, 1+limit*10, 100+limit
		if got := read(t, client(t, cfg).Reader(0), 3, 2000); !slices.Equal(got, want(values, 3)) {
			t.Fatalf("limit %d: got %d records", limit, len(got))
		}
	}
}

// read_committed: aborted records and markers do not come, and the next
// offset is past them.
func TestAbortedTransactions(t *testing.T) {
	b := broker(t, 1)
	writeTransactions(t, b.ListenAddrs())
	c := client(t, testConfig(b.ListenAddrs()))
	checkTransactions(t, c)
}

// writeTransactions writes, to partition 0: plain "p0", a committed pair, an
// aborted pair interleaved with a plain record, a committed one, and leaves
// one open.
func writeTransactions(t *testing.T, brokers []string, opts ...kgo.Opt) {
	t.Helper()
	ctx := deadline(t)
	plain := producer(t, brokers, opts...)
	txn := func(id string) *kgo.Client {
		return producer(t, brokers, append(opts, kgo.TransactionalID(id))...)
	}
	end := func(p *kgo.Client, how kgo.TransactionEndTry) {
		t.Helper()
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.EndTransaction(ctx, how); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(p *kgo.Client) {
		t.Helper()
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
	}
	one, two, three := txn("one"), txn("two"), txn("three")
	produce(t, plain, 0, "p0")
	begin(one)
	produce(t, one, 0, "c1", "c2")
	begin(two)
	produce(t, two, 0, "a1")
	end(one, kgo.TryCommit)
	produce(t, plain, 0, "p1")
	produce(t, two, 0, "a2")
	end(two, kgo.TryAbort)
	begin(two)
	produce(t, two, 0, "c3")
	end(two, kgo.TryCommit)
	produce(t, plain, 0, "p2")
	begin(three)
	produce(t, three, 0, "open")
	produce(t, plain, 0, "p3")
}

func checkTransactions(t *testing.T, c *Client) {
	t.Helper()
	ends, err := c.EndOffsets(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range read(t, c.Reader(0), 0, ends[0]) {
		_, v, _ = strings.Cut(v, "=")
		got = append(got, v)
	}
	if w := []string{"p0", "c1", "c2", "p1", "c3", "p2"}; !slices.Equal(got, w) {
		t.Fatalf("got %v; want %v", got, w)
	}
	// Reading from every offset gives the same tail: what is left out does
	// not depend on where reading starts.
	all := read(t, c.Reader(0), 0, ends[0])
	for from := int64(1); from < ends[0]; from++ {
		tail := read(t, c.Reader(0), from, ends[0])
		if !slices.Equal(tail, all[len(all)-len(tail):]) {
			t.Fatalf("from %d: got %v; want the end of %v", from, tail, all)
		}
	}
	// The open transaction holds everything after it back.
	began := time.Now()
	b, err := c.Reader(0).Fetch(deadline(t), ends[0], 100*time.Millisecond)
	if d := time.Since(began); d < 90*time.Millisecond {
		t.Errorf("at the last stable offset: came back after %v without waiting", d)
	}
	if err != nil || len(b.Records) != 0 || b.Next != ends[0] {
		t.Fatalf("at the last stable offset: got %d records, next %d, %v", len(b.Records), b.Next, err)
	}
	// What it holds back, a record of its own and one after it, is told.
	high, err := c.HighWatermarks(deadline(t))
	if err != nil || high[0] != ends[0]+2 || b.HighWatermark != high[0] {
		t.Errorf("got the high watermark %d of a fetch, %d of a request, %v; want %d", b.HighWatermark, high[0], err,
			ends[0]+2)
	}
	if _, ok, err := c.TimeAt(deadline(t), 0, ends[0]); ok || err != nil {
		t.Errorf("a record that cannot be read: got a time, %v", err)
	}
	at, ok, err := c.TimeAt(deadline(t), 0, 1)
	if err != nil || !ok || time.Since(time.UnixMilli(at)) > time.Hour {
		t.Errorf("the first record: got %d, %t, %v; want when it was written", at, ok, err)
	}
}

// An offset that is not retained is block.ErrOutOfRange, on both sides.
func TestOutOfRange(t *testing.T) {
	b := broker(t, 1)
	produce(t, producer(t, b.ListenAddrs()), 0, numbered(10)...)
	if err := b.DeleteRecords("access", 0, 4); err != nil {
		t.Fatal(err)
	}
	c := client(t, testConfig(b.ListenAddrs()))
	for _, offset := range []int64{3, 11} {
		_, err := c.Reader(0).Fetch(deadline(t), offset, time.Second)
		if !errors.Is(err, block.ErrOutOfRange) || classOf(err) != "out_of_range" {
			t.Errorf("offset %d: got %v; want out of range", offset, err)
		}
	}
	if first, end, err := c.Reader(0).Bounds(deadline(t)); first != 4 || end != 10 || err != nil {
		t.Errorf("bounds: got [%d,%d), %v; want [4,10)", first, end, err)
	}
	batch, err := c.Reader(0).Fetch(deadline(t), 4, time.Second)
	if err != nil || len(batch.Records) != 6 || batch.LastStable != 10 {
		t.Errorf("offset 4: got %d records, a log to %d, %v", len(batch.Records), batch.LastStable, err)
	}
}

// A fetch at the end of an idle partition comes back after the wait, not
// before and not much later, and does not hold up other requests.
func TestIdleFetch(t *testing.T) {
	b := broker(t, 2)
	c := client(t, testConfig(b.ListenAddrs()))
	ctx := deadline(t)
	done := make(chan time.Duration)
	go func() {
		began := time.Now()
		got, err := c.Reader(0).Fetch(ctx, 0, time.Second)
		if err != nil || len(got.Records) != 0 {
			t.Errorf("got %d records, %v", len(got.Records), err)
		}
		done <- time.Since(began)
	}()
	began := time.Now()
	if _, err := c.EndOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 700*time.Millisecond {
		t.Errorf("end offsets took %v while a fetch waited", d)
	}
	if d := <-done; d < 900*time.Millisecond || d > 2*time.Second {
		t.Errorf("an idle fetch of 1s took %v", d)
	}
}

// Ranges, offsets, lag.
func TestOffsets(t *testing.T) {
	b := broker(t, 3)
	p := producer(t, b.ListenAddrs())
	at := time.UnixMilli(1700000000123)
	if err := p.ProduceSync(t.Context(), &kgo.Record{Partition: 1, Value: []byte("v"), Timestamp: at}).
		FirstErr(); err != nil {
		t.Fatal(err)
	}
	produce(t, p, 1, numbered(9)...)
	c := client(t, testConfig(b.ListenAddrs()))
	ctx := deadline(t)
	ps, err := c.Partitions(ctx)
	if err != nil || !slices.Equal(ps, []int32{0, 1, 2}) {
		t.Fatalf("partitions: got %v, %v", ps, err)
	}
	if id, err := c.ClusterID(ctx); err != nil || id == "" {
		t.Fatalf("cluster id: got %q, %v", id, err)
	}
	lag, err := c.Lag(ctx, "g")
	if err != nil || lag[0] != 0 || lag[1] != 10 {
		t.Fatalf("lag: got %v, %v", lag, err)
	}
	err = c.ReadRange(ctx, 1, 0, 1, func(r block.Record) error {
		if r.Offset != 0 || r.UnixMilli != at.UnixMilli() {
			t.Errorf("first record: got %d at %d", r.Offset, r.UnixMilli)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	err = c.ReadRange(ctx, 1, 2, 5, func(r block.Record) error { got = append(got, r.Offset); return nil })
	if err != nil || !slices.Equal(got, []int64{2, 3, 4}) {
		t.Fatalf("range: got %v, %v", got, err)
	}
	if compacted, err := c.Compacted(ctx); err != nil || compacted {
		t.Fatalf("compacted: got %v, %v", compacted, err)
	}
}

// A topic is made once; a compacted one says so; one that is missing is
// ErrNoTopic and transient.
func TestCreateTopic(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	cfg.Topic = "events"
	c := client(t, cfg)
	ctx := deadline(t)
	if _, err := c.Partitions(ctx); !errors.Is(err, ErrNoTopic) || classOf(err) != "transient" {
		t.Fatalf("missing topic: got %v", err)
	}
	for _, want := range []bool{true, false} {
		created, err := c.CreateTopic(ctx, 4, 1, map[string]string{"cleanup.policy": "compact"})
		if err != nil || created != want {
			t.Fatalf("create: got %v, %v; want %v", created, err, want)
		}
	}
	if compacted, err := c.Compacted(ctx); err != nil || !compacted {
		t.Fatalf("compacted: got %v, %v", compacted, err)
	}
}

// writeKeyed writes to partition 0 records of which compaction keeps few, one
// batch each, and returns the log's end.
func writeKeyed(t *testing.T, brokers []string, topic string) int64 {
	t.Helper()
	p := producer(t, brokers, kgo.DefaultProduceTopic(topic))
	const n = 60
	for i := range n {
		r := &kgo.Record{Key: fmt.Appendf(nil, "k%d", i%3), Value: fmt.Appendf(nil, "v%d", i)}
		if err := p.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// checkCompacted reads a topic of writeKeyed after compaction: what is left
// comes in order, from every offset, and reading gets to the end.
func checkCompacted(t *testing.T, c *Client, n int64) {
	t.Helper()
	first, end, err := c.Reader(0).Bounds(deadline(t))
	if err != nil || end != n {
		t.Fatalf("bounds: got [%d,%d), %v; want the end at %d", first, end, err, n)
	}
	all := read(t, c.Reader(0), first, n)
	if int64(len(all)) >= n || len(all) < 3 {
		t.Fatalf("got %d of %d records: nothing was compacted", len(all), n)
	}
	for _, v := range all {
		offset, value, _ := strings.Cut(v, "=")
		if value != "v"+offset {
			t.Fatalf("got %s at offset %s", value, offset)
		}
	}
	for from := first + 1; from < n; from++ {
		tail := read(t, c.Reader(0), from, n)
		if !slices.Equal(tail, all[len(all)-len(tail):]) {
			t.Fatalf("from %d: got %v; want the end of %v", from, tail, all)
		}
	}
}

// BenchmarkFetch reads through a broker in this process, whose work is
// counted too.
func BenchmarkFetch(b *testing.B) {
	for name, codec := range map[string]kgo.CompressionCodec{"plain": kgo.NoCompression(),
		"lz4": kgo.Lz4Compression()} {
		b.Run(name, func(b *testing.B) {
			k := broker(b, 1)
			p := producer(b, k.ListenAddrs(), kgo.ProducerBatchCompression(codec))
			const n = 200_000
			value := []byte(strings.Repeat(`{"route":"/3/movie/{id}","status":200} `, 6))
			for range n {
				p.Produce(b.Context(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
					if err != nil {
						b.Error(err)
					}
				})
			}
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			r := client(b, testConfig(k.ListenAddrs())).Reader(0)
			b.ReportAllocs()
			rounds := 0
			for b.Loop() {
				rounds++
				for at := int64(0); at < n; {
					got, err := r.Fetch(b.Context(), at, time.Second)
					if err != nil {
						b.Fatal(err)
					}
					at = got.Next
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds)/n, "ns/record")
		})
	}
}
