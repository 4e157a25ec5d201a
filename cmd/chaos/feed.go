package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"statline/ingest/decode"
	"statline/ingest/traffic"
)

// topic is the topic of the run; it is created with so many partitions.
const (
	topic      = "access"
	partitions = 12
	group      = "chaos"
)

// span is about how much event time a run has. It stays within every table's
// life.
const span = 3 * 24 * time.Hour

// feed produces lines in slices and counts them. A slice is produced as a whole or the run
// fails, so its counts are true of the topic at any moment between two slices.
type feed struct {
	kafka     cluster
	generator *traffic.Generator
	malformed *traffic.Generator
	lines     *traffic.Delivery
	ghosts    *traffic.Generator // lines that nobody must see
	secret    []byte

	// partitions is how many the topic has.
	partitions atomic.Int32

	mu      sync.Mutex // held while a slice is produced
	ended   bool
	err     error
	keys    map[string]uint64 // requests
	names   map[string]uint64 // the same for keys that are known by a name
	told    map[string]uint64 // lines with a user agent, by service
	clients map[string]uint64
	// versions are lines by the version of their service, "" for none.
	versions map[string]uint64
	records  uint64 // produced
	doomed   uint64 // of these, the most that retention deleted unread
	gone     uint64 // of these, the most that went with their topic
	hidden   uint64 // offsets that have no record for a reader
}

func newFeed(cfg config, kafka cluster) (*feed, error) {
	lines := float64(cfg.lines) * 8 * float64(max(cfg.rounds, 10)) // a round takes about eight seconds
	// Some minutes before a midnight, with lines up to three hours late: many
	// blocks touch two days, which are two partitions of a table.
	start := time.Now().UTC().Add(-span).Truncate(24 * time.Hour).Add(-6 * time.Minute)
	f := &feed{kafka: kafka, secret: []byte(secret), keys: map[string]uint64{}, names: map[string]uint64{},
		told: map[string]uint64{}, clients: map[string]uint64{}, versions: map[string]uint64{}}
	var err error
	f.generator, err = traffic.New(traffic.Config{Seed: cfg.seed, Scenario: traffic.Mixed, Rate: lines / span.Seconds(),
		Start: start, Malformed: 0.01})
	if err != nil {
		return nil, err
	}
	f.partitions.Store(partitions)
	if f.ghosts, err = traffic.New(traffic.Config{Seed: cfg.seed, Scenario: traffic.Mixed, Start: start}); err != nil {
		return nil, err
	}
	f.malformed, err = traffic.New(traffic.Config{Seed: cfg.seed, Scenario: traffic.Quiet, Start: start, Malformed: 1})
	if err != nil {
		return nil, err
	}
	// Late lines spread a block over days.
	f.lines = traffic.NewDelivery(source(f.next), traffic.DeliveryConfig{Seed: cfg.seed, Late: 0.02, VeryLate: 0.02})
	return f, nil
}

// source is a function as a traffic.Source.
type source func(line []byte) ([]byte, int64, uint64, bool)

// Next implements traffic.Source.
func (s source) Next(line []byte) ([]byte, int64, uint64, bool) { return s(line) }

// next ends the generator's lines when the run ends.
func (f *feed) next(line []byte) ([]byte, int64, uint64, bool) {
	if f.ended {
		return line, 0, 0, false
	}
	return f.generator.Next(line)
}

// run produces n lines every interval until ctx ends.
func (f *feed) run(ctx context.Context, n int, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if f.produce(n, 0) != nil {
			return
		}
	}
}

// produce sends n lines, each padded to size bytes when size is larger.
func (f *feed) produce(n, size int) error {
	return f.send(n, f.good(size))
}

// good is lines that count.
func (f *feed) good(size int) source {
	return func(line []byte) ([]byte, int64, uint64, bool) {
		out, at, key, ok := f.lines.Next(line)
		if ok {
			text := versioned(named(out[len(line):]))
			f.count(text)
			out = append(line, pad(text, size)...)
		}
		return out, at, key, ok
	}
}

// unstamped sends n lines in records without a time of their own: -1, as some producers write
// it, or 0.
func (f *feed) unstamped(n int) error {
	lines := f.good(0)
	return f.send(n, func(line []byte) ([]byte, int64, uint64, bool) {
		out, _, key, ok := lines(line)
		return out, -int64(key % 2), key, ok
	})
}

// first is the first n of lines.
func first(n int, lines source) source {
	return func(line []byte) ([]byte, int64, uint64, bool) {
		if n == 0 {
			return line, 0, 0, false
		}
		n--
		return lines(line)
	}
}

// hang begins a transaction of n lines and leaves it open. Lines that will be committed
// count; nobody may see the others, nor the marks at the end of the transaction.
func (f *feed) hang(ctx context.Context, id string, n int, commit bool) (*traffic.Transaction, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := source(f.ghosts.Next)
	if commit {
		lines = f.good(0)
	} else {
		f.hidden += uint64(n)
	}
	marked := map[uint64]bool{}
	defer func() { f.hidden += uint64(len(marked)) }()
	return traffic.BeginTransaction(ctx, f.kafka.addresses(), topic, id,
		first(n, func(line []byte) ([]byte, int64, uint64, bool) {
			out, at, key, ok := lines(line)
			marked[key%uint64(f.partitions.Load())] = true
			return out, at, key, ok
		}))
}

