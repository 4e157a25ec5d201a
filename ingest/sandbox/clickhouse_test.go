package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"statline/ingest/sandbox"
)

// wide has the column types of statline's tables.
const wide = `CREATE TABLE wide (
	minute   DateTime('UTC') CODEC(Delta, ZSTD(1)),
	ts       DateTime64(3, 'UTC'),
	service  LowCardinality(String),
	status   UInt16,
	ip       IPv6,
	raw      String,
	z        Float64,
	signed   Int64,
	requests SimpleAggregateFunction(sum, UInt64),
	latency  SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))),
	ips      SimpleAggregateFunction(groupUniqArrayArray, Array(IPv6)),
	days     Array(Tuple(day Date, responses UInt64)),
	PRIMARY KEY (service, minute)
) ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 1000`

type wideRow struct {
	Minute, TS    time.Time
	Service       string
	Status        uint16
	IP            string
	Raw           string
	Z             float64
	Signed        int64
	Requests      uint64
	Buckets       []uint16
	BucketCounts  []uint64
	IPs           []string
	Days          []time.Time
	DaysResponses []uint64
}

func wideRowAt(i int) wideRow {
	minute := time.Date(2026, 3, 1, 0, i%1440, 0, 0, time.UTC)
	return wideRow{
		Minute: minute, TS: minute.Add(time.Duration(i) * time.Millisecond),
		Service: fmt.Sprintf("service-%d", i%7), Status: uint16(200 + i%300),
		IP:  fmt.Sprintf("2001:db8::%x", i+1),
		Raw: fmt.Sprintf("row %d\n\n; it's \x00 'quoted' \\ ü", i), Z: float64(i) / 3, Signed: int64(-i),
		Requests: uint64(i) << 33, Buckets: []uint16{uint16(i), 60000}, BucketCounts: []uint64{1, uint64(i)},
		IPs:  []string{"::ffff:10.0.0.1", "2001:db8::1"},
		Days: []time.Time{minute.Truncate(24 * time.Hour)}, DaysResponses: []uint64{uint64(i)},
	}
}

func appendWide(b driver.Batch, r wideRow) error {
	ips := make([]net.IP, len(r.IPs))
	for i, ip := range r.IPs {
		ips[i] = net.ParseIP(ip)
	}
	days := make([][]any, len(r.Days))
	for i := range r.Days {
		days[i] = []any{r.Days[i], r.DaysResponses[i]}
	}
	return b.Append(r.Minute, r.TS, r.Service, r.Status, net.ParseIP(r.IP), r.Raw, r.Z, r.Signed, r.Requests,
		[]any{r.Buckets, r.BucketCounts}, ips, days)
}

func insertWide(ctx context.Context, conn driver.Conn, first, end int) error {
	b, err := conn.PrepareBatch(ctx, "INSERT INTO wide")
	if err != nil {
		return err
	}
	for i := first; i < end; i++ {
		if err := appendWide(b, wideRowAt(i)); err != nil {
			return err
		}
	}
	return b.Send()
}

