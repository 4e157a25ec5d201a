package fold

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"statline/ingest/block"
	"statline/ingest/traffic"
)

// BenchmarkFold is the hot path of one partition: decode, classify, fold.
func BenchmarkFold(b *testing.B) {
	benchmarkFold(b, func(line []byte) []byte { return line })
}

// BenchmarkFoldCombined is the same traffic as a server's access log shows it: without
// keys, codes and latency, with the ids in the paths.
func BenchmarkFoldCombined(b *testing.B) {
	var r struct {
		TS       time.Time `json:"ts"`
		Method   string    `json:"method"`
		Route    string    `json:"route"`
		Status   int       `json:"status"`
		ClientIP string    `json:"client_ip"`
		Bytes    int       `json:"bytes"`
		ID       string    `json:"request_id"`
	}
	benchmarkFold(b, func(line []byte) []byte {
		if err := json.Unmarshal(line, &r); err != nil {
			b.Fatal(err)
		}
		var id uint32
		fmt.Sscanf(r.ID, "%x", &id)
		path := []byte(r.Route)
		if n := len(path) - len("{id}"); n > 0 && path[n] == '{' {
			path = fmt.Appendf(path[:n], "%d", 100_000+id%900_000)
		}
		return fmt.Appendf(nil, `%s - - [%s] "%s %s HTTP/1.1" %d %d "-" "okhttp/4.12"`,
			r.ClientIP, r.TS.Format("02/Jan/2006:15:04:05 -0700"), r.Method, path, r.Status, r.Bytes)
	})
}

func benchmarkFold(b *testing.B, write func(line []byte) []byte) {
	g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench, Count: 200_000})
	if err != nil {
		b.Fatal(err)
	}
	var rs []block.Record
	bytes := 0
	for {
		line, at, _, ok := g.Next(nil)
		if !ok {
			break
		}
		line = write(line)
		rs = append(rs, block.Record{Offset: int64(len(rs)), UnixMilli: at, Value: line})
		bytes += len(line)
	}
	f := newBuilder(b, testConfig())
	if f.Add(rs); f.Contents().Rejected > 0 {
		b.Fatalf("got %d lines rejected; want none", f.Contents().Rejected)
	}
	f.Reset()
	b.ReportAllocs()
	b.ResetTimer()
	folded := 0
	for range b.N {
		for i := 0; i < len(rs); i += 64 {
			f.Add(rs[i:min(len(rs), i+64)])
		}
		f.Contents()
		f.Reset()
		folded += len(rs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(folded), "ns/record")
	b.ReportMetric(float64(folded)*float64(bytes)/float64(len(rs))/b.Elapsed().Seconds()/1e6, "MB/s")
}
