package ingest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/ingesttest"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// cluster is a Kafka cluster that a test changes topics of.
type cluster struct {
	t       *testing.T
	brokers []string
	topic   string
}

// admin is a client that knows nothing of a topic's earlier life.
func (c *cluster) admin() (*kgo.Client, *kadm.Client) {
	c.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DefaultProduceTopic(c.topic))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client, kadm.NewClient(client)
}

// until tries until it comes true; a test's deadline is generous.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited two minutes for %s", what)
		}
	}
}

func (c *cluster) create(partitions int32) {
	c.t.Helper()
	_, admin := c.admin()
	var err error
	until(c.t, "a topic", func() bool { // Apache Kafka deletes in the background
		_, err = admin.CreateTopic(c.t.Context(), partitions, 1, nil, c.topic)
		return err == nil
	})
}

func (c *cluster) recreate(partitions int32) {
	c.t.Helper()
	_, admin := c.admin()
	if _, err := admin.DeleteTopic(c.t.Context(), c.topic); err != nil {
		c.t.Fatal(err)
	}
	c.create(partitions)
}

// produce writes n lines of traffic to a partition and returns their truth.
func (c *cluster) produce(seed uint64, partition int32, n int64) *traffic.Truth {
	c.t.Helper()
	g, err := traffic.New(traffic.Config{Seed: seed, Scenario: traffic.Mixed, Count: n, Malformed: 0.01,
		Start: time.Now().Add(-time.Hour)})
	if err != nil {
		c.t.Fatal(err)
	}
	var records []*kgo.Record
	for {
		line, at, _, ok := g.Next(nil)
		if !ok {
			break
		}
		records = append(records, &kgo.Record{Partition: partition, Value: line, Timestamp: time.UnixMilli(at)})
	}
	client, _ := c.admin()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
	return g.Truth()
}

// away is a store whose inserts of rows fail while it is away.
type away struct {
	*store.Store
	away atomic.Bool
}

func (s *away) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	if s.away.Load() {
		return errors.New("connection refused")
	}
	return s.Store.WriteRows(ctx, id, c, fence)
}

// running is a pipeline in the background.
type running struct {
	*ingest.Pipeline
	stop func()
}