func readWide(t *testing.T, conn driver.Conn) []wideRow {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT minute, ts, service, status, ip, raw, z, signed, requests,
		latency.1, latency.2, arrayMap(x -> toString(x), ips), days.day, days.responses FROM wide ORDER BY signed DESC`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []wideRow
	for rows.Next() {
		var r wideRow
		var ip net.IP
		if err := rows.Scan(&r.Minute, &r.TS, &r.Service, &r.Status, &ip, &r.Raw, &r.Z, &r.Signed, &r.Requests,
			&r.Buckets, &r.BucketCounts, &r.IPs, &r.Days, &r.DaysResponses); err != nil {
			t.Fatal(err)
		}
		r.IP = ip.String()
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// both runs a test over the HTTP interface and over the native protocol.
func both(t *testing.T, test func(t *testing.T, cfg sandbox.Config)) {
	t.Helper()
	t.Run("http", func(t *testing.T) { test(t, sandbox.Config{ClickHouse: anyPort}) })
	t.Run("native", func(t *testing.T) { test(t, sandbox.Config{Native: anyPort}) })
}

// methods are the compressions that clickhouse-go has for a protocol.
func methods(cfg sandbox.Config) []clickhouse.CompressionMethod {
	all := []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4,
		clickhouse.CompressionZSTD}
	if cfg.Native == "" {
		all = append(all, clickhouse.CompressionGZIP, clickhouse.CompressionDeflate)
	}
	return all
}

// Rows of every column type that statline stores come back as they went in,
// with every compression that clickhouse-go has.
func TestBatchRoundTrip(t *testing.T) { both(t, testBatchRoundTrip) }

func testBatchRoundTrip(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	for _, method := range methods(cfg) {
		t.Run(method.String(), func(t *testing.T) {
			conn := dial(t, s, compressed(method))
			const rows = 3000
			mustExec(t, conn, "DROP TABLE IF EXISTS wide", wide)
			if err := insertWide(t.Context(), conn, 0, rows); err != nil {
				t.Fatal(err)
			}
			want := make([]wideRow, rows)
			for i := range want {
				want[i] = wideRowAt(i)
			}
			if diff := cmp.Diff(want, readWide(t, conn)); diff != "" {
				t.Errorf("rows differ (-want +got):\n%s", diff[:min(len(diff), 2000)])
			}
		})
	}
}

// A result larger than what the server holds back arrives whole.
func TestLargeResult(t *testing.T) { both(t, testLongResult) }

func testLongResult(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	for _, method := range methods(cfg) {
		conn := dial(t, s, compressed(method))
		rows, err := conn.Query(t.Context(), "SELECT number, toString(number) FROM numbers(1000000)")
		if err != nil {
			t.Fatal(err)
		}
		var n, sum uint64
		for rows.Next() {
			var v uint64
			var text string
			if err := rows.Scan(&v, &text); err != nil {
				t.Fatal(err)
			}
			if text != fmt.Sprint(v) {
				t.Fatalf("got %d, %q", v, text)
			}
			n, sum = n+1, sum+v
		}
		if err := rows.Err(); err != nil || n != 1e6 || sum != 1e6*(1e6-1)/2 {
			t.Fatalf("%s: got %d rows, sum %d, %v", method, n, sum, err)
		}
		rows.Close()
	}
}

// Bound arguments, server-side parameters, settings of a query and the
// database of the connection reach the engine.
func TestQueryOptions(t *testing.T) { both(t, testQueryOptions) }

func testQueryOptions(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	conn := dial(t, s)
	mustExec(t, conn, "CREATE DATABASE other", "CREATE TABLE other.t (n UInt8) ENGINE = Memory")
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 17,
		"log_comment": "mine"}),
		clickhouse.WithParameters(clickhouse.Parameters{"text": "it's\\tfine"}))
	var block uint64
	var text, comment string
	err := conn.QueryRow(ctx,
		"SELECT toUInt64(getSetting('max_block_size')), {text:String}, getSetting('log_comment')").Scan(&block, &text,
		&comment)
	if err != nil || block != 17 || text != "it's\tfine" || comment[:5] != "mine " {
		t.Errorf("got %d, %q, %q, %v", block, text, comment, err)
	}
	if got := scalar[uint64](t, conn, "SELECT toUInt64(getSetting('max_block_size'))"); got == 17 {
		t.Error("a setting outlived its query")
	}
	inOther := dial(t, s, func(o *clickhouse.Options) { o.Auth.Database = "other" })
	if got := scalar[uint64](t, inOther, "SELECT count() FROM t"); got != 0 {
		t.Errorf("got %d rows", got)
	}
	// The library's own dialect must not leak: a server refuses this.
	if err := conn.Exec(t.Context(), "1 + 1"); err == nil {
		t.Error("an expression without SELECT was accepted")
	}
	if err := conn.Exec(t.Context(), "SELECT 1; SELECT 2"); err == nil {
		t.Error("two statements were accepted")
	}
}

// Errors come typed, with the codes of a server.
func TestErrors(t *testing.T) { both(t, testErrors) }

func testErrors(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	conn := dial(t, s)
	mustExec(t, conn, "CREATE TABLE t (n UInt8) ENGINE = Memory")
	for query, want := range map[string]int32{
		"SELECT * FROM nosuch":                 60,
		"SELEC 1":                              62,
		"SELECT nosuch FROM t":                 47,
		"SELECT 1 SETTINGS nosuch = 1":         115,
		"SELECT throwIf(1)":                    395,
		"INSERT INTO t VALUES ('x')":           6,
		"INSERT INTO nosuch VALUES (1)":        60,
		"CREATE TABLE t (n UInt8) ENGINE=Null": 57,
		"SELECT sleep(3) SETTINGS max_execution_time = 0.2, function_sleep_max_microseconds_per_block = 9000000": 159,
		"SELECT uniqExact(number) FROM numbers(30000000) SETTINGS max_memory_usage = 20000000":                   241,
	} {
		err := conn.Exec(t.Context(), query)
		var ex *clickhouse.Exception
		if !errors.As(err, &ex) || ex.Code != want {
			t.Errorf("%s: got %v; want code %d", query, err, want)
		}
	}
	// In the midst of a result, after the status 200 has been sent.
	for _, method := range methods(cfg) {
		if cfg.Native == "" && method == clickhouse.CompressionZSTD {
			continue // clickhouse-go does not find the exception in it
		}
		c := dial(t, s, compressed(method))
		rows, err := c.Query(t.Context(), "SELECT number, throwIf(number = 2900000) FROM numbers(3000000)")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		var ex *clickhouse.Exception
		if !errors.As(rows.Err(), &ex) || ex.Code != 395 || n == 0 {
			t.Errorf("%s: after %d rows: got %v; want code 395 after some rows", method, n, rows.Err())
		}
		rows.Close()
	}
}

// A query ends soon after its context, whatever it does.
func TestCancel(t *testing.T) { both(t, testCancel) }

func testCancel(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	conn := dial(t, s)
	mustExec(t, conn, "CREATE TABLE sink (n UInt64) ENGINE = Null")
	for _, query := range []string{
		"SELECT sum(cityHash64(number)) FROM numbers(1000000000000)",
		"INSERT INTO sink SELECT cityHash64(number) FROM numbers(1000000000000)",
		"SELECT number FROM system.numbers",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		begun := time.Now()
		rows, err := conn.Query(ctx, query)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		cancel()
		if took := time.Since(begun); err == nil || took > 3*time.Second {
			t.Errorf("%s: ended after %v with %v", query, took, err)
		}
	}
	// Nothing is left running in the engine.
	left := uint64(1)
	for deadline := time.Now().Add(5 * time.Second); left > 0 && time.Now().Before(deadline); {
		left = scalar[uint64](t, conn, "SELECT count() FROM system.processes WHERE query NOT ILIKE '%processes%'")
	}
	if left > 0 {
		t.Errorf("%d queries still run", left)
	}
}

// An INSERT that takes longer than it may is given up and leaves no rows: a
// writer that lost its partition cannot come back later.
func TestInsertTimeLimit(t *testing.T) { both(t, testInsertTimeLimit) }

func testInsertTimeLimit(t *testing.T, cfg sandbox.Config) {
	conn := dial(t, start(t, cfg))
	mustExec(t, conn,
		"CREATE TABLE slow (n UInt64, m UInt8 MATERIALIZED sleepEachRow(0.01)) ENGINE = MergeTree ORDER BY n")
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": 0.5, "function_sleep_max_microseconds_per_block": 100_000_000}))
	b, err := conn.PrepareBatch(ctx, "INSERT INTO slow (n)")
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(1000) {
		if err := b.Append(n); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	var ex *clickhouse.Exception
	if err := b.Send(); !errors.As(err, &ex) || ex.Code != 159 {
		t.Errorf("after %v: got %v; want code 159", time.Since(begun), err)
	}
	if got := scalar[uint64](t, conn, "SELECT count() FROM slow"); got != 0 {
		t.Errorf("got %d rows; want none", got)
	}
}

// The same token twice gives one copy, another token a second one: what
// statline's retries stand on.
func TestInsertDeduplication(t *testing.T) { both(t, testInsertDeduplication) }

func testInsertDeduplication(t *testing.T, cfg sandbox.Config) {
	s := start(t, cfg)
	for _, engine := range []string{"MergeTree", "AggregatingMergeTree", "ReplacingMergeTree"} {
		t.Run(engine, func(t *testing.T) {
			conn := dial(t, s, compressed(clickhouse.CompressionLZ4))
			mustExec(t, conn, "DROP TABLE IF EXISTS d", `CREATE TABLE d (day Date, n UInt64, requests SimpleAggregateFunction(sum, UInt64))
				ENGINE = `+engine+` PARTITION BY day ORDER BY n SETTINGS non_replicated_deduplication_window = 1000`)
			mustExec(t, conn, "SYSTEM STOP MERGES d")
			insert := func(token string, first uint64) {
				t.Helper()
				ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
					"insert_deduplication_token": token, "async_insert": 0}))
				b, err := conn.PrepareBatch(ctx, "INSERT INTO d")
				if err != nil {
					t.Fatal(err)
				}
				for i := range uint64(1000) {
					// Two table partitions in one insert.
					if err := b.Append(time.Date(2026, 1, 1+int(i%2), 0, 0, 0, 0, time.UTC), first+i,
						uint64(1)); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.Send(); err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range []struct {
				token       string
				first, want uint64
			}{
				{"a", 0, 1000},
				{"a", 0, 1000},    // a retry
				{"a", 5000, 1000}, // the token decides, not the rows
				{"b", 0, 2000},    // equal rows of another block
				{"b", 0, 2000},
			} {
				insert(step.token, step.first)
				if got := scalar[uint64](t, conn, "SELECT sum(requests) FROM d"); got != step.want {
					t.Fatalf("after token %s, rows from %d: got %d requests; want %d", step.token, step.first, got,
						step.want)
				}
			}
		})
	}
}

// Merges add up what statline's tables add up.
func TestAggregatesMerge(t *testing.T) { both(t, testAggregatesMerge) }

func testAggregatesMerge(t *testing.T, cfg sandbox.Config) {
	conn := dial(t, start(t, cfg))
	mustExec(t, conn, "CREATE DATABASE m", `CREATE TABLE m.t (
		minute DateTime('UTC'), k String,
		requests SimpleAggregateFunction(sum, UInt64), slots SimpleAggregateFunction(groupBitOr, UInt64),
		latency SimpleAggregateFunction(sumMap, Tuple(Array(UInt16), Array(UInt64))),
		agents SimpleAggregateFunction(groupUniqArrayArray, Array(String)))
		ENGINE = AggregatingMergeTree PARTITION BY toDate(minute) ORDER BY (toStartOfHour(minute), k, minute)`)
	minute := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 {
		b, err := conn.PrepareBatch(t.Context(), "INSERT INTO m.t")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Append(minute, "k", uint64(1), uint64(1)<<i, []any{[]uint16{7, uint16(100 + i)}, []uint64{1, 10}},
			[]string{"x", fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
	}
	const sums = "SELECT sum(requests), groupBitOr(slots), (sumMap(latency) AS l).1, l.2, arraySort(groupUniqArrayArray(agents)) FROM m.t"
	check := func(when string) {
		t.Helper()
		var requests, slots uint64
		var buckets []uint16
		var counts []uint64
		var agents []string
		if err := conn.QueryRow(t.Context(), sums).Scan(&requests, &slots, &buckets, &counts, &agents); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{uint64(3), uint64(7), []uint16{7, 100, 101, 102}, []uint64{3, 10, 10, 10},
			[]string{"0", "1", "2", "x"}},
			[]any{requests, slots, buckets, counts, agents}); diff != "" {
			t.Errorf("%s merge (-want +got):\n%s", when, diff)
		}
	}
	check("before")
	mustExec(t, conn, "OPTIMIZE TABLE m.t FINAL")
	if got := scalar[uint64](t, conn, "SELECT count() FROM m.t"); got != 1 {
		t.Errorf("after OPTIMIZE: got %d rows; want 1", got)
	}
	check("after")
}
