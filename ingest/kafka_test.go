//go:build kafka

package ingest_test

import (
	"context"
	"testing"
	"time"

	"statline/ingest/source/kafkatest"
)

// Promises about topics that change, on Apache Kafka. make test-kafka runs it.
func TestKafkaTopics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	k, err := kafkatest.Start(ctx, kafkatest.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	brokers := k.Addrs(kafkatest.Plaintext)
	t.Run("made anew while a block waits", func(t *testing.T) { topicMadeAnew(t, "kafka_made_anew", brokers, true) })
	t.Run("several topics", func(t *testing.T) { severalTopics(t, "kafka_several", brokers) })
	t.Run("partition added from latest", func(t *testing.T) { partitionAdded(t, "kafka_added", brokers) })
}
