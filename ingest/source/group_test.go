package source

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// instance is one daemon's membership, run in the background.
type instance struct {
	c     *Client
	gens  chan *Generation // each generation as it begins
	ended chan error       // why each has ended
	stop  context.CancelFunc
	done  chan struct{}
	err   error
}

func join(t *testing.T, cfg Config) *instance { return run(t, client(t, cfg)) }

func run(t *testing.T, c *Client) *instance {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	in := &instance{c: c, gens: make(chan *Generation, 100), ended: make(chan error, 100), stop: stop,
		done: make(chan struct{})}
	go func() {
		defer close(in.done)
		in.err = c.RunGroup(ctx, func(ctx context.Context, g *Generation) error {
			in.gens <- g
			<-ctx.Done()
			in.ended <- context.Cause(ctx)
			return ctx.Err()
		})
	}()
	t.Cleanup(in.leave)
	return in
}

func (in *instance) leave() {
	in.stop()
	<-in.done
}

// settled waits until the newest generations of the instances share out n
// partitions without overlap, evenly.
func settled(t *testing.T, n int, ins ...*instance) []*Generation {
	t.Helper()
	ctx := deadline(t)
	latest := make([]*Generation, len(ins))
	for {
		for i, in := range ins {
			for more := true; more; {
				select {
				case g := <-in.gens:
					latest[i] = g
				default:
					more = false
				}
			}
		}
		if even(latest, n) {
			return latest
		}
		if !retry.Sleep(ctx, 10*time.Millisecond) {
			t.Fatalf("%d partitions were not shared out among %d members", n, len(ins))
		}
	}
}

func even(gens []*Generation, n int) bool {
	var all []int32
	for _, g := range gens {
		if g == nil || g.ID != gens[0].ID || len(g.Partitions) < n/len(gens) || len(g.Partitions) > n/len(gens)+1 {
			return false
		}
		all = append(all, g.Partitions...)
	}
	slices.Sort(all)
	return len(all) == n && len(slices.Compact(all)) == n
}

// One member has everything; a second and a third take their share and the
// rest stays where it was; when one leaves, the others have its share at once.
func TestGroupMembers(t *testing.T) {
	b := broker(t, 12)
	cfg := testConfig(b.ListenAddrs())
	one := join(t, cfg)
	g := settled(t, 12, one)
	two := join(t, cfg)
	h := settled(t, 12, one, two)
	for _, p := range h[0].Partitions {
		if !slices.Contains(g[0].Partitions, p) {
			t.Errorf("partition %d moved to a member that had to give up some", p)
		}
	}
	three := join(t, cfg)
	k := settled(t, 12, one, two, three)
	for i := range h {
		for _, p := range k[i].Partitions {
			if !slices.Contains(h[i].Partitions, p) {
				t.Errorf("partition %d moved between members that stayed", p)
			}
		}
	}
	began := time.Now()
	three.leave()
	settled(t, 12, one, two)
	if d := time.Since(began); d > cfg.SessionTimeout {
		t.Errorf("after a member left, sharing out took %v", d)
	}
	if three.err != nil {
		t.Errorf("leaving: got %v", three.err)
	}
}

// A member that dies (no farewell, silence on its connections) loses its
// partitions within the session timeout and a little, and learns of it itself:
// its context ends.
func TestGroupMemberDies(t *testing.T) {
	b := broker(t, 4)
	cfg := testConfig(b.ListenAddrs())
	c := client(t, cfg)
	cut := cuttable(c)
	victim := run(t, c)
	settled(t, 4, victim)
	other := join(t, cfg)
	h := settled(t, 4, victim, other)
	<-victim.ended // by the second member's arrival
	cut()
	began := time.Now()
	settled(t, 4, other)
	if d := time.Since(began); d > cfg.SessionTimeout+2*time.Second {
		t.Errorf("partitions of a dead member were idle for %v", d)
	}
	select {
	case cause := <-victim.ended:
		if !errors.Is(cause, errSilent) {
			t.Errorf("the dead member's generation ended by %v", cause)
		}
	case <-deadline(t).Done():
		t.Error("the dead member still thinks it has its partitions")
	}
	if age := time.Since(h[0].LastHeartbeat()); age < cfg.SessionTimeout {
		t.Errorf("the dead member's last heartbeat is only %v old", age)
	}
}

// A commit's metadata comes back, and a partition never committed says so.
func TestCommitMetadata(t *testing.T) {
	b := broker(t, 2)
	in := join(t, testConfig(b.ListenAddrs()))
	g := settled(t, 2, in)[0]
	ctx := deadline(t)
	p := g.Partition(1)
	if at, err := p.Committed(ctx); err != nil || at != (block.Committed{Offset: -1}) {
		t.Fatalf("before a commit: got %+v, %v", at, err)
	}
	want := block.Committed{Offset: 42, Metadata: block.Declaration{First: 42, End: 99, ConfigHash: "c0ffee",
		UnixSeconds: 1700000000}.Metadata()}
	if err := p.Commit(ctx, want); err != nil {
		t.Fatal(err)
	}
	if at, err := p.Committed(ctx); err != nil || at != want {
		t.Fatalf("got %+v, %v; want %+v", at, err, want)
	}
	all, err := in.c.GroupOffsets(ctx, "g")
	if err != nil || all[1] != want || all[0].Offset != -1 {
		t.Fatalf("group offsets: got %+v, %v", all, err)
	}
}

