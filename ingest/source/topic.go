package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// ClusterID is the cluster's own name for itself, part of every block's
// identity.
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	m, err := c.metadata(ctx)
	if err != nil {
		return "", fmt.Errorf("read kafka cluster id: %w", err)
	}
	if m.ClusterID == "" {
		return "", &configError{errors.New("read kafka cluster id: the cluster has none")}
	}
	return m.ClusterID, nil
}

// Partitions lists the topic's partitions in order. The error wraps
// ErrNoTopic when the cluster does not know the topic.
func (c *Client) Partitions(ctx context.Context) ([]int32, error) {
	leaders, err := c.refreshLeaders(ctx)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", c.cfg.Topic, err)
	}
	return slices.Sorted(maps.Keys(leaders)), nil
}

// metadata asks a broker, bypassing the Transport's cache, about the given topics and
// this client's own.
func (c *Client) metadata(ctx context.Context, more ...string) (*metadata.Response, error) {
	topics := append(c.names(), more...)
	slices.Sort(topics)
	return call[*metadata.Response](ctx, c, anyBroker, 0, &metadata.Request{TopicNames: slices.Compact(topics)})
}

func (c *Client) refreshLeaders(ctx context.Context) (map[int32]int32, error) {
	d, err := c.describe(ctx)
	return d.leaders, err
}

// leader is the broker that leads the partition, and the topic's id; both are
// remembered.
func (c *Client) leader(ctx context.Context, p int32) (int32, topicID, error) {
	c.mu.Lock()
	broker, ok := c.leaders[p]
	topic := c.topicID
	c.mu.Unlock()
	if ok && broker >= 0 {
		return broker, topic, nil
	}
	d, err := c.describe(ctx)
	if err != nil {
		return 0, topicID{}, err
	}
	broker, ok = d.leaders[p]
	if !ok {
		return 0, topicID{}, fmt.Errorf("%w: no partition %d", kafka.UnknownTopicOrPartition, p)
	}
	if broker < 0 {
		return 0, topicID{}, kafka.LeaderNotAvailable
	}
	return broker, d.id, nil
}

// forgetLeader makes the next request for the partition look its leader up.
func (c *Client) forgetLeader(p int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The map is shared with readers of refreshLeaders: replace, do not change.
	c.leaders = maps.Clone(c.leaders)
	delete(c.leaders, p)
}

// StartOffsets is the first retained offset of each partition.
func (c *Client) StartOffsets(ctx context.Context) (map[int32]int64, error) {
	m, err := c.listOffsets(ctx, kafka.FirstOffset, kafka.ReadCommitted)
	if err != nil {
		return nil, fmt.Errorf("list start offsets of %s: %w", c.cfg.Topic, err)
	}
	return m, nil
}

// EndOffsets is the last stable offset of each partition: everything below it
// is decided, so reading up to it never waits for an open transaction.
func (c *Client) EndOffsets(ctx context.Context) (map[int32]int64, error) {
	m, err := c.listOffsets(ctx, kafka.LastOffset, kafka.ReadCommitted)
	if err != nil {
		return nil, fmt.Errorf("list end offsets of %s: %w", c.cfg.Topic, err)
	}
	return m, nil
}

// HighWatermarks is the end of each partition's log, with what open
// transactions hold back: EndOffsets stops before the first of them.
func (c *Client) HighWatermarks(ctx context.Context) (map[int32]int64, error) {
	m, err := c.listOffsets(ctx, kafka.LastOffset, kafka.ReadUncommitted)
	if err != nil {
		return nil, fmt.Errorf("list high watermarks of %s: %w", c.cfg.Topic, err)
	}
	return m, nil
}

// TimeAt is Kafka's timestamp of the first readable record at or after offset; ok is
// false when there is none, or it has no timestamp.
func (c *Client) TimeAt(ctx context.Context, partition int32, offset int64) (unixMilli int64, ok bool, err error) {
	r := c.Reader(partition)
	for {
		b, err := r.Fetch(ctx, offset, 0)
		if err != nil {
			return 0, false, err
		}
		if len(b.Records) > 0 {
			ms := b.Records[0].UnixMilli
			return ms, ms > 0, nil
		}
		if b.Next <= offset || b.Next >= b.LastStable {
			return 0, false, nil
		}
		offset = b.Next
	}
}

