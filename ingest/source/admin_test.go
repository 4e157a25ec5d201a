package source

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"

	"statline/ingest/retry"
)

// Lag is how many offsets of each partition, up to the last stable offset, the group
// has not committed. A partition without a commit lags from its start. Offsets without
// a record count, as in every Kafka tool.
func (c *Client) Lag(ctx context.Context, group string) (map[int32]int64, error) {
	done, err := c.GroupOffsets(ctx, group)
	if err != nil {
		return nil, err
	}
	start, err := c.StartOffsets(ctx)
	if err != nil {
		return nil, err
	}
	end, err := c.EndOffsets(ctx)
	if err != nil {
		return nil, err
	}
	lag := make(map[int32]int64, len(end))
	for p, e := range end {
		at := start[p]
		if d, ok := done[p]; ok && d.Offset >= 0 {
			at = d.Offset
		}
		lag[p] = max(0, e-at)
	}
	return lag, nil
}

// CreateTopic makes the client's topic and waits until every partition has a
// leader. created is false when it existed already, with however many
// partitions.
func (c *Client) CreateTopic(ctx context.Context, partitions, replication int, configs map[string]string) (created bool,
	err error) {
	fail := func(err error) (bool, error) {
		return false, fmt.Errorf("create topic %s: %w", c.cfg.Topic, err)
	}
	m, err := c.metadata(ctx)
	if err != nil {
		return fail(err)
	}
	t := createtopics.RequestTopic{Name: c.cfg.Topic, NumPartitions: int32(partitions),
		ReplicationFactor: int16(replication)}
	for k, v := range configs {
		t.Configs = append(t.Configs, createtopics.RequestConfig{Name: k, Value: v})
	}
	slices.SortFunc(t.Configs, func(a, b createtopics.RequestConfig) int { return strings.Compare(a.Name, b.Name) })
	wait := c.cfg.RequestTimeout
	res, err := call[*createtopics.Response](ctx, c, m.ControllerID, wait, &createtopics.Request{
		Topics: []createtopics.RequestTopic{t}, TimeoutMs: int32(wait.Milliseconds()),
	})
	if err != nil {
		return fail(err)
	}
	for _, r := range res.Topics {
		switch code := kafka.Error(r.ErrorCode); code {
		case 0:
			created = true
		case kafka.TopicAlreadyExists:
		default:
			if r.ErrorMessage != "" {
				return fail(classify(fmt.Errorf("%w: %s", code, r.ErrorMessage)))
			}
			return fail(classify(code))
		}
	}
	for {
		leaders, err := c.refreshLeaders(ctx)
		if err == nil && len(leaders) > 0 && !slices.Contains(slices.Collect(maps.Values(leaders)), -1) {
			return created, nil
		}
		if err != nil && !again(err) {
			return created, fmt.Errorf("create topic %s: %w", c.cfg.Topic, err)
		}
		if !retry.Sleep(ctx, settle) {
			return created, fmt.Errorf("create topic %s: wait for its leaders: %w", c.cfg.Topic, ctx.Err())
		}
	}
}
