package traffic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// administer runs an admin request about a topic.
func administer(brokers []string, what, topic string, do func(*kadm.Client) error) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err == nil {
		defer client.Close()
		err = do(kadm.NewClient(client))
	}
	if err != nil {
		return fmt.Errorf("%s %s at %v: %w", what, topic, brokers, err)
	}
	return nil
}

// CreateTopic creates a topic with the brokers' default number of replicas, unless it
// exists.
func CreateTopic(ctx context.Context, brokers []string, topic string, partitions int32) error {
	return administer(brokers, "create topic", topic, func(admin *kadm.Client) error {
		_, err := ensureTopic(ctx, admin, topic, partitions)
		return err
	})
}

// DeleteTopic deletes a topic and returns when no broker knows it any more.
func DeleteTopic(ctx context.Context, brokers []string, topic string) error {
	return administer(brokers, "delete topic", topic, func(admin *kadm.Client) error {
		if _, err := admin.DeleteTopic(ctx, topic); err != nil {
			return err
		}
		for range 300 {
			if _, err := countPartitions(ctx, admin, topic); errors.Is(err, kerr.UnknownTopicOrPartition) {
				return nil
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return errors.New("it is still there")
	})
}

// AddPartitions raises the number of a topic's partitions.
func AddPartitions(ctx context.Context, brokers []string, topic string, partitions int) error {
	return administer(brokers, "add partitions to", topic, func(admin *kadm.Client) error {
		done, err := admin.UpdatePartitions(ctx, partitions, topic)
		if err == nil {
			err = done.Error()
		}
		return err
	})
}

// Expire deletes all records of a topic but the newest of each partition, as retention
// does in time. (When it is killed, the embedded broker forgets the end of an empty
// partition.)
func Expire(ctx context.Context, brokers []string, topic string) error {
	return administer(brokers, "expire", topic, func(admin *kadm.Client) error {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return err
		}
		newest := ends.Offsets()
		for topic, partitions := range newest {
			for partition, o := range partitions {
				if o.At--; o.At < 0 {
					delete(partitions, partition)
					continue
				}
				newest[topic][partition] = o
			}
		}
		deleted, err := admin.DeleteRecords(ctx, newest)
		if err == nil {
			err = deleted.Error()
		}
		return err
	})
}

// Offsets are the ends of a partition's log and a group's committed offset.
type Offsets struct {
	Stable    int64 // after the last record that read_committed shows
	End       int64 // after the last record
	Committed int64 // -1: nothing
}

// ReadOffsets asks for the offsets of every partition. A partition that does
// not answer is left out.
func ReadOffsets(ctx context.Context, brokers []string, topic, group string) (map[int32]Offsets, error) {
	all := map[int32]Offsets{}
	return all, administer(brokers, "read the offsets of", topic, func(admin *kadm.Client) error {
		committed, err := admin.FetchOffsets(ctx, group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("group %s: %w", group, err)
		}
		var listed [2]kadm.ListedOffsets
		for i, list := range []func(context.Context, ...string) (kadm.ListedOffsets, error){
			admin.ListCommittedOffsets, admin.ListEndOffsets,
		} {
			if listed[i], err = list(ctx, topic); err != nil {
				return err
			}
		}
		for p, end := range listed[1][topic] {
			stable := listed[0][topic][p]
			if stable.Err != nil || end.Err != nil {
				continue
			}
			o := Offsets{Stable: stable.Offset, End: end.Offset, Committed: -1}
			if c, ok := committed.Lookup(topic, p); ok && c.Err == nil {
				o.Committed = c.At
			}
			all[p] = o
		}
		return nil
	})
}
