//go:build kafka

package source

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest/retry"
	"statline/ingest/source/kafkatest"
)

// Three brokers of which each is killed in turn: leaders and the group's
// coordinator move, and reading and committing go on without a record lost or
// read twice.
// Long because it is one story, told in its order.
func TestKafkaNodeDies(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	began := time.Now()
	k, err := kafkatest.Start(ctx, kafkatest.Config{Nodes: 3, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("three brokers, formatted and ready after %v", time.Since(began).Round(10*time.Millisecond))
	brokers := k.Addrs(kafkatest.Plaintext)
	cfg := kafkaConfig(t, brokers, "nodes")
	cfg.SessionTimeout = 6 * time.Second // longer than a broker's absence is noticed
	cfg.RebalanceTimeout = 12 * time.Second
	const partitions = 6
	c := madeTopic(t, cfg, partitions, 3, map[string]string{"min.insync.replicas": "2"})
	p := producer(t, brokers, kgo.DefaultProduceTopic("nodes"))
	in := run(t, c)
	g := settled(t, partitions, in)[0]
	readers := make([]*Reader, partitions)
	next := make([]int64, partitions)
	got := make([][]string, partitions)
	for i := range readers {
		readers[i] = c.Reader(int32(i))
	}
	values := numbered(40)
	step := func(from, to int) {
		t.Helper()
		for i := range readers {
			produce(t, p, int32(i), values[from:to]...)
			for next[i] < int64(to) {
				b, err := readers[i].Fetch(ctx, next[i], time.Second)
				if err != nil {
					if classOf(err) != "transient" || !retry.Sleep(ctx, settle) {
						t.Fatal(err)
					}
					continue
				}
				for _, r := range b.Records {
					got[i] = append(got[i], string(r.Value))
				}
				next[i] = b.Next
			}
			g = commitThrough(ctx, t, in, g, partitions, int32(i), next[i])
		}
	}
	step(0, 10)
	for node := range 3 {
		began = time.Now()
		if err := k.Kill(node); err != nil {
			t.Fatal(err)
		}
		step(10*(node+1), 10*(node+2))
		t.Logf("without node %d: all partitions written, read and committed after %v", node+1, time.Since(began).
			Round(10*time.Millisecond))
		if err := k.Restart(ctx, node); err != nil {
			t.Fatal(err)
		}
	}
	for i := range got {
		if !slices.Equal(got[i], values) {
			t.Errorf("partition %d: got %d records; want %d", i, len(got[i]), len(values))
		}
	}
	lag, err := c.Lag(ctx, cfg.Group)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range lag {
		if n != 0 {
			t.Errorf("partition %d: lag %d", i, n)
		}
	}
}
