package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func generate(t testing.TB, c Config) (*Generator, []byte) {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteTo(context.Background(), g, &out); err != nil {
		t.Fatal(err)
	}
	return g, out.Bytes()
}

// logged is a line as any reader of JSON sees it.
type logged struct {
	TS            time.Time `json:"ts"`
	Service       string    `json:"service"`
	Route         string    `json:"route"`
	Path          string    `json:"path"`
	Method        string    `json:"method"`
	Status        int       `json:"status"`
	Code          uint16    `json:"code"`
	Message       string    `json:"message"`
	StatusCode    uint16    `json:"status_code"`
	StatusMessage string    `json:"status_message"`
	Key           string    `json:"api_key"`
	IP            string    `json:"client_ip"`
	Latency       float64   `json:"latency_ms"`
	Upstream      float64   `json:"upstream_latency_ms"`
	Bytes         int64     `json:"bytes"`
	RequestID     string    `json:"request_id"`
	UserAgent     string    `json:"user_agent"`
}

// read reads a line; ok is false for what is no response.
func read(line string) (l logged, ok bool) {
	if json.Unmarshal([]byte(line), &l) != nil || l.TS.IsZero() || l.Status == 0 {
		return l, false
	}
	if strings.HasPrefix(l.Message, "{") {
		var inner logged
		if json.Unmarshal([]byte(l.Message), &inner) != nil {
			return l, false
		}
		l.Code, l.Message = inner.StatusCode, inner.StatusMessage
	}
	if l.StatusCode != 0 {
		l.Code, l.Message = l.StatusCode, l.StatusMessage
	}
	if l.Code == 0 {
		l.Code = codeOf(l.Message)
	}
	return l, true
}

// codeOf finds a code by its message.
func codeOf(message string) uint16 {
	if strings.HasPrefix(message, "Your request count (") {
		return 25
	}
	for _, s := range statuses[1:] {
		if s.message == message {
			return s.code
		}
	}
	return 0
}

// Same configuration, same bytes and same truth; another seed, other bytes.
func TestSameSeedSameBytes(t *testing.T) {
	for _, scenario := range Scenarios() {
		c := Config{Seed: 7, Scenario: scenario, Count: 30_000, Malformed: 0.001}
		g1, a := generate(t, c)
		g2, b := generate(t, c)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: one seed gave two streams", scenario)
		}
		var t1, t2 bytes.Buffer
		if _, err := g1.Truth().WriteTo(&t1); err != nil {
			t.Fatal(err)
		}
		if _, err := g2.Truth().WriteTo(&t2); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(t1.Bytes(), t2.Bytes()) {
			t.Errorf("%s: one stream has two truths", scenario)
		}
		c.Seed++
		if _, other := generate(t, c); bytes.Equal(a, other) {
			t.Errorf("%s: two seeds gave one stream", scenario)
		}
	}
}

// The truth is what somebody who reads the lines with encoding/json counts.
func TestTruthIsWhatTheLinesSay(t *testing.T) {
	for _, scenario := range Scenarios() {
		g, out := generate(t, Config{Seed: 2, Scenario: scenario, Count: 12_000, Rate: 40, Malformed: 0.005})
		want := &Truth{ByCode: map[string]uint64{}, ByHTTPStatus: map[string]uint64{},
			ByService: map[string]uint64{}, ByMinute: map[string]uint64{}}
		for line := range strings.Lines(string(out)) {
			want.Records++
			l, ok := read(line)
			if !ok {
				want.Rejected++
				continue
			}
			want.Responses++
			want.ByCode[strconv.Itoa(int(l.Code))]++
			want.ByHTTPStatus[strconv.Itoa(l.Status)]++
			want.ByService[l.Service]++
			want.ByMinute[l.TS.Truncate(time.Minute).Format(time.RFC3339)]++
			if want.First.IsZero() || l.TS.Before(want.First) {
				want.First = l.TS
			}
			if l.TS.After(want.Last) {
				want.Last = l.TS
			}
		}
		got := g.Truth()
		var outcomes uint64
		for _, n := range got.ByOutcome {
			outcomes += n
		}
		if outcomes != got.Responses {
			t.Errorf("%s: outcomes add up to %d; want %d", scenario, outcomes, got.Responses)
		}
		got.ByOutcome, got.Planted = nil, nil
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: truth differs from the lines (-lines +truth):\n%s", scenario, d)
		}
		if want.Rejected == 0 {
			t.Errorf("%s: no malformed line in %d", scenario, want.Records)
		}
	}
}

