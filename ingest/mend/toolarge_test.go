package mend

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
)

// Promise: a record that was too large is replayed once kafka-record-limit lets
// it be read, once however often that is repeated or cut; under the old limit it
// stays a reject, and a replay that was cut is not finished without it.
func TestReplayOfTooLarge(t *testing.T) {
	const limit = 1 << 20
	r := ingesttest.New(t, "replay_large")
	r.Kafka = func(c *source.Config) { c.RecordLimit = limit }
	r.Fold.RecordLimit = limit
	producer, err := kgo.NewClient(kgo.SeedBrokers(r.Brokers()...), kgo.DefaultProduceTopic(r.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	r.Produce(1, 2_000)
	for range 2 {
		now := time.Now()
		huge := &kgo.Record{Partition: 1, Timestamp: now,
			Value: []byte(`{"ts":"` + now.UTC().Format(time.RFC3339) +
				`","service":"only-here","path":"/a","status":429,"more":"` + strings.Repeat("x", 3*limit) + `"}`)}
		if err := producer.ProduceSync(t.Context(), huge).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	cut := &cutStore{Store: r.Store, at: 1}
	filter := store.RejectFilter{Reason: fold.ReasonTooLarge, Limit: 10_000}
	under := func(limit int) (*Rejects, *source.Client) {
		r.Kafka = func(c *source.Config) { c.RecordLimit = limit }
		client := r.Client()
		x := &Rejects{Store: cut, Log: client, Fold: ingesttest.Folding(), Block: ingesttest.Config().Block}
		x.Fold.RecordLimit = limit
		x.Block.Topic = r.Topic
		if x.Block.Cluster, err = client.ClusterID(t.Context()); err != nil {
			t.Fatal(err)
		}
		return x, client
	}
	before, client := under(limit)
	defer client.Close()
	after, other := under(8 * limit)
	defer other.Close()

	if report, err := before.Replay(t.Context(), filter); err != nil || report != (ReplayReport{Still: 2}) {
		t.Fatalf("under the old limit: got %+v, %v; want both rejects still", report, err)
	}
	if report, err := after.Replay(t.Context(), filter); err == nil {
		t.Fatalf("the cut replay reported no error: %+v", report)
	}
	if report, err := before.Replay(t.Context(), filter); !errors.Is(err, block.ErrPartialBlock) ||
		!strings.Contains(err.Error(), "kafka-record-limit") {
		t.Errorf("the cut replay under the old limit: got %+v, %v; want a refusal", report, err)
	}
	for _, want := range []ReplayReport{{Replayed: 2, Responses: 2}, {}} {
		if report, err := after.Replay(t.Context(), filter); err != nil || report != want {
			t.Errorf("under the new limit: got %+v, %v; want %+v", report, err, want)
		}
	}
	got, err := store.Select[struct {
		Requests uint64 `ch:"n"`
	}](t.Context(), r.Store,
		"SELECT sum(requests) AS n FROM "+r.Store.Table(schema.Responses)+" WHERE service = 'only-here' AND http_status = 429")
	if err != nil || len(got) != 1 || got[0].Requests != 2 {
		t.Errorf("got %+v, %v; want the two requests", got, err)
	}
	r.Audit()
}
