package sandbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"

	"statline/ingest/sandbox"
)

// An INSERT of wide rows: what statline's blocks cost in the embedded engine,
// client included. "engine" is the same rows written by INSERT SELECT, without
// client, HTTP and spool: the floor.
func BenchmarkInsert(b *testing.B) {
	s := start(b, sandbox.Config{ClickHouse: anyPort, Data: b.TempDir()})
	for _, rows := range []int{1, 200_000} {
		for name, method := range map[string]clickhouse.CompressionMethod{"none": clickhouse.CompressionNone,
			"lz4": clickhouse.CompressionLZ4} {
			b.Run(fmt.Sprintf("rows=%d/%s", rows, name), func(b *testing.B) {
				conn := dial(b, s, compressed(method))
				mustExec(b, conn, "DROP TABLE IF EXISTS wide", wide)
				n := 0
				for b.Loop() {
					b.StopTimer()
					ctx := clickhouse.Context(b.Context(), clickhouse.WithSettings(clickhouse.Settings{
						"insert_deduplication_token": fmt.Sprint(n), "async_insert": 0}))
					n++
					batch, err := conn.PrepareBatch(ctx, "INSERT INTO wide")
					if err != nil {
						b.Fatal(err)
					}
					for i := range rows {
						if err := appendWide(batch, wideRowAt(i)); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
					if err := batch.Send(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows*n)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
	b.Run("rows=200000/engine", func(b *testing.B) {
		conn := dial(b, s)
		mustExec(b, conn, "CREATE TABLE copied AS wide", "CREATE TABLE source AS wide ENGINE = Memory",
			"INSERT INTO source SELECT * FROM wide LIMIT 200000")
		n := 0
		for b.Loop() {
			mustExec(b, conn, "INSERT INTO copied SELECT * FROM source")
			n++
		}
		b.ReportMetric(float64(200_000*n)/b.Elapsed().Seconds(), "rows/s")
	})
}

// The smallest query, and a long result.
func BenchmarkSelect(b *testing.B) {
	conn := dial(b, start(b, sandbox.Config{ClickHouse: anyPort}), compressed(clickhouse.CompressionLZ4))
	b.Run("1 row", func(b *testing.B) {
		for b.Loop() {
			var one uint8
			if err := conn.QueryRow(b.Context(), "SELECT 1").Scan(&one); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("1000000 rows", func(b *testing.B) {
		for b.Loop() {
			rows, err := conn.Query(b.Context(), "SELECT number, number * 2 FROM numbers(1000000)")
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for rows.Next() {
				n++
			}
			if n != 1e6 || rows.Err() != nil {
				b.Fatalf("got %d rows, %v", n, rows.Err())
			}
			rows.Close()
		}
	})
}

// Producing batches of 3,500 records of 240 bytes with a durable log.
func BenchmarkProduce(b *testing.B) {
	for name, data := range map[string]string{"temporary": "", "durable": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			s := start(b, sandbox.Config{Kafka: anyPort, Topics: []string{topic}, Data: data})
			transport := &kafka.Transport{}
			defer transport.CloseIdleConnections()
			w := &kafka.Writer{Transport: transport, Addr: kafka.TCP(s.Brokers()...), Topic: topic, BatchSize: 3500,
				BatchTimeout: time.Millisecond, BatchBytes: 1 << 20, RequiredAcks: kafka.RequireAll}
			defer w.Close()
			msgs := make([]kafka.Message, 20_000)
			for i := range msgs {
				msgs[i].Value = fmt.Appendf(nil, "%0240d", i)
			}
			n := 0
			for b.Loop() {
				if err := w.WriteMessages(b.Context(), msgs...); err != nil {
					b.Fatal(err)
				}
				n += len(msgs)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
