package fold

import (
	"testing"

	"statline/ingest/block"
	"statline/ingest/traffic"
)

// BenchmarkFold is the hot path of one partition: decode, classify, fold.
func BenchmarkFold(b *testing.B) {
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
		rs = append(rs, block.Record{Offset: int64(len(rs)), UnixMilli: at, Value: line})
		bytes += len(line)
	}
	f := newFold(b, testConfig())
	f.Add(rs)
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
