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

// ProduceOptions says how to produce to Kafka.
type ProduceOptions struct {
	// Partitions is the number of partitions of a topic that does not exist
	// yet; 0: 4. An existing topic keeps its own.
	Partitions int32
	// Speed is the event seconds that pass in a second of wall time; 0: as fast
	// as possible.
	Speed float64
	// Progress is called about ten times a second, from Produce's goroutine,
	// with the lines handed over so far and the event time reached.
	Progress func(records int64, eventTime time.Time)
}

// Produce sends g's lines to a topic, one record a line, with the time
// from Next as the record's timestamp; the lines of one key go to one partition, in
// order, each exactly once (idempotent producer). The topic is created when it
// is missing. Produce returns when g ends or ctx does, and in both cases only
// after every line taken from g is acknowledged, so that g.Truth holds for the
// topic; it then returns nil, or the error because of which lines may be missing.
func Produce(ctx context.Context, brokers []string, topic string, g Source, o ProduceOptions) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// Producer and embedded broker together need a fifth less CPU time and half the memory
		// than without compression, since they move a fraction of the bytes.
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(o.linger()),
		kgo.MaxBufferedRecords(200_000),
	)
	if err != nil {
		return fmt.Errorf("produce to %s at %v: %w", topic, brokers, err)
	}
	defer client.Close()
	p, err := newProducer(ctx, client, topic, o.Partitions)
	if err != nil {
		return fmt.Errorf("produce to %s at %v: %w", topic, brokers, err)
	}
	err = p.run(ctx, g, o)
	// What was handed over is delivered even when ctx has ended.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, p.flush(drain))
}

// linger keeps batches large at full speed and fresh when paced.
func (o ProduceOptions) linger() time.Duration {
	if o.Speed > 0 {
		return 2 * time.Millisecond
	}
	return 10 * time.Millisecond
}

// ensureTopic creates the topic unless it exists and returns its number of
// partitions. Right after its creation not every broker may know the topic.
func ensureTopic(ctx context.Context, admin *kadm.Client, topic string, partitions int32) (int, error) {
	n, err := countPartitions(ctx, admin, topic)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return n, err
	}
	if partitions == 0 {
		partitions = 4
	}
	_, err = admin.CreateTopic(ctx, partitions, -1, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return 0, fmt.Errorf("create topic with %d partitions: %w", partitions, err)
	}
	for range 100 {
		if n, err = countPartitions(ctx, admin, topic); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return n, err
}

func countPartitions(ctx context.Context, admin *kadm.Client, topic string) (int, error) {
	topics, err := admin.ListTopics(ctx, topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("count partitions: %w", err)
	}
	return len(topics[topic].Partitions), nil
}

// producer hands lines to the client. Lines and records live in slabs: the
// client keeps them until they are acknowledged.
type producer struct {
	client     *kgo.Client
	topic      string
	partitions uint64
	failed     chan error
	done       func(*kgo.Record, error)
	slab       []byte
	records    []kgo.Record
}

// newProducer produces to a topic, which it creates with partitions when it is
// missing.
func newProducer(ctx context.Context, client *kgo.Client, topic string, partitions int32) (*producer, error) {
	n, err := ensureTopic(ctx, kadm.NewClient(client), topic, partitions)
	if err != nil {
		return nil, err
	}
	p := &producer{client: client, topic: topic, partitions: uint64(n), failed: make(chan error, 1)}
	p.done = p.promise
	return p, nil
}

const (
	slabBytes   = 1 << 20
	slabRecords = 4096
)

func (p *producer) run(ctx context.Context, g Source, o ProduceOptions) error {
	pace := pace{speed: o.Speed}
	report := time.Now()
	for n := int64(1); ; n++ {
		if cap(p.slab)-len(p.slab) < 4096 {
			p.slab = make([]byte, 0, slabBytes)
		}
		from := len(p.slab)
		line, at, key, ok := g.Next(p.slab)
		if !ok {
			return p.failure()
		}
		p.slab = line
		p.send(line[from:len(line):len(line)], at, key)
		// The clock is read every 256 lines, or at every line when paced.
		if o.Speed == 0 && n%256 != 0 {
			continue
		}
		if ctx.Err() != nil {
			return p.failure()
		}
		if err := p.failure(); err != nil {
			return err
		}
		pace.wait(ctx, at)
		if now := time.Now(); o.Progress != nil && now.Sub(report) >= 100*time.Millisecond {
			report = now
			o.Progress(n, time.UnixMilli(at).UTC())
		}
	}
}

func (p *producer) send(value []byte, at int64, key uint64) {
	if len(p.records) == 0 {
		p.records = make([]kgo.Record, slabRecords)
	}
	r := &p.records[0]
	p.records = p.records[1:]
	r.Topic, r.Partition = p.topic, int32(key%p.partitions)
	r.Value, r.Timestamp = value, time.UnixMilli(at)
	p.client.Produce(context.Background(), r, p.done)
}

func (p *producer) promise(_ *kgo.Record, err error) {
	if err != nil {
		select {
		case p.failed <- err:
		default: // the first error is enough
		}
	}
}

func (p *producer) failure() error {
	select {
	case err := <-p.failed:
		return fmt.Errorf("produce to %s: %w", p.topic, err)
	default:
		return nil
	}
}

func (p *producer) flush(ctx context.Context) error {
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("produce to %s: flush: %w", p.topic, err)
	}
	return p.failure()
}

// pace holds event time back to speed times wall time.
type pace struct {
	speed float64
	wall  time.Time
	event int64 // milliseconds at wall
}

// wait returns when the event time at is due, at most some milliseconds early,
// or when ctx ends.
func (p *pace) wait(ctx context.Context, at int64) {
	if p.speed == 0 {
		return
	}
	if p.wall.IsZero() {
		p.wall, p.event = time.Now(), at
		return
	}
	due := p.wall.Add(time.Duration(float64(at-p.event) / p.speed * float64(time.Millisecond)))
	ahead := time.Until(due)
	if ahead < 5*time.Millisecond {
		return
	}
	select {
	case <-time.After(ahead):
	case <-ctx.Done():
	}
}
