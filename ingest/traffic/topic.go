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
