package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// classOf is what is done about an error.
func classOf(err error) string {
	switch {
	case errors.Is(err, block.ErrFenced):
		return "fenced"
	case errors.Is(err, block.ErrOutOfRange):
		return "out_of_range"
	}
	return string(retry.ClassOf(err))
}

// Each error has the class its handling needs.
func TestClass(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{io.EOF, "transient"},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, "transient"},
		{kafka.NotLeaderForPartition, "transient"},
		{kafka.GroupCoordinatorNotAvailable, "transient"},
		{kafka.Error(12345), "transient"},
		{fmt.Errorf("x: %w", codeError(int16(kafka.UnknownTopicOrPartition))), "transient"},
		{codeError(int16(kafka.IllegalGeneration)), "fenced"},
		{codeError(int16(kafka.UnknownMemberId)), "fenced"},
		{codeError(int16(kafka.RebalanceInProgress)), "fenced"},
		{block.ErrFenced, "fenced"},
		{codeError(int16(kafka.OffsetOutOfRange)), "out_of_range"},
		{kafka.TopicAuthorizationFailed, "permanent"},
		{kafka.SASLAuthenticationFailed, "permanent"},
		{kafka.UnsupportedSASLMechanism, "permanent"},
		{kafka.OffsetMetadataTooLarge, "permanent"},
		{kafka.UnsupportedVersion, "permanent"},
		{&CorruptError{Reason: "x"}, "permanent"},
	} {
		if got := classOf(classify(c.err)); got != c.want {
			t.Errorf("%v: got %q; want %q", c.err, got, c.want)
		}
	}
}

// A reader follows its partition's leader without the caller's help.
func TestLeaderMoves(t *testing.T) {
	b := broker(t, 1, kfake.NumBrokers(3))
	p := producer(t, b.ListenAddrs())
	r := client(t, testConfig(b.ListenAddrs())).Reader(0)
	for i, node := range []int32{0, 1, 2, 0} {
		if err := b.MoveTopicPartition("access", 0, node); err != nil {
			t.Fatal(err)
		}
		produce(t, p, 0, "v")
		if got := read(t, r, int64(i), int64(i+1)); len(got) != 1 {
			t.Fatalf("after move %d: got %v", i, got)
		}
	}
}

// The coordinator moves: commits and heartbeats go after it, the member stays.
func TestCoordinatorMoves(t *testing.T) {
	b := broker(t, 1, kfake.NumBrokers(3))
	in := join(t, testConfig(b.ListenAddrs()))
	g := settled(t, 1, in)[0]
	for i := range int64(3) {
		b.RehashCoordinators()
		if err := g.Partition(0).Commit(deadline(t), block.Committed{Offset: i}); err != nil {
			t.Fatalf("commit %d: %v", i, err)
		}
	}
	beats := in.c.stats.heartbeats.Load()
	for ctx := deadline(t); in.c.stats.heartbeats.Load() < beats+3; {
		if !retry.Sleep(ctx, 10*time.Millisecond) {
			t.Fatal("no heartbeats after the coordinator moved")
		}
	}
	select {
	case g := <-in.gens:
		t.Errorf("generation %d: the member had to join again", g.ID)
	default:
	}
}

