//go:build kafka

// Tests against Apache Kafka itself: what the broker in process may do
// differently. make test-kafka runs them; they need Java 17 and, once, Maven.
package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/source/kafkatest"
)

// kafkaConfig is a client's configuration for a topic and group of its own.
func kafkaConfig(t *testing.T, brokers []string, name string) Config {
	t.Helper()
	cfg := testConfig(brokers)
	cfg.Topic, cfg.Group = name, name
	cfg.RequestTimeout = 15 * time.Second
	return cfg
}

func madeTopic(t *testing.T, cfg Config, partitions, replication int, configs map[string]string) *Client {
	t.Helper()
	c := client(t, cfg)
	if _, err := c.CreateTopic(deadline(t), partitions, replication, configs); err != nil {
		t.Fatal(err)
	}
	return c
}

// One broker; its subtests have a topic and a group each.
// Long because one broker, which takes long to start, serves all of it.
func TestKafka(t *testing.T) {
	_, ca, pem := certificate(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	began := time.Now()
	_, clientCA, clientPEM := certificate(t)
	k, err := kafkatest.Start(ctx, kafkatest.Config{Dir: t.TempDir(), PEM: pem, User: "alice", Password: "secret-word",
		Properties: map[string]string{
			// The listener with TLS alone wants a certificate of the client too; the
			// broker's own OAUTHBEARER takes tokens that nobody signed.
			"listener.name.tls.ssl.client.auth":               "required",
			"listener.name.tls.ssl.truststore.type":           "PEM",
			"listener.name.tls.ssl.truststore.location":       clientCA,
			"sasl.enabled.mechanisms":                         "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
			"listener.name.sasl.oauthbearer.sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
			"listener.name.stls.oauthbearer.sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
			// What has no rules is everybody's.
			"authorizer.class.name":          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":                    "User:ANONYMOUS",
			"allow.everyone.if.no.acl.found": "true",
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("one broker, formatted and ready after %v", time.Since(began).Round(10*time.Millisecond))
	brokers := k.Addrs(kafkatest.Plaintext)

	t.Run("codecs", func(t *testing.T) { kafkaCodecs(t, brokers) })
	t.Run("transactions", func(t *testing.T) {
		c := madeTopic(t, kafkaConfig(t, brokers, "transactions"), 1, 1, nil)
		writeTransactions(t, brokers, kgo.DefaultProduceTopic("transactions"))
		checkTransactions(t, c)
	})
	t.Run("group", func(t *testing.T) { kafkaGroup(t, brokers) })
	t.Run("commits", func(t *testing.T) { kafkaCommits(t, brokers) })
	t.Run("compaction", func(t *testing.T) { kafkaCompaction(t, brokers) })
	t.Run("broker's time", func(t *testing.T) { kafkaAppendTime(t, brokers) })
	t.Run("waiting", func(t *testing.T) { kafkaWaits(t, brokers) })
	t.Run("rights", func(t *testing.T) { kafkaRights(t, brokers, k.Addrs(kafkatest.SASL)) })
	t.Run("misconfigured", func(t *testing.T) {
		user := SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
		for _, test := range []struct {
			name, listener string
			tls            TLS
			sasl           SASL
			says           string
		}{
			{"no user", kafkatest.SASL, TLS{}, SASL{}, "may want a user (kafka-sasl"},
			{"no user over TLS", kafkatest.SASLTLS, TLS{Enabled: true, CA: ca}, SASL{}, "may want a user (kafka-sasl"},
			{"no TLS", kafkatest.TLS, TLS{}, SASL{}, "TLS"},
			{"no TLS, with a user", kafkatest.SASLTLS, TLS{}, user, "TLS"},
			{"TLS to a plain port", kafkatest.Plaintext, TLS{Enabled: true, CA: ca}, SASL{}, "no handshake: EOF; its listener may not use TLS"},
			{"a user to a plain port", kafkatest.Plaintext, TLS{}, user, "wants no user"},
		} {
			t.Run(test.name, func(t *testing.T) {
				cfg := kafkaConfig(t, k.Addrs(test.listener), "locked")
				cfg.TLS, cfg.SASL = test.tls, test.sasl
				_, err := client(t, cfg).ClusterID(deadline(t))
				t.Log(err)
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v; want %q", err, test.says)
				}
			})
		}
	})
	t.Run("ranges", func(t *testing.T) { kafkaRanges(t, brokers) })
	t.Run("recreated", func(t *testing.T) {
		cfg := kafkaConfig(t, brokers, "recreated")
		madeTopic(t, cfg, 1, 1, nil)
		checkRecreated(t, cfg, true, true)
	})
	t.Run("access", func(t *testing.T) {
		madeTopic(t, kafkaConfig(t, brokers, "locked"), 1, 1, nil)
		for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
			for _, listener := range []string{kafkatest.SASL, kafkatest.SASLTLS} {
				t.Run(mechanism+" "+listener, func(t *testing.T) {
					cfg := kafkaConfig(t, k.Addrs(listener), "locked")
					cfg.TLS = TLS{Enabled: listener == kafkatest.SASLTLS, CA: ca}
					cfg.SASL = SASL{Mechanism: mechanism, User: "alice",
						PasswordFile: file(t, "password", "secret-word\n")}
					checkAccess(t, cfg)
					if err := checkRefused(t, cfg); classOf(err) != "permanent" {
						t.Errorf("wrong password: got %v (%s); want permanent", err, classOf(err))
					}
				})
			}
		}
		t.Run("oauthbearer", func(t *testing.T) {
			tokens := tokenServer(t)
			cfg := kafkaConfig(t, k.Addrs(kafkatest.SASL), "locked")
			cfg.SASL = SASL{Mechanism: "oauthbearer", User: "alice", Password: tokens.secret, TokenURL: tokens.URL}
			checkAccess(t, cfg)
			tokens.lifetime = -time.Hour
			if _, err := client(t, cfg).ClusterID(deadline(t)); classOf(err) != "permanent" {
				t.Errorf("an expired token: got %v (%s); want permanent", err, classOf(err))
			}
		})
		t.Run("TLS", func(t *testing.T) {
			cfg := kafkaConfig(t, k.Addrs(kafkatest.TLS), "locked")
			cfg.TLS = TLS{Enabled: true, CA: ca, Cert: clientPEM, Key: clientPEM}
			checkAccess(t, cfg)
			without := cfg
			without.TLS.Cert, without.TLS.Key = "", ""
			if _, err := client(t, without).ClusterID(deadline(t)); err == nil {
				t.Error("the broker takes a client without a certificate")
			}
			_, cfg.TLS.CA, _ = certificate(t)
			if _, err := client(t, cfg).ClusterID(deadline(t)); classOf(err) != "permanent" {
				t.Errorf("another CA: got %v (%s); want permanent", err, classOf(err))
			}
		})
	})
	t.Run("restart", func(t *testing.T) { kafkaRestart(t, k) })
}

// kafkaCodecs: every codec's records come whole, from every kind of offset.
func kafkaCodecs(t *testing.T, brokers []string) {
	values := numbered(3000)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			topic := "codec-" + name
			c := madeTopic(t, kafkaConfig(t, brokers, topic), 1, 1, nil)
			p := producer(t, brokers, kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic(topic))
			produce(t, p, 0, values[:2000]...)
			produce(t, p, 0, values[2000:]...)
			for _, from := range []int{0, 1, 1999, 2000, 2500} {
				if got := read(t, c.Reader(0), int64(from), int64(len(values))); !slices.Equal(got,
					want(values, from)) {
					t.Fatalf("from %d: got %d records; want %d", from, len(got), len(values)-from)
				}
			}
		})
	}
	// The broker compresses again, with a codec of its own.
	t.Run("by the broker", func(t *testing.T) {
		c := madeTopic(t, kafkaConfig(t, brokers, "codec-broker"), 1, 1,
			map[string]string{"compression.type": "snappy"})
		produce(t, producer(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()),
			kgo.DefaultProduceTopic("codec-broker")), 0, values...)
		if got := read(t, c.Reader(0), 0, int64(len(values))); !slices.Equal(got, want(values, 0)) {
			t.Fatalf("got %d records; want %d", len(got), len(values))
		}
	})
}