// All 34 codes appear early, each with its HTTP status and its message but for
// what is planted as contract drift.
func TestAllCodesAppear(t *testing.T) {
	for _, scenario := range []string{Quiet, Mixed} {
		_, out := generate(t, Config{Seed: 5, Scenario: scenario, Count: 40_000, Rate: 35})
		seen := map[uint16]int{}
		for line := range strings.Lines(string(out)) {
			l, ok := read(line)
			if !ok {
				t.Fatalf("unreadable: %s", line)
			}
			seen[l.Code]++
			if l.Code == 0 || l.Code == 60 {
				continue
			}
			s := statuses[l.Code]
			planted := scenario == Mixed && l.Code == 6 && l.Status == 200
			if int(s.http) != l.Status && !planted {
				t.Errorf("code %d with HTTP %d; want %d", l.Code, l.Status, s.http)
			}
			if l.Code == 25 {
				var count, limit int
				if _, err := fmt.Sscanf(l.Message, "Your request count (%d) is over the allowed limit of (%d).", &count,
					&limit); err != nil || limit != 40 || count <= limit {
					t.Errorf("code 25 says %q", l.Message)
				}
			} else if l.Message != s.message {
				t.Errorf("code %d says %q; want %q", l.Code, l.Message, s.message)
			}
		}
		for code := 1; code < len(statuses); code++ {
			if seen[uint16(code)] == 0 {
				t.Errorf("%s: code %d is not in 40,000 lines", scenario, code)
			}
		}
		t.Logf("%s: %v", scenario, seen)
	}
}

// Lines come in the order of event time but for the difference of the nodes'
// clocks, from Start on, at the configured rate.
func TestEventTimes(t *testing.T) {
	start := time.Date(2026, 3, 1, 8, 30, 15, 0, time.UTC)
	for _, scenario := range Scenarios() {
		g, err := New(Config{Seed: 1, Scenario: scenario, Rate: 100, Count: 20_000, Start: start})
		if err != nil {
			t.Fatal(err)
		}
		var newest int64
		for line, at, _, ok := g.Next(nil); ok; line, at, _, ok = g.Next(line[:0]) {
			l, _ := read(string(line))
			if l.TS.UnixMilli() != at {
				t.Fatalf("%s: line of %s came with event time %d", scenario, l.TS, at)
			}
			if at < start.UnixMilli() || at < newest-2*maxSkew {
				t.Fatalf("%s: %s is before the start or %d ms behind", scenario, l.TS, newest-at)
			}
			newest = max(newest, at)
		}
		rate := 20_000 / (float64(newest-start.UnixMilli()) / 1000)
		want := 100.0
		if scenario == Bench {
			want = 10_000
		}
		if rate < 0.9*want || rate > 1.2*want {
			t.Errorf("%s: got %.1f responses per second; want about %.0f", scenario, rate, want)
		}
	}
}

// The bench scenario has the promised dimensions, whatever Rate says.
func TestBenchShape(t *testing.T) {
	g, err := New(Config{Seed: 9, Scenario: Bench, Rate: 3, Count: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	services, routes := map[string]bool{}, map[string]bool{}
	keyServices, keyIPs, ips := map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}
	note := func(m map[string]map[string]bool, key, value string) {
		if m[key] == nil {
			m[key] = map[string]bool{}
		}
		m[key][value] = true
	}
	size, failures := 0, 0
	for line, _, _, ok := g.Next(nil); ok; line, _, _, ok = g.Next(line[:0]) {
		l, readable := read(string(line))
		if !readable || len(l.Key) != 32 {
			t.Fatalf("no response with a key: %s", line)
		}
		size += len(line)
		if l.Status >= 400 {
			failures++
		}
		services[l.Service], routes[l.Service+l.Method+l.Route], ips[l.IP] = true, true, true
		note(keyServices, l.Key, l.Service)
		note(keyIPs, l.Key, l.IP)
	}
	for key := range keyServices {
		if len(keyServices[key]) > 3 || len(keyIPs[key]) > 2 {
			t.Fatalf("key uses %d services and %d addresses; want at most 3 and 2", len(keyServices[key]),
				len(keyIPs[key]))
		}
	}
	if len(services) != 20 || len(routes) != 100 || len(keyServices) < 15_000 || len(keyServices) > 20_000 ||
		len(ips) < 8_000 || len(ips) > 10_000 {
		t.Errorf("got %d services, %d routes, %d keys, %d clients; want 20, 100, nearly 20,000 and 10,000",
			len(services), len(routes), len(keyServices), len(ips))
	}
	mean, share := float64(size)/200_000, float64(failures)/200_000
	t.Logf("%.1f bytes a line, %.2f %% failures", mean, 100*share)
	if mean < 225 || mean > 255 {
		t.Errorf("got %.1f bytes a line; want about 238", mean)
	}
	if share < 0.04 || share > 0.06 {
		t.Errorf("got %.3f failures; want about 0.05", share)
	}
}

// Config that cannot be meant is refused with what would do.
func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{
		{Scenario: "storm"}, {Scenario: Quiet, Rate: -1}, {Scenario: Quiet, Malformed: 2}, {Scenario: Quiet, Count: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, scenario := range []string{Bench, Mixed} {
		b.Run(scenario, func(b *testing.B) {
			g, err := New(Config{Seed: 1, Scenario: scenario, Rate: 2000})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var line []byte
			for b.Loop() {
				line, _, _, _ = g.Next(line[:0])
			}
			b.SetBytes(int64(len(line)))
		})
	}
}

func BenchmarkWriteTo(b *testing.B) {
	g, err := New(Config{Seed: 1, Scenario: Bench, Count: int64(b.N)})
	if err != nil {
		b.Fatal(err)
	}
	if err := WriteTo(context.Background(), g, io.Discard); err != nil {
		b.Fatal(err)
	}
}
