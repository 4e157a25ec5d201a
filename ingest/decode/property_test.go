package decode

import (
	"math/rand/v2"
	"strings"
	"testing"

	"statline/classify"
)

// variedLines are lines of every format, good and broken, with and without
// what shippers add, that share keys, paths and texts.
func variedLines(rng *rand.Rand) []string {
	var all []string
	for _, f := range Formats() {
		if f.mapped() || f.messages() {
			continue
		}
		all = append(all, f.Example, f.Example[:rng.IntN(len(f.Example))],
			"2026-03-01T13:00:00.493035218+01:00 stdout F "+f.Example,
			strings.Replace(f.Example, "2026", "1999", 1),
			strings.Replace(f.Example, "550", "551?api_key=0123456789abcdef0123456789abcdef", 1),
			strings.Replace(f.Example, "curl/8.10.1", "token=0123456789abcdef0123456789abcdef", 1))
		if f.Example[0] == '{' {
			// The same record with another key order.
			body := strings.TrimSuffix(f.Example, "}")
			all = append(all, body+`,"extra":1,"api_key":"other-key-1"}`, `{"first":[1,{"a":"]"}],`+body[1:]+"}",
				"["+f.Example+","+f.Example+"]")
		}
	}
	return append(all, "", "what is this", `{"a":1}`, `{"ts":`, "[[]]")
}

// The purity that exactly-once rests on: whatever was decoded before, a
// record gives the same result, and a record of many lines gives what its
// lines give.
func TestDecodingDependsOnTheRecordAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	lines := variedLines(rng)
	alone := map[string][]got{}
	for _, l := range lines {
		alone[l] = decodeAll(t, Config{}, l)
	}
	for _, cfg := range []Config{{}, {KeyMemo: 1}} {
		used := newTest(t, cfg)
		for round := 0; round < 20; round++ {
			rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			var together []got
			for _, l := range lines {
				var c collector
				used.Decode([]byte(l), &c)
				equal(t, l, c.all, alone[l])
				for _, g := range c.all {
					g.Index = 0
					together = append(together, g)
				}
			}
			var c collector
			used.Decode([]byte(strings.Join(lines, "\n")), &c)
			for i := range c.all {
				c.all[i].Index = 0
			}
			equal(t, "all lines in one record", c.all, together)
		}
	}
}

func equal(t *testing.T, name string, a, b []got) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: got %d results; want %d", name, len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%s: result %d:\n got %+v\nwant %+v", name, i, a[i], b[i])
		}
	}
}

// The key memo is bounded and never changes an id.
func TestKeyMemo(t *testing.T) {
	small := newKeyring(testSecret, 16)
	for round := 0; round < 3; round++ {
		for i := 0; i < 1000; i++ {
			key := strings.Repeat("k", i%60) + string(rune('a'+i%26))
			if got, want := small.id([]byte(key)), KeyID(testSecret, key); got != want {
				t.Fatalf("key %q: got %s; want %s", key, got, want)
			}
			if got, want := small.named([]byte(key)), KeyID(testSecret, "id:"+key); got != want {
				t.Fatalf("name %q: got %s; want %s", key, got, want)
			}
		}
	}
	if len(small.slots) > 16 {
		t.Errorf("got %d slots; want at most 16", len(small.slots))
	}
	if KeyID([]byte("a"), "k") == KeyID([]byte("b"), "k") || SecretID([]byte("a")) == SecretID([]byte("b")) {
		t.Error("another secret gives the same id")
	}
}

// After warm-up, decoding allocates nothing, whatever the format.
func TestNoAllocation(t *testing.T) {
	d := newTest(t, Config{})
	var sink nothing
	for _, f := range Formats() {
		if f.mapped() || f.messages() {
			continue
		}
		line := []byte(f.Example)
		d.Decode(line, &sink)
		if n := testing.AllocsPerRun(100, func() { d.Decode(line, &sink) }); n > 0 {
			t.Errorf("%s: got %v allocations per record; want 0", f.Name, n)
		}
	}
}

// breaker breaks the decoder of a response before it asks for its details.
type breaker struct{ collector }

func (b *breaker) Response(r *classify.Response) {
	r.Late = (*Decoder)(nil)
	b.collector.Response(r)
}

// Promise: a bug in what only samples show costs the sample its texts, and
// neither the response nor the block.
func TestDetailsNeverPanic(t *testing.T) {
	b := &breaker{}
	newTest(t, Config{}).Decode([]byte(`{"ts":"2026-03-01T12:00:00Z","status":429,"path":"/x","user_agent":"curl/8"}`), b)
	if len(b.all) != 1 || b.all[0].Status != 429 || b.all[0].Route != "/x" || b.all[0].Path != redacted ||
		b.all[0].Agent != "" {
		t.Errorf("got %+v; want the response without its texts", b.all)
	}
}

// messages reports a format of whole messages, not of lines.
func (f Format) messages() bool { return f.Name == otlpProtoName || f.Name == otlpJSONName }