// kafkaGroup: members join, one leaves, one dies, partitions are added.
func kafkaGroup(t *testing.T, brokers []string) {
	cfg := kafkaConfig(t, brokers, "group")
	c := madeTopic(t, cfg, 12, 1, nil)
	one := run(t, c)
	settled(t, 12, one)
	two := join(t, cfg)
	settled(t, 12, one, two)
	three := join(t, cfg)
	settled(t, 12, one, two, three)
	began := time.Now()
	three.leave()
	settled(t, 12, one, two)
	t.Logf("after a member left, its partitions had owners in %v", time.Since(began).Round(time.Millisecond))
	victim := client(t, cfg)
	cut := cuttable(victim)
	dead := run(t, victim)
	settled(t, 12, one, two, dead)
	cut()
	began = time.Now()
	settled(t, 12, one, two)
	d := time.Since(began)
	t.Logf("after a member died, its partitions had owners in %v; session timeout %v", d.Round(time.Millisecond),
		cfg.SessionTimeout)
	if d > cfg.SessionTimeout+2*time.Second {
		t.Errorf("partitions of a dead member were idle for %v", d)
	}
	grow(t, brokers, "group", 15)
	settled(t, 15, one, two)
}

func grow(t *testing.T, brokers []string, topic string, partitions int32) {
	t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, partitions
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 5000
	res, err := req.RequestWith(deadline(t), producer(t, brokers))
	if err != nil || len(res.Topics) != 1 || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("add partitions: got %+v, %v", res, err)
	}
}

