package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// Why a generation has ended: context.Cause of the handler's context.
var (
	errRebalance = errors.New("the group rebalances")
	errSilent    = errors.New("no heartbeat got through for the session timeout")
	errGrown     = errors.New("the topic has other partitions now")
	errTopics    = errors.New("this member reads other topics now")
)

// Generation is one agreement of the group on who reads what.
type Generation struct {
	ID         int32
	MemberID   string
	Partitions []int32 // of the client's topic, in order; may be empty

	c *Client
	*lease
}

// lease is what a generation's partitions, of all topics, have in common.
type lease struct {
	topics map[string][]int32 // what this member has
	began  time.Time
	beat   atomic.Int64 // nanoseconds from began to the last good heartbeat
}

// Number is the generation's id.
func (g *Generation) Number() int32 { return g.ID }

// Owned is the partitions of the client's topic that this member has.
func (g *Generation) Owned() []int32 { return g.Partitions }

// All is how many partitions this member has, of every topic that it reads.
func (g *Generation) All() (n int) {
	for _, ps := range g.topics {
		n += len(ps)
	}
	return n
}

// of is the same generation for another topic.
func (g *Generation) of(c *Client) *Generation {
	return &Generation{ID: g.ID, MemberID: g.MemberID, Partitions: slices.Sorted(slices.Values(g.topics[c.cfg.Topic])),
		c: c, lease: g.lease}
}

// LastHeartbeat is when the last heartbeat was sent that the coordinator
// accepted without calling for a rebalance. Until SessionTimeout after it
// nobody else can have been given these partitions. The clock is monotonic.
func (g *Generation) LastHeartbeat() time.Time {
	return g.began.Add(time.Duration(g.beat.Load()))
}

// Partition is one of the generation's partitions, with a reader and buffers
// of its own.
func (g *Generation) Partition(p int32) block.Partition {
	return &owned{Reader: g.c.Reader(p), g: g}
}

// owned is a partition in a generation.
type owned struct {
	*Reader
	g *Generation
}

// Committed implements block.Partition.
func (o *owned) Committed(ctx context.Context) (block.Committed, error) {
	m, err := o.c.committed(ctx, o.c.cfg.Group, []int32{o.partition})
	if err != nil {
		return block.Committed{}, err
	}
	return m[o.partition], nil
}

// Commit implements block.Partition.
func (o *owned) Commit(ctx context.Context, at block.Committed) error {
	return o.c.commit(ctx, o.g, o.partition, at)
}

// RunGroup is a member of the group until ctx ends or handle is done. handle
// runs once per generation, never two at a time. Its context ends when the
// generation does: on a rebalance, when the coordinator does not know the
// member any more, or when no heartbeat got through for the session timeout;
// it then has the rebalance timeout to finish and commit before the group
// goes on without this member.
//
// RunGroup returns nil when ctx ended, or when handle returned nil while its
// generation was alive (it is done). An error of handle is returned, unless it
// is block.ErrFenced or, with its context ended, not permanent: then it joins
// again. It leaves the group before it returns, so that others take over at
// once. What is not permanent is retried for as long as ctx lives; so is what is
// permanent once there was a generation: a right that is taken away from a member
// may be given back (JoinError says so meanwhile).
func (c *Client) RunGroup(ctx context.Context, handle func(context.Context, *Generation) error) error {
	if c.cfg.Group == "" {
		return &configError{errors.New("kafka: got no consumer group")}
	}
	if c.group != nil {
		return c.group.take(ctx, c, handle)
	}
	return newMember(c, c.names).run(ctx, handle)
}

