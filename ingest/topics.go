package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/retry"
)

// Subscription is several topics of a cluster, read as one member of a consumer
// group.
type Subscription interface {
	// Topics lists the topics that exist and match, sorted.
	Topics(ctx context.Context, pattern *regexp.Regexp) ([]string, error)
	// Source is one topic, which may not exist yet.
	Source(topic string) (s Source, closed func() error, err error)
	// Run keeps up the membership that the sources' RunGroup takes part in.
	Run(ctx context.Context) error
}

// TopicRules makes the rules of a topic, and returns where their decoders count.
type TopicRules func(topic string) (Rules, *decode.Counts, error)

// TopicsConfig says which topics are read. Each has a pipeline of its own, and all
// share the memory.
type TopicsConfig struct {
	Pipeline Config // its topic is ignored
	// Names are read when Pattern is nil, whether or not they exist yet; otherwise all
	// topics that match, including those that are made later.
	Names   []string
	Pattern *regexp.Regexp
	// FindEvery is the time between two searches for topics that match. A topic that
	// has disappeared is given up after GoneAfter.
	FindEvery, GoneAfter time.Duration
}

// DefaultTopicsConfig is a config that only lacks names.
func DefaultTopicsConfig() TopicsConfig {
	return TopicsConfig{Pipeline: DefaultConfig(), FindEvery: 15 * time.Second, GoneAfter: time.Minute}
}

// TopicsParts is what Topics are made of; see Parts.
type TopicsParts struct {
	Subscription Subscription
	Store        Store
	Rules        TopicRules
	Log          *slog.Logger
	Whole        *block.Whole
	Limit        *retry.LogLimiter
}

// Topics moves several topics into the store. It guarantees for each what Pipeline
// does: a topic that cannot go on, or does not exist, does not stop the others, and
// turns readiness off.
type Topics struct {
	cfg    TopicsConfig
	parts  TopicsParts
	bounds *bounds
	log    *slog.Logger

	mu      sync.Mutex
	rules   TopicRules
	lanes   map[string]*lane
	waiting string // for a topic that matches, "" when there was one
}

// lane is one topic and its pipeline.
type lane struct {
	topic    string
	pipeline *Pipeline
	closed   func() error // closes its source
	stop     context.CancelFunc
	missed   time.Time // since when the cluster does not list it; zero: it does
}

