package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// recreate deletes a topic and makes it again under its name.
func recreate(t testing.TB, brokers []string, topic string, partitions int32) {
	t.Helper()
	ctx, admin := deadline(t), kadm.NewClient(producer(t, brokers))
	if _, err := admin.DeleteTopic(ctx, topic); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
		if err == nil {
			break
		}
		if !retry.Sleep(ctx, settle) { // Apache Kafka deletes in the background
			t.Fatal(err)
		}
	}
}

// produceTo writes with a client of its own, which knows nothing of a topic's
// earlier life.
func produceTo(t testing.TB, brokers []string, topic string, values ...string) {
	t.Helper()
	produce(t, producer(t, brokers, kgo.DefaultProduceTopic(topic)), 0, values...)
}

// checkRecreated writes ten records, makes the topic again with twenty, and reads
// on from where the first ten end.
func checkRecreated(t *testing.T, cfg Config, hasID, byID bool) {
	t.Helper()
	brokers, topic := cfg.Brokers, cfg.Topic
	c := client(t, cfg)
	r := c.Reader(0)
	old := numbered(10)
	produceTo(t, brokers, topic, old...)
	if got := read(t, r, 0, 10); !slices.Equal(got, want(old, 0)) {
		t.Fatalf("before: got %v", got)
	}
	id, err := c.TopicID(deadline(t))
	if err != nil || (id != "") != hasID {
		t.Fatalf("topic id: got %q, %v; want one: %t", id, err, hasID)
	}
	recreate(t, brokers, topic, 1)
	produceTo(t, brokers, topic, numbered(20)...)

	ctx := deadline(t)
	var now string
	for now = id; now == id && hasID; {
		if now, err = c.TopicID(ctx); err != nil && !again(err) {
			t.Fatal(err)
		}
	}
	var b block.Fetch
	for len(b.Records) == 0 {
		if b, err = r.Fetch(ctx, 10, 100*time.Millisecond); err != nil && !again(err) {
			t.Fatal(err)
		}
		if len(b.Records) > 0 && b.TopicID == id && byID {
			t.Fatalf("records of the new log as those of topic id %s", id)
		}
	}
	if b.HighWatermark != 20 || b.LastStable != 20 {
		t.Errorf("the log ends at %d and is decided up to %d; want 20 and 20", b.HighWatermark, b.LastStable)
	}
	if want := map[bool]string{true: now}[byID]; b.TopicID != want {
		t.Errorf("the batch is of topic id %q; want %q", b.TopicID, want)
	}
}

// Promise: what is read names the topic by its id, so that a topic deleted and
// made again under its name is never read on as the old one. Brokers without ids,
// or that take a name only, say so.
func TestTopicRecreated(t *testing.T) {
	for _, test := range []struct {
		name        string
		opts        []kfake.Opt
		hasID, byID bool
	}{
		{"newest", nil, true, true},
		{"Kafka 3.1", []kfake.Opt{kfake.MaxVersions(kversion.V3_1_0())}, true, true},
		{"Kafka 2.8, which fetches by name", []kfake.Opt{kfake.MaxVersions(kversion.V2_8_0())}, true, false},
		{"Kafka 2.7, without ids", []kfake.Opt{kfake.MaxVersions(kversion.V2_7_0())}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkRecreated(t, testConfig(broker(t, 1, test.opts...).ListenAddrs()), test.hasID, test.byID)
		})
	}
}

