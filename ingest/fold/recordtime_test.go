package fold

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/decode"
)

// A line whose format has no time has its record's; where that has none either
// it is a reject.
func TestRecordTime(t *testing.T) {
	f, err := New(DefaultConfig(), 0)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`INFO:     192.0.2.1:40000 - "GET /v1/x HTTP/1.1" 404 Not Found`)
	f.Add([]block.Record{{Offset: 1, UnixMilli: 1772366400250, Value: line}, {Offset: 2, Value: line}})
	got := f.Contents()
	if got.Responses != 1 || got.Rejected != 1 || got.Rejects[0].Reason != decode.ReasonNoTime ||
		got.Rows.Responses[0].Minute != 1772366400 {
		t.Errorf("got %d responses, rejects %+v, rows %+v", got.Responses, got.Rejects, got.Rows.Responses)
	}
}

// noStamps are timestamps that Kafka keeps and that tell no time.
var noStamps = []int64{-1, 0, 1, 1_772_366_400, 1_772_366_400_000_000, 1_772_366_400_000_000_000, -1 << 62, 1<<63 - 1}

// Promise: without a usable timestamp of its record a response may be as old as it
// says, and at most ten minutes later than its block's declaration; a line without
// a time of its own is a reject (no_time), and its record can be replayed by it.
func TestUnstampedRecord(t *testing.T) {
	declared := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	line := func(at time.Duration) string {
		return `{"ts":"` + declared.Add(at).Format(time.RFC3339) +
			`","service":"movies","method":"GET","path":"/3/x","status":200}`
	}
	const timeless = `INFO:     192.0.2.1:40000 - "GET /v1/x HTTP/1.1" 404 Not Found`
	for _, stamp := range noStamps {
		for _, test := range []struct{ value, want string }{
			{line(0), ""},
			{line(10 * time.Minute), ""},
			{line(-9000 * 24 * time.Hour), ""},
			{line(10*time.Minute + time.Second), "bad_time event time 2026-03-01T12:10:01Z, record time " +
				fmt.Sprint(stamp) + " is none, its block was declared 2026-03-01T12:00:00Z"},
			{`{"ts":"1961-03-01T12:00:00Z","service":"movies","method":"GET","path":"/3/x","status":200}`, "bad_time"},
			{timeless, "no_time lines of this format have no time, and their record's timestamp in Kafka, " +
				fmt.Sprint(stamp) + ", is none: " +
				"let the producer set it, or the topic (message.timestamp.type=LogAppendTime)"},
		} {
			f := newBuilder(t, testConfig())
			f.Declared(declared.Unix())
			f.Add([]block.Record{{Offset: 7, UnixMilli: stamp, Value: []byte(test.value)}})
			c, got := f.Contents(), ""
			if len(c.Rejects) == 1 {
				got = c.Rejects[0].Reason + " " + c.Rejects[0].Detail
				if c.Rejects[0].RecordUnixMilli != stamp || !HoldsRecord(&c.Rejects[0]) && test.value[0] != '{' {
					t.Errorf("stamp %d: got reject %+v", stamp, c.Rejects[0])
				}
			}
			if c.Responses+c.Rejected != 1 || !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("stamp %d, %s: got %d responses, reject %q; want %q", stamp, test.value, c.Responses, got,
					test.want)
			}
		}
	}
}

// Promise: a record is the same responses and rejects alone as in any block that
// was declared at that time, whatever lies beside it: it has the time of no
// neighbour.
func TestRecordAloneAndInAnyBlock(t *testing.T) {
	declared := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(5, 6))
	event := func() string {
		return `{"ts":"` + declared.Add(time.Duration(rng.IntN(50)-25)*time.Minute).Format(time.RFC3339) +
			fmt.Sprintf(`","service":"s%d","method":"GET","path":"/3/x","status":%d,"client_ip":"192.0.2.%d"}`,
				rng.IntN(3), 200+rng.IntN(2)*229, rng.IntN(4))
	}
	value := func() string {
		switch rng.IntN(6) {
		case 0:
			return fmt.Sprintf(`INFO:     192.0.2.1:40000 - "GET /v1/x%d HTTP/1.1" 404 Not Found`, rng.IntN(2))
		case 1:
			return "INFO:     192.0.2.1:40000 - \"GET /v1/x HTTP/1.1\" 404 Not Found\nINFO:     192.0.2.1:40000 - \"GET /v1/y HTTP/1.1\" 200 OK"
		case 2:
			return "[" + event() + "," + event() + "]"
		case 3:
			return `{"broken`
		}
		return event()
	}
	stamp := func() int64 {
		if rng.IntN(2) == 0 {
			return noStamps[rng.IntN(len(noStamps))]
		}
		return declared.Add(time.Duration(rng.IntN(40)-20) * time.Minute).UnixMilli()
	}
	folded := func(rs []block.Record) (said []string) {
		f := newBuilder(t, testConfig())
		f.Declared(declared.Unix())
		for len(rs) > 0 {
			n := 1 + rng.IntN(len(rs))
			f.Add(rs[:n])
			rs = rs[n:]
		}
		c := f.Contents()
		for _, r := range c.Rows.Responses {
			for range r.Requests {
				said = append(said, fmt.Sprint(r.Minute, r.Service, r.Route, r.HTTPStatus, r.Code, r.Outcome))
			}
		}
		for _, r := range c.Rejects {
			said = append(said, fmt.Sprintf("%+v", r))
		}
		return said
	}
	for range 300 {
		var records []block.Record
		for i := range 1 + rng.IntN(30) {
			records = append(records, block.Record{Offset: int64(i), UnixMilli: stamp(), Value: []byte(value())})
		}
		var alone []string
		for i := range records {
			alone = append(alone, folded(records[i:i+1])...)
		}
		together := folded(records)
		slices.Sort(alone)
		slices.Sort(together)
		if diff := cmp.Diff(alone, together); diff != "" {
			t.Fatalf("(-alone +together)\n%s", diff)
		}
	}
}