// A commit under a generation that is over, or of a member that was put out,
// is refused as fenced and changes nothing.
func TestZombieCommit(t *testing.T) {
	b := broker(t, 2)
	cfg := testConfig(b.ListenAddrs())
	one := join(t, cfg)
	old := settled(t, 2, one)[0]
	ctx := deadline(t)
	if err := old.Partition(0).Commit(ctx, block.Committed{Offset: 5}); err != nil {
		t.Fatal(err)
	}
	two := join(t, cfg)
	gens := settled(t, 2, one, two)
	err := old.Partition(0).Commit(ctx, block.Committed{Offset: 6})
	if !errors.Is(err, block.ErrFenced) || classOf(err) != "fenced" {
		t.Errorf("old generation: got %v; want fenced", err)
	}
	two.leave()
	err = gens[1].Partition(0).Commit(ctx, block.Committed{Offset: 7})
	if !errors.Is(err, block.ErrFenced) {
		t.Errorf("a member that left: got %v; want fenced", err)
	}
	if at, err := old.Partition(0).Committed(ctx); err != nil || at.Offset != 5 {
		t.Errorf("got %+v, %v; want offset 5", at, err)
	}
}

// A rebalance waits for the handler to finish: its last commit, after its
// context has ended, is accepted.
func TestHandlerFinishes(t *testing.T) {
	b := broker(t, 2)
	cfg := testConfig(b.ListenAddrs())
	c := client(t, cfg)
	ctx, stop := context.WithCancel(deadline(t))
	committed := make(chan error, 100)
	begun := make(chan struct{}, 100)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := c.RunGroup(ctx, func(gctx context.Context, g *Generation) error {
			begun <- struct{}{}
			<-gctx.Done()
			committed <- g.Partition(g.Partitions[0]).Commit(ctx, block.Committed{Offset: 1})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	join(t, cfg)
	if err := <-committed; err != nil {
		t.Errorf("commit while the group rebalances: %v", err)
	}
	<-begun
	stop()
	wg.Wait()
}

// New partitions are found and shared out without anybody joining.
func TestPartitionGrowth(t *testing.T) {
	b := broker(t, 2)
	cfg := testConfig(b.ListenAddrs())
	one, two := join(t, cfg), join(t, cfg)
	settled(t, 2, one, two)
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = "access", 5
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 5000
	if _, err := req.RequestWith(deadline(t), producer(t, b.ListenAddrs())); err != nil {
		t.Fatal(err)
	}
	settled(t, 5, one, two)
}

// A topic that is made after its readers have started is read.
func TestTopicAppears(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	cfg.Topic = "later"
	in := join(t, cfg)
	if g := <-in.gens; len(g.Partitions) != 0 {
		t.Fatalf("got %d partitions of a topic that does not exist", len(g.Partitions))
	}
	if _, err := in.c.CreateTopic(deadline(t), 3, 1, nil); err != nil {
		t.Fatal(err)
	}
	settled(t, 3, in)
}

// A handler that is done ends the membership; its error comes back; both
// leave the group.
func TestHandlerEnds(t *testing.T) {
	b := broker(t, 1)
	c := client(t, testConfig(b.ListenAddrs()))
	boom := &CorruptError{Reason: "boom"}
	for _, want := range []error{nil, boom} {
		err := c.RunGroup(deadline(t), func(context.Context, *Generation) error { return want })
		if !errors.Is(err, want) {
			t.Errorf("got %v; want %v", err, want)
		}
		_, err = b.WaitGroupInfo(deadline(t), "g",
			func(g *kfake.GroupInfo) bool { return g == nil || len(g.Members) == 0 })
		if err != nil {
			t.Errorf("the member did not leave: %v", err)
		}
	}
}

// Heartbeats keep LastHeartbeat young.
func TestLastHeartbeat(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	in := join(t, cfg)
	g := settled(t, 1, in)[0]
	first := g.LastHeartbeat()
	ctx := deadline(t)
	for !g.LastHeartbeat().After(first) {
		if !retry.Sleep(ctx, 10*time.Millisecond) {
			t.Fatal("no heartbeat after the first")
		}
	}
	if age := time.Since(g.LastHeartbeat()); age > cfg.SessionTimeout {
		t.Errorf("last heartbeat %v ago", age)
	}
}

// cuttable makes a client's connections go silent on demand, without closing
// them, as those of a dead host do.
func cuttable(c *Client) (cut func()) {
	var dead atomic.Bool
	dial := c.dial
	c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dead.Load() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		conn, err := dial(ctx, network, address)
		return &silent{Conn: conn, dead: &dead}, err
	}
	return func() { dead.Store(true) }
}

type silent struct {
	net.Conn
	dead *atomic.Bool
}

func (s *silent) Read(b []byte) (int, error) {
	for {
		n, err := s.Conn.Read(b)
		if !s.dead.Load() || err != nil {
			return n, err
		}
	}
}

func (s *silent) Write(b []byte) (int, error) {
	if s.dead.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}
