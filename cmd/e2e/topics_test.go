package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// byTopic is how the topics of these tests are read: each its own format and service.
const byTopic = `
topics:
  - {topic: access.web, format: combined, default-service: web}
  - {pattern: '^access\.', format: json, default-service: api, mapping: {time: when, path: at, status: s}}
`

// topicLog writes topics and remembers how many lines each has.
type topicLog struct {
	t       *testing.T
	brokers string
	lines   map[string]uint64
	poison  map[string]uint64
}

func (l *topicLog) create(topic string, partitions int32) {
	l.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(l.brokers))
	if err != nil {
		l.t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(l.t.Context(), partitions, 1, nil, topic); err != nil {
		l.t.Fatal(err)
	}
}

// write appends n lines, every hundredth of which is no response.
func (l *topicLog) write(topic string, partitions, n int) {
	l.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(l.brokers), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		l.t.Fatal(err)
	}
	defer client.Close()
	at := time.Now().Add(-10 * time.Minute).UTC()
	var records []*kgo.Record
	for i := range n {
		line := fmt.Sprintf(`{"when":%q,"at":"/3/movie/%d","s":%d}`, at.Format(time.RFC3339), i%9, 200+i%2*304)
		switch {
		case i%100 == 0:
			line = "poison"
			l.poison[topic]++
		case topic == "access.web":
			line = fmt.Sprintf(`10.1.0.%d - - [%s] "GET /3/tv/%d HTTP/1.1" 200 512 "-" "curl/8"`, i%200,
				at.Format("02/Jan/2006:15:04:05 -0700"), i%9)
		}
		records = append(records, &kgo.Record{Partition: int32(i % partitions), Value: []byte(line)})
	}
	if err := client.ProduceSync(l.t.Context(), records...).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
	l.lines[topic] += uint64(n)
}

// exact waits until the ledger has every line by topic, and compares the rest.
func (l *topicLog) exact(clickhouse string) {
	l.t.Helper()
	of := func(what string) map[string]uint64 {
		return sqlCounts(l.t, clickhouse,
			"SELECT topic AS name, "+what+" FROM statline.ledger WHERE state = 'stored' AND kind = 'block' GROUP BY name")
	}
	var got map[string]uint64
	deadline := time.Now().Add(2 * time.Minute)
	for !maps.Equal(got, l.lines) && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
		if tableExists(l.t, clickhouse) {
			got = of("sum(records)")
		}
	}
	if !maps.Equal(got, l.lines) {
		l.t.Fatalf("ledger: got %v; want %v", got, l.lines)
	}
	if got := of("sum(rejected)"); !maps.Equal(got, l.poison) {
		l.t.Errorf("rejected: got %v; want %v", got, l.poison)
	}
	services := map[string]uint64{}
	for topic, n := range l.lines {
		services[map[bool]string{true: "web", false: "api"}[topic == "access.web"]] += n - l.poison[topic]
	}
	if got := sqlCounts(l.t, clickhouse,
		"SELECT toString(service) AS name, sum(requests) FROM statline.services GROUP BY name"); !maps.Equal(got,
		services) {
		l.t.Errorf("services: got %v; want %v", got, services)
	}
}

// Promise: a store of one topic becomes one of several: the topics that match a
// pattern, of different formats and services, one of them made while they are read,
// by instances of which one dies and one joins. Every figure is exact by topic, in
// the ledger, /readyz, /metrics, audit, check and rejects.
func TestRunSeveralTopics(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	runSeveralTopics(t, kafka, clickhouse)
}

