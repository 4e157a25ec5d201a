package traffic

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Transaction is a hanging transaction: until it ends, read_committed shows neither its
// records nor what follows them.
type Transaction struct {
	client *kgo.Client
	topic  string
}

// BeginTransaction sends g's lines, as Produce does, and leaves their
// transaction open. The brokers end it themselves after two minutes.
func BeginTransaction(ctx context.Context, brokers []string, topic, id string, g Source) (*Transaction, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(id),
		kgo.TransactionTimeout(2*time.Minute),
	)
	if err != nil {
		return nil, fmt.Errorf("transaction %s at %v: %w", id, brokers, err)
	}
	t := &Transaction{client: client, topic: topic}
	if err := t.send(ctx, g); err != nil {
		client.Close()
		return nil, fmt.Errorf("transaction %s at %v: %w", id, brokers, err)
	}
	return t, nil
}

func (t *Transaction) send(ctx context.Context, g Source) error {
	p, err := newProducer(ctx, t.client, t.topic, 0)
	if err != nil {
		return err
	}
	if err := t.client.BeginTransaction(); err != nil {
		return err
	}
	if err := p.run(ctx, g, ProduceOptions{}); err != nil {
		return err
	}
	return p.flush(ctx)
}

// End commits or aborts.
func (t *Transaction) End(ctx context.Context, commit bool) error {
	defer t.client.Close()
	if err := t.client.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return fmt.Errorf("end a transaction: %w", err)
	}
	return nil
}
