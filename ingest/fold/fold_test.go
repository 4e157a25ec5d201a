package fold

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold/foldtest"
	"statline/ingest/traffic"
)

var update = flag.Bool("update", false, "rewrite golden files")

func testConfig() Config {
	c := DefaultConfig()
	c.Decode.Secret = foldtest.Secret
	return c
}

func newBuilder(t testing.TB, c Config) *Builder {
	t.Helper()
	f, err := New(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Promise: the contents of a block are a function of its records. The golden
// file shows what they look like.
func TestFoldGolden(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC).UnixMilli()
	record := func(offset int64, value string) block.Record {
		return block.Record{Offset: offset, UnixMilli: at, Value: []byte(value)}
	}
	f := newBuilder(t, testConfig())
	f.Add([]block.Record{
		record(100,
			`{"ts":"2026-03-01T12:00:01Z","service":"movies","method":"GET","path":"/3/movie/550","status":200,"code":1,"api_key":"0123456789abcdef0123456789abcdef","client_ip":"203.0.113.7","latency_ms":12.5,"bytes":512}`),
		record(101,
			`{"ts":"2026-03-01T12:00:02Z","service":"movies","method":"GET","path":"/3/movie/551?api_key=0123456789abcdef0123456789abcdef","status":429,"code":25,"message":"Your request count (41) is over the allowed limit of (40).","api_key":"0123456789abcdef0123456789abcdef","client_ip":"203.0.113.7","latency_ms":0.5,"bytes":98}`),
		record(103,
			`[{"ts":"2026-03-01T12:01:00Z","service":"people","method":"POST","path":"/3/person","status":504,"code":24,"latency_ms":30000},`+
				`{"ts":"2026-01-01T00:00:00Z","service":"people","method":"GET","path":"/3/person","status":200}]`),
		record(104,
			`{"ts":"2026-03-01T12:20:00Z","service":"people","method":"GET","path":"/3/person","status":200,"api_key":"0123456789abcdef0123456789abcdef"}`),
		record(105, `{"broken`),
	})
	got, err := json.MarshalIndent(f.Contents(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if bytes.Contains(got, []byte("0123456789abcdef0123456789abcdef")) {
		t.Error("the API key is in the contents")
	}
	const golden = "testdata/fold.golden.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
}

// Promise: however a partition is cut into blocks, and whichever folds are
// used again, the rows add up to the same.
func TestFoldSplit(t *testing.T) {
	rs := foldtest.Lines(t, traffic.Mixed, 20_000)
	whole := newBuilder(t, testConfig())
	whole.Add(rs)
	var want foldtest.Totals
	want.Add(whole.Contents())
	if want.Rejected == 0 || want.Responses == 0 {
		t.Fatalf("got %d responses and %d rejects; want some of each", want.Responses, want.Rejected)
	}
	pool, err := NewPool(testConfig(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var got foldtest.Totals
		for rest := rs; len(rest) > 0; {
			f := pool.For(3).Get(rng.IntN(2) == 0)
			for range 1 + rng.IntN(4) { // a block of several batches
				n := min(len(rest), 1+rng.IntN(3000))
				f.Add(rest[:n])
				rest = rest[n:]
			}
			got.Add(f.Contents())
			pool.For(3).Put(f)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-whole +split):\n%s", seed, diff)
		}
	}
}

// Promise: the same records give the same bytes, whatever the fold and its
// decoder saw before.
func TestFoldRepeats(t *testing.T) {
	rs := foldtest.Lines(t, traffic.Offender, 5000)
	text := func(f *Builder) string {
		b, err := json.Marshal(f.Contents())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	fresh := newBuilder(t, testConfig())
	fresh.Add(rs)
	used := newBuilder(t, testConfig())
	used.Add(foldtest.Lines(t, traffic.Mixed, 3000))
	used.Contents()
	used.Reset()
	for i := 0; i < len(rs); i += 64 {
		used.Add(rs[i:min(len(rs), i+64)])
	}
	if text(fresh) != text(used) {
		t.Error("a used fold gave other contents than a fresh one")
	}
}

// Promise: a line counts only within the acceptance window around Kafka's own
// timestamp; without the window every time is accepted.
func TestFoldWindow(t *testing.T) {
	at := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		event  time.Time
		any    bool
		reason string
	}{
		{event: at},
		{event: at.Add(-30 * 24 * time.Hour)},
		{event: at.Add(-30*24*time.Hour - time.Second), reason: ReasonTooOld},
		{event: at.Add(10 * time.Minute)},
		{event: at.Add(10*time.Minute + time.Second), reason: ReasonBadTime},
		{event: at.Add(-1000 * 24 * time.Hour), any: true},
		{event: at.Add(time.Hour), any: true},
	} {
		cfg := testConfig()
		cfg.AnyTime = c.any
		f := newBuilder(t, cfg)
		f.Add([]block.Record{{UnixMilli: at.UnixMilli(), Value: fmt.Appendf(nil, `{"ts":%q,"status":200,"path":"/x"}`,
			c.event.Format(time.RFC3339))}})
		got := f.Contents()
		var reason string
		if len(got.Rejects) > 0 {
			reason = got.Rejects[0].Reason
		}
		if reason != c.reason || got.Responses+got.Rejected != 1 {
			t.Errorf("event %s, any time %t: got reason %q, %d responses; want %q", c.event, c.any, reason,
				got.Responses, c.reason)
		}
	}
}

// brittle is a decoder with a bug.
type brittle struct{ lineDecoder }

func (b brittle) Decode(value []byte, sink decode.Sink) {
	b.lineDecoder.Decode(value, sink)
	if bytes.Contains(value, []byte("poison")) {
		panic("index out of range")
	}
}

// Promise: a record that makes the decoder panic is a reject, and the records
// around it count.
func TestFoldPoison(t *testing.T) {
	f := newBuilder(t, testConfig())
	sound := f.decoders.make
	f.decoders.make = func() (lineDecoder, error) {
		d, err := sound()
		return brittle{d}, err
	}
	<-f.decoders.free
	f.decoders.free <- nil
	good := []byte(`{"ts":"2026-03-01T12:00:00Z","status":200,"path":"/x"}`)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
	f.Add([]block.Record{{Offset: 1, UnixMilli: at, Value: good}, {Offset: 2, UnixMilli: at, Value: []byte(`"poison"`)},
		{Offset: 3, UnixMilli: at, Value: good}})
	c := f.Contents()
	if c.Records != 3 || c.Responses != 2 {
		t.Errorf("got %d records, %d responses; want 3, 2", c.Records, c.Responses)
	}
	if last := c.Rejects[len(c.Rejects)-1]; last.Reason != ReasonPanic || last.Offset != 2 || last.Raw != "" {
		t.Errorf("got reject %+v; want offset 2, panic, no bytes", last)
	}
}

// Promise: what changes contents changes the config hash, and nothing else
// does.
func TestConfigHash(t *testing.T) {
	base := testConfig()
	hashes := map[string]string{"base": base.Hash()}
	for name, change := range map[string]func(*Config){
		"secret":  func(c *Config) { c.Decode.Secret = []byte("another") },
		"format":  func(c *Config) { c.Decode.Format = "statline" },
		"zone":    func(c *Config) { c.Decode.Location = time.FixedZone("X", 3600) },
		"budget":  func(c *Config) { c.Aggregate.Budget.Keys = 7 },
		"max age": func(c *Config) { c.MaxAge = time.Hour },
		"window":  func(c *Config) { c.AnyTime = true },
	} {
		c := testConfig()
		change(&c)
		for other, h := range hashes {
			if h == c.Hash() {
				t.Errorf("%s and %s have the same hash", name, other)
			}
		}
		hashes[name] = c.Hash()
	}
	same := testConfig()
	same.Aggregate.Seed, same.Decode.KeyMemo = 99, 17
	if same.Hash() != base.Hash() {
		t.Error("the seed and the memo's size changed the hash")
	}
}

// Promise: rejects of a block are bounded in memory, and count as its size.
func TestFoldRejectsBounded(t *testing.T) {
	f := newBuilder(t, testConfig())
	raw := bytes.Repeat([]byte("no log "), 8_000)
	r := block.Record{Value: raw}
	f.Add([]block.Record{r})
	if got := f.MemoryBytes(); got < len(raw) {
		t.Errorf("one reject of %d bytes: got %d bytes of memory", len(raw), got)
	}
	for range 3000 {
		f.Add([]block.Record{r})
	}
	if got := f.MemoryBytes(); got > 3*rejectsHard {
		t.Errorf("3001 rejects of 56 KB take %d bytes; want at most %d", got, 3*rejectsHard)
	}
	if got := f.Contents().Rejected; got != 3001 {
		t.Errorf("got %d rejects; want 3001", got)
	}
	f.Reset()
	if got := f.MemoryBytes(); got > 4096 {
		t.Errorf("after Reset: got %d bytes; want next to nothing", got)
	}
}