// NewTopics checks the configuration.
func NewTopics(cfg TopicsConfig, parts TopicsParts) (*Topics, error) {
	each := cfg.Pipeline
	each.Block.Topic = "each"
	if err := each.Validate(); err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	if len(cfg.Names) == 0 && cfg.Pattern == nil {
		return nil, errors.New("topics: got none; want names or a pattern")
	}
	t := &Topics{cfg: cfg, parts: parts, rules: parts.Rules, log: parts.Log, lanes: map[string]*lane{}}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.parts.Limit == nil {
		t.parts.Limit = &retry.LogLimiter{}
	}
	t.bounds = newBounds(parts.Store, cfg.Pipeline.MemoryBudget)
	t.bounds.several = true
	if cfg.Pattern != nil {
		t.waiting = "not started"
		return t, nil
	}
	for _, name := range cfg.Names {
		if _, err := t.add(name, false); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// add makes a topic's pipeline; appeared says that the topic was made after the start.
func (t *Topics) add(name string, appeared bool) (*lane, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rules, counts, err := t.rules(name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	s, closed, err := t.parts.Subscription.Source(name)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	cfg := t.cfg.Pipeline
	cfg.Block.Topic = name
	p, err := newPipeline(cfg, Parts{Source: s, Rules: rules, Decoded: counts, Log: t.log,
		Whole: t.parts.Whole, Limit: t.parts.Limit}, t.bounds)
	if err != nil {
		return nil, errors.Join(err, closed())
	}
	p.appeared = appeared
	l := &lane{topic: name, pipeline: p, closed: closed}
	t.lanes[name] = l
	return l, nil
}

// Run reads the topics until ctx ends or, with UntilCaughtUp, until everything is
// stored that they held at the start. The error says what an operator has to do: the
// group cannot be joined, or what a pipeline could not do with UntilCaughtUp.
func (t *Topics) Run(ctx context.Context) error {
	// The membership outlives ctx for as long as declared blocks need.
	member, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	work, end := context.WithCancel(ctx)
	defer end()
	joined := make(chan error, 1)
	go func() {
		err := t.parts.Subscription.Run(member)
		if err != nil {
			end()
		}
		joined <- err
	}()
	err := t.read(work)
	leave()
	if failed := <-joined; failed != nil {
		return failed
	}
	return err
}

// read runs the pipelines, including those of topics that appear later.
func (t *Topics) read(ctx context.Context) error {
	var lanes sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	begin := func(l *lane) {
		own, stop := context.WithCancel(ctx)
		t.mu.Lock()
		l.stop = stop
		t.mu.Unlock()
		lanes.Go(func() {
			defer stop()
			err := errors.Join(t.work(own, l), l.closed())
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		})
	}
	var err error
	if t.cfg.Pattern != nil {
		err = t.follow(ctx, begin)
	} else {
		for _, l := range t.sorted() {
			begin(l)
		}
	}
	lanes.Wait()
	return errors.Join(err, errors.Join(failed...))
}

// work runs one topic's pipeline. When it cannot go on it runs again after a while: an
// operator may have mended the cause. The other topics go on meanwhile.
func (t *Topics) work(ctx context.Context, l *lane) error {
	for {
		err := l.pipeline.Run(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case t.cfg.Pipeline.UntilCaughtUp:
			return fmt.Errorf("topic %s: %w", l.topic, err)
		}
		l.pipeline.tracker.wait(err.Error())
		t.log.Error("topic stopped", "topic", l.topic, "err", err)
		if !retry.Sleep(ctx, t.cfg.Pipeline.RetryStopped) {
			return nil
		}
	}
}

// follow searches for topics that match until ctx ends; with UntilCaughtUp once.
func (t *Topics) follow(ctx context.Context, begin func(*lane)) error {
	loop := retry.Loop{
		Pause:  retry.Pause{Initial: 200 * time.Millisecond, Max: 5 * time.Second},
		Failed: func(f retry.Failure) { t.wait(f.What + ": " + f.Err.Error()) },
		Log:    t.log, Limit: t.parts.Limit,
	}
	for found := false; ; {
		names, err := retry.Get(ctx, &loop, "find topics that match "+t.cfg.Pattern.String(),
			func(ctx context.Context) ([]string, error) {
				return t.parts.Subscription.Topics(ctx, t.cfg.Pattern)
			})
		if err == nil {
			err = t.match(names, found, begin)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !found:
			return err
		case err != nil:
			t.log.Error("find topics", "err", err)
		case t.cfg.Pipeline.UntilCaughtUp:
			return nil
		}
		found = true
		if !retry.Sleep(ctx, t.cfg.FindEvery) {
			return nil
		}
	}
}

// match begins new topics and gives up those that are gone.
func (t *Topics) match(names []string, appeared bool, begin func(*lane)) error {
	for _, name := range names {
		t.mu.Lock()
		l := t.lanes[name]
		if l != nil {
			l.missed = time.Time{}
		}
		t.mu.Unlock()
		if l != nil {
			continue
		}
		l, err := t.add(name, appeared)
		if err != nil {
			return err
		}
		t.log.Info("topic found", "topic", name, "config_hash", l.pipeline.ConfigHash())
		begin(l)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting = ""; len(t.lanes) == 0 {
		t.waiting = fmt.Sprintf("no topic matches %s", t.cfg.Pattern)
	}
	for name, l := range t.lanes {
		switch {
		case slices.Contains(names, name):
		case l.missed.IsZero():
			l.missed = time.Now()
		case time.Since(l.missed) >= t.cfg.GoneAfter:
			t.log.Warn("topic gone", "topic", name)
			l.stop()
			delete(t.lanes, name)
		}
	}
	return nil
}

func (t *Topics) wait(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lanes) == 0 {
		t.waiting = what
	}
}

// sorted lists the topics at work by name.
func (t *Topics) sorted() []*lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.lanes), func(a, b *lane) int { return strings.Compare(a.topic, b.topic) })
}

// Reload makes new blocks fold under the rules that under makes, from the next block
// of each partition on; an error changes nothing. It is safe for concurrent use.
func (t *Topics) Reload(ctx context.Context, under TopicRules) error {
	lanes := t.sorted()
	next := make([]*rules, len(lanes))
	for i, l := range lanes {
		f, _, err := under(l.topic)
		if err != nil {
			return fmt.Errorf("topic %s: %w", l.topic, err)
		}
		next[i] = newRules(f)
		if next[i].hash == l.pipeline.ConfigHash() {
			next[i] = nil // the current rules make the same rows, and hold memory already
		} else if err := l.pipeline.keepConfig(ctx, next[i]); err != nil {
			return fmt.Errorf("store configuration %s: %w", next[i].hash, err)
		}
	}
	t.mu.Lock()
	t.rules = under
	t.mu.Unlock()
	for i, l := range lanes {
		if next[i] != nil {
			l.pipeline.rules.Store(next[i])
		}
	}
	return nil
}

// ConfigHashes are what new blocks of each topic are declared under.
func (t *Topics) ConfigHashes() map[string]string {
	hashes := map[string]string{}
	for _, l := range t.sorted() {
		hashes[l.topic] = l.pipeline.ConfigHash()
	}
	return hashes
}

// Hurry says that nothing more is going to be produced; see Pipeline.Hurry.
func (t *Topics) Hurry() {
	for _, l := range t.sorted() {
		l.pipeline.Hurry()
	}
}

// Healthy is nil as long as every loop of every topic moves or waits for a server.
func (t *Topics) Healthy() error {
	var all []error
	for _, l := range t.sorted() {
		if err := l.pipeline.Healthy(); err != nil {
			all = append(all, fmt.Errorf("topic %s: %w", l.topic, err))
		}
	}
	return errors.Join(all...)
}
