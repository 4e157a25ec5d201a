package store

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/agent"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/schema"
	"statline/ingest/traffic"
)

// benchBlocks makes the contents of blocks of bench traffic: each of size
// records, at rate records a second of event time.
type benchBlocks struct {
	traffic *traffic.Generator
	decoder *decode.Decoder
	table   *aggregate.Table
	codes   *classify.Catalogue
	line    []byte
	offset  int64
	size    int64
	// change makes responses tell what bench lines do not; nil for none.
	change func(n int64, r *classify.Response)
}

func newBenchBlocks(tb testing.TB, rate float64, size int64) *benchBlocks {
	tb.Helper()
	g, err := traffic.New(traffic.Config{Seed: 1, Scenario: "bench", BenchRate: rate})
	if err != nil {
		tb.Fatal(err)
	}
	d, err := decode.New(decode.Config{Secret: []byte("bench")})
	if err != nil {
		tb.Fatal(err)
	}
	return &benchBlocks{traffic: g, decoder: d, table: aggregate.New(aggregate.DefaultConfig()),
		codes: classify.Builtin(), size: size}
}

// Response implements decode.Sink.
func (b *benchBlocks) Response(r *classify.Response) {
	if b.change != nil {
		b.change(b.offset, r)
	}
	b.table.Add(r, b.codes.Decide(r), aggregate.Position{Offset: b.offset})
}

// Reject implements decode.Sink: bench traffic has none.
func (b *benchBlocks) Reject(r decode.Reject) { panic(r.Reason + ": " + r.Detail) }

// next is the contents of the next block, valid until the one after.
func (b *benchBlocks) next() (block.ID, *block.Contents) {
	b.table.Reset()
	id := block.ID{Cluster: "c", Topic: "bench", Epoch: 1, First: b.offset, End: b.offset + b.size}
	for range b.size {
		b.line, _, _, _ = b.traffic.Next(b.line[:0])
		b.decoder.Decode(b.line, b)
		b.offset++
	}
	return id, &block.Contents{Rows: b.table.Rows()}
}

// BenchmarkWriteRows writes the same block of bench records under ever new
// identities and reports what a record and a row cost, table by table.
func BenchmarkWriteRows(b *testing.B) {
	for _, size := range []int64{20_000, 500_000} {
		id, all := newBenchBlocks(b, 10_000, size).next()
		r := all.Rows
		for _, table := range []struct {
			name string
			rows int
			keep func(c *block.Contents)
		}{
			{"all", r.Len(), func(c *block.Contents) { c.Rows = r }},
			{"responses", len(r.Responses), func(c *block.Contents) { c.Rows.Responses = r.Responses }},
			{"responses_hour", len(r.ResponsesHour), func(c *block.Contents) { c.Rows.ResponsesHour = r.ResponsesHour }},
			{"services", len(r.Services), func(c *block.Contents) { c.Rows.Services = r.Services }},
			{"services_hour", len(r.ServicesHour), func(c *block.Contents) { c.Rows.ServicesHour = r.ServicesHour }},
			{"keys", r.Keys.Len(), func(c *block.Contents) { c.Rows.Keys = r.Keys }},
			{"keys_hour", r.KeysHour.Len(), func(c *block.Contents) { c.Rows.KeysHour = r.KeysHour }},
			{"clients", r.Clients.Len(), func(c *block.Contents) { c.Rows.Clients = r.Clients }},
			{"samples", len(r.Samples), func(c *block.Contents) { c.Rows.Samples = r.Samples }},
		} {
			b.Run(fmt.Sprintf("records=%d/%s", size, table.name), func(b *testing.B) {
				s := open(b)
				var c block.Contents
				table.keep(&c)
				b.ReportAllocs()
				start := cpu(b)
				for b.Loop() {
					id.First += size
					id.End += size
					if err := s.WriteRows(b.Context(), id, &c, free); err != nil {
						b.Fatal(err)
					}
				}
				perOp := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(float64(table.rows)/float64(size), "rows/record")
				b.ReportMetric(float64(table.rows)/perOp, "rows/s")
				b.ReportMetric((cpu(b)-start).Seconds()*1e9/float64(b.N)/float64(size), "cpu-ns/record")
			})
		}
	}
}

// BenchmarkEncode is the client's part of the above: a body, which is the same
// over both protocols but for its first bytes; no network and no engine.
func BenchmarkEncode(b *testing.B) {
	_, c := newBenchBlocks(b, 10_000, 500_000).next()
	for _, r := range aggregate.Rollups() {
		if r.Level == aggregate.Minute && r.Name != string(schema.Services) {
			rows := r.Of(&c.Rows)
			benchEncode(b, job{table: schema.Table(r.Name), columns: rollupColumns(r, rows), to: rows.Len})
		}
	}
}

func benchEncode(b *testing.B, j job) {
	var s scratch
	for _, native := range []bool{false, true} {
		b.Run(fmt.Sprintf("%s/native=%t", j.table, native), func(b *testing.B) {
			b.ReportAllocs()
			start := cpu(b)
			for b.Loop() {
				if _, err := j.encode(&s, form{info: native}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpu(b)-start).Seconds()*1e9/float64(b.N)/float64(j.to), "cpu-ns/row")
		})
	}
}