// listOffsets asks each leader once for all of its partitions.
func (c *Client) listOffsets(ctx context.Context, at int64, isolation kafka.IsolationLevel) (map[int32]int64, error) {
	leaders, err := c.refreshLeaders(ctx)
	if err != nil {
		return nil, err
	}
	ask := make(map[int32][]listoffsets.RequestPartition)
	for p, broker := range leaders {
		if broker < 0 {
			return nil, fmt.Errorf("partition %d: %w", p, kafka.LeaderNotAvailable)
		}
		ask[broker] = append(ask[broker], listoffsets.RequestPartition{Partition: p, CurrentLeaderEpoch: -1,
			Timestamp: at})
	}
	offsets := make(map[int32]int64, len(leaders))
	for broker, ps := range ask {
		if err := c.askOffsets(ctx, broker, ps, isolation, offsets); err != nil {
			return nil, err
		}
	}
	if len(offsets) != len(leaders) {
		return nil, fmt.Errorf("%w: got offsets of %d partitions; want %d", kafka.UnknownTopicOrPartition, len(offsets),
			len(leaders))
	}
	return offsets, nil
}

func (c *Client) askOffsets(ctx context.Context, leader int32, ps []listoffsets.RequestPartition,
	isolation kafka.IsolationLevel, into map[int32]int64) error {
	res, err := call[*listoffsets.Response](ctx, c, leader, 0, &listoffsets.Request{
		ReplicaID:      -1,
		IsolationLevel: int8(isolation),
		Topics:         []listoffsets.RequestTopic{{Topic: c.cfg.Topic, Partitions: ps}},
	})
	if err != nil {
		return err
	}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := codeError(p.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			}
			into[p.Partition] = p.Offset
		}
	}
	return nil
}

// Bounds is the partition's retained range; see block.Partition. It may run
// at the same time as Fetch.
func (r *Reader) Bounds(ctx context.Context) (logStart, lastStable int64, err error) {
	// One request per bound: a broker refuses a partition twice in one.
	for _, ask := range []struct {
		at   int64
		into *int64
	}{{kafka.FirstOffset, &logStart}, {kafka.LastOffset, &lastStable}} {
		leader, _, err := r.c.leader(ctx, r.partition)
		if err != nil {
			return 0, 0, fmt.Errorf("list offsets of %v: %w", r.at, err)
		}
		got := map[int32]int64{}
		err = r.c.askOffsets(ctx, leader, []listoffsets.RequestPartition{{Partition: r.partition,
			CurrentLeaderEpoch: -1, Timestamp: ask.at}}, kafka.ReadCommitted, got)
		offset, ok := got[r.partition]
		if err == nil && !ok {
			err = kafka.UnknownTopicOrPartition
		}
		if err != nil {
			r.c.forgetLeader(r.partition)
			return 0, 0, fmt.Errorf("list offsets of %v: %w", r.at, err)
		}
		*ask.into = offset
	}
	return logStart, lastStable, nil
}

// GroupOffsets is what a group has committed, for every partition of the
// topic; Offset is -1 where it never has.
func (c *Client) GroupOffsets(ctx context.Context, group string) (map[int32]block.Committed, error) {
	ps, err := c.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	return c.committed(ctx, group, ps)
}

// Compacted reports that the topic's clean-up policy removes records by key: reading
// such a topic again may give less than before.
func (c *Client) Compacted(ctx context.Context) (bool, error) {
	const topicResource = 2
	res, err := call[*describeconfigs.Response](ctx, c, anyBroker, 0, &describeconfigs.Request{
		Resources: []describeconfigs.RequestResource{{ResourceType: topicResource, ResourceName: c.cfg.Topic,
			ConfigNames: []string{"cleanup.policy"}}},
	})
	if err != nil {
		return false, fmt.Errorf("describe topic %s: %w", c.cfg.Topic, err)
	}
	for _, r := range res.Resources {
		err := codeError(r.ErrorCode)
		if retry.ClassOf(err) == retry.Permanent {
			err = fmt.Errorf("%w; or set allow-compacted, which skips this check", err)
		}
		if err != nil {
			return false, fmt.Errorf("describe topic %s: %w", c.cfg.Topic, err)
		}
		for _, e := range r.ConfigEntries {
			if e.ConfigName == "cleanup.policy" {
				return strings.Contains(e.ConfigValue, "compact"), nil
			}
		}
	}
	return false, fmt.Errorf("describe topic %s: the broker did not return cleanup.policy", c.cfg.Topic)
}