// kafkaCommits: metadata comes back; a generation that is over is refused.
func kafkaCommits(t *testing.T, brokers []string) {
	cfg := kafkaConfig(t, brokers, "commits")
	c := madeTopic(t, cfg, 2, 1, nil)
	if all, err := c.GroupOffsets(deadline(t), "commits"); err != nil || len(all) != 2 || all[0].Offset != -1 {
		t.Fatalf("before the group exists: got %+v, %v", all, err)
	}
	one := run(t, c)
	old := settled(t, 2, one)[0]
	ctx := deadline(t)
	at := block.Committed{Offset: 42, Metadata: block.Declaration{First: 42, End: 99, ConfigHash: "c0ffee",
		UnixSeconds: 1700000000}.Metadata()}
	if err := old.Partition(1).Commit(ctx, at); err != nil {
		t.Fatal(err)
	}
	two := join(t, cfg)
	gens := settled(t, 2, one, two)
	if err := old.Partition(1).Commit(ctx, block.Committed{Offset: 50}); !errors.Is(err, block.ErrFenced) {
		t.Errorf("old generation: got %v; want fenced", err)
	}
	two.leave()
	if err := gens[1].Partition(0).Commit(ctx, block.Committed{Offset: 50}); !errors.Is(err, block.ErrFenced) {
		t.Errorf("a member that left: got %v; want fenced", err)
	}
	if got, err := old.Partition(1).Committed(ctx); err != nil || got != at {
		t.Errorf("got %+v, %v; want %+v", got, err, at)
	}
	long := block.Committed{Offset: 43, Metadata: string(make([]byte, 5000))}
	if err := settled(t, 2, one)[0].Partition(1).Commit(ctx, long); classOf(err) != "permanent" ||
		!errors.Is(err, kafka.OffsetMetadataTooLarge) {
		t.Errorf("metadata too large: got %v (%s)", err, classOf(err))
	}
}

