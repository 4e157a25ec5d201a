package ingest

import (
	"context"

	"statline/ingest/block"
	"statline/ingest/source"
)

// Kafka makes a Source of a Kafka client.
func Kafka(c *source.Client) Source { return kafkaSource{c} }

type kafkaSource struct{ *source.Client }

// KafkaGroup makes a Subscription of a membership in a consumer group.
func KafkaGroup(g *source.Group) Subscription { return kafkaGroup{g} }

type kafkaGroup struct{ *source.Group }

// Source implements Subscription.
func (k kafkaGroup) Source(topic string) (Source, func() error, error) {
	c, err := k.Client(topic)
	if err != nil {
		return nil, nil, err
	}
	return Kafka(c), c.Close, nil
}

// RunGroup implements Source.
func (k kafkaSource) RunGroup(ctx context.Context, handle func(context.Context, Generation) error) error {
	return k.Client.RunGroup(ctx, func(ctx context.Context, g *source.Generation) error {
		return handle(ctx, kafkaGeneration{g})
	})
}

type kafkaGeneration struct{ *source.Generation }

func (g kafkaGeneration) Number() int32  { return g.ID }
func (g kafkaGeneration) Owned() []int32 { return g.Partitions }

// Partition implements Generation.
func (g kafkaGeneration) Partition(p int32) block.Partition { return g.Generation.Partition(p) }
