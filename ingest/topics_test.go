package ingest_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/source"
	"statline/ingest/store"
)

// several is several topics of one prefix, each of its own format.
type several struct {
	t       *testing.T
	rig     *ingesttest.Rig
	brokers []string
	change  func(*ingest.TopicsConfig)

	mu    sync.Mutex
	lines map[string]uint64 // of each topic, by now
	bad   map[string]uint64 // those that are no response
}

// rules reads a topic of the name …web as combined lines and every other one as
// what it is, with the topic's last word as the service of lines that name none.
func (s *several) rules(topic string) (ingest.Rules, *decode.Counts, error) {
	c := s.rig.Fold
	word := topic[strings.LastIndexByte(topic, '.')+1:]
	c.Decode.Service = word
	if word == "web" {
		c.Decode.Format = "combined"
	}
	c.Decode.Counts = &decode.Counts{}
	pool, err := fold.NewPool(c, 4<<20)
	return pool, c.Decode.Counts, err
}

// instance runs Topics until ended is called, which waits.
func (s *several) instance(name string) (topics *ingest.Topics, ended func() error) {
	s.t.Helper()
	k := source.DefaultConfig()
	k.Brokers, k.Group = s.brokers, "statline"
	k.SessionTimeout, k.HeartbeatInterval, k.RebalanceTimeout, k.JoinBackoff = 6*time.Second, 200*time.Millisecond,
		6*time.Second, 100*time.Millisecond
	g, err := source.NewGroup(k)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := ingest.DefaultTopicsConfig()
	cfg.Pipeline = ingesttest.Config()
	cfg.Pipeline.Block.Instance = name
	cfg.Pipeline.Block.StopTimeout = time.Nanosecond // a stop is as good as a kill
	cfg.Pipeline.Block.Limits.Records = 300
	cfg.Pipeline.AuditEvery = 500 * time.Millisecond
	cfg.FindEvery, cfg.GoneAfter = 200*time.Millisecond, 2*time.Second
	cfg.Pattern = regexp.MustCompile("^" + regexp.QuoteMeta(s.rig.Topic) + `\..+`)
	if s.change != nil {
		s.change(&cfg)
	}
	topics, err = ingest.NewTopics(cfg, ingest.TopicsParts{Subscription: ingest.KafkaGroup(g), Store: s.rig.Into,
		Rules: s.rules, Log: s.rig.Log})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	done := make(chan error, 1)
	go func() { done <- topics.Run(ctx) }()
	ended = sync.OnceValue(func() error {
		stop()
		err := <-done
		if cerr := g.Close(); err == nil {
			err = cerr
		}
		return err
	})
	s.t.Cleanup(func() { _ = ended() })
	return topics, ended
}

func (s *several) topic(word string, partitions int32) *cluster {
	c := &cluster{t: s.t, brokers: s.brokers, topic: s.rig.Topic + "." + word}
	c.create(partitions)
	return c
}

// write appends n lines to a topic, every fiftieth of which is no response.
func (s *several) write(c *cluster, partitions, n int) {
	s.t.Helper()
	client, _ := c.admin()
	word := c.topic[strings.LastIndexByte(c.topic, '.')+1:]
	var records []*kgo.Record
	at := time.Now().Add(-time.Minute).UTC()
	for i := range n {
		line := fmt.Sprintf(`{"time":%q,"method":"GET","path":"/3/movie/%d","status":200}`, at.Format(time.RFC3339),
			i%7)
		if word == "web" {
			line = fmt.Sprintf(`10.0.0.%d - - [%s] "GET /3/movie/%d HTTP/1.1" 200 512 "-" "curl/8"`, i%200,
				at.Format("02/Jan/2006:15:04:05 -0700"), i%7)
		}
		if i%50 == 0 {
			line = "poison " + word
		}
		records = append(records, &kgo.Record{Partition: int32(i % partitions), Value: []byte(line)})
	}
	if err := client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[c.topic] += uint64(n)
	s.bad[c.topic] += uint64((n + 49) / 50)
}

// exact waits until each topic's ledger has all of its lines, and compares ledger,
// services and rejects with them.
func (s *several) exact() {
	s.t.Helper()
	records := func() map[string]uint64 {
		got := map[string]uint64{}
		report, err := s.rig.Store.Audit(s.t.Context(),
			store.AuditOptions{TTL: ingest.DefaultConfig().TTL, Now: time.Now()})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range report.Partitions {
			got[p.Topic] += p.Records
		}
		return got
	}
	until(s.t, "every line", func() bool { got := records(); return maps.Equal(got, s.lines) || over(got, s.lines) })
	rejected, services := map[string]uint64{}, map[string]uint64{}
	for _, p := range s.rig.Audit().Partitions {
		rejected[p.Topic] += p.Rejected
	}
	want := map[string]uint64{}
	for topic, n := range s.lines {
		want[topic[strings.LastIndexByte(topic, '.')+1:]] = n - s.bad[topic]
	}
	rows, err := store.Select[struct {
		Service  string `ch:"service"`
		Requests uint64 `ch:"n"`
	}](s.t.Context(), s.rig.Store,
		"SELECT toString(service) AS service, sum(requests) AS n FROM "+s.rig.Store.Table("services")+" GROUP BY service")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range rows {
		services[r.Service] = r.Requests
	}
	for _, d := range []string{cmp.Diff(s.lines, records()), cmp.Diff(s.bad, rejected), cmp.Diff(want, services)} {
		if d != "" {
			s.t.Errorf("by topic (-written +stored):\n%s", d)
		}
	}
}

