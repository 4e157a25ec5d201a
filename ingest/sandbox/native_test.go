package sandbox_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"statline/ingest/sandbox"
)

// An answer without rows tells its columns all the same, and parameters,
// formats and semicolons do not disturb that.
func TestNativeColumnsOfNothing(t *testing.T) {
	conn := dial(t, start(t, sandbox.Config{Native: anyPort}))
	mustExec(t, conn, "CREATE TABLE t (n UInt8, s LowCardinality(String)) ENGINE = Memory")
	for _, query := range []string{
		"SELECT n, s FROM t", "SELECT n, s FROM t FORMAT JSON", "SELECT n, s FROM t ; -- end",
		"WITH {x:UInt8} AS x SELECT n, s FROM t WHERE n = x SETTINGS max_threads = 1",
		"SHOW TABLES LIKE 'nosuch'",
	} {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"x": "3"}))
		rows, err := conn.Query(ctx, query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		want := []string{"n", "s"}
		if strings.HasPrefix(query, "SHOW") {
			want = []string{"name"}
		}
		if diff := cmp.Diff(want, rows.Columns()); diff != "" || rows.Next() || rows.Err() != nil {
			t.Errorf("%s: %v: %s", query, rows.Err(), diff)
		}
		rows.Close()
	}
}

// Totals and extremes come as packets of their own.
func TestNativeTotalsAndExtremes(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	conn := dial(t, s)
	mustExec(t, conn, "CREATE TABLE t (k LowCardinality(String), n UInt64, f Float64, a Array(String)) ENGINE = Memory",
		"INSERT INTO t VALUES ('a', 18446744073709551615, inf, ['x\\ty']), ('b', 7, 0.5, []), ('b', 3, 1, [])")
	rows, err := conn.Query(clickhouse.Context(t.Context(),
		clickhouse.WithSettings(clickhouse.Settings{"extremes": 1})),
		"SELECT k, max(n) AS m, any(a) FROM t GROUP BY k WITH TOTALS ORDER BY k")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var k string
		var n uint64
		var a []string
		if err := rows.Scan(&k, &n, &a); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(k, " ", n, " ", a))
	}
	if diff := cmp.Diff([]string{"a 18446744073709551615 [x\ty]", "b 7 []"}, got); diff != "" || rows.Err() != nil {
		t.Errorf("%v: rows (-want +got):\n%s", rows.Err(), diff)
	}
	var k string
	var n uint64
	var a []string
	if err := rows.Totals(&k, &n, &a); err != nil || n != 18446744073709551615 || k != "" {
		t.Errorf("totals: got %q, %d, %v", k, n, err)
	}
}