// brokerOn starts one broker on a port, 0 for any, whose data outlives it. The
// caller closes it.
func brokerOn(t *testing.T, dir string, port int) (b *kfake.Cluster, at int) {
	t.Helper()
	b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "access"), kfake.DataDir(dir),
		kfake.SyncWrites(), kfake.Ports(port),
		kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(b.ListenAddrs()[0])
	if err == nil {
		at, err = strconv.Atoi(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b, at
}

// A broker that goes away and comes back on its port: reading, the group and
// commits go on, and nothing is read twice or left out.
func TestBrokerRestart(t *testing.T) {
	dir := t.TempDir()
	b, port := brokerOn(t, dir, 0)
	addrs := b.ListenAddrs()
	values := numbered(20)
	produce(t, producer(t, addrs), 0, values[:10]...)
	in := join(t, testConfig(addrs))
	g := settled(t, 1, in)[0]
	r := in.c.Reader(0)
	got := read(t, r, 0, 10)
	b.Close()
	if _, err := r.Fetch(deadline(t), 10, 100*time.Millisecond); classOf(err) != "transient" {
		t.Errorf("broker away: got %v (%s); want transient", err, classOf(err))
	}
	b, _ = brokerOn(t, dir, port)
	t.Cleanup(b.Close)
	produce(t, producer(t, addrs), 0, values[10:]...)
	ctx := deadline(t)
	got = append(got, readThrough(ctx, t, r, 10, 20)...)
	if !slices.Equal(got, want(values, 0)) {
		t.Errorf("got %d records; want %d", len(got), len(values))
	}
	commitThrough(ctx, t, in, g, 1, 0, 20)
}

// readThrough reads [from, to) of a partition whose broker may be away for a while.
func readThrough(ctx context.Context, t *testing.T, r *Reader, from, to int64) (got []string) {
	t.Helper()
	for at := from; at < to; {
		b, err := r.Fetch(ctx, at, 100*time.Millisecond)
		if err != nil {
			if classOf(err) != "transient" || !retry.Sleep(ctx, settle) {
				t.Fatal(err)
			}
			continue
		}
		for _, rec := range b.Records {
			got = append(got, fmt.Sprintf("%d=%s", rec.Offset, rec.Value))
		}
		at = b.Next
	}
	return got
}

// commitThrough commits an offset of one of n partitions, in this generation of the group
// or in a later one, which it returns.
func commitThrough(ctx context.Context, t *testing.T, in *instance, g *Generation, n int, partition int32,
	offset int64) *Generation {
	t.Helper()
	for {
		err := g.Partition(partition).Commit(ctx, block.Committed{Offset: offset})
		if err == nil {
			return g
		}
		if classOf(err) == "fenced" {
			g = settled(t, n, in)[0]
		} else if classOf(err) != "transient" || !retry.Sleep(ctx, settle) {
			t.Fatal(err)
		}
	}
}

// A client says why it cannot join, until it has joined.
func TestJoinError(t *testing.T) {
	dir := t.TempDir()
	b, port := brokerOn(t, dir, 0)
	addrs := b.ListenAddrs()
	b.Close()
	in := join(t, testConfig(addrs))
	for ctx := deadline(t); in.c.JoinError() == nil; {
		if !retry.Sleep(ctx, settle) {
			t.Fatal("no broker: got no error")
		}
	}
	b, _ = brokerOn(t, dir, port)
	t.Cleanup(b.Close)
	settled(t, 1, in)
	if err := in.c.JoinError(); err != nil {
		t.Errorf("joined: got %v", err)
	}
}

// An ended context ends a waiting fetch at once, and the reader can go on.
func TestFetchCancelled(t *testing.T) {
	b := broker(t, 1)
	r := client(t, testConfig(b.ListenAddrs())).Reader(0)
	ctx, cancel := contextFor(t, 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := r.Fetch(ctx, 0, 10*time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want %v", err, context.DeadlineExceeded)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("ended after %v", d)
	}
	produce(t, producer(t, b.ListenAddrs()), 0, "v")
	if got := read(t, r, 0, 1); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// A fault in one partition's commit, inside a response that is otherwise
// fine, is an error.
func TestCommitRefused(t *testing.T) {
	b := broker(t, 1)
	in := join(t, testConfig(b.ListenAddrs()))
	p := settled(t, 1, in)[0].Partition(0)
	for _, c := range []struct {
		code kafka.Error
		want string
	}{{kafka.RebalanceInProgress, "fenced"}, {kafka.OffsetMetadataTooLarge, "permanent"},
		{kafka.GroupAuthorizationFailed, "permanent"}, {kafka.RequestTimedOut, "transient"}} {
		b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r := req.(*kmsg.OffsetCommitRequest)
			res := r.ResponseKind().(*kmsg.OffsetCommitResponse)
			res.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "access",
				Partitions: []kmsg.OffsetCommitResponseTopicPartition{{Partition: 0, ErrorCode: int16(c.code)}}}}
			return res, nil, true
		})
		err := p.Commit(deadline(t), block.Committed{Offset: 1})
		if classOf(err) != c.want || !errors.Is(err, c.code) {
			t.Errorf("%v: got %v (%s); want %s", c.code, err, classOf(err), c.want)
		}
	}
}

// Compaction leaves holes and empty batches: all are passed, in one sweep.
func TestCompaction(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	cfg.Topic = "compacted"
	c := client(t, cfg)
	if _, err := c.CreateTopic(deadline(t), 1, 1, map[string]string{"cleanup.policy": "compact",
		"min.cleanable.dirty.ratio": "0.01", "segment.ms": "1"}); err != nil {
		t.Fatal(err)
	}
	n := writeKeyed(t, b.ListenAddrs(), "compacted")
	b.Compact()
	checkCompacted(t, c, n)
}