// over says that more is stored of a topic than was written.
func over(got, want map[string]uint64) bool {
	for topic, n := range got {
		if n > want[topic] {
			return true
		}
	}
	return false
}

// Promise: topics that match a pattern, each of its own format and service, are
// exact by topic, also one that is made while they are read, while instances come,
// die and share the partitions; poison lines of one stop no other.
func TestSeveralTopics(t *testing.T) {
	severalTopics(t, "several_topics", nil)
}

func severalTopics(t *testing.T, name string, brokers []string) {
	s := newSeveral(t, name, brokers)
	web, api := s.topic("web", 3), s.topic("api", 2)
	s.write(web, 3, 3000)
	s.write(api, 2, 3000)
	one, first := s.instance("one")
	two, second := s.instance("two")
	until(t, "two instances share two topics", func() bool {
		return owns(one, web.topic) > 0 && owns(two, web.topic) > 0 && owns(one, api.topic) == 1 &&
			owns(two, api.topic) == 1
	})
	later := s.topic("later", 1)
	s.write(later, 1, 2000)
	s.write(web, 3, 2000)
	until(t, "the topic that was made while they run is read",
		func() bool { return owns(one, later.topic)+owns(two, later.topic) == 1 })
	if err := first(); err != nil {
		t.Error(err)
	}
	s.write(api, 2, 2000)
	three, third := s.instance("three")
	s.write(later, 1, 2000)
	until(t, "the third has a share", func() bool { return owns(three, web.topic) > 0 })
	s.exact()
	for _, instance := range []*ingest.Topics{two, three} {
		if st := instance.Status(); len(st.Topics) != 3 || !st.Ready {
			t.Errorf("got %+v; want three topics and all of them ready", st)
		}
		if err := instance.Healthy(); err != nil {
			t.Error(err)
		}
	}
	for _, ended := range []func() error{second, third} {
		if err := ended(); err != nil {
			t.Error(err)
		}
	}
	s.exact()
}

func newSeveral(t *testing.T, name string, brokers []string) *several {
	s := &several{t: t, rig: ingesttest.New(t, name), brokers: brokers, lines: map[string]uint64{},
		bad: map[string]uint64{}}
	if brokers == nil {
		s.brokers = s.rig.Brokers()
	}
	return s
}

// owns is how many partitions of a topic an instance has.
func owns(of *ingest.Topics, topic string) int {
	for _, t := range of.Status().Topics {
		if t.Topic == topic {
			return t.Owned
		}
	}
	return 0
}

// Promise: a topic of the list that does not exist yet is red, by name, and the
// others go on; once it is made it is read. Metrics are by topic.
func TestTopicOfTheListIsMissing(t *testing.T) {
	s := newSeveral(t, "missing_topic", nil)
	api := s.topic("api", 2)
	s.write(api, 2, 500)
	later := &cluster{t: t, brokers: s.brokers, topic: s.rig.Topic + ".web"}
	s.change = func(c *ingest.TopicsConfig) { c.Pattern, c.Names = nil, []string{api.topic, later.topic} }
	topics, ended := s.instance("one")
	s.exact()
	until(t, "the topic that is not there is red", func() bool {
		st := topics.Status()
		return !st.Ready && strings.Contains(st.Waiting, later.topic) &&
			strings.Contains(st.Waiting, source.ErrNoTopic.Error())
	})
	for _, of := range topics.Status().Topics {
		if of.Ready != (of.Topic == api.topic) {
			t.Errorf("got %+v", of)
		}
	}
	if got, want := gauges(t, topics, "statline_ready"),
		map[string]float64{api.topic: 1, later.topic: 0}; !maps.Equal(got, want) {
		t.Errorf("statline_ready: got %v; want %v", got, want)
	}
	later.create(1)
	s.write(later, 1, 500)
	s.exact()
	until(t, "all is ready", func() bool { return topics.Status().Ready })
	want := map[string]float64{}
	for topic, n := range s.lines {
		want[topic] = float64(n)
	}
	if got := gauges(t, topics, "statline_records_total"); !maps.Equal(got, want) {
		t.Errorf("statline_records_total: got %v; want %v", got, want)
	}
	if err := ended(); err != nil {
		t.Error(err)
	}
}