// kafkaCompaction: the log cleaner leaves holes and empty batches.
func kafkaCompaction(t *testing.T, brokers []string) {
	cfg := kafkaConfig(t, brokers, "compacted")
	c := madeTopic(t, cfg, 1, 1, map[string]string{
		"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100",
		"min.compaction.lag.ms": "0", "delete.retention.ms": "0",
	})
	if compacted, err := c.Compacted(deadline(t)); err != nil || !compacted {
		t.Fatalf("compacted: got %v, %v", compacted, err)
	}
	n := writeKeyed(t, brokers, "compacted")
	// A segment is cleaned once it is closed, which the next record does.
	ctx, p := deadline(t), producer(t, brokers, kgo.DefaultProduceTopic("compacted"))
	for {
		r := &kgo.Record{Key: fmt.Appendf(nil, "k%d", n%3), Value: fmt.Appendf(nil, "v%d", n)}
		if err := p.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		n++
		if got := read(t, c.Reader(0), 0, n); int64(len(got)) < n/2 {
			t.Logf("%d of %d records are left", len(got), n)
			break
		}
		if !retry.Sleep(ctx, 200*time.Millisecond) {
			t.Fatal("the log cleaner did not run")
		}
	}
	checkCompacted(t, c, n)
}

// kafkaAppendTime: where the broker stamps records, its time counts.
func kafkaAppendTime(t *testing.T, brokers []string) {
	c := madeTopic(t, kafkaConfig(t, brokers, "stamped"), 1, 1,
		map[string]string{"message.timestamp.type": "LogAppendTime"})
	before := time.Now().Add(-time.Second)
	p := producer(t, brokers, kgo.DefaultProduceTopic("stamped"))
	if err := p.ProduceSync(t.Context(), &kgo.Record{Value: []byte("v"), Timestamp: time.UnixMilli(1)}).
		FirstErr(); err != nil {
		t.Fatal(err)
	}
	err := c.ReadRange(deadline(t), 0, 0, 1, func(r block.Record) error {
		if at := time.UnixMilli(r.UnixMilli); at.Before(before) {
			t.Errorf("got %v; want the broker's time", at)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// kafkaWaits: an idle fetch takes its wait and one that waits for a record
// comes with it; so too behind an open transaction, without a busy loop.
func kafkaWaits(t *testing.T, brokers []string) {
	c := madeTopic(t, kafkaConfig(t, brokers, "waits"), 1, 1, nil)
	r := c.Reader(0)
	idle := func(what string, offset int64) {
		t.Helper()
		began := time.Now()
		b, err := r.Fetch(deadline(t), offset, time.Second)
		if err != nil || len(b.Records) != 0 || b.Next != offset {
			t.Fatalf("%s: got %d records, next %d, %v", what, len(b.Records), b.Next, err)
		}
		if d := time.Since(began); d < 900*time.Millisecond || d > 2*time.Second {
			t.Errorf("%s: a fetch that waits 1s took %v", what, d)
		}
	}
	idle("empty partition", 0)
	p := producer(t, brokers, kgo.DefaultProduceTopic("waits"))
	woken := make(chan time.Time, 1)
	go func() {
		if b, err := r.Fetch(deadline(t), 0, 10*time.Second); err != nil || len(b.Records) != 1 {
			t.Errorf("got %d records, %v", len(b.Records), err)
		}
		woken <- time.Now()
	}()
	produce(t, p, 0, "v")
	began := time.Now()
	if d := (<-woken).Sub(began); d > time.Second {
		t.Errorf("a waiting fetch came %v after its record", d)
	}
	x := producer(t, brokers, kgo.DefaultProduceTopic("waits"), kgo.TransactionalID("waits"))
	if err := x.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, x, 0, "open")
	idle("open transaction", 1)
	if err := x.EndTransaction(deadline(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := read(t, r, 1, 3); !slices.Equal(got, []string{"1=open"}) {
		t.Errorf("after the commit: got %v", got)
	}
}

// kafkaRanges: the ends of a log, and offsets outside it.
func kafkaRanges(t *testing.T, brokers []string) {
	c := madeTopic(t, kafkaConfig(t, brokers, "ranges"), 1, 1, nil)
	p := producer(t, brokers, kgo.DefaultProduceTopic("ranges"))
	produce(t, p, 0, numbered(10)...)
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic = "ranges"
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = 4
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 5000
	if _, err := req.RequestWith(deadline(t), p); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	if first, end, err := c.Reader(0).Bounds(ctx); first != 4 || end != 10 || err != nil {
		t.Errorf("bounds: got [%d,%d), %v; want [4,10)", first, end, err)
	}
	for _, offset := range []int64{3, 11} {
		if _, err := c.Reader(0).Fetch(ctx, offset, time.Second); !errors.Is(err, block.ErrOutOfRange) {
			t.Errorf("offset %d: got %v; want out of range", offset, err)
		}
	}
	if lag, err := c.Lag(ctx, "nobody"); err != nil || lag[0] != 6 {
		t.Errorf("lag: got %v, %v; want 6", lag, err)
	}
}

// kafkaRestart: the broker is killed and comes back; the group and a reader
// go on.
func kafkaRestart(t *testing.T, k *kafkatest.Cluster) {
	brokers := k.Addrs(kafkatest.Plaintext)
	c := madeTopic(t, kafkaConfig(t, brokers, "restart"), 1, 1, map[string]string{"flush.messages": "1"})
	values := numbered(20)
	p := producer(t, brokers, kgo.DefaultProduceTopic("restart"))
	produce(t, p, 0, values[:10]...)
	in := run(t, c)
	g := settled(t, 1, in)[0]
	r := c.Reader(0)
	got := read(t, r, 0, 10)
	if err := k.Kill(0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fetch(deadline(t), 10, 100*time.Millisecond); classOf(err) != "transient" {
		t.Errorf("broker away: got %v (%s); want transient", err, classOf(err))
	}
	began := time.Now()
	ctx, cancel := contextFor(t, 2*time.Minute)
	defer cancel()
	if err := k.Restart(ctx, 0); err != nil {
		t.Fatal(err)
	}
	t.Logf("the broker was back after %v", time.Since(began).Round(10*time.Millisecond))
	produce(t, p, 0, values[10:]...)
	got = append(got, readThrough(ctx, t, r, 10, 20)...)
	if !slices.Equal(got, want(values, 0)) {
		t.Errorf("got %d records; want %d", len(got), len(values))
	}
	commitThrough(ctx, t, in, g, 1, 0, 20)
}

// Rights that are missing are found and named, and a right on the group that is
// taken away and given back costs no restart.
func kafkaRights(t *testing.T, brokers, sasl []string) {
	root := kadm.NewClient(producer(t, brokers))
	madeTopic(t, kafkaConfig(t, brokers, "guarded"), 1, 1, nil)
	cfg := kafkaConfig(t, sasl, "guarded")
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
	allow := func(b *kadm.ACLBuilder) {
		t.Helper()
		if _, err := root.CreateACLs(deadline(t), b.ResourcePatternType(kadm.ACLPatternLiteral).
			AllowHosts("*")); err != nil {
			t.Fatal(err)
		}
	}
	lacks := func(says string) {
		t.Helper()
		for ctx := deadline(t); ; { // brokers learn of rights a moment later
			err := client(t, cfg).CheckRights(ctx, true)
			if says == "" && err == nil || says != "" && classOf(err) == "permanent" &&
				strings.Contains(err.Error(), says) {
				return
			}
			if !retry.Sleep(ctx, settle) {
				t.Fatalf("got %v (%s); want %q", err, classOf(err), says)
			}
		}
	}
	allow(kadm.NewACLs().Topics("guarded").Operations(kadm.OpDescribe).Allow("User:alice"))
	allow(kadm.NewACLs().Groups("guarded").Operations(kadm.OpDescribe).Allow("User:alice"))
	lacks("grant the user Read, Describe and DescribeConfigs on the topic")
	allow(kadm.NewACLs().Topics("guarded").Operations(kadm.OpRead).Allow("User:alice"))
	lacks("DescribeConfigs on the topic; or set allow-compacted")
	allow(kadm.NewACLs().Topics("guarded").Operations(kadm.OpDescribeConfigs).Allow("User:alice"))
	lacks("grant the user Read on the consumer group")
	revoked(t, root, cfg)
	lacks("")
}
