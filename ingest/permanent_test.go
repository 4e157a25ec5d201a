package ingest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/fold/foldtest"
	"statline/ingest/retry"
	"statline/ingest/source"
	"statline/ingest/traffic"
)

// onBroker is a pipeline that reads the topic "access" of a broker into s.
func onBroker(t *testing.T, b *kfake.Cluster, s Store, change func(*source.Config)) *Pipeline {
	t.Helper()
	k := source.DefaultConfig()
	k.Brokers, k.Topic, k.Group = b.ListenAddrs(), "access", "statline"
	if change != nil {
		change(&k)
	}
	client, err := source.New(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	pool, err := fold.NewPool(foldConfig(), 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(testConfig(), Parts{Source: Kafka(client), Store: s, Rules: pool})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func startBroker(t *testing.T, partitions int32, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	b, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, "access")},
		opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Promise: what no waiting can heal ends the start, with what to do.
func TestStartRefused(t *testing.T) {
	right := func(resource kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op,
			Allow: true}
	}
	topic := []kfake.ACL{
		right(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationRead),
		right(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribe),
		right(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribeConfigs),
	}
	for _, test := range []struct {
		name, password string
		acls           []kfake.ACL
		says           string
	}{
		{"wrong password", "not-the-password", topic, "kafka-user or kafka-password"},
		{"no right on the topic", "secret-word", nil, "grant the user Read, Describe and DescribeConfigs on the topic"},
		{"no right on the group", "secret-word", topic, "grant the user Read on the consumer group"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // a broker that gives no reason is asked for some seconds
			b := startBroker(t, 1, kfake.EnableSASL(), kfake.EnableACLs(),
				kfake.User("PLAIN", "alice", "secret-word", test.acls...))
			p := onBroker(t, b, newMemory(), func(c *source.Config) {
				c.SASL = source.SASL{Mechanism: "plain", User: "alice", Password: test.password}
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := p.Run(ctx)
			if retry.ClassOf(err) != retry.Permanent || !strings.Contains(err.Error(), test.says) ||
				strings.Contains(err.Error(), test.password) {
				t.Errorf("got %v (%s); want permanent, %q", err, retry.ClassOf(err), test.says)
			}
		})
	}
}

// Promise: a batch that cannot be read stops its partition and turns readiness
// red with what to do, at once; the other partition goes on.
func TestCorruptBatchStopsItsPartition(t *testing.T) {
	b := startBroker(t, 2)
	corrupt := kmsg.RecordBatch{Length: 61 - 12, PartitionLeaderEpoch: -1, Magic: 2, CRC: 1, NumRecords: 0,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	b.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		r := req.(*kmsg.FetchRequest)
		if r.Topics[0].Partitions[0].Partition != 1 {
			return nil, nil, false
		}
		answer := r.ResponseKind().(*kmsg.FetchResponse)
		part := kmsg.NewFetchResponseTopicPartition()
		part.Partition, part.HighWatermark, part.LastStableOffset, part.RecordBatches = 1, 1, 1, corrupt.AppendTo(nil)
		answer.Topics = []kmsg.FetchResponseTopic{{Topic: "access",
			Partitions: []kmsg.FetchResponseTopicPartition{part}}}
		return answer, nil, true
	})
	rs := foldtest.Lines(t, traffic.Mixed, 200)
	if err := traffic.Produce(t.Context(), b.ListenAddrs(), "access", &given{rs: rs},
		traffic.ProduceOptions{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	p := onBroker(t, b, newMemory(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for {
		st := p.Status()
		if len(st.Partitions) == 2 && st.Partitions[1].State == "stopped" && st.Partitions[0].Records > 0 &&
			st.Partitions[0].LagRecords == 0 {
			if st.Ready || !st.Partitions[1].Stalled ||
				!strings.Contains(st.Partitions[1].LastError, "set on-gap to skip") || st.Partitions[0].Stalled {
				t.Errorf("got ready %t, %+v; want red, with what to do", st.Ready, st.Partitions)
			}
			break
		}
		if !retry.Sleep(ctx, 20*time.Millisecond) {
			t.Fatalf("got %+v; want partition 1 stopped and all of partition 0 stored", st.Partitions)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// given is a traffic.Source of given records, one after the other on each
// partition.
type given struct {
	rs []block.Record
	at int
}

func (g *given) Next(line []byte) ([]byte, int64, uint64, bool) {
	if g.at == len(g.rs) {
		return line, 0, 0, false
	}
	r := g.rs[g.at]
	g.at++
	return append(line, r.Value...), r.UnixMilli, uint64(g.at), true
}
