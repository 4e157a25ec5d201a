package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"statline/ingest/block"
)

// ErrCompacted: a block of a compacted topic that is read again may have fewer
// records.
var ErrCompacted = errors.New("the topic is compacted, so a block read again may have fewer records; set allow-compacted to read it anyway")

// CheckRights tests what a member of the group needs on the topic and the group, and
// changes nothing: a fetch of nothing, the topic's clean-up policy where it matters,
// and a heartbeat of a member that does not exist.
func (c *Client) CheckRights(ctx context.Context, policy bool) error {
	ends, err := c.EndOffsets(ctx)
	if err != nil {
		return err
	}
	for p, end := range ends {
		if _, err := c.Reader(p).Fetch(ctx, end, 0); err != nil && !errors.Is(err, block.ErrOutOfRange) {
			return err
		}
		break // rights are of the topic
	}
	if policy {
		compacted, err := c.Compacted(ctx)
		if err != nil {
			return err
		}
		if compacted {
			return fmt.Errorf("topic %s: %w", c.cfg.Topic, ErrCompacted)
		}
	}
	body := appendString(nil, c.cfg.Group)
	body = appendString(binary.BigEndian.AppendUint32(body, 0), "nobody")
	err = c.coordinate(ctx, c.cfg.Group, func(broker int32) (int16, error) {
		return c.callCode(ctx, protocol.Heartbeat, broker, body)
	})
	if err != nil && !errors.Is(err, block.ErrFenced) && !errors.Is(err, kafka.GroupIdNotFound) {
		// there is no such member
		return fmt.Errorf("join group %s: %w", c.cfg.Group, err)
	}
	return nil
}