// A batch fetched before the topic was made again stays the old topic's, also the
// rest of it that is handed out afterwards.
func TestTopicIDOfTheRest(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	cfg.BatchRecords = 4
	c := client(t, cfg)
	produceTo(t, cfg.Brokers, "access", numbered(10)...)
	id, err := c.TopicID(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	r := c.Reader(0)
	one, err := r.Fetch(deadline(t), 0, time.Second)
	if err != nil || len(one.Records) != 4 || one.TopicID != id {
		t.Fatalf("got %d records of topic id %s, %v; want 4 of %s", len(one.Records), one.TopicID, err, id)
	}
	recreate(t, cfg.Brokers, "access", 1)
	produceTo(t, cfg.Brokers, "access", numbered(20)...)
	if now, err := c.TopicID(deadline(t)); err != nil || now == id {
		t.Fatalf("got topic id %s, %v; want another than %s", now, err, id)
	}
	two, err := r.Fetch(deadline(t), 4, time.Second)
	if err != nil || len(two.Records) != 4 || two.TopicID != id {
		t.Errorf("got %d records of topic id %s, %v; want 4 of %s", len(two.Records), two.TopicID, err, id)
	}
}

// The id is asked for at each call, by one request for those that call at once.
func TestTopicIDShared(t *testing.T) {
	b := broker(t, 1)
	c := client(t, testConfig(b.ListenAddrs()))
	var wg sync.WaitGroup
	ids := make([]string, 50)
	for i := range ids {
		wg.Go(func() {
			var err error
			if ids[i], err = c.TopicID(deadline(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ids = slices.Compact(ids); len(ids) != 1 || ids[0] == "" {
		t.Errorf("got %q; want one id", ids)
	}
	if err := b.DeleteTopic("access"); err != nil {
		t.Fatal(err)
	}
	if id, err := c.TopicID(deadline(t)); !errors.Is(err, ErrNoTopic) || !again(err) {
		t.Errorf("deleted: got %q, %v; want that there is no topic, for now", id, err)
	}
}

// StampOf finds one record beside a fetch that waits.
func TestStampOf(t *testing.T) {
	b := broker(t, 1)
	cfg := testConfig(b.ListenAddrs())
	in := join(t, cfg)
	o := settled(t, 1, in)[0].Partition(0)
	produceTo(t, cfg.Brokers, "access", numbered(10)...)
	batch, err := o.Fetch(deadline(t), 7, time.Second)
	if err != nil || len(batch.Records) == 0 {
		t.Fatal(err)
	}
	stamp := batch.Records[0].UnixMilli
	waiting := make(chan error, 1)
	go func() {
		_, err := o.Fetch(deadline(t), 10, time.Second)
		waiting <- err
	}()
	if got, ok, err := o.StampOf(deadline(t), 7); err != nil || !ok || got != stamp {
		t.Errorf("got %d, %t, %v; want %d", got, ok, err, stamp)
	}
	if _, ok, err := o.StampOf(deadline(t), 11); ok || !errors.Is(err, block.ErrOutOfRange) {
		t.Errorf("beyond the end: got %t, %v; want out of range", ok, err)
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

// FuzzResponses: responses that are cut, or say anything, are errors and take no
// memory that they do not carry.
func FuzzResponses(f *testing.F) {
	be := binary.BigEndian
	b := be.AppendUint32(nil, 1) // correlation id
	b = append(b, 0, 0, 0, 0, 0) // no tags, not throttled
	b = append(b, 1, 0)          // no brokers, no cluster id
	b = be.AppendUint32(b, 0)    // controller
	b = append(b, 2, 0, 0, 7)    // one topic, no error, six letters
	b = append(b, "access"...)
	b = append(b, bytes.Repeat([]byte{9}, 16)...)
	b = append(b, 0, 2, 0, 0)       // not internal; one partition, no error
	b = be.AppendUint32(b, 0)       // its number
	b = be.AppendUint32(b, 3)       // its leader
	b = be.AppendUint32(b, 0)       // leader epoch
	b = append(b, 1, 1, 1, 0)       // no replicas, no tags
	b = append(b, 0, 0, 0, 0, 0, 0) // rights, no tags twice
	if d, err := parseMetadata(b, metadataNewest, "access"); err != nil || d.leaders[0] != 3 ||
		d.id.String() != "CQkJCQkJCQkJCQkJCQkJCQ" {
		f.Fatalf("got %+v, %v", d, err)
	}
	if _, err := parseMetadata(b, metadataNewest, "other"); !errors.Is(err, ErrNoTopic) {
		f.Fatalf("another topic: got %v", err)
	}
	f.Add(b)
	f.Add(be.AppendUint16(make([]byte, 9), uint16(kafka.UnknownTopicID)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseMetadata(b, metadataNewest, "access")
		if p, err := parseFetchByID(b, fetchByID, false, 0, nil); err == nil && len(p.set) > len(b) {
			t.Errorf("got a record set of %d bytes out of %d", len(p.set), len(b))
		}
	})
}
