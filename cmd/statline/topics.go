package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/mend"
	"statline/ingest/retry"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
)

// mover is what run moves records with: a pipeline of one topic, or several topics.
type mover struct {
	ingest.Worker
	collectors []prometheus.Collector
	// reload makes new blocks fold as a configuration says; an error changes nothing.
	reload func(ctx context.Context, next *config.Config) error
	hashes func() map[string]string // that new blocks of each topic are declared under
	access func(source.Access)
	close  func() error
}

// newMover connects what a configuration reads.
func newMover(ctx context.Context, c *config.Config, secret []byte, s *store.Store, log *slog.Logger) (*mover, error) {
	cfg := c.Pipeline(instanceName(), version)
	loop := retry.Loop{Pause: retry.Pause{Initial: 200 * time.Millisecond, Max: 5 * time.Second}, Log: log,
		Limit: &retry.LogLimiter{}}
	var err error
	cfg.TTL, err = retry.Get(ctx, &loop, "read how long rows are kept", func(ctx context.Context) (schema.TTL, error) {
		return schema.StoredTTL(ctx, s.Conn(), s.Database())
	})
	if err != nil {
		return nil, err
	}
	if c.Kafka.Several() {
		return moveSeveral(cfg, c, secret, s, log)
	}
	kafka := c.Kafka.Source(c.Daemon.From)
	kafka.Logger = log
	client, err := source.New(kafka)
	if err != nil {
		return nil, err
	}
	counts := &decode.Counts{} // of all configurations since the start
	foldUnder := func(of *config.Config) (fold.Config, error) {
		folding, err := of.FoldOf(c.Kafka.Topic, secret)
		folding.Decode.Counts = counts
		return folding, err
	}
	folding, err := foldUnder(c)
	var p *ingest.Pipeline
	if err == nil {
		p, err = newPipeline(cfg, client, folding, ingest.Parts{Store: s, Log: log})
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &mover{Worker: p, collectors: []prometheus.Collector{p.Collector(), client.Collector()},
		reload: func(ctx context.Context, next *config.Config) error {
			folding, err := foldUnder(next)
			if err != nil {
				return err
			}
			pool, err := fold.NewPool(folding, foldMemory(next.Daemon.MemoryBudget))
			if err != nil {
				return fmt.Errorf("decode: %w", err)
			}
			return p.Reload(ctx, pool)
		},
		hashes: func() map[string]string { return map[string]string{c.Kafka.Topic: p.ConfigHash()} },
		access: client.SetAccess, close: client.Close}, nil
}

// moveSeveral is newMover for several topics.
func moveSeveral(each ingest.Config, c *config.Config, secret []byte, s *store.Store, log *slog.Logger) (*mover,
	error) {
	kafka := c.Kafka.Source(c.Daemon.From)
	kafka.Logger = log
	group, err := source.NewGroup(kafka)
	if err != nil {
		return nil, err
	}
	cfg := ingest.DefaultTopicsConfig()
	cfg.Pipeline = each
	cfg.Names, cfg.Pattern = c.Kafka.Topics(), c.Kafka.Pattern()
	rules := topicRules(secret)
	topics, err := ingest.NewTopics(cfg, ingest.TopicsParts{Subscription: ingest.KafkaGroup(group), Store: s,
		Rules: rules(c), Log: log, Limit: group.LogLimiter()})
	if err != nil {
		return nil, errors.Join(err, group.Close())
	}
	return &mover{Worker: topics, collectors: []prometheus.Collector{topics.Collector(), group.Collector()},
		reload: func(ctx context.Context, next *config.Config) error { return topics.Reload(ctx, rules(next)) },
		hashes: topics.ConfigHashes, access: group.SetAccess, close: group.Close}, nil
}

// topicRules makes the rules of each topic for one configuration after the other. A
// topic's counts go on over all of them.
func topicRules(secret []byte) func(*config.Config) ingest.TopicRules {
	var mu sync.Mutex
	all := map[string]*decode.Counts{}
	return func(c *config.Config) ingest.TopicRules {
		memory := foldMemory(c.Daemon.MemoryBudget) / max(2, len(c.Kafka.Topics()))
		return func(topic string) (ingest.Rules, *decode.Counts, error) {
			folding, err := c.FoldOf(topic, secret)
			if err != nil {
				return nil, nil, err
			}
			mu.Lock()
			if all[topic] == nil {
				all[topic] = &decode.Counts{}
			}
			folding.Decode.Counts = all[topic]
			mu.Unlock()
			pool, err := fold.NewPool(folding, memory)
			if err != nil {
				return nil, nil, fmt.Errorf("decode: %w", err)
			}
			return pool, folding.Decode.Counts, nil
		}
	}
}

// topicNames are the topics that a command is about: those that are named, or those
// that exist and match the pattern.
func topicNames(ctx context.Context, c *config.Config) (names []string, err error) {
	pattern := c.Kafka.Pattern()
	if pattern == nil {
		return c.Kafka.Topics(), nil
	}
	group, err := source.NewGroup(c.Kafka.Source(c.Daemon.From))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	if names, err = group.Topics(ctx, pattern); err == nil && len(names) == 0 {
		err = fmt.Errorf("topic-pattern: no topic matches %s", pattern)
	}
	return names, err
}

// kafkaOf is the configuration of a client for one of the topics.
func kafkaOf(c *config.Config, topic string) source.Config {
	cfg := c.Kafka.Source(c.Daemon.From)
	cfg.Topic = topic
	return cfg
}

// openTopic is a topic whose records are read again.
type openTopic struct {
	name    string
	client  *source.Client
	folding fold.Config
}

// openTopics are the topics of a configuration, and their store.
type openTopics struct {
	all   []openTopic
	store *store.Store
	block block.Config // of the first
}

// openLogs opens the topics without a store; close closes them.
func openLogs(ctx context.Context, c *config.Config, secret []byte) (t *openTopics, err error) {
	names, err := topicNames(ctx, c)
	if err != nil {
		return nil, err
	}
	t = &openTopics{block: block.DefaultConfig()}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	for _, name := range names {
		of := openTopic{name: name}
		if of.folding, err = c.FoldOf(name, secret); err != nil {
			return t, err
		}
		if of.client, err = source.New(kafkaOf(c, name)); err != nil {
			return t, err
		}
		t.all = append(t.all, of)
	}
	t.block.Topic, t.block.Group, t.block.Instance, t.block.Version = names[0], c.Kafka.Group, instanceName(), version
	t.block.Cluster, err = t.all[0].client.ClusterID(ctx)
	return t, err
}

// open opens the topics and their store.
func open(ctx context.Context, c *config.Config) (*openTopics, error) {
	secret, err := c.HMAC()
	if err != nil {
		return nil, err
	}
	t, err := openLogs(ctx, c, secret)
	if err != nil {
		return nil, err
	}
	if t.store, err = ingest.OpenStore(ctx, ingest.Opening{Store: c.ClickHouse.Store(),
		SecretID: decode.SecretID(secret)}); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *openTopics) close() (err error) {
	if t.store != nil {
		err = t.store.Close()
	}
	for _, of := range t.all {
		err = errors.Join(err, of.client.Close())
	}
	return err
}

// others are the topics after the first, with their partitions.
func (t *openTopics) others(ctx context.Context) (map[string]mend.Topic, error) {
	others := map[string]mend.Topic{}
	for _, of := range t.all[1:] {
		partitions, err := of.client.Partitions(ctx)
		if err != nil {
			return nil, err
		}
		others[of.name] = mend.Topic{Log: of.client, Fold: of.folding, Partitions: partitions}
	}
	return others, nil
}

// named selects the topics that a reject's position can be in: all of them when it
// names none.
func (t *openTopics) named(topic string) ([]openTopic, error) {
	if topic == "" {
		return t.all, nil
	}
	i := slices.IndexFunc(t.all, func(of openTopic) bool { return of.name == topic })
	if i < 0 {
		var names []string
		for _, of := range t.all {
			names = append(names, of.name)
		}
		return nil, usage("at: got a place in topic %s; want one in %s, or --topic %s", topic,
			strings.Join(names, ", "), topic)
	}
	return t.all[i : i+1], nil
}