// Promise: a topic that cannot be read at all, here a compacted one, is red and says
// why, and the others go on.
func TestOneTopicCannotBeRead(t *testing.T) {
	s := newSeveral(t, "refused_topic", nil)
	api := s.topic("api", 1)
	s.write(api, 1, 300)
	bad := &cluster{t: t, brokers: s.brokers, topic: s.rig.Topic + ".bad"}
	compact := "compact"
	_, admin := bad.admin()
	if _, err := admin.CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact},
		bad.topic); err != nil {
		t.Fatal(err)
	}
	topics, ended := s.instance("one")
	s.exact()
	until(t, "the compacted topic is red", func() bool {
		st := topics.Status()
		return !st.Ready && strings.Contains(st.Waiting, bad.topic) && strings.Contains(st.Waiting, "allow-compacted")
	})
	s.write(api, 1, 300)
	s.exact()
	if err := ended(); err != nil {
		t.Error(err)
	}
}

// Promise: a reload changes how topics are read from the next block on, a topic that
// nothing changes for keeps its config_hash, and one that fails changes nothing.
func TestTopicsReload(t *testing.T) {
	s := newSeveral(t, "reloaded_topics", nil)
	api, web := s.topic("api", 1), s.topic("web", 1)
	s.write(api, 1, 200)
	s.write(web, 1, 200)
	topics, ended := s.instance("one")
	s.exact()
	before := topics.ConfigHashes()
	refuse := func(string) (ingest.Rules, *decode.Counts, error) { return nil, nil, fmt.Errorf("a bad file") }
	if err := topics.Reload(t.Context(), refuse); err == nil || !maps.Equal(topics.ConfigHashes(), before) {
		t.Errorf("a bad reload: got %v and %v; want an error and %v", err, topics.ConfigHashes(), before)
	}
	other := func(topic string) (ingest.Rules, *decode.Counts, error) {
		if topic == api.topic {
			return s.rules(s.rig.Topic + ".new")
		}
		return s.rules(topic)
	}
	if err := topics.Reload(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	after := topics.ConfigHashes()
	if after[api.topic] == before[api.topic] || after[web.topic] != before[web.topic] {
		t.Errorf("got %v after %v; want another hash of %s alone", after, before, api.topic)
	}
	s.write(api, 1, 200)
	until(t, "blocks are stored under the new configuration", func() bool {
		spans := s.rig.Audit().Configurations
		return slices.ContainsFunc(spans,
			func(c store.ConfigSpan) bool { return c.ConfigHash == after[api.topic] && c.Topic == api.topic })
	})
	if err := ended(); err != nil {
		t.Error(err)
	}
}

// gauges are the values of a metric by topic.
func gauges(t *testing.T, of *ingest.Topics, name string) map[string]float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(of.Collector())
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetName() == "topic" {
					got[l.GetValue()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
	}
	return got
}

// Promise: a topic that is deleted while a pattern matches it is given up after a
// while, and readiness comes back; the others go on.
func TestMatchedTopicIsDeleted(t *testing.T) {
	s := newSeveral(t, "deleted_topic", nil)
	api, web := s.topic("api", 1), s.topic("web", 1)
	s.write(api, 1, 100)
	s.write(web, 1, 100)
	topics, ended := s.instance("one")
	s.exact()
	_, admin := web.admin()
	if _, err := admin.DeleteTopic(t.Context(), web.topic); err != nil {
		t.Fatal(err)
	}
	until(t, "the deleted topic is given up", func() bool {
		st := topics.Status()
		return st.Ready && len(st.Topics) == 1
	})
	s.write(api, 1, 100)
	s.exact()
	if err := ended(); err != nil {
		t.Error(err)
	}
}

// Promise: a store of one topic goes on where it is when its topic becomes one of
// several, and none of its blocks is read again.
func TestOneTopicBecomesSeveral(t *testing.T) {
	s := newSeveral(t, "one_becomes_several", nil)
	api := s.topic("api", 2)
	s.write(api, 2, 1000)
	s.rig.Topic = api.topic
	s.rig.Fold.Decode.Service = "api"
	if err := s.rig.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s.exact()
	web := s.topicNamed("one_becomes_several.web", 1)
	s.write(web, 1, 500)
	s.write(api, 2, 500)
	s.change = func(c *ingest.TopicsConfig) {
		c.Pattern, c.Names = nil, []string{api.topic, web.topic}
		c.Pipeline.UntilCaughtUp = true
	}
	topics, _ := s.instance("two")
	s.exact()
	hashes := topics.ConfigHashes()
	if slices.Sorted(maps.Keys(hashes))[0] != api.topic || hashes[api.topic] == hashes[web.topic] {
		t.Errorf("got %v; want a configuration of its own for each topic", hashes)
	}
	for _, c := range s.rig.Audit().Configurations {
		if c.ConfigHash != hashes[c.Topic] {
			t.Errorf("%s was stored under %s; want %s, the one of the topic alone", c.Topic, c.ConfigHash,
				hashes[c.Topic])
		}
	}
}

func (s *several) topicNamed(name string, partitions int32) *cluster {
	c := &cluster{t: s.t, brokers: s.brokers, topic: name}
	c.create(partitions)
	return c
}