// Progress and the profile of an answer arrive, parameters are values whatever
// is in them, and a connection goes on after an exception.
func TestNativePackets(t *testing.T) {
	conn := dial(t, start(t, sandbox.Config{Native: anyPort}), func(o *clickhouse.Options) { o.MaxOpenConns = 1 })
	var read, answered uint64
	hostile := "x' OR 1=1 --\\ {y:String}"
	ctx := clickhouse.Context(t.Context(),
		clickhouse.WithProgress(func(p *clickhouse.Progress) { read += p.Rows }),
		clickhouse.WithProfileInfo(func(p *clickhouse.ProfileInfo) { answered += p.Rows }),
		clickhouse.WithParameters(clickhouse.Parameters{"x": strings.ReplaceAll(hostile, `\`, `\\`)}))
	rows, err := conn.Query(ctx, "SELECT number, {x:String} FROM numbers(100000)")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var n uint64
		var x string
		if err := rows.Scan(&n, &x); err != nil || x != hostile {
			t.Fatalf("got %q, %v; want %q", x, err, hostile)
		}
	}
	rows.Close()
	if rows.Err() != nil || read != 100000 || answered != 100000 {
		t.Errorf("%v: progress of %d rows, profile of %d; want 100000", rows.Err(), read, answered)
	}
	err = conn.QueryRow(t.Context(), "SELECT nosuch").Scan(new(string))
	var ex *clickhouse.Exception
	if !errors.As(err, &ex) || ex.Code != 47 || strings.Contains(ex.Message, "DB::Exception") &&
		strings.Count(ex.Message, "DB::Exception") > 1 {
		t.Errorf("got %v; want code 47, said once", err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("after an exception: %v", err)
	}
}

// Every type's values pass in both directions as they are, whatever is nested
// in what.
func TestNativeTypes(t *testing.T) {
	conn := dial(t, start(t, sandbox.Config{Native: anyPort}), compressed(clickhouse.CompressionLZ4))
	for _, value := range []string{
		"toInt8(-3)", "toUInt256(7)", "toDecimal32(1.5, 3)", "toDecimal128(2.25, 20)", "toFloat32(0.5)", "true",
		"toDate('2026-01-02')", "toDate32('2026-01-02')", "toDateTime('2026-01-02 03:04:05', 'Asia/Kolkata')",
		"toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')", "generateUUIDv4(1)", "toIPv4('192.0.2.1')",
		"toIPv6('2001:db8::1')",
		"CAST('b', 'Enum8(\\'a, (\\' = 1, \\'b\\' = 2)')", "CAST('x', 'FixedString(5)')", "NULL",
		"CAST(NULL, 'Nullable(UInt16)')",
		"[toNullable('a'), NULL]", "[[1, 2], [], [3]]", "emptyArrayString()", "(1, 'a', [2.5])",
		"CAST((1, 'a'), 'Tuple(x_y UInt8, z String)')",
		"map('a', [1, 2], 'b', [])", "toLowCardinality('abc')", "toLowCardinality(toNullable('abc'))",
		"[toLowCardinality('a'), toLowCardinality('b'), toLowCardinality('a')]",
		"map(toLowCardinality('k'), toLowCardinality('v'))",
		"toIntervalDay(3)", "repeat('long', 50000)",
	} {
		rows, err := conn.Query(t.Context(),
			"SELECT number, v, toString(v) FROM (SELECT number, "+value+" AS v FROM numbers(70000)) WHERE number IN (0, 1, 69999)")
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil || n != 3 {
			t.Errorf("%s: %d rows, %v", value, n, err)
		}
		rows.Close()
	}
	err := conn.QueryRow(t.Context(), "SELECT sumState(number) FROM numbers(3)").Scan(new(string))
	var ex *clickhouse.Exception
	if !errors.As(err, &ex) || ex.Code != 48 || !strings.Contains(ex.Message, "AggregateFunction(sum, UInt64)") {
		t.Errorf("a state: got %v; want a refusal that names the type", err)
	}
	if got := scalar[uint8](t, conn, "SELECT toUInt8(1)"); got != 1 {
		t.Error("the connection does not go on after a refusal")
	}
}

// Users and passwords are those of the configuration, on both ports; without
// any, everyone is let in.
func TestUsers(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort, Native: anyPort, Users: map[string]string{"writer": "s3cret"}})
	for _, url := range []string{s.ClickHouseURL(), s.NativeURL()} {
		for user, want := range map[string]bool{"writer:s3cret": true, "writer:wrong": false, "writer": false,
			"nobody:s3cret": false, "": false} {
			opts, err := clickhouse.ParseDSN(strings.Replace(url, "://", "://"+user+"@", 1))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := clickhouse.Open(opts)
			if err != nil {
				t.Fatal(err)
			}
			err = conn.Ping(t.Context())
			if got := err == nil; got != want {
				t.Errorf("%s as %q: got %v; want let in: %t", url, user, err, want)
			}
			if err != nil && (!strings.Contains(err.Error(), "516") &&
				!strings.Contains(err.Error(), "Authentication failed") || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("%s as %q: got %v; want code 516", url, user, err)
			}
			_ = conn.Close()
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// SET and USE hold for the connection on which they were said.
func TestNativeSession(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	one := func(o *clickhouse.Options) { o.MaxOpenConns = 1 }
	conn, other := dial(t, s, one), dial(t, s, one)
	mustExec(t, conn, "CREATE DATABASE d", "CREATE TABLE d.only (n UInt8) ENGINE = Memory", "SET max_block_size = 19",
		"USE d")
	if got := scalar[uint64](t, conn,
		"SELECT toUInt64(getSetting('max_block_size')) FROM (SELECT count() FROM only)"); got != 19 {
		t.Errorf("got %d; want what SET said", got)
	}
	if got := scalar[uint64](t, other, "SELECT toUInt64(getSetting('max_block_size'))"); got == 19 {
		t.Error("a SET reached another connection")
	}
	if err := conn.Exec(t.Context(), "SET nosuch = 1"); err == nil {
		t.Error("an unknown setting was accepted")
	}
	if err := conn.Exec(t.Context(), "USE nosuch"); err == nil {
		t.Error("an unknown database was accepted")
	}
}

// An INSERT is told the columns that its table has now, whoever changed it.
func TestNativeInsertAfterAlter(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	conn, other := dial(t, s), dial(t, s)
	columns := func(want string) {
		t.Helper()
		for range 2 { // the second time they are known
			b, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range b.Columns() {
				got = append(got, c.Name()+" "+string(c.Type()))
			}
			if err := b.Abort(); err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("got %q; want %q", got, want)
			}
		}
	}
	mustExec(t, conn, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	columns("n UInt64")
	mustExec(t, other, "ALTER TABLE t ADD COLUMN s String")
	columns("n UInt64, s String")
	mustExec(t, other, "DROP TABLE t SYNC", "CREATE TABLE t (m Int8) ENGINE = Memory")
	columns("m Int8")
}

// Of an INSERT whose connection is cut before its end nothing is inserted, and
// the server goes on.
func TestNativeCutInsert(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	conn := dial(t, s)
	mustExec(t, conn, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	b, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(1000) {
		if err := b.Append(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil { // the block is sent, its end is not
		t.Fatal(err)
	}
	if err := b.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := scalar[uint64](t, conn, "SELECT count() FROM t"); got != 0 {
		t.Errorf("got %d rows; want none", got)
	}
}

// A client of another protocol is told so.
func TestNativePortSpokenToInHTTP(t *testing.T) {
	s := start(t, sandbox.Config{Native: anyPort})
	resp, err := http.Get("http" + strings.TrimPrefix(s.NativeURL(), "clickhouse"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// Close ends idle connections at once and a running query after its grace.
func TestNativeClose(t *testing.T) {
	s, err := sandbox.Start(t.Context(), sandbox.Config{Native: anyPort})
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, s)
	mustExec(t, conn, "SELECT 1")
	ended := make(chan error, 1)
	go func() { ended <- conn.Exec(t.Context(), "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)") }()
	for scalar[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%cityHash64%'") < 2 {
	}
	begun := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("closing took %v", took)
	}
	if err := <-ended; err == nil {
		t.Error("the query ended well")
	}
}