// poison sends n lines that are no response.
func (f *feed) poison(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sendMalformed(n)
}

func (f *feed) sendMalformed(n int) error {
	return f.sendLocked(n, func(line []byte) ([]byte, int64, uint64, bool) {
		f.records++
		return f.malformed.Next(line)
	})
}

func (f *feed) send(n int, next source) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sendLocked(n, next)
}

func (f *feed) sendLocked(n int, next source) error {
	if f.err != nil {
		return f.err
	}
	f.err = traffic.Produce(context.Background(), f.kafka.addresses(), topic, first(n, next),
		traffic.ProduceOptions{Partitions: f.partitions.Load()})
	return f.err
}

// end sends the delayed lines, and no more.
func (f *feed) end() error {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	return f.produce(1<<30, 0)
}

// pad makes a line longer than any ordinary one: a response gets a longer user agent, and a
// malformed line stays malformed.
func pad(line []byte, size int) []byte {
	missing := size - len(line)
	if missing <= 0 {
		return line
	}
	body, whole := bytes.CutSuffix(line, []byte(`"}`))
	out := slices.Concat(body, bytes.Repeat([]byte("x"), missing))
	if whole {
		out = append(out, `"}`...)
	}
	return out
}

// count adds a line to what keys and clients did. It reads the line itself
// instead of trusting the decoder under test.
func (f *feed) count(line []byte) {
	f.records++
	var r struct {
		Service string `json:"service"`
		Key     string `json:"api_key"`
		Name    string `json:"key_id"`
		Client  string `json:"client_ip"`
		Agent   string `json:"user_agent"`
		Version string `json:"service.version"`
	}
	if json.Unmarshal(line, &r) != nil || r.Client == "" {
		return // malformed
	}
	f.clients[addressHex(r.Client)]++
	f.versions[r.Version]++
	if r.Key != "" {
		f.keys[r.Key]++
	}
	if r.Name != "" {
		f.names[r.Name]++
	}
	if r.Agent != "" {
		f.told[r.Service]++
	}
}

var keyField = []byte(`"api_key":"`)

// named replaces every fourth key by a gateway's name. The name does not contain the key,
// which the line's query may repeat: such a name would be dropped.
func named(line []byte) []byte {
	before, after, found := bytes.Cut(line, keyField)
	key, rest, whole := bytes.Cut(after, []byte(`"`))
	if !found || !whole || len(key) < 16 || key[0] > '3' {
		return line
	}
	return slices.Concat(before, []byte(`"key_id":"caller-`), key[:8], []byte(`"`), rest)
}

// versioned puts a version of the service into three of four lines, two of them the newer.
func versioned(line []byte) []byte {
	versions := [...]string{"", "1.8.0", "1.9.0", "1.9.0"}
	version := versions[len(line)%len(versions)]
	rest, found := bytes.CutPrefix(line, []byte("{"))
	if !found || version == "" {
		return line
	}
	return slices.Concat([]byte(`{"service.version":"`+version+`",`), rest)
}

// addressHex is how ClickHouse's hex shows an address of type IPv6.
func addressHex(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%X", a.As16())
}

// truth is everything that was produced.
type truth struct {
	records, responses, rejected   uint64
	doomed, gone                   uint64 // of records and rejected, the most that was never read
	hidden                         uint64 // offsets that have no record for a reader
	cut                            uint64 // of these, what a declared block lost
	code, status, outcome, service map[string]uint64
	minute, hour, keys, clients    map[string]uint64
	names                          map[string]uint64 // 1 for each key with a name
	told                           map[string]uint64 // with a user agent, by service
	versions                       map[string]uint64 // by the version of the service
}

func (f *feed) truth() (truth, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return truth{}, f.err
	}
	g, m := f.generator.Truth(), f.malformed.Truth()
	t := truth{
		records: g.Records + m.Records, responses: g.Responses, rejected: g.Rejected + m.Rejected,
		code: g.ByCode, status: g.ByHTTPStatus, outcome: g.ByOutcome, service: g.ByService, minute: g.ByMinute,
		hour: map[string]uint64{}, keys: map[string]uint64{}, names: map[string]uint64{}, clients: f.clients,
		told: f.told, versions: f.versions,
		doomed: f.doomed, gone: f.gone, hidden: f.hidden,
	}
	if t.records != f.records {
		return truth{}, errors.New("the generator's count is not what was produced: the run itself is wrong")
	}
	for minute, n := range g.ByMinute {
		t.hour[minute[:len("2006-01-02T15")]+":00:00Z"] += n
	}
	for key, n := range f.keys {
		t.keys[decode.KeyID(f.secret, key).String()] += n
	}
	for name, n := range f.names {
		id := decode.KeyID(f.secret, "id:"+name).String()
		t.keys[id] += n
		t.names[id+" "+name] = 1
	}
	return t, nil
}

// failed is the error that ended production, nil for none.
func (f *feed) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
