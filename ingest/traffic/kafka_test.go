package traffic

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fakeBroker(t testing.TB) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// consumeAll reads the topic from its beginning until want records are there.
func consumeAll(t *testing.T, brokers []string, topic string, want int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var all []*kgo.Record
	for len(all) < want {
		f := client.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(all), want, err)
		}
		all = append(all, f.Records()...)
	}
	return all
}

// Every line reaches the created topic once, with its event time, and a key
// keeps to one partition.
func TestProduce(t *testing.T) {
	const count = 20_000
	brokers := fakeBroker(t)
	g, err := New(Config{Seed: 3, Scenario: Mixed, Count: count, Rate: 40})
	if err != nil {
		t.Fatal(err)
	}
	if err := Produce(context.Background(), brokers, "access", g,
		ProduceOptions{Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	_, lines := generate(t, Config{Seed: 3, Scenario: Mixed, Count: count, Rate: 40})
	for line := range strings.SplitSeq(strings.TrimSpace(string(lines)), "\n") {
		want[line]++
	}
	home := map[string]int32{}
	for _, r := range consumeAll(t, brokers, "access", count) {
		want[string(r.Value)]--
		l, _ := read(string(r.Value))
		if r.Timestamp.UnixMilli() != l.TS.UnixMilli() {
			t.Fatalf("record of %s has timestamp %s", l.TS, r.Timestamp)
		}
		if p, seen := home[l.Key]; l.Key != "" && seen && p != r.Partition {
			t.Fatalf("key in partitions %d and %d", p, r.Partition)
		}
		home[l.Key] = r.Partition
		if r.Partition > 2 {
			t.Fatalf("record in partition %d of 3", r.Partition)
		}
	}
	for line, n := range want {
		if n != 0 {
			t.Fatalf("line produced %d times too few: %s", n, line)
		}
	}
}

// When the context ends, what was taken from the generator is delivered: the
// truth is true of the topic.
func TestProduceDrainsOnCancel(t *testing.T) {
	brokers := fakeBroker(t)
	g, err := New(Config{Seed: 3, Scenario: Quiet, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	calls := 0
	err = Produce(ctx, brokers, "access", g, ProduceOptions{Speed: 20, Progress: func(n int64, at time.Time) {
		if calls++; calls == 3 {
			cancel()
		}
		if n <= 0 || at.IsZero() {
			t.Errorf("progress: %d records at %s", n, at)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	records := int(g.Truth().Records)
	if got := consumeAll(t, brokers, "access", records); len(got) != records {
		t.Errorf("topic has %d records; the truth says %d", len(got), records)
	}
	// Three reports are 0.3 s of wall time, 6 s of event time, 6,000 lines.
	if records < 3000 || records > 30_000 {
		t.Errorf("got %d lines in three tenths of a second; want about 6,000", records)
	}
}

// A broker that is not there is an error that names it.
func TestProduceUnreachable(t *testing.T) {
	g, err := New(Config{Scenario: Quiet, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := Produce(ctx, []string{"127.0.0.1:1"}, "access", g, ProduceOptions{}); err == nil {
		t.Error("got no error")
	}
}

func BenchmarkProduce(b *testing.B) {
	brokers := fakeBroker(b)
	g, err := New(Config{Seed: 1, Scenario: Bench, Count: int64(b.N)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := Produce(context.Background(), brokers, "access", g, ProduceOptions{}); err != nil {
		b.Fatal(err)
	}
}

// What has expired is gone, and the newest record is still there.
func TestExpire(t *testing.T) {
	brokers := fakeBroker(t)
	g, err := New(Config{Seed: 3, Scenario: Mixed, Count: 500, Rate: 40})
	if err != nil {
		t.Fatal(err)
	}
	if err := Produce(t.Context(), brokers, "access", g, ProduceOptions{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	if err := Expire(t.Context(), brokers, "access"); err != nil {
		t.Fatal(err)
	}
	if got := consumeAll(t, brokers, "access", 1); len(got) != 1 || got[0].Offset != 499 {
		t.Errorf("got %d records, the first at offset %d; want one at 499", len(got), got[0].Offset)
	}
}