// run is RunGroup of a member.
func (m *member) run(ctx context.Context, handle func(context.Context, *Generation) error) error {
	c := m.c
	defer m.leave(ctx)
	for ctx.Err() == nil {
		topics := m.topics()
		if len(topics) == 0 { // others may have what this member had
			m.leave(ctx)
			m.id, m.owned, m.generation = "", nil, -1
			m.wait(ctx)
			continue
		}
		g, err := m.join(ctx, topics)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			if err := m.joinFailed(ctx, fmt.Errorf("join group %s: %w", c.cfg.Group, err)); err != nil {
				return err
			}
			continue
		}
		c.stats.rebalances.Add(1)
		c.joinError.Store(nil)
		partitions := slog.AnyValue(g.Partitions)
		if c.cfg.Topic == "" {
			partitions = slog.AnyValue(g.topics)
		}
		m.log.Info("group generation begins", "generation", g.ID, "member", g.MemberID, "partitions", partitions,
			"leader", m.leading)
		cause, err := m.serve(ctx, g, handle)
		m.log.Info("group generation ended", "generation", g.ID, "why", cause, "err", err)
		switch {
		case cause == nil && err == nil: // done
			return nil
		case cause == nil && errors.Is(err, errTopics):
		case cause == nil && errors.Is(err, block.ErrFenced): // a commit has noticed before the heartbeat
			retry.Sleep(ctx, c.cfg.JoinBackoff)
		case cause == nil, retry.ClassOf(err) == retry.Permanent:
			return err
		}
		if ctx.Err() == nil && retry.ClassOf(cause) == retry.Permanent {
			m.refused(ctx, fmt.Errorf("heartbeat in group %s: %w", c.cfg.Group, cause))
		}
	}
	return nil
}

// JoinError is why the last attempt to join the group failed, nil once one
// succeeded. It is safe for concurrent use.
func (c *Client) JoinError() error {
	if c.group != nil {
		return c.group.c.JoinError()
	}
	if err := c.joinError.Load(); err != nil {
		return *err
	}
	return nil
}

// member is this process in the group, over all generations.
type member struct {
	c   *Client
	log *slog.Logger
	// topics lists what is read; wait waits for a change of that.
	topics     func() []string
	wait       func(ctx context.Context)
	id         string // given by the coordinator
	generation int32
	owned      map[string][]int32
	leading    bool
	last       *Generation        // nil before the first
	subscribed []string           // what the members read, when leading
	shared     map[string][]int32 // the partitions that were shared out, when leading
}

func newMember(c *Client, topics func() []string) *member {
	return &member{c: c, log: c.log.With("group", c.cfg.Group), topics: topics, generation: -1}
}

// joinFailed waits before the next attempt, or returns the error when another one is
// pointless.
func (m *member) joinFailed(ctx context.Context, err error) error {
	m.c.stats.joinErrors.Add(1)
	switch {
	case errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.IllegalGeneration):
		return nil // somebody else has joined meanwhile
	case errors.Is(err, kafka.UnknownMemberId):
		m.id = ""
		return nil
	case retry.ClassOf(err) == retry.Permanent && m.last == nil:
		return err
	case retry.ClassOf(err) == retry.Permanent:
		m.refused(ctx, err)
		return nil
	}
	m.c.joinError.Store(&err)
	if due, others := m.c.limiter.Due("log"); due {
		m.log.Warn("join group", "err", err, "suppressed", others)
	}
	retry.Sleep(ctx, m.c.cfg.JoinBackoff/2+rand.N(m.c.cfg.JoinBackoff))
	return nil
}

// refusedPause is between attempts to join a group again that had this member and now
// refuses it: a right that was revoked may be granted again.
const refusedPause = 5 * time.Second

// refused records that the group no longer accepts this member, and waits.
func (m *member) refused(ctx context.Context, err error) {
	m.c.joinError.Store(&err)
	if due, others := m.c.limiter.Due("refused"); due {
		m.log.Error("the group refuses this member; trying again", "err", err, "suppressed", others)
	}
	retry.Sleep(ctx, refusedPause)
}

