package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"statline/ingest/sandbox"
)

const topic = "access"

// kafkaClient talks to the sandbox's broker as statline's source does.
func kafkaClient(t *testing.T, s *sandbox.Sandbox) *kafka.Client {
	t.Helper()
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(s.Brokers()...), Transport: transport}
}

func produce(t *testing.T, s *sandbox.Sandbox, partition, first, end int) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Transport: transport, Addr: kafka.TCP(s.Brokers()...), Topic: topic, BatchTimeout: time.Millisecond,
		RequiredAcks: kafka.RequireAll, Compression: kafka.Zstd,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition }),
	}
	var msgs []kafka.Message
	for i := first; i < end; i++ {
		msgs = append(msgs, kafka.Message{Value: fmt.Appendf(nil, "record %d", i)})
	}
	if err := w.WriteMessages(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// readPartition reads [first, end) through Client.Fetch.
func readPartition(t *testing.T, c *kafka.Client, partition, first, end int) {
	t.Helper()
	for at := first; at < end; {
		res, err := c.Fetch(t.Context(), &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: int64(at), MinBytes: 1, MaxBytes: 1 << 20,
			MaxWait: time.Second})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			t.Fatal(err)
		}
		was := at
		for {
			r, err := res.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Offset < int64(at) {
				continue
			}
			value, err := kafka.ReadAll(r.Value)
			if err != nil || r.Offset != int64(at) || string(value) != fmt.Sprintf("record %d", at) {
				t.Fatalf("offset %d: got %d %q, %v", at, r.Offset, value, err)
			}
			at++
		}
		if at == was {
			t.Fatalf("offset %d: no record", at)
		}
	}
}

// withGeneration joins the group, runs fn in its first generation, and leaves.
func withGeneration(t *testing.T, s *sandbox.Sandbox, fn func(*kafka.Generation)) {
	t.Helper()
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "statline", Brokers: s.Brokers(), Topics: []string{topic}, SessionTimeout: time.Second,
		RebalanceTimeout: time.Second, HeartbeatInterval: 100 * time.Millisecond,
		JoinGroupBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	gen, err := g.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fn(gen)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// Records, their offsets and the fenced commits with metadata that the
// exactly-once protocol stands on work with kafka-go.
func TestBrokerRoundTrip(t *testing.T) {
	s := start(t, sandbox.Config{Kafka: anyPort, Topics: []string{topic}, Partitions: 3})
	c := kafkaClient(t, s)
	const records = 5000
	produce(t, s, 1, 0, records)
	readPartition(t, c, 1, 0, records)
	readPartition(t, c, 1, 4321, records)

	offsets, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{IsolationLevel: kafka.ReadCommitted,
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(1), kafka.LastOffsetOf(1)}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := offsets.Topics[topic][0]; p.FirstOffset != 0 || p.LastOffset != records || p.Error != nil {
		t.Errorf("offsets: got %+v", p)
	}

	conn, err := kafka.DialLeader(t.Context(), "tcp", s.Brokers()[0], topic, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Seek(100, kafka.SeekAbsolute); err != nil {
		t.Fatal(err)
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
	if m, err := batch.ReadMessage(); err != nil || m.Offset != 100 || string(m.Value) != "record 100" {
		t.Errorf("Conn: got %d %q, %v", m.Offset, m.Value, err)
	}
	_ = batch.Close()
	_ = conn.Close()

	withGeneration(t, s, func(gen *kafka.Generation) {
		if got := len(gen.Assignments[topic]); got != 3 {
			t.Errorf("assigned: got %d partitions; want 3", got)
		}
		commit := func(generation int, offset int64) error {
			res, err := c.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
				GroupID: "statline", GenerationID: generation, MemberID: gen.MemberID,
				Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 1, Offset: offset,
					Metadata: "v1:0:10-20:hash:1"}}}})
			if err != nil {
				return err
			}
			return res.Topics[topic][0].Error
		}
		if err := commit(int(gen.ID), 10); err != nil {
			t.Errorf("commit: %v", err)
		}
		if err := commit(int(gen.ID)+1, 20); !errors.Is(err, kafka.IllegalGeneration) {
			t.Errorf("commit of another generation: got %v; want IllegalGeneration", err)
		}
	})
	checkCommitted(t, c, 10, "v1:0:10-20:hash:1")
}

