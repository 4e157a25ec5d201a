package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// subscribed makes members that read all topics and had what plan says.
func subscribed(plan map[string]map[string][]int32, generation int32, topics []string, names ...string) []subscription {
	subs := make([]subscription, len(names))
	for i, n := range names {
		subs[i] = subscription{member: n, topics: topics, owned: plan[n], generation: generation}
	}
	return subs
}

// numbers is how many partitions each member has, most first.
func numbers(plan map[string]map[string][]int32) (all []int) {
	for _, topics := range plan {
		n := 0
		for _, ps := range topics {
			n += len(ps)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

// Promise: many topics of few partitions are shared out evenly over the members,
// also to one that joins later, and nothing moves while nobody joins or leaves.
func TestAssignSeveralTopics(t *testing.T) {
	topics, partitions := []string{}, map[string][]int32{}
	for i := range 10 {
		name := fmt.Sprint("topic", i)
		topics, partitions[name] = append(topics, name), []int32{0}
	}
	partitions["topic3"] = []int32{0, 1, 2, 3, 4}
	two := assign(subscribed(nil, -1, topics, "a", "b"), partitions)
	if got := numbers(two); !slices.Equal(got, []int{7, 7}) {
		t.Fatalf("two members have %v; want 7 and 7", got)
	}
	again := assign(subscribed(two, 1, topics, "a", "b"), partitions)
	for m := range two {
		if !maps.EqualFunc(two[m], again[m], slices.Equal) {
			t.Errorf("%s had %v and has %v although nobody joined", m, two[m], again[m])
		}
	}
	three := assign(subscribed(two, 1, topics, "a", "b", "c"), partitions)
	if got := numbers(three); got[0] > 6 || got[2] < 4 {
		t.Errorf("three members have %v; want 4 to 6 each", got)
	}
	seen := map[string]int{}
	for _, of := range three {
		for topic, ps := range of {
			seen[topic] += len(ps)
		}
	}
	for topic, ps := range partitions {
		if seen[topic] != len(ps) {
			t.Errorf("%d partitions of %s are shared out; want %d", seen[topic], topic, len(ps))
		}
	}
}

// reader is one client's part in a Group.
type reader struct {
	mu   sync.Mutex
	last *Generation
	gens int
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func (r *reader) current() *Generation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// membership runs a Group until the test ends.
func membership(t *testing.T, cfg Config) *Group {
	t.Helper()
	g, err := NewGroup(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; g.Close() })
	return g
}

// sit takes part for a topic; a nil handle holds what it gets until it is taken.
func sit(t *testing.T, g *Group, topic string, handle func(context.Context, *Generation) error) *reader {
	t.Helper()
	c, err := g.Client(topic)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &reader{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = c.RunGroup(ctx, func(ctx context.Context, gen *Generation) error {
			r.mu.Lock()
			r.last = gen
			r.gens++
			r.mu.Unlock()
			if handle != nil {
				return handle(ctx, gen)
			}
			<-ctx.Done()
			r.mu.Lock()
			r.last = nil
			r.mu.Unlock()
			return nil
		})
	}()
	t.Cleanup(func() { stop(); <-r.done; c.Close() })
	return r
}

// has waits until a reader has n partitions.
func has(t *testing.T, n int, r *reader) *Generation {
	t.Helper()
	ctx := deadline(t)
	for {
		if g := r.current(); g != nil && len(g.Partitions) == n {
			return g
		}
		if !retry.Sleep(ctx, 5*time.Millisecond) {
			t.Fatalf("the reader has %v; want %d partitions", r.current(), n)
		}
	}
}

// Promise: one membership reads several topics, shares each with an instance that
// reads one of them alone, takes a topic more and gives one back, and commits of
// each topic are its own.
func TestMembershipOfSeveralTopics(t *testing.T) {
	b := broker(t, 4, kfake.SeedTopics(3, "edge"), kfake.SeedTopics(2, "later"))
	cfg := testConfig(b.ListenAddrs())
	g := membership(t, cfg)
	access, edge := sit(t, g, "access", nil), sit(t, g, "edge", nil)
	one, other := has(t, 4, access), has(t, 3, edge)
	// On a busy machine the first may have a generation of its own before.
	for ctx := deadline(t); one.ID != other.ID || one.All() != 7 || other.All() != 7; one, other = has(t, 4, access),
		has(t, 3, edge) {
		if !retry.Sleep(ctx, 5*time.Millisecond) {
			t.Fatalf("generations %d and %d of %d and %d partitions; want one of 7", one.ID, other.ID, one.All(),
				other.All())
		}
	}
	ctx := deadline(t)
	for topic, at := range map[*Generation]int64{one: 5, other: 7} {
		if err := topic.Partition(0).Commit(ctx, block.Committed{Offset: at}); err != nil {
			t.Fatal(err)
		}
	}
	for r, want := range map[*reader]int64{access: 5, edge: 7} {
		if at, err := r.current().Partition(0).Committed(ctx); err != nil || at.Offset != want {
			t.Errorf("got %+v, %v; want offset %d", at, err, want)
		}
	}

	alone := join(t, cfg)
	has(t, 2, access)
	has(t, 3, edge)
	settled(t, 2, alone)
	alone.leave()
	has(t, 4, access)

	later := sit(t, g, "later", nil)
	has(t, 2, later)
	has(t, 4, access)
	edge.stop()
	<-edge.done
	if edge.err != nil {
		t.Error(edge.err)
	}
	_, err := b.WaitGroupInfo(ctx, "g", func(g *kfake.GroupInfo) bool { return g != nil && len(g.Members) == 1 })
	if err != nil {
		t.Error(err)
	}
	if n := has(t, 4, access); n.All() != 6 && n.All() != 9 { // the next generation may not have begun
		t.Errorf("got %d partitions of all topics; want 6 soon", n.All())
	}
}

// Promise: a topic whose handler is done, or fails for good, leaves; the others
// go on. When none is left the group has no member.
func TestMembershipLeaves(t *testing.T) {
	b := broker(t, 1, kfake.SeedTopics(1, "edge"), kfake.SeedTopics(1, "bad"))
	g := membership(t, testConfig(b.ListenAddrs()))
	boom := &CorruptError{Reason: "boom"}
	access := sit(t, g, "access", nil)
	edge := sit(t, g, "edge", func(context.Context, *Generation) error { return nil })
	bad := sit(t, g, "bad", func(context.Context, *Generation) error { return boom })
	for r, want := range map[*reader]error{edge: nil, bad: boom} {
		select {
		case <-r.done:
		case <-deadline(t).Done():
			t.Fatal("a handler that is done is still a member")
		}
		if !errors.Is(r.err, want) {
			t.Errorf("got %v; want %v", r.err, want)
		}
	}
	if n := has(t, 1, access); n.All() > 3 {
		t.Errorf("got %d partitions", n.All())
	}
	access.stop()
	<-access.done
	if _, err := b.WaitGroupInfo(deadline(t), "g",
		func(g *kfake.GroupInfo) bool { return g == nil || len(g.Members) == 0 }); err != nil {
		t.Errorf("the member did not leave: %v", err)
	}
	again := sit(t, g, "access", nil)
	has(t, 1, again)
}

// Promise: one topic's commit that is refused makes all of them join again.
func TestMembershipFenced(t *testing.T) {
	b := broker(t, 1, kfake.SeedTopics(1, "edge"))
	g := membership(t, testConfig(b.ListenAddrs()))
	refused := make(chan error)
	access := sit(t, g, "access", nil)
	sit(t, g, "edge", func(ctx context.Context, gen *Generation) error {
		select {
		case err := <-refused:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	first := has(t, 1, access)
	ctx := deadline(t)
	select {
	case refused <- fmt.Errorf("commit: %w", block.ErrFenced):
	case <-ctx.Done():
		t.Fatal("edge is not read")
	}
	for {
		if n := access.current(); n != nil && n.ID > first.ID {
			return
		}
		if !retry.Sleep(ctx, 5*time.Millisecond) {
			t.Fatal("nobody joined again")
		}
	}
}

// Promise: a pattern lists what matches, and never Kafka's own topics.
func TestMatchingTopics(t *testing.T) {
	b := broker(t, 1, kfake.SeedTopics(1, "access.web", "access.app", "edge", "__access.internal"))
	g, err := NewGroup(testConfig(b.ListenAddrs()))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	names, err := g.Topics(deadline(t), regexp.MustCompile(`access\..+`))
	if want := []string{"access.app", "access.web"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %v, %v; want %v", names, err, want)
	}
}
