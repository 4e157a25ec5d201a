//go:build zookeeper

package zookeepertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/classify/detect"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/sandbox"
	"statline/ingest/sandbox/javatest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/zookeepertest"
	"statline/ingest/watch"
)

// The embedded engine as the one node of a cluster: one shard, this replica.
// Two things it cannot: ON CLUSTER, which the library refuses, and rows in a
// replicated table, which stays read-only since the library serves no
// replication port. So statements lose their ON CLUSTER here, the replicated
// tables are made and looked at, and rows go through Distributed tables into
// local ones that are not replicated.

const clusterConfig = `<clickhouse>
<tcp_port>%[1]d</tcp_port>
<macros><shard>01</shard><replica>a</replica></macros>
<default_replica_path>/clickhouse/tables/{shard}/{database}/{table}</default_replica_path>
<default_replica_name>{replica}</default_replica_name>
<zookeeper><node><host>127.0.0.1</host><port>%[2]d</port></node></zookeeper>
<remote_servers><c><shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>%[1]d</port></replica></shard></c></remote_servers>
</clickhouse>`

// node is the engine's address.
var node string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	must := func(err error) bool {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		return err == nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "statline-zookeeper-")
	if !must(err) {
		return code
	}
	defer func() { must(os.RemoveAll(dir)) }()
	zookeeper, err := zookeepertest.Start(ctx, dir)
	if !must(err) {
		return code
	}
	defer func() { must(zookeeper.Close()) }()
	ports, err := javatest.FreePorts(1) // nobody listens: it tells the node which replica it is
	if !must(err) {
		return code
	}
	config := filepath.Join(dir, "config.xml")
	if !must(os.WriteFile(config, fmt.Appendf(nil, clusterConfig, ports[0], zookeeper.Port()), 0o644)) {
		return code
	}
	sb, err := sandbox.Start(ctx, sandbox.Config{ClickHouse: "127.0.0.1:0", EngineConf: config})
	if !must(err) {
		return code
	}
	defer func() { must(sb.Close()) }()
	node = sb.ClickHouseURL()
	return m.Run()
}

