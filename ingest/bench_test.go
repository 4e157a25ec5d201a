package ingest_test

import (
	"testing"
	"time"

	"statline/ingest/ingesttest"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/traffic"
)

// BenchmarkPipeline drains a backlog from the embedded broker into the
// embedded engine; all three share this process and its cores.
func BenchmarkPipeline(b *testing.B) {
	const records = 1_000_000
	for range b.N {
		b.StopTimer()
		r := ingesttest.New(b, "bench_"+time.Now().UTC().Format("150405"))
		g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench, Count: records, Start: time.Now().
			Add(-time.Hour)})
		if err != nil {
			b.Fatal(err)
		}
		if err := traffic.Produce(b.Context(), sandboxtest.Sandbox(b).Brokers(), r.Topic, g,
			traffic.ProduceOptions{Partitions: 4}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := r.Run(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