// Long because it is one story, told in its order.
func runSeveralTopics(t *testing.T, kafka, clickhouse string) {
	home := t.TempDir()
	file := filepath.Join(home, "statline.yaml")
	if err := os.WriteFile(file, []byte(byTopic), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &topicLog{t: t, brokers: kafka, lines: map[string]uint64{}, poison: map[string]uint64{}}
	l.create("access.web", 3)
	l.create("access.app", 2)
	servers := []string{"--config", file, "--brokers", kafka, "--clickhouse", clickhouse}
	command := func(words ...string) []string { return append(words, servers...) }

	// The store is one of one topic at first.
	l.write("access.web", 3, 2000)
	mustAt(t, home, command("run", "--topic", "access.web", "--listen", "", "--until-caught-up")...)
	l.exact(clickhouse)

	pattern := []string{"--topic-pattern", `^access\..+`}
	var addresses []string
	instance := func() *daemon {
		at := freeAddress(t)
		addresses = append(addresses, at)
		return start(t, home, append(command("run", "--listen", at, "--kafka-session-timeout", "6s",
			"--kafka-heartbeat", "1s"), pattern...)...)
	}
	doomed, other := instance(), instance()
	l.write("access.app", 2, 3000)
	l.write("access.web", 3, 3000)
	eventually(t, time.Minute, "two instances share both topics", func() bool {
		return ownedBy(t, addresses[0])["access.web"] > 0 && ownedBy(t, addresses[1])["access.web"] > 0
	})
	l.create("access.new", 1)
	l.write("access.new", 1, 1000)
	doomed.kill(t)
	l.write("access.app", 2, 2000)
	third := instance()
	eventually(t, 2*time.Minute, "the two that live share all three topics", func() bool {
		a, b := ownedBy(t, addresses[1]), ownedBy(t, addresses[2])
		for topic, partitions := range map[string]int{"access.web": 3, "access.app": 2, "access.new": 1} {
			if a[topic]+b[topic] != partitions {
				return false
			}
		}
		return true
	})
	l.write("access.new", 1, 1000)
	l.write("access.web", 3, 1000)
	l.exact(clickhouse)
	checkTopicPages(t, l, addresses[1:])
	for _, d := range []*daemon{other, third} {
		d.terminate(t, 10*time.Second)
	}
	l.write("access.app", 2, 500)
	l.write("access.new", 1, 500)
	text := mustAt(t, home, append(command("run", "--listen", "", "--until-caught-up"), pattern...)...).stdout
	if !strings.Contains(text, "1,000 records more") {
		t.Errorf("until caught up: %s", text)
	}
	l.exact(clickhouse)

	audit := decodeJSON[struct {
		OK     bool                                 `json:"ok"`
		Groups map[string]map[string]map[string]any `json:"groups"`
	}](t, mustAt(t, home, append(command("audit", "--json"), pattern...)...).stdout)
	if !audit.OK || len(audit.Groups) != 3 || len(audit.Groups["access.web"]) != 3 {
		t.Errorf("audit: got %+v; want it clean, with three topics", audit)
	}
	check := mustAt(t, home, append(command("check"), pattern...)...).stdout
	for _, want := range []string{"kafka access.web", "format combined", "kafka access.app", "kafka access.new",
		"3 partitions"} {
		if !strings.Contains(check, want) {
			t.Errorf("check does not say %q:\n%s", want, check)
		}
	}
	rejects := mustAt(t, home, "rejects", "list", "--clickhouse", clickhouse, "--limit", "1").stdout
	for topic, n := range l.poison {
		if !regexp.MustCompile(regexp.QuoteMeta(topic) + ` .*\b` + fmt.Sprint(n)).MatchString(rejects) {
			t.Errorf("rejects by topic lack %d of %s:\n%s", n, topic, rejects)
		}
	}
	if text := mustAt(t, home, command("repair", "--topic", "access.web,access.app,access.new")...).
		stdout; !strings.Contains(text, "nothing to repair") {
		t.Errorf("repair: %s", text)
	}
	replay := mustAt(t, home, append(command("rejects", "replay"), pattern...)...).stdout
	for topic, n := range l.poison {
		if want := fmt.Sprintf("%s: 0 rejects replayed, 0 responses stored; %d are still rejects", topic,
			n); !strings.Contains(replay, want) {
			t.Errorf("replay lacks %q:\n%s", want, replay)
		}
	}
}

// topicsReady is what /readyz says of topics.
type topicsReady struct {
	Ready  bool `json:"ready"`
	Topics []struct {
		Topic      string `json:"topic"`
		Ready      bool   `json:"ready"`
		Waiting    string `json:"waiting"`
		Partitions int    `json:"partitions"`
		Owned      int    `json:"owned"`
		ConfigHash string `json:"config_hash"`
	} `json:"topics"`
	Waiting string `json:"waiting"`
}

func readyOf(t *testing.T, address string) (r topicsReady) {
	t.Helper()
	if body, status := get(t, "http://"+address+"/readyz"); status != 0 { // else it does not listen yet
		r = decodeJSON[topicsReady](t, body)
	}
	return r
}

// ownedBy is how many partitions of each topic an instance has.
func ownedBy(t *testing.T, address string) map[string]int {
	owned := map[string]int{}
	for _, of := range readyOf(t, address).Topics {
		owned[of.Topic] = of.Owned
	}
	return owned
}

// checkTopicPages wants /readyz and /metrics of the instances to be by topic.
func checkTopicPages(t *testing.T, l *topicLog, addresses []string) {
	t.Helper()
	for _, address := range addresses {
		var r topicsReady
		eventually(t, time.Minute, "three topics are ready",
			func() bool { r = readyOf(t, address); return r.Ready && len(r.Topics) == 3 })
		hashes := map[string]string{}
		for _, of := range r.Topics {
			if !of.Ready || of.Waiting != "" {
				t.Errorf("%s: got %+v", address, of)
			}
			hashes[of.Topic] = of.ConfigHash
		}
		if len(hashes) != 3 || hashes["access.web"] == hashes["access.app"] ||
			hashes["access.app"] != hashes["access.new"] {
			t.Errorf("config_hash by topic: %v", hashes)
		}
		metrics, _ := get(t, "http://"+address+"/metrics")
		for topic := range l.lines {
			for _, name := range []string{"statline_records_total", "statline_ready", "statline_kafka_commits_total"} {
				if !strings.Contains(metrics, name+`{topic="`+topic+`"}`) {
					t.Errorf("no %s of %s", name, topic)
				}
			}
		}
	}
}

// Promise: a topic of the list that does not exist is red and named, and the other
// is read.
func TestRunWithoutOneTopic(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	l := &topicLog{t: t, brokers: kafka, lines: map[string]uint64{}, poison: map[string]uint64{}}
	home := t.TempDir()
	file := filepath.Join(home, "statline.yaml")
	if err := os.WriteFile(file, []byte(byTopic), 0o600); err != nil {
		t.Fatal(err)
	}
	l.create("access.web", 1)
	l.write("access.web", 1, 500)
	at := freeAddress(t)
	d := start(t, home, "run", "--config", file, "--brokers", kafka, "--clickhouse", clickhouse, "--topic",
		"access.web,access.gone", "--listen", at)
	l.exact(clickhouse)
	r := readyOf(t, at)
	if r.Ready || !strings.Contains(r.Waiting, "access.gone") ||
		!strings.Contains(r.Waiting, "the topic does not exist") {
		t.Errorf("got %+v; want access.gone named", r)
	}
	d.terminate(t, 10*time.Second)
}
