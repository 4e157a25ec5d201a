package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// coordinator is the broker that keeps the group; it is remembered.
func (c *Client) coordinator(ctx context.Context, group string) (int32, error) {
	c.mu.Lock()
	id, ok := c.coordinators[group]
	c.mu.Unlock()
	if ok {
		return id, nil
	}
	res, err := call[*findcoordinator.Response](ctx, c, anyBroker, 0, &findcoordinator.Request{Key: group})
	if err == nil {
		err = codeError(res.ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("find coordinator of group %s: %w", group, err)
	}
	c.mu.Lock()
	c.coordinators[group] = res.NodeID
	c.mu.Unlock()
	return res.NodeID, nil
}

func (c *Client) forgetCoordinator(group string) {
	c.mu.Lock()
	delete(c.coordinators, group)
	c.mu.Unlock()
}

// coordinate asks the group's coordinator; ask returns the error code for the whole
// request. While the coordinator moves or loads, it asks again, for at most the
// request timeout.
func (c *Client) coordinate(ctx context.Context, group string, ask func(broker int32) (int16, error)) error {
	began := time.Now()
	for {
		broker, err := c.coordinator(ctx, group)
		if err == nil {
			var code int16
			if code, err = ask(broker); err != nil {
				c.forgetCoordinator(group)
				return err
			}
			err = codeError(code)
		}
		switch {
		case errors.Is(err, kafka.NotCoordinatorForGroup), errors.Is(err, kafka.GroupCoordinatorNotAvailable):
			c.forgetCoordinator(group)
		case errors.Is(err, kafka.GroupLoadInProgress):
		default:
			return err
		}
		if time.Since(began) > c.cfg.RequestTimeout || !retry.Sleep(ctx, settle) {
			return err
		}
	}
}

// coordinated is coordinate for one of kafka-go's messages.
func coordinated[R protocol.Message](ctx context.Context, c *Client, group string, wait time.Duration,
	req protocol.Message, code func(R) int16) (R, error) {
	var res R
	err := c.coordinate(ctx, group, func(broker int32) (int16, error) {
		var err error
		if res, err = call[R](ctx, c, broker, wait, req); err != nil {
			return 0, err
		}
		return code(res), nil
	})
	return res, err
}

// committed reads what a group has committed for the partitions.
func (c *Client) committed(ctx context.Context, group string, partitions []int32) (map[int32]block.Committed, error) {
	req := &offsetfetch.Request{
		GroupID: group,
		Topics:  []offsetfetch.RequestTopic{{Name: c.cfg.Topic, PartitionIndexes: partitions}},
	}
	res, err := coordinated(ctx, c, group, 0, req, func(r *offsetfetch.Response) int16 {
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		return firstCode(r.Topics,
			func(t offsetfetch.ResponseTopic) []offsetfetch.ResponsePartition { return t.Partitions },
			func(p offsetfetch.ResponsePartition) int16 { return p.ErrorCode })
	})
	if errors.Is(err, kafka.GroupIdNotFound) { // a group that nobody has joined yet
		out := make(map[int32]block.Committed, len(partitions))
		for _, p := range partitions {
			out[p] = block.Committed{Offset: -1}
		}
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read offsets of group %s for %s: %w", group, c.cfg.Topic, err)
	}
	out := make(map[int32]block.Committed, len(partitions))
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			out[p.PartitionIndex] = block.Committed{Offset: p.CommittedOffset, Metadata: p.Metadata}
		}
	}
	if len(out) != len(partitions) {
		return nil, fmt.Errorf("read offsets of group %s for %s: got %d partitions; want %d", group, c.cfg.Topic,
			len(out), len(partitions))
	}
	return out, nil
}

// commit commits one partition as a member of a generation. A refusal comes
// back inside a response that is otherwise fine, per partition; it is an
// error here.
//
// REBALANCE_IN_PROGRESS counts as fenced. The coordinator answers with it
// when every member has joined the next generation and only their assignments
// are outstanding, so the generation of this commit is over; trying again
// would turn into ILLEGAL_GENERATION. While members are still joining, it
// accepts commits of the old generation: that is when a handler finishes its
// work.
func (c *Client) commit(ctx context.Context, g *Generation, partition int32, at block.Committed) error {
	req := &offsetcommit.Request{
		GroupID: c.cfg.Group, GenerationID: g.ID, MemberID: g.MemberID,
		RetentionTimeMs: -1, // the broker's own
		Topics: []offsetcommit.RequestTopic{{Name: c.cfg.Topic, Partitions: []offsetcommit.RequestPartition{{
			PartitionIndex: partition, CommittedOffset: at.Offset, CommitTimestamp: -1,
			CommittedLeaderEpoch: -1, CommittedMetadata: at.Metadata,
		}}}},
	}
	parts := 0
	_, err := coordinated(ctx, c, c.cfg.Group, 0, req, func(r *offsetcommit.Response) int16 {
		parts = 0
		for _, t := range r.Topics {
			parts += len(t.Partitions)
		}
		return firstCode(r.Topics,
			func(t offsetcommit.ResponseTopic) []offsetcommit.ResponsePartition { return t.Partitions },
			func(p offsetcommit.ResponsePartition) int16 { return p.ErrorCode })
	})
	if err == nil && parts != 1 {
		err = fmt.Errorf("got %d partitions in the answer; want 1", parts)
	}
	if err != nil {
		c.stats.commitErrors.Add(1)
		return fmt.Errorf("commit %s/%d at offset %d in generation %d: %w", c.cfg.Topic, partition, at.Offset, g.ID,
			err)
	}
	c.stats.commits.Add(1)
	return nil
}

// firstCode is the first error code of any partition, 0 when there is none.
func firstCode[T, P any](topics []T, partitions func(T) []P, code func(P) int16) int16 {
	for _, t := range topics {
		for _, p := range partitions(t) {
			if e := code(p); e != 0 {
				return e
			}
		}
	}
	return 0
}