// dial is a store whose database is gone when the test ends: the library
// crashes when it is closed with replicated tables.
func dial(t *testing.T, database string) *store.Store {
	t.Helper()
	c := store.DefaultConfig()
	c.URL, c.Database = node, database
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Exec(context.Background(), "DROP DATABASE `"+database+"` SYNC"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// oneNode runs a cluster's statements on the one node that there is.
type oneNode struct {
	schema.Conn
	change func(string) string
	passed func(error) bool // an error that is no fault of the statement
}

func (c oneNode) Exec(ctx context.Context, query string, args ...any) error {
	err := c.Conn.Exec(ctx, c.change(strings.ReplaceAll(query, " ON CLUSTER `c`", "")), args...)
	if err != nil && c.passed != nil && c.passed(err) {
		return nil
	}
	return err
}

// readOnly says that a replicated table took no rows, or no column. Its insert fails at
// the quorum already: the replica is not active. A column that was to come after one
// that an earlier ALTER did not add is not added either.
func readOnly(err error) bool {
	var e *clickhouse.Exception
	if !errors.As(err, &e) {
		return false
	}
	const noSuchColumn, tableIsReadOnly, keeperException = 16, 242, 999
	return e.Code == tableIsReadOnly || e.Code == noSuchColumn && strings.Contains(e.Message, "to insert after") ||
		e.Code == keeperException && strings.Contains(e.Message, "/is_active")
}

func engines(t *testing.T, s *store.Store) map[schema.Table]string {
	t.Helper()
	rows, err := store.Select[struct {
		Name   string `ch:"name"`
		Engine string `ch:"engine"`
	}](t.Context(), s, "SELECT name, engine FROM system.tables WHERE database = ?", s.Database())
	if err != nil {
		t.Fatal(err)
	}
	engines := map[schema.Table]string{}
	for _, r := range rows {
		engines[schema.Table(r.Name)] = r.Engine
	}
	return engines
}

// The engine takes every table of a cluster, replicated by ZooKeeper and
// Distributed over that; it is asked how they lie, and then asked for a quorum
// and for its replica to catch up.
func TestZookeeperReplicated(t *testing.T) {
	s := dial(t, "replicated")
	conn := oneNode{s.Conn(), func(q string) string { return q }, readOnly}
	if err := schema.Migrate(t.Context(), conn, schema.Options{Database: s.Database(), Cluster: "c",
		TTL: schema.DefaultTTL()}); err != nil {
		t.Fatal(err)
	}
	got := engines(t, s)
	for _, table := range schema.Tables() {
		if got[table] != "Distributed" || !strings.HasPrefix(got[table.Local()], "Replicated") {
			t.Errorf("%s: got engines %s over %s; want Distributed over a Replicated one", table, got[table],
				got[table.Local()])
		}
	}
	l, found, err := schema.ReadLayout(t.Context(), s.Conn(), s.Database())
	if want := (schema.Layout{Cluster: "c", Replicated: true}); err != nil || !found || l != want {
		t.Errorf("got layout %+v, %v, %v; want %+v", l, found, err, want)
	}
	if _, err := s.Ledger(t.Context(), "k", "access", 0); err == nil || !readOnly(err) ||
		retry.ClassOf(err) != retry.Waiting {
		t.Errorf("read the ledger: got %v; want SYNC REPLICA refused by a replica that is read-only", err)
	}
	// Into a table that no migration has altered: ALTER was refused as well.
	if err := s.WriteConfig(t.Context(), store.StoredConfig{Hash: "h"}); err == nil || !readOnly(err) {
		t.Errorf("write a configuration: got %v; want an insert refused for want of its quorum", err)
	}
}

var replication = regexp.MustCompile(`, replicated_deduplication_window\w* = \d+`)

// Rows pass through Distributed tables and are there when the insert is
// answered; written again, they change nothing; the audit agrees.
func TestZookeeperDistributed(t *testing.T) {
	s := dial(t, "distributed")
	conn := oneNode{s.Conn(), func(q string) string {
		return replication.ReplaceAllString(strings.ReplaceAll(q, "ENGINE = Replicated", "ENGINE = "), "")
	}, nil}
	for _, cluster := range []string{"c", ""} { // the second run takes it from the tables
		if err := schema.Migrate(t.Context(), conn,
			schema.Options{Database: s.Database(), Cluster: cluster}); err != nil {
			t.Fatal(err)
		}
	}
	if err := schema.CheckSecret(t.Context(), s.Conn(), s.Database(), "a"); err != nil {
		t.Errorf("the first secret: %v", err)
	}
	if err := schema.CheckSecret(t.Context(), s.Conn(), s.Database(), "b"); !errors.Is(err, schema.ErrSecret) {
		t.Errorf("another secret: got %v; want ErrSecret", err)
	}
	id, c := contents()
	row := block.LedgerRow{ID: id, Kind: block.KindBlock, State: block.Declared, Group: "g", ConfigHash: "h",
		WrittenAt: time.UnixMilli(c.LastRecordUnixMilli)}
	free := func() error { return nil }
	for range 2 {
		if err := s.WriteLedger(t.Context(), row, free); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteLedger(t.Context(), row.Stored(c, row.WrittenAt), free); err != nil {
			t.Fatal(err)
		}
	}
	known, err := s.Ledger(t.Context(), id.Cluster, id.Topic, id.Partition)
	if err != nil || known.Last == nil || known.Last.ID != id || known.Last.Responses != c.Responses {
		t.Errorf("got ledger %+v, %v; want %s stored", known, err, id)
	}
	report, err := s.Audit(t.Context(), store.AuditOptions{Now: row.WrittenAt, CaughtUp: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Differences) > 0 || len(report.Days) == 0 {
		t.Errorf("got differences %v on %d days; want none", report.Differences, len(report.Days))
	}
	// Rejects of both tables, each once.
	for _, offset := range []int{99, 100} {
		if err := s.Exec(t.Context(),
			fmt.Sprintf("INSERT INTO %s (cluster, topic, epoch, partition, offset, idx, record_ts, reason, raw)"+
				" SELECT cluster, topic, epoch, partition, %d, idx, record_ts, reason, raw FROM %s",
				s.Table(schema.OldRejects), offset, s.Table(schema.Rejects))); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := s.CountRejects(t.Context(), store.RejectFilter{Topic: id.Topic})
	if err != nil || len(counts) != 1 || counts[0].Rejects != 2 {
		t.Errorf("got rejects %+v, %v; want those of the offsets 99 and 100", counts, err)
	}
}

// The detectors' queries go through Distributed tables, too.
func TestZookeeperEvidence(t *testing.T) {
	s := dial(t, "evidence")
	conn := oneNode{s.Conn(), func(q string) string {
		return replication.ReplaceAllString(strings.ReplaceAll(q, "ENGINE = Replicated", "ENGINE = "), "")
	}, nil}
	if err := schema.Migrate(t.Context(), conn, schema.Options{Database: s.Database(), Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	const first = detect.Minute(29_833_334)
	for _, insert := range []string{
		"INSERT INTO %s (minute, key_id, service, outcome, code, requests, client_ips) SELECT toDateTime(%d, 'UTC') + 60 * number, concat('key-', toString(number %% 3)), 'movies', 'rate_limited', 25, 9, [toIPv6(concat('192.0.2.', toString(number)))] FROM numbers(12) SETTINGS distributed_foreground_insert = 1",
		"INSERT INTO %s (minute, client_ip, outcome, code, requests) SELECT toDateTime(%d, 'UTC') + 60 * number, toIPv6('192.0.2.1'), 'auth_failed', 3, 99 FROM numbers(12) SETTINGS distributed_foreground_insert = 1",
	} {
		table := schema.Keys
		if strings.Contains(insert, "client_ip,") {
			table = schema.Clients
		}
		if err := s.Exec(t.Context(), fmt.Sprintf(insert, s.Table(table), first.Unix())); err != nil {
			t.Fatal(err)
		}
	}
	q := watch.NewSQL(s, classify.Builtin())
	var sources []string
	err := q.Sources(t.Context(), map[string][]detect.Minute{"key-0": {first, first + 6}, "key-1": {first + 10}},
		first+9, func(key string, from detect.Minute, ips, _ []string) {
			sources = append(sources, fmt.Sprint(key, " ", from-first, " ", strings.Join(ips, " ")))
		})
	slices.Sort(sources)
	want := []string{"key-0 0 192.0.2.0 192.0.2.3 192.0.2.6 192.0.2.9", "key-0 6 192.0.2.6 192.0.2.9", "key-1 10 "}
	if err != nil || !slices.Equal(sources, want) {
		t.Errorf("got sources %q, %v; want %q", sources, err, want)
	}
	minutes := []detect.Minute{first + 3, first + 10}
	some := func(names, fresh string) watch.Need {
		return watch.Need{Names: []string{names}, Minutes: minutes, Fresh: []string{fresh}, First: first}
	}
	keys, clients := 0, 0
	need := watch.KeyNeed{Need: some("key-0", "key-1"), Refusals: true, Whole: []string{"key-0"}}
	err = q.Keys(t.Context(), need, func(*watch.KeyRow) { keys++ })
	if err != nil || keys != 5 { // 3; 1, 4, 7 and 10
		t.Errorf("got %d rows of keys, %v; want 5", keys, err)
	}
	err = q.Clients(t.Context(), some("192.0.2.9", "192.0.2.1"), func(*watch.ClientRow) { clients++ })
	if err != nil || clients != 11 {
		t.Errorf("got %d rows of clients, %v; want 11", clients, err)
	}
	found, err := q.ClientCandidates(t.Context(), minutes, first,
		detect.ClientCandidate{Failures: 100, Keys: 9, Paths: 9})
	if err != nil || !slices.Equal(found, []string{"192.0.2.1"}) {
		t.Errorf("got candidates %q, %v; want 192.0.2.1", found, err)
	}
	if _, err := q.Candidates(t.Context(), minutes, first, detect.Candidate{ThrottledShare: 0.5}); err != nil {
		t.Error(err)
	}
	if _, err := q.Rows(t.Context(), minutes); err != nil {
		t.Error(err)
	}
}

// contents are a block of the records 0 to 99: three responses to each of two
// services' routes.
func contents() (block.ID, *block.Contents) {
	const minute = 1_790_000_040
	table := aggregate.New(aggregate.DefaultConfig())
	catalogue := classify.Builtin()
	for i := range 6 {
		r := &classify.Response{UnixMilli: minute * 1000, Service: []byte([]string{"movies", "tv"}[i%2]),
			Route: []byte("/3/x"), Method: []byte("GET"), Status: 504}
		table.Add(r, catalogue.Decide(r), aggregate.Position{Offset: int64(i)})
	}
	rows := table.Rows()
	return block.ID{Cluster: "k", Topic: "access", Epoch: 1, Partition: 2, End: 100}, &block.Contents{
		Rows: rows, Records: 7, Holes: 93, Responses: rows.Responded, Rejected: 1, LastRecordUnixMilli: minute * 1000,
		Rejects: []block.RejectRow{{Partition: 2, Offset: 99, RecordUnixMilli: -1, Reason: "syntax", Raw: "{"}},
	}
}
