package chnative

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/go-cmp/cmp"

	"statline/ingest/sandbox/chquery"
)

// sample is a block of what lies differently in memory, written by ch-go.
func sample(t testing.TB, revision int) []byte {
	t.Helper()
	texts := new(proto.ColStr).LowCardinality()
	texts.AppendArr([]string{"a", "b", "a"})
	dictionaries := new(proto.ColStr).LowCardinality().Array()
	dictionaries.AppendArr([][]string{{"x", "y"}, nil, {"x"}})
	optional := new(proto.ColStr).Nullable()
	optional.AppendArr([]proto.Nullable[string]{proto.NewNullable("v"), proto.Null[string](),
		proto.NewNullable(strings.Repeat("long", 40_000))})
	numbers := new(proto.ColUInt64).Array()
	numbers.AppendArr([][]uint64{{1}, {}, {2, 3}})
	pairs := proto.ColTuple{new(proto.ColUInt16).Array(), new(proto.ColUInt64).Array()}
	for range 3 {
		pairs[0].(*proto.ColArr[uint16]).Append([]uint16{7, 8})
		pairs[1].(*proto.ColArr[uint64]).Append([]uint64{9, 10})
	}
	input := proto.Input{
		{Name: "texts", Data: texts}, {Name: "dictionaries", Data: dictionaries}, {Name: "optional", Data: optional},
		{Name: "numbers", Data: numbers}, {Name: "pairs", Data: pairs},
	}
	var b proto.Buffer
	block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(input), Rows: 3}
	if err := block.EncodeBlock(&b, revision, input); err != nil {
		t.Fatal(err)
	}
	return b.Buf
}

func everything(int, int) bool { return true }

// A block goes from any revision's form to any other's and means the same.
func TestBlockBetweenRevisions(t *testing.T) {
	revisions := []int{engineRevision, 52000, 54453, revision}
	for _, from := range revisions {
		for _, to := range revisions {
			var out bytes.Buffer
			columns, rows, err := newCopier(bytes.NewReader(sample(t, from)), from, &out, to).block(everything)
			if err != nil || rows != 3 || len(columns) != 5 {
				t.Fatalf("%d to %d: %d columns, %d rows, %v", from, to, len(columns), rows, err)
			}
			if !bytes.Equal(out.Bytes(), sample(t, to)) {
				t.Errorf("%d to %d: not what ch-go writes", from, to)
			}
		}
	}
}

// A block that is cut off anywhere is an error that says so, never a shorter
// block.
func TestCutBlock(t *testing.T) {
	whole := sample(t, revision)
	for end := 1; end < len(whole); end += max(1, end/7) {
		_, _, err := newCopier(bytes.NewReader(whole[:end]), revision, io.Discard, engineRevision).block(everything)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d of %d: got %v", end, len(whole), err)
		}
	}
}

// Types are known by where their values lie; what is not known is refused by
// name.
func TestParseType(t *testing.T) {
	f := func(name string, want *layout) {
		t.Helper()
		got, err := parseType(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(layout{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	n := func(size uint64) *layout { return &layout{kind: fixed, size: size} }
	s := &layout{kind: text}
	f("Decimal(18, 3)", n(8))
	f("DateTime64(3, 'Europe/(Paris')", n(8))
	f("Enum8('a, b' = 1, 'it\\'s' = 2)", n(1))
	f("IntervalDay", n(8))
	f("SimpleAggregateFunction(groupUniqArrayArray(16), Array(IPv6))", &layout{kind: array, elems: []*layout{n(16)}})
	f("LowCardinality(Nullable(String))", &layout{kind: lowCardinality, elems: []*layout{s}})
	f("Tuple(a UInt8, `b c, (` String)", &layout{kind: tuple, elems: []*layout{n(1), s}})
	f("Map(String, Array(UInt8))", &layout{kind: array,
		elems: []*layout{{kind: tuple, elems: []*layout{s, {kind: array, elems: []*layout{n(1)}}}}}})
	for _, name := range []string{
		"AggregateFunction(sum, UInt64)", "Dynamic", "JSON", "Variant(String, UInt8)", "", "Array(",
		"Array(UInt8, UInt8)", "FixedString(x)",
		"LowCardinality(Array(UInt8))", strings.Repeat("Array(", 100) + "UInt8" + strings.Repeat(")", 100), "Tuple()",
	} {
		if _, err := parseType(name); chquery.CodeOf(cmpErr(err)) != 48 ||
			!strings.Contains(err.Error(), name[:min(len(name), 100)]) {
			t.Errorf("%q: got %v; want a refusal with the name", name, err)
		}
	}
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("accepted")
	}
	return err
}

// Whatever a client sends as a block: no panic, and no more comes out than
// went in but for the flags of the columns.
func FuzzBlock(f *testing.F) {
	f.Add(sample(f, revision), true)
	f.Add(sample(f, engineRevision), false)
	f.Add([]byte{1, 0, 2, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0x0f, 1, 'a', 5, 'U', 'I', 'n', 't', '8'}, true)
	f.Fuzz(func(t *testing.T, data []byte, packet bool) {
		from, to := engineRevision, revision
		if packet {
			from, to = to, from
		}
		var out bytes.Buffer
		columns, _, err := newCopier(bytes.NewReader(data), from, &out, to).block(everything)
		if err == nil && out.Len() > len(data)+16+len(columns) {
			t.Fatalf("%d bytes became %d", len(data), out.Len())
		}
	})
}

func in(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// Whatever a client sends as its hello and its query: no panic, and nothing is
// allocated for sizes that are not there.
func FuzzPackets(f *testing.F) {
	var b proto.Buffer
	proto.ClientHello{Name: "c", ProtocolVersion: revision, Database: "d", User: "u", Password: "p"}.Encode(&b)
	f.Add(b.Buf[1:], revision)
	var q proto.Buffer
	proto.Query{ID: "id", Body: "SELECT 1", Info: proto.ClientInfo{Interface: proto.InterfaceTCP,
		Query: proto.ClientQueryInitial},
		Settings:   []proto.Setting{{Key: "a", Value: "1"}},
		Parameters: []proto.Parameter{{Key: "p", Value: "'x\\'\\n'"}}}.EncodeAware(&q, revision)
	f.Add(q.Buf[1:], revision)
	f.Add(q.Buf[1:], 54000)
	f.Fuzz(func(t *testing.T, data []byte, rev int) {
		(&wire{in: in(data)}).hello()
		w := wire{in: in(data)}
		if got := w.query(rev); w.err == nil && len(got.body) > len(data) {
			t.Fatalf("a query of %d bytes in %d", len(got.body), len(data))
		}
		frames := chquery.NewFrameReader(bytes.NewReader(data))
		_, _, _ = newCopier(frames, revision, io.Discard, engineRevision).block(everything)
	})
}

func FuzzParseType(f *testing.F) {
	f.Add("SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64)))")
	f.Add("Tuple(`a'` Enum8('x)' = 1), b Nested(c String))")
	f.Fuzz(func(t *testing.T, name string) {
		if l, err := parseType(name); err == nil && l == nil {
			t.Fatal("no layout and no error")
		}
	})
}
