package traffic

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// CreateTopic creates a topic with the brokers' own number of replicas, unless
// it exists.
func CreateTopic(ctx context.Context, brokers []string, topic string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("create topic %s at %v: %w", topic, brokers, err)
	}
	defer client.Close()
	if _, err := ensureTopic(ctx, kadm.NewClient(client), topic, partitions); err != nil {
		return fmt.Errorf("create topic %s at %v: %w", topic, brokers, err)
	}
	return nil
}

// Expire deletes all records of a topic but the newest of each partition, as
// retention does in time. (The embedded broker would forget where an empty
// partition ends when it is killed.)
func Expire(ctx context.Context, brokers []string, topic string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("expire %s at %v: %w", topic, brokers, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("expire %s at %v: %w", topic, brokers, err)
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
	if err != nil {
		return fmt.Errorf("expire %s at %v: %w", topic, brokers, err)
	}
	return nil
}

// Offsets is how far the log of a partition reaches, and how far a group has
// committed it.
type Offsets struct {
	Start     int64 // the first offset that is still there
	Stable    int64 // behind the last record that read_committed shows
	End       int64 // behind the last record
	Committed int64 // -1: nothing
}

// ReadOffsets asks for the offsets of every partition. A partition that does
// not answer is left out.
func ReadOffsets(ctx context.Context, brokers []string, topic, group string) (map[int32]Offsets, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("read the offsets of %s at %v: %w", topic, brokers, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("read the offsets of group %s at %v: %w", group, brokers, err)
	}
	var listed [3]kadm.ListedOffsets
	for i, list := range []func(context.Context, ...string) (kadm.ListedOffsets, error){admin.ListStartOffsets, admin.ListCommittedOffsets, admin.ListEndOffsets} {
		if listed[i], err = list(ctx, topic); err != nil {
			return nil, fmt.Errorf("read the offsets of %s at %v: %w", topic, brokers, err)
		}
	}
	all := map[int32]Offsets{}
	for p, end := range listed[2][topic] {
		start, stable := listed[0][topic][p], listed[1][topic][p]
		if start.Err != nil || stable.Err != nil || end.Err != nil {
			continue
		}
		o := Offsets{Start: start.Offset, Stable: stable.Offset, End: end.Offset, Committed: -1}
		if c, ok := committed.Lookup(topic, p); ok && c.Err == nil {
			o.Committed = c.At
		}
		all[p] = o
	}
	return all, nil
}