// BenchmarkSync is what it costs that every insert is synced to disk: a whole
// block, and the ledger row alone.
func BenchmarkSync(b *testing.B) {
	const size = 20_000
	id, c := newBenchBlocks(b, 10_000, size).next()
	for _, sync := range []int{1, 0} {
		s := open(b)
		for _, t := range append(blockTables(), schema.Ledger) {
			if err := s.Exec(b.Context(),
				fmt.Sprintf("ALTER TABLE %s MODIFY SETTING fsync_after_insert = %d, fsync_part_directory = %[2]d",
					s.Table(t), sync)); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("block/fsync=%d", sync), func(b *testing.B) {
			for b.Loop() {
				id.First, id.End = id.End, id.End+size
				if err := s.WriteRows(b.Context(), id, c, free); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("ledger/fsync=%d", sync), func(b *testing.B) {
			for b.Loop() {
				id.First, id.End = id.End, id.End+size
				if err := s.WriteLedger(b.Context(), stored(id, c), free); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStorage stores hours (STATLINE_BENCH_HOURS, 1 by default) of bench
// traffic at 1,000 records a second and reports the bytes on disk per record
// after merges, by table; with -v by column too.
func BenchmarkStorage(b *testing.B) { benchmarkStorage(b, nil) }

// BenchmarkStorageUpstream is the same of logs that tell the upstream's time.
func BenchmarkStorageUpstream(b *testing.B) {
	benchmarkStorage(b,
		func(_ int64, r *classify.Response) { r.UpstreamLatencyMicros = r.LatencyMicros - r.LatencyMicros/8 })
}

// BenchmarkStorageRetries is the same of requests that all declare which try they are:
// one in ten is not the first.
func BenchmarkStorageRetries(b *testing.B) {
	benchmarkStorage(b, func(n int64, r *classify.Response) { r.Attempt = 1 + uint16(n*2654435761>>7%10/9) })
}

// BenchmarkStorageVersions is the same of logs that tell the version of the service: of
// two, one of which has one request in ten.
func BenchmarkStorageVersions(b *testing.B) {
	told := [][]byte{[]byte("4.1.9"), []byte("4.2.0-9f8c1d2")}
	benchmarkStorage(b, func(n int64, r *classify.Response) { r.Version = told[n*2654435761>>7%10/9] })
}

// BenchmarkStorageAgents is the same of logs that tell the user agent: of 24, as the
// generator's callers have.
func BenchmarkStorageAgents(b *testing.B) {
	m := agent.New()
	var told []classify.Agent
	for n := range 24 {
		told = append(told, m.Of(fmt.Appendf(nil, "%s/%d.%d",
			[]string{"okhttp", "python-requests", "curl", "axios"}[n%4], 1+n/8, n/4)))
	}
	benchmarkStorage(b, func(n int64, r *classify.Response) { r.Agent = told[uint64(n)*0x9e3779b97f4a7c15>>32%24] })
}

func benchmarkStorage(b *testing.B, change func(int64, *classify.Response)) {
	hours, err := strconv.Atoi(os.Getenv("STATLINE_BENCH_HOURS"))
	if err != nil {
		hours = 1
	}
	for b.Loop() {
		s := open(b)
		const perBlock = 300_000 // five minutes
		blocks := newBenchBlocks(b, 1000, perBlock)
		blocks.change = change
		n := hours * 3_600_000 / perBlock
		for range n {
			id, c := blocks.next()
			if err := s.WriteRows(b.Context(), id, c, free); err != nil {
				b.Fatal(err)
			}
		}
		reportStorage(b, s, float64(n*perBlock))
	}
}

func reportStorage(b *testing.B, s *Store, records float64) {
	total := 0.0
	tables := []schema.Table{schema.Samples}
	for _, r := range s.Rollups() {
		tables = append(tables, schema.Table(r.Name))
	}
	for _, t := range tables {
		start := time.Now()
		if err := s.Exec(b.Context(), "OPTIMIZE TABLE "+s.Table(t)+" FINAL"); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		size := float64(number(b, s,
			"(SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = ? AND table = ?)", s.Database(),
			string(t)))
		rows := float64(count(b, s, t))
		b.ReportMetric(size/records, string(t)+"-B/record")
		b.Logf("%-15s %6.3f B/record %7.2f B/row %7.4f rows/record, merged in %s", t, size/records, size/rows,
			rows/records, took.Round(time.Millisecond))
		switch t {
		case schema.Responses, schema.Keys, schema.Clients:
			total += size / records
		}
		columns, err := Select[struct {
			Column string `ch:"column"`
			Size   uint64 `ch:"size"`
		}](b.Context(), s,
			"SELECT column, sum(column_bytes_on_disk) AS size FROM system.parts_columns WHERE active AND database = ? AND table = ? GROUP BY column ORDER BY size DESC", s.Database(), string(t))
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range columns {
			b.Logf("    %-18s %6.3f B/record %6.2f B/row", c.Column, float64(c.Size)/records, float64(c.Size)/rows)
		}
	}
	b.ReportMetric(total, "minute-B/record")
}
