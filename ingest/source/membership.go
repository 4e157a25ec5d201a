package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol/metadata"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// Group is one membership in a consumer group for several topics. Each of its clients
// reads one topic, and their RunGroup takes part in the membership: the group sees one
// member that reads the topics whose RunGroup runs. A topic more or less makes a new
// generation for all.
type Group struct {
	c *Client // without a topic: it joins and sends the heartbeats

	mu      sync.Mutex
	clients []*Client        // that are not closed
	seats   map[string]*seat // by topic
	changed chan struct{}    // signals a change of seats
	ended   chan struct{}    // closed when Run has ended, for why
	why     error
}

// seat is a topic's part in the membership.
type seat struct {
	ctx    context.Context // of RunGroup
	c      *Client
	handle func(context.Context, *Generation) error
	busy   sync.Mutex // held while handle runs
	done   chan error // what RunGroup returns before ctx ends; there is room for it
}

// gather is how long a member waits for further topics before it joins the group for a
// new one: topics that are found at the same time make one generation.
const gather = 500 * time.Millisecond

// NewGroup checks the configuration; its topic is ignored.
func NewGroup(cfg Config) (*Group, error) {
	if cfg.Group == "" {
		return nil, errors.New("kafka: got no consumer group")
	}
	cfg.Topic = ""
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Group{c: c, seats: map[string]*seat{}, changed: make(chan struct{}, 1), ended: make(chan struct{})}, nil
}

// Client makes a client about one topic, which the caller closes.
func (g *Group) Client(topic string) (*Client, error) {
	cfg := g.c.cfg
	cfg.Topic = topic
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	c.group = g
	g.mu.Lock()
	defer g.mu.Unlock()
	c.SetAccess(g.c.access.Load().Access)
	g.clients = append(g.clients, c)
	return c, nil
}

// SetAccess replaces the credentials of the membership and of its clients; see
// Client.SetAccess.
func (g *Group) SetAccess(a Access) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.c.SetAccess(a)
	for _, c := range g.clients {
		c.SetAccess(a)
	}
}

// closed forgets a client.
func (g *Group) closed(c *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients = slices.DeleteFunc(g.clients, func(of *Client) bool { return of == c })
}

// LogLimiter bounds what the membership and its clients log.
func (g *Group) LogLimiter() *retry.LogLimiter { return g.c.LogLimiter() }

// Close closes idle connections of the membership; its clients are closed by
// their makers.
func (g *Group) Close() error { return g.c.Close() }

// Topics lists the cluster's topics that match, in order, without Kafka's own.
func (g *Group) Topics(ctx context.Context, pattern *regexp.Regexp) ([]string, error) {
	res, err := call[*metadata.Response](ctx, g.c, anyBroker, 0, &metadata.Request{}) // of all topics
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var names []string
	for _, t := range res.Topics {
		if t.ErrorCode == 0 && !t.IsInternal && !strings.HasPrefix(t.Name, "__") && pattern.MatchString(t.Name) {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Run is a member of the group until ctx ends, whenever a client's RunGroup runs.
// RunGroup returns Run's error when Run ends first.
func (g *Group) Run(ctx context.Context) error {
	m := newMember(g.c, g.topics)
	m.wait = g.wait
	g.why = m.run(ctx, g.generation)
	close(g.ended)
	return g.why
}

// topics lists the topics to read.
func (g *Group) topics() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.seats))
}

// wait waits until that list changes, and for further changes that come with it.
func (g *Group) wait(ctx context.Context) {
	select {
	case <-g.changed:
		retry.Sleep(ctx, gather)
		select {
		case <-g.changed: // meanwhile
		default:
		}
	case <-ctx.Done():
	}
}

// change signals that the list of topics has changed.
func (g *Group) change() {
	select {
	case g.changed <- struct{}{}:
	default: // signalled already
	}
}

// take is RunGroup of a client.
func (g *Group) take(ctx context.Context, c *Client, handle func(context.Context, *Generation) error) error {
	s := &seat{ctx: ctx, c: c, handle: handle, done: make(chan error, 1)}
	g.mu.Lock()
	taken := g.seats[c.cfg.Topic] != nil
	if !taken {
		g.seats[c.cfg.Topic] = s
	}
	g.mu.Unlock()
	if taken {
		return &configError{fmt.Errorf("kafka: topic %s is already being read", c.cfg.Topic)}
	}
	g.change()
	select {
	case err := <-s.done:
		return err
	case <-g.ended:
		return g.why
	case <-ctx.Done():
		g.leave(s)
		s.busy.Lock() // its handler ends with ctx
		defer s.busy.Unlock()
		return nil
	}
}

// leave removes a topic from the membership.
func (g *Group) leave(s *seat) {
	g.mu.Lock()
	if g.seats[s.c.cfg.Topic] == s {
		delete(g.seats, s.c.cfg.Topic)
	}
	g.mu.Unlock()
	g.change()
}

// generation runs every topic's handler in its part of the generation.
func (g *Group) generation(ctx context.Context, gen *Generation) error {
	alive, end := context.WithCancelCause(ctx)
	defer end(nil)
	g.mu.Lock()
	seats := slices.Collect(maps.Values(g.seats))
	g.mu.Unlock()
	var handlers sync.WaitGroup
	for _, s := range seats {
		handlers.Go(func() { g.sit(alive, end, s, gen.of(s.c)) })
	}
	g.wait(alive)
	end(errTopics) // unless it has ended
	handlers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return context.Cause(alive)
}

// sit runs one topic's handler. When it is done or cannot go on, the topic leaves, and
// the others go on without it in the next generation.
func (g *Group) sit(alive context.Context, end context.CancelCauseFunc, s *seat, gen *Generation) {
	ran, err := s.run(alive, gen)
	switch {
	case !ran:
	case errors.Is(err, block.ErrFenced): // a commit has noticed before the heartbeat
		end(err)
	case alive.Err() != nil && retry.ClassOf(err) != retry.Permanent:
	default:
		s.done <- err
		g.leave(s)
	}
}

// run runs the handler in a context that ends with its RunGroup's too; ran is false
// when that has ended.
func (s *seat) run(alive context.Context, gen *Generation) (ran bool, err error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	if s.ctx.Err() != nil {
		return false, nil
	}
	alive, end := context.WithCancelCause(alive)
	defer end(nil)
	defer context.AfterFunc(s.ctx, func() { end(context.Cause(s.ctx)) })()
	return true, s.handle(alive, gen)
}