// join goes through JoinGroup and SyncGroup and ends with a first heartbeat, so that a
// generation is known to be alive when its handler starts: waiting for other members
// can take longer than a session.
func (m *member) join(ctx context.Context, topics []string) (*Generation, error) {
	cfg := &m.c.cfg
	mine := subscription{topics: topics, owned: m.owned, generation: m.generation}
	req := &joingroup.Request{
		GroupID:            cfg.Group,
		SessionTimeoutMS:   int32(cfg.SessionTimeout.Milliseconds()),
		RebalanceTimeoutMS: int32(cfg.RebalanceTimeout.Milliseconds()),
		MemberID:           m.id,
		ProtocolType:       "consumer",
		Protocols:          []joingroup.RequestProtocol{{Name: protocolName, Metadata: appendSubscription(nil, mine)}},
	}
	code := func(r *joingroup.Response) int16 { return r.ErrorCode }
	res, err := coordinated(ctx, m.c, cfg.Group, cfg.RebalanceTimeout, req, code)
	if errors.Is(err, kafka.MemberIDRequired) {
		m.id = res.MemberID
		req.MemberID = m.id
		res, err = coordinated(ctx, m.c, cfg.Group, cfg.RebalanceTimeout, req, code)
	}
	if err != nil {
		return nil, err
	}
	m.id = res.MemberID
	m.leading = res.LeaderID == res.MemberID
	sync := &syncgroup.Request{
		GroupID: cfg.Group, GenerationID: res.GenerationID, MemberID: m.id,
		ProtocolType: "consumer", ProtocolName: res.ProtocolName,
	}
	if m.leading {
		if sync.Assignments, err = m.share(ctx, res.Members); err != nil {
			return nil, err
		}
	}
	assigned, err := coordinated(ctx, m.c, cfg.Group, cfg.RebalanceTimeout, sync,
		func(r *syncgroup.Response) int16 { return r.ErrorCode })
	if err != nil {
		return nil, err
	}
	got, ok := parseAssignment(assigned.Assignments)
	if !ok {
		return nil, &configError{fmt.Errorf("got an assignment of %d bytes that cannot be parsed", len(assigned.Assignments))}
	}
	m.owned, m.generation = got, res.GenerationID
	g := &Generation{ID: res.GenerationID, MemberID: m.id, lease: &lease{topics: got, began: time.Now()}}
	g = g.of(m.c)
	m.last = g
	if err := m.heartbeat(ctx, g); err != nil {
		return nil, err
	}
	return g, nil
}

// share assigns the partitions of every topic that a member reads. A topic
// that does not exist yet is shared out when it appears.
func (m *member) share(ctx context.Context, members []joingroup.ResponseMember) ([]syncgroup.RequestAssignment, error) {
	subs := make([]subscription, 0, len(members))
	topics := []string(nil)
	for _, jm := range members {
		s, ok := parseSubscription(jm.MemberID, jm.Metadata)
		if !ok {
			return nil, &configError{fmt.Errorf("member %s joined with a subscription that cannot be parsed", jm.MemberID)}
		}
		subs = append(subs, s)
		topics = append(topics, s.topics...)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	shared, err := m.c.partitionsOf(ctx, topics)
	if err != nil {
		return nil, err
	}
	m.subscribed, m.shared = topics, shared
	plan := assign(subs, shared)
	out := make([]syncgroup.RequestAssignment, 0, len(subs))
	for _, s := range subs {
		out = append(out, syncgroup.RequestAssignment{MemberID: s.member,
			Assignment: appendAssignment(nil, plan[s.member])})
	}
	return out, nil
}

// partitionsOf lists the partitions of each topic that exists.
func (c *Client) partitionsOf(ctx context.Context, topics []string) (map[string][]int32, error) {
	res, err := c.metadata(ctx, topics...)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]int32, len(topics))
	for _, t := range res.Topics {
		if !slices.Contains(topics, t.Name) {
			continue
		}
		switch err := codeError(t.ErrorCode); {
		case errors.Is(err, ErrNoTopic):
			continue
		case retry.ClassOf(err) == retry.Permanent && c.cfg.Topic == "":
			// Of several topics one whose right was taken away stops no other.
			c.log.Debug("metadata of a topic", "topic", t.Name, "err", err)
			continue
		case err != nil:
			return nil, fmt.Errorf("metadata of topic %s: %w", t.Name, err)
		}
		for _, p := range t.Partitions {
			out[t.Name] = append(out[t.Name], p.PartitionIndex)
		}
		slices.Sort(out[t.Name])
	}
	return out, nil
}

