package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/source"
	"statline/ingest/store"
)

// Promise: a record over the limit is a reject with its place and size, the
// ledger counts it, the partition goes on, and a block that was declared under
// another limit is not folded under this one.
func TestRecordTooLarge(t *testing.T) {
	const limit, size = 1 << 20, 3 << 20
	r := ingesttest.New(t, "too_large")
	r.Kafka = func(c *source.Config) { c.RecordLimit = limit }
	r.Fold.RecordLimit = limit
	first := r.Produce(1, 2_000)
	p, err := kgo.NewClient(kgo.SeedBrokers(r.Brokers()...), kgo.DefaultProduceTopic(r.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	huge := &kgo.Record{Partition: 1, Timestamp: time.Now(),
		Value: []byte(`{"status":200,"path":"` + strings.Repeat("x", size) + `"}`)}
	if err := p.ProduceSync(t.Context(), huge).FirstErr(); err != nil {
		t.Fatal(err)
	}
	second := r.Produce(2, 2_000)
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	second.Records++
	second.Rejected++
	r.Check(first, second)
	got, err := r.Store.Rejects(t.Context(), store.RejectFilter{Topic: r.Topic, Reason: fold.ReasonTooLarge})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Partition != 1 || got[0].Offset != huge.Offset || got[0].Raw != "" ||
		got[0].Detail != "a record of 3145752 bytes; the limit (kafka-record-limit) is 1048576" {
		t.Errorf("got %+v; want one of partition 1, offset %d", got, huge.Offset)
	}

	under := r.Fold
	under.RecordLimit = 2 * limit
	body, err := under.Written()
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Fold.Under(body)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() == under.Hash() {
		t.Error("another limit has the same config_hash")
	}
}