func checkCommitted(t *testing.T, c *kafka.Client, offset int64, metadata string) {
	t.Helper()
	res, err := c.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "statline",
		Topics: map[string][]int{topic: {1}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := res.Topics[topic][0]; p.CommittedOffset != offset || p.Metadata != metadata || p.Error != nil {
		t.Errorf("committed: got %+v; want %d %q", p, offset, metadata)
	}
}

func clusterID(t *testing.T, c *kafka.Client) string {
	t.Helper()
	m, err := c.Metadata(t.Context(), &kafka.MetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return m.ClusterID
}

// With a data directory, records, commits and the cluster's identity survive
// a restart, and missing topics are added; without one, each broker is
// another cluster.
func TestBrokerDataSurvivesRestart(t *testing.T) {
	cfg := sandbox.Config{Kafka: anyPort, Topics: []string{topic}, Partitions: 2, Data: t.TempDir()}
	var id string
	t.Run("first", func(t *testing.T) {
		s := start(t, cfg)
		c := kafkaClient(t, s)
		id = clusterID(t, c)
		produce(t, s, 1, 0, 1000)
		withGeneration(t, s, func(gen *kafka.Generation) {
			_, err := c.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{
				GroupID: "statline", GenerationID: int(gen.ID), MemberID: gen.MemberID,
				Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 1, Offset: 700, Metadata: "m"}}}})
			if err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("second", func(t *testing.T) {
		again := cfg
		again.Topics = []string{topic, "more"}
		s := start(t, again)
		c := kafkaClient(t, s)
		if got := clusterID(t, c); got != id {
			t.Errorf("cluster id: got %s; want %s", got, id)
		}
		readPartition(t, c, 1, 0, 1000)
		produce(t, s, 1, 1000, 1100)
		readPartition(t, c, 1, 1000, 1100)
		checkCommitted(t, c, 700, "m")
		m, err := c.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"more"}})
		if err != nil || len(m.Topics[0].Partitions) != 2 {
			t.Errorf("added topic: got %+v, %v", m, err)
		}
	})
	t.Run("another", func(t *testing.T) {
		other := cfg
		other.Data = ""
		if got := clusterID(t, kafkaClient(t, start(t, other))); got == id || got == "" {
			t.Errorf("another broker's cluster id: got %q", got)
		}
	})
}

// A topic that no one made is an error: clients do not make topics by asking for them.
func TestBrokerMakesNoTopic(t *testing.T) {
	s := start(t, sandbox.Config{Kafka: anyPort, Partitions: 5})
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Transport: transport, Addr: kafka.TCP(s.Brokers()...), Topic: "new",
		AllowAutoTopicCreation: true, MaxAttempts: 3, BatchTimeout: time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := w.WriteMessages(ctx, kafka.Message{Value: []byte("x")}); err == nil {
		t.Error("got no error")
	}
	_ = w.Close()
}

// The port asked for is the port, and an address that no client could use is
// refused.
func TestBrokerAddress(t *testing.T) {
	ln, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if _, err := sandbox.Start(t.Context(), sandbox.Config{Kafka: addr}); err == nil {
		t.Error("a port in use: no error")
	}
	_ = ln.Close()
	if s := start(t, sandbox.Config{Kafka: addr}); s.Brokers()[0] != addr {
		t.Errorf("got %v; want %s", s.Brokers(), addr)
	}
	for _, bad := range []string{"0.0.0.0:0", ":9092", "127.0.0.1", "127.0.0.1:x"} {
		if _, err := sandbox.Start(t.Context(), sandbox.Config{Kafka: bad}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