func startPipeline(t *testing.T, r *ingesttest.Rig, change func(*ingest.Config)) *running {
	t.Helper()
	p, client := r.Pipeline(func(c *ingest.Config) {
		c.UntilCaughtUp = false
		change(c)
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, client.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &running{p, stop}
}

// rigOn is a rig that reads a topic of its own of the brokers; the embedded
// broker's when there are none.
func rigOn(t *testing.T, name string, brokers []string) (*ingesttest.Rig, *cluster) {
	t.Helper()
	r := ingesttest.New(t, name)
	if brokers == nil {
		brokers = r.Brokers()
	}
	r.Kafka = func(c *source.Config) {
		c.Brokers, c.Group = brokers, name
		c.MetadataInterval = 200 * time.Millisecond
	}
	return r, &cluster{t, brokers, r.Topic}
}

func group(c *ingest.Config, name string) { c.Block.Group = name }

// Promise: a topic of two partitions is deleted and made again while a block of
// the one waits for ClickHouse, and the other was empty. The block counts as it
// was read; both partitions are refused with the same advice, and whoever follows
// it counts each record of the new log once.
func TestTopicMadeAnew(t *testing.T) { topicMadeAnew(t, "made_anew", nil, true) }

// Promise: the same where the cluster has no topic ids. There the empty partition
// cannot be told from its new self and goes on, and the advice does not count it
// again.
func TestTopicMadeAnewWithoutIDs(t *testing.T) {
	b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(100*time.Millisecond),
		kfake.MaxVersions(kversion.V2_7_0()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	topicMadeAnew(t, "without_ids", b.ListenAddrs(), false)
}

func topicMadeAnew(t *testing.T, name string, brokers []string, ids bool) {
	r, k := rigOn(t, name, brokers)
	into := &away{Store: r.Store}
	into.away.Store(true)
	r.Into = into
	k.create(2)
	old := k.produce(11, 0, 400)
	p := startPipeline(t, r, func(c *ingest.Config) { group(c, name) })
	ledger := func() block.Ledger {
		t.Helper()
		l, err := r.Store.Ledger(t.Context(), clusterOf(t, r), r.Topic, 0)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	until(t, "a declared block", func() bool { return ledger().Pending != nil })
	if b := ledger().Pending; b.First != 0 || b.End != 400 || (b.TopicID != "") != ids {
		t.Fatalf("declared [%d,%d) of topic %q; want all 400 records, and the topic's id: %t", b.First, b.End,
			b.TopicID, ids)
	}

	k.recreate(2)
	new0, new1 := k.produce(12, 0, 1000), k.produce(13, 1, 200)
	into.away.Store(false)
	until(t, "the partitions to be refused", func() bool {
		ps := p.Status().Partitions
		return len(ps) == 2 && !slices.ContainsFunc(ps, func(p ingest.PartitionStatus) bool {
			if p.Partition == 1 && !ids {
				return p.Records != 200
			}
			return !strings.Contains(p.LastError, "the topic was recreated") ||
				!strings.Contains(p.LastError, "set epoch=1 ")
		})
	})
	p.stop()
	if ids {
		r.Check(old)
	} else {
		r.Check(old, new1)
	}

	if err := r.Run(t.Context(), func(c *ingest.Config) { group(c, name); c.Block.Epoch = 1 }); err != nil {
		t.Fatal(err)
	}
	r.Check(old, new0, new1)
}

func clusterOf(t *testing.T, r *ingesttest.Rig) string {
	t.Helper()
	c := r.Client()
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	id, err := c.ClusterID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Promise: from the end means from the end of what there was at the first start:
// a partition that is added while nobody looks, or while somebody does, is read
// from its beginning, also by an instance that starts later; and what came after
// the first start is read although the partition was not.
func TestPartitionAddedFromLatest(t *testing.T) { partitionAdded(t, "added", nil) }

func partitionAdded(t *testing.T, name string, brokers []string) {
	r, k := rigOn(t, name, brokers)
	k.create(2)
	k.produce(21, 0, 300) // before the start
	latest := func(c *ingest.Config) { group(c, name); c.Block.From = block.Latest }
	p := startPipeline(t, r, latest)
	started := func(partitions int) func() bool {
		return func() bool {
			ps := p.Status().Partitions
			return len(ps) == partitions && !slices.ContainsFunc(ps,
				func(p ingest.PartitionStatus) bool { return p.Next < 0 || p.State != "fill" })
		}
	}
	until(t, "both partitions to start", started(2))
	grow := func(n int) {
		t.Helper()
		_, admin := k.admin()
		if res, err := admin.UpdatePartitions(t.Context(), n, k.topic); err != nil || res.Error() != nil {
			t.Fatal(err, res.Error())
		}
	}
	want := []*traffic.Truth{k.produce(22, 0, 100)}
	grow(3)
	want = append(want, k.produce(23, 2, 500))
	stored := func(n uint64) func() bool {
		return func() bool {
			report := r.Audit()
			var records uint64
			for _, p := range report.Partitions {
				records += p.Records
			}
			return records == n
		}
	}
	until(t, "the added partition's records", stored(600))
	p.stop()
	grow(4)
	want = append(want, k.produce(24, 3, 200))
	if err := r.Run(t.Context(), latest); err != nil {
		t.Fatal(err)
	}
	r.Check(want...)
}

// Promise: a topic that is made after the start has come to be later.
func TestTopicMadeAfterTheStartFromLatest(t *testing.T) {
	const name = "made_later"
	r, k := rigOn(t, name, nil)
	p := startPipeline(t, r, func(c *ingest.Config) { group(c, name); c.Block.From = block.Latest })
	until(t, "the pipeline to wait for its topic",
		func() bool { return strings.Contains(p.Status().Waiting, "find topic") })
	k.create(1)
	want := k.produce(31, 0, 300)
	until(t, "its records", func() bool {
		report := r.Audit()
		return len(report.Partitions) == 1 && report.Partitions[0].Records == 300
	})
	p.stop()
	r.Check(want)
}