// serve runs the handler in a generation and returns why the generation ended (nil
// while it is alive) and what the handler returned.
func (m *member) serve(ctx context.Context, g *Generation, handle func(context.Context, *Generation) error) (cause,
	err error) {
	alive, end := context.WithCancelCause(ctx)
	// Heartbeats go on while the handler finishes, whatever ended its context: the
	// coordinator then waits for this member.
	beats, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { m.beat(beats, g, end) })
	if m.leading {
		wg.Go(func() { m.watch(beats, end) })
	}
	err = handle(alive, g)
	if alive.Err() != nil {
		cause = context.Cause(alive)
	}
	stop()
	wg.Wait()
	end(nil)
	return cause, err
}

// beat sends heartbeats until ctx ends or the coordinator has removed this member.
func (m *member) beat(ctx context.Context, g *Generation, end context.CancelCauseFunc) {
	cfg := &m.c.cfg
	pause, rebalancing := cfg.HeartbeatInterval, false
	for retry.Sleep(ctx, pause) {
		pause = cfg.HeartbeatInterval
		// A heartbeat that does not come back must not hide that the session
		// is over.
		limit := min(cfg.SessionTimeout/2, time.Until(g.LastHeartbeat().Add(cfg.SessionTimeout)))
		if rebalancing {
			limit = cfg.SessionTimeout / 2
		} else if limit <= 0 {
			end(errSilent)
			limit = cfg.SessionTimeout / 2
		}
		hctx, cancel := context.WithTimeout(ctx, limit)
		err := m.heartbeat(hctx, g)
		cancel()
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, kafka.RebalanceInProgress):
			rebalancing = true
			end(errRebalance)
		case again(err):
			m.log.Debug("heartbeat", "generation", g.ID, "err", err)
			pause = min(pause, 5*settle)
		default:
			end(err)
			return
		}
	}
}

// heartbeat sends a heartbeat. Only one that is accepted without a call for a
// rebalance counts as good: from then on the partitions are this member's for one
// session timeout, which is not longer than the rebalance timeout.
func (m *member) heartbeat(ctx context.Context, g *Generation) error {
	sent := time.Since(g.began)
	body := appendString(nil, m.c.cfg.Group)
	body = appendString(binary.BigEndian.AppendUint32(body, uint32(g.ID)), g.MemberID)
	err := m.c.coordinate(ctx, m.c.cfg.Group, func(broker int32) (int16, error) {
		return m.c.callCode(ctx, protocol.Heartbeat, broker, body)
	})
	if err != nil {
		m.c.stats.heartbeatErrors.Add(1)
		return err
	}
	m.c.stats.heartbeats.Add(1)
	g.beat.Store(int64(sent))
	return nil
}

// watch ends the leader's generation when the topics have other partitions than were
// assigned; joining again makes a new generation for all.
func (m *member) watch(ctx context.Context, end context.CancelCauseFunc) {
	topics := m.subscribed
	for retry.Sleep(ctx, m.c.cfg.MetadataInterval) {
		now, err := m.c.partitionsOf(ctx, topics)
		if err != nil {
			m.log.Debug("watch partitions", "err", err)
			continue
		}
		for _, t := range topics {
			// A missing topic may only be hidden by a broker that is starting.
			if len(now[t]) > 0 && !slices.Equal(now[t], m.shared[t]) {
				end(errGrown)
				return
			}
		}
	}
}

// leaveTimeout is how long leaving may take; the other is for a coordinator that has
// not answered recent heartbeats: the process wants to end.
const (
	leaveTimeout       = 3 * time.Second
	leaveSilentTimeout = 500 * time.Millisecond
)

// leave tells the coordinator that this member leaves, so that the others need not
// wait for the end of its session.
func (m *member) leave(ctx context.Context) {
	if m.id == "" {
		return
	}
	limit := leaveTimeout
	if m.last != nil && time.Since(m.last.LastHeartbeat()) > 3*m.c.cfg.HeartbeatInterval/2 {
		limit = leaveSilentTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	body := appendString(appendString(nil, m.c.cfg.Group), m.id)
	err := m.c.coordinate(ctx, m.c.cfg.Group, func(broker int32) (int16, error) {
		return m.c.callCode(ctx, protocol.LeaveGroup, broker, body)
	})
	if err != nil {
		m.log.Warn("leave group", "member", m.id, "err", err)
	}
}
