package source

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker starts a broker in this process with the topic "access".
func broker(t testing.TB, partitions int32, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(partitions, "access"),
		kfake.GroupMinSessionTimeout(100 * time.Millisecond),
	}, opts...)
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// testConfig has short times, so that tests of rebalances are quick.
func testConfig(brokers []string) Config {
	cfg := DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = brokers, "access", "g"
	cfg.SessionTimeout = 1500 * time.Millisecond
	cfg.HeartbeatInterval = 100 * time.Millisecond
	cfg.RebalanceTimeout = 3 * time.Second
	cfg.JoinBackoff = 50 * time.Millisecond
	cfg.MetadataInterval = 100 * time.Millisecond
	cfg.RequestTimeout = 5 * time.Second
	return cfg
}

func client(t testing.TB, cfg Config) *Client {
	t.Helper()
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// producer is a franz-go client: the tests' data is not written by the code
// under test.
func producer(t testing.TB, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic("access"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, opts...)
	p, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func produce(t testing.TB, p *kgo.Client, partition int32, values ...string) {
	t.Helper()
	var rs []*kgo.Record
	for _, v := range values {
		rs = append(rs, &kgo.Record{Partition: partition, Value: []byte(v)})
	}
	if err := p.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// deadline is the test's context with a limit, so that a wait that never ends
// fails.
func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func contextFor(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}
