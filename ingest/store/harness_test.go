package store

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/classify/distinct"
	"statline/ingest/block"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// open is a store with its tables in a database of its own; change alters the
// configuration.
func open(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	s := dial(t, sandboxtest.Database(t), change...)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	return s
}

// dial is a store on a database that may exist already.
func dial(t testing.TB, database string, change ...func(*Config)) *Store {
	t.Helper()
	c := DefaultConfig()
	c.URL, c.Database = sandboxtest.URL(t), database
	for _, f := range change {
		f(&c)
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func free() error { return nil }

// number runs a query of one number.
func number(t testing.TB, s *Store, query string, args ...any) uint64 {
	t.Helper()
	rows, err := Select[struct {
		N uint64 `ch:"n"`
	}](t.Context(), s, "SELECT toUInt64("+query+") AS n", args...)
	if err != nil {
		t.Fatal(err)
	}
	return rows[0].N
}

// sum adds up a table's column.
func sum(t testing.TB, s *Store, table schema.Table, column schema.Column) uint64 {
	t.Helper()
	return number(t, s, "(SELECT sum("+string(column)+") FROM "+s.Table(table)+")")
}

func count(t testing.TB, s *Store, table schema.Table) uint64 {
	t.Helper()
	return number(t, s, "(SELECT count() FROM "+s.Table(table)+")")
}

const day0 = 20_000 // 2024-10-04

func minuteOf(day, minute int) uint32 { return uint32((day0+day)*daySeconds + minute*60) }

func key(b byte) classify.KeyID { return classify.KeyID{0: b, 15: 1} }

// blockOf is a block of the topic "access" whose rows span days, n requests a
// day; every table gets rows.
func blockOf(first, end int64, days int, n uint64) (block.ID, *block.Contents) {
	id := block.ID{Cluster: "c", Topic: "access", Epoch: 1, Partition: 3, First: first, End: end}
	c := &block.Contents{Records: uint64(end - first), LastRecordUnixMilli: int64(minuteOf(days-1, 5)) * 1000}
	r := &c.Rows
	var keys, keysHour []aggregate.KeyRow
	var clients []aggregate.ClientRow
	for d := range days {
		m, hour := minuteOf(d, 61), minuteOf(d, 60)
		row := aggregate.ResponseRow{Minute: m, Service: "movies", Route: "/3/movie/{id}", Method: "GET",
			HTTPStatus: 429, Code: 25,
			Outcome: classify.RateLimited, DecidedBy: classify.ByCode, Blame: classify.BlameClient, Requests: n,
			Bytes:          10 * n,
			LatencyBuckets: []uint16{3, 700}, LatencyCounts: []uint64{1, n - 1}, LatencyMicros: 7 * n,
			UpstreamRequests: n - 1, UpstreamMicros: 6 * n, UpstreamBuckets: []uint16{3},
			UpstreamCounts: []uint64{n - 1}}
		r.Responses = append(r.Responses, row)
		row.Minute = hour
		r.ResponsesHour = append(r.ResponsesHour, row)
		r.Services = append(r.Services, aggregate.ServiceRow{Minute: m, Service: "movies",
			Outcome: classify.RateLimited, Requests: n})
		r.ServicesHour = append(r.ServicesHour, aggregate.ServiceHourRow{Minute: hour, Service: "movies",
			Outcome: classify.RateLimited, Requests: n,
			LatencyBuckets: row.LatencyBuckets, LatencyCounts: row.LatencyCounts, UpstreamBuckets: row.UpstreamBuckets,
			UpstreamCounts: row.UpstreamCounts})
		k := aggregate.KeyRow{Minute: m, Key: key(1), Service: "movies", Outcome: classify.RateLimited, Code: 25,
			Requests: n - 1, Bytes: 9,
			KeyFailure: &aggregate.KeyFailure{Slots: 5, SlotSeconds: 10, FirstSeen: m + 1, LastSeen: m + 50,
				ClientIPs: [][16]byte{{15: 1}}, UserAgents: []string{"curl"}},
			KeyTold: &aggregate.KeyTold{Quota: classify.Quota{Limit: 40}, Retries: n - 2}}
		keys = append(keys, k)
		failure := *k.KeyFailure
		failure.Slots, failure.SlotSeconds = 0, 0
		k.Minute, k.KeyFailure = hour, &failure
		keysHour = append(keysHour, k)
		clients = append(clients, aggregate.ClientRow{Minute: m, ClientIP: [16]byte{15: 1},
			Outcome: classify.RateLimited, Code: 25,
			Requests: n - 2, ClientFailure: &aggregate.ClientFailure{Slots: 5, Keys: []classify.KeyID{key(1)},
				Paths: distinct.Bitmap{1, 0, 1 << 63}}})
		a := aggregate.AgentRow{Minute: m, Service: "movies", Class: "sdk", Agent: "okhttp/4.12",
			Outcome: classify.RateLimited, Requests: n - 3, Keys: distinct.Bitmap{2, 0, 0, 1 << 63}}
		r.Agents = append(r.Agents, a)
		a.Minute = hour
		r.AgentsHour = append(r.AgentsHour, a)
		r.Samples = append(r.Samples, aggregate.SampleRow{Minute: m, Service: "movies", Outcome: classify.RateLimited,
			UnixMilli: int64(m) * 1000, Offset: first})
		r.Days = append(r.Days, aggregate.DayCount{Day: int32(day0 + d), Responses: n})
		c.Responses += n
		r.MaxUnixMilli = int64(m) * 1000
	}
	r.Keys, r.KeysHour, r.Clients = aggregate.ListOf(keys), aggregate.ListOf(keysHour), aggregate.ListOf(clients)
	r.SumDays()
	r.KeyNames = []aggregate.KeyNameRow{{Key: key(1), Name: "acme"}}
	r.MinUnixMilli = int64(minuteOf(0, 61)) * 1000
	r.Responded = c.Responses
	c.Rejects = []block.RejectRow{{Partition: 3, Offset: first, Index: 1, RecordUnixMilli: int64(minuteOf(0, 2)) * 1000,
		Reason: "syntax", Raw: "{"}}
	c.Rejected = 1
	return id, c
}

// stored is the ledger row of a block.
func stored(id block.ID, c *block.Contents) block.LedgerRow {
	return block.LedgerRow{ID: id, Kind: block.KindBlock, State: block.Stored, Group: "statline", Instance: "a",
		ConfigHash: "h", Version: "v",
		Records: c.Records, Responses: c.Responses, Rejected: c.Rejected, Holes: c.Holes, Days: c.Rows.Days,
		MinEventUnixMilli: c.Rows.MinUnixMilli, MaxEventUnixMilli: c.Rows.MaxUnixMilli,
		LastRecordUnixMilli: c.LastRecordUnixMilli,
		WrittenAt:           time.UnixMilli(1_790_000_000_123).UTC()}
}

func declared(id block.ID, c *block.Contents) block.LedgerRow {
	row := stored(id, c)
	row.State = block.Declared
	return row
}

// write stores a block as the protocol does: declared, rows, stored.
func write(t testing.TB, s *Store, id block.ID, c *block.Contents) {
	t.Helper()
	if err := s.WriteLedger(t.Context(), declared(id, c), free); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteLedger(t.Context(), stored(id, c), free); err != nil {
		t.Fatal(err)
	}
}

// altered sends INSERTs with other settings.
type altered struct {
	inserter
	change func(clickhouse.Settings)
}

func (a altered) insert(ctx context.Context, i insertion) error {
	a.change(i.settings)
	return a.inserter.insert(ctx, i)
}

// alter changes the settings of every later INSERT.
func alter(s *Store, change func(clickhouse.Settings)) {
	p := *s.pool.Load()
	p.inserts = altered{p.inserts, change}
	s.pool.Store(&p)
}

// dropTokens makes a store whose INSERTs have no tokens.
func dropTokens(s *Store) {
	alter(s, func(settings clickhouse.Settings) { delete(settings, "insert_deduplication_token") })
}
