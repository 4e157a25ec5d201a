package schema_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/block"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// state is every table's definition and every row of meta.
func state(t *testing.T, s *store.Store) []string {
	t.Helper()
	type line struct {
		Text string `ch:"text"`
	}
	var all []string
	for _, q := range []string{
		"SELECT concat(name, ' ', create_table_query, ' ', toString(uuid)) AS text FROM system.tables WHERE database = '" + s.Database() + "' ORDER BY name",
		"SELECT concat(key, '=', value, ' ', toString(version)) AS text FROM " + s.Table(schema.Meta) +
			" FINAL ORDER BY key, version",
	} {
		lines, err := store.Select[line](t.Context(), s, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			all = append(all, l.Text)
		}
	}
	return all
}

// Migrating a second time changes nothing: no table, no row.
func TestMigrateTwice(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database(), TTL: schema.DefaultTTL()}
	if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
		t.Fatal(err)
	}
	first := state(t, s)
	// The version is noted, and the ttl.
	if want := len(schema.Tables()) + 2; len(first) != want {
		t.Fatalf("got %d lines of state; want %d", len(first), want)
	}
	if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, state(t, s)); diff != "" {
		t.Error(diff)
	}
}

// A new database is made in few statements, with the tables of one that was upgraded
// version by version, but for how lazily they merge.
func TestMigrateAtOnce(t *testing.T) {
	tables := func(versions ...fs.FS) (all []string) {
		s := storetest.Dial(t)
		for _, files := range versions {
			if err := schema.MigrateFrom(t.Context(), s.Conn(), schema.Options{Database: s.Database()},
				files); err != nil {
				t.Fatal(err)
			}
		}
		type line struct {
			Text string `ch:"text"`
		}
		for _, q := range []string{
			"SELECT concat(table, '.', name, ' ', toString(position), ' ', type, ' ', default_kind, default_expression, ' ', compression_codec) AS text FROM system.columns WHERE database = '" +
				s.Database() + "' ORDER BY table, position",
			"SELECT concat(name, ' ', engine, ' ', partition_key, ' ', sorting_key, ' ', primary_key) AS text FROM system.tables WHERE database = '" + s.Database() + "' ORDER BY name",
			"SELECT concat(key, '=', value) AS text FROM " + s.Table(schema.Meta) +
				" FINAL WHERE key != 'services_hour_since' ORDER BY key",
		} {
			lines, err := store.Select[line](t.Context(), s, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				all = append(all, l.Text)
			}
		}
		return all
	}
	var each []fs.FS
	for n := 2; n <= schema.Version()+1; n++ {
		each = append(each, schema.Before(fmt.Sprintf("%04d", n)))
	}
	want := tables(each...)
	if len(want) < 100 {
		t.Fatalf("%d columns, tables and values; the search is broken", len(want))
	}
	if diff := cmp.Diff(want, tables(each[len(each)-1])); diff != "" {
		t.Errorf("made at once the tables are others (-version by version +at once):\n%s", diff)
	}
}

// What a merge of a temporary table has replaced is gone soon, not after the eight
// minutes for which a lasting one keeps it.
func TestTemporaryKeepsNoOldParts(t *testing.T) {
	s := storetest.Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(),
		schema.Options{Database: s.Database(), Temporary: true}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		storetest.Exec(t, s, fmt.Sprintf("INSERT INTO %s (key, value) VALUES ('k%d', '')", s.Table(schema.Meta), i))
	}
	storetest.Exec(t, s, "OPTIMIZE TABLE "+s.Table(schema.Meta)+" FINAL")
	type count struct {
		Old uint64 `ch:"old"`
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		n, err := store.Select[count](t.Context(), s,
			"SELECT count() AS old FROM system.parts WHERE NOT active AND database = '"+s.Database()+"' AND table = '"+string(schema.Meta)+"'")
		if err != nil {
			t.Fatal(err)
		}
		if n[0].Old == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d merged parts are still there after 20 seconds", n[0].Old)
		}
	}
}

// Several instances that start at once make one schema.
func TestMigrateConcurrently(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database(), TTL: schema.DefaultTTL()}
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() { errs[i] = schema.Migrate(t.Context(), s.Conn(), o) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := storetest.Number(t, s,
		"(SELECT count() FROM system.tables WHERE database = '"+s.Database()+"')"); got != uint64(
		len(schema.Tables())) {
		t.Errorf("got %d tables; want %d", got, len(schema.Tables()))
	}
	if got := storetest.Number(t, s,
		"(SELECT toUInt64(value) FROM "+s.Table(schema.Meta)+" FINAL WHERE key = 'schema_version')"); got != uint64(
		schema.Version()) {
		t.Errorf("got version %d; want %d", got, schema.Version())
	}
}

// A database of an older version, with rows in it, is brought up and keeps
// them; the rows count on; a run that was cut half way is repeated.
func TestUpgradeKeepsData(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database(), TTL: schema.TTL{}}
	if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
		t.Fatal(err)
	}
	insert := "INSERT INTO " + s.Table(schema.Services) +
		" (minute, service, outcome, requests) SELECT toDateTime('2026-01-01 00:00:00'), 'movies', 'timeout', 40"
	storetest.Exec(t, s, insert)
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.Ledger)+" (cluster, topic, end, days) SELECT 'c', 't', 7, [('2026-01-01', 40, 1, 2)]")

	next := fmt.Sprintf("migrations/%04d_more.sql", schema.Version()+1)
	half := schema.WithMigration(next,
		"ALTER TABLE {{table \"services\"}} {{on_cluster}} ADD COLUMN IF NOT EXISTS failures SimpleAggregateFunction(sum, UInt64)\n;\nSELECT throwIf(1)\n;\n")
	if err := schema.MigrateFrom(t.Context(), s.Conn(), o, half); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("to version %d", schema.Version()+1)) {
		t.Fatalf("got %v; want the second statement's error", err)
	}
	whole := schema.WithMigration(next,
		"ALTER TABLE {{table \"services\"}} {{on_cluster}} ADD COLUMN IF NOT EXISTS failures SimpleAggregateFunction(sum, UInt64)\n;\n")
	for range 2 {
		if err := schema.MigrateFrom(t.Context(), s.Conn(), o, whole); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Exec(t, s, strings.Replace(strings.Replace(insert, "requests)", "requests, failures)", 1), "40", "2, 3",
		1))
	storetest.Exec(t, s, "OPTIMIZE TABLE "+s.Table(schema.Services)+" FINAL")
	if got := storetest.Number(t, s,
		"(SELECT sum(requests) * 100 + sum(failures) FROM "+s.Table(schema.Services)+")"); got != 4203 {
		t.Errorf("got %d; want 42 requests, 3 failures", got)
	}
	if got := storetest.Number(t, s,
		"(SELECT sum(arraySum(days.responses)) FROM "+s.Table(schema.Ledger)+")"); got != 40 {
		t.Errorf("got %d responses in the ledger; want 40", got)
	}

	err := schema.Migrate(t.Context(), s.Conn(), o)
	if !errors.Is(err, schema.ErrNewer) || !strings.Contains(err.Error(), s.Database()) ||
		!strings.Contains(err.Error(), fmt.Sprintf("version %d", schema.Version()+1)) {
		t.Errorf("got %v; want ErrNewer from the older binary", err)
	}
}

// Rejects of the schema before live on in their table beside the new one, and are
// listed and counted with the new ones; so are those that an instance of before
// stores after the upgrade.
func TestOldRejectsStay(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database(), TTL: schema.DefaultTTL()}
	if err := schema.MigrateFrom(t.Context(), s.Conn(), o, schema.Before("0009_rejected_lines.sql")); err != nil {
		t.Fatal(err)
	}
	old := func(offset int) {
		storetest.Exec(t, s,
			fmt.Sprintf("INSERT INTO %s (cluster, topic, epoch, partition, offset, idx, record_ts, reason, raw) SELECT 'c', 'access', 1, 3, %d, 0, now64(3), 'syntax', 'x'",
				s.Table(schema.OldRejects), offset))
	}
	old(7)
	for range 2 {
		if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
			t.Fatal(err)
		}
	}
	old(8)
	id := block.ID{Cluster: "c", Topic: "access", Epoch: 1, Partition: 3, First: 8, End: 11}
	c := &block.Contents{DeclaredUnix: time.Now().Unix()}
	for offset := range int64(3) { // 8 again
		c.Rejects = append(c.Rejects, block.RejectRow{Partition: 3, Offset: 8 + offset, Reason: "syntax", Raw: "y"})
	}
	if err := s.WriteRows(t.Context(), id, c, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	list, err := s.Rejects(t.Context(), store.RejectFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprint(r.Offset, r.Raw))
	}
	if want := "7x,8y,9y,10y"; strings.Join(got, ",") != want {
		t.Errorf("got %v; want %s", got, want)
	}
	counts, err := s.CountRejects(t.Context(), store.RejectFilter{Topic: "access"})
	if err != nil || len(counts) != 1 || counts[0].Rejects != 4 {
		t.Errorf("got %+v, %v; want 4 rejects", counts, err)
	}
}

// A column that joins the sorting key tells rows apart from then on, also from
// rows of before, which have it empty; what is equal still becomes one row, and
// repeating the statements changes nothing.
func TestErrorTypeJoinsSortingKeys(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database()}
	if err := schema.MigrateFrom(t.Context(), s.Conn(), o, schema.Before("0006_error_type.sql")); err != nil {
		t.Fatal(err)
	}
	tables := []schema.Table{schema.Responses, schema.ResponsesHour, schema.Keys, schema.KeysHour}
	insert := func(table schema.Table, more, values string) {
		storetest.Exec(t, s,
			"INSERT INTO "+s.Table(table)+" (minute, service, outcome, requests"+more+") VALUES ('2026-01-01 00:00:00', 'movies', 'timeout', "+values+")")
	}
	for _, table := range tables {
		insert(table, "", "1")
	}
	for range 2 {
		if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
			t.Fatal(err)
		}
		// As if the run had been cut before its version was noted.
		storetest.Exec(t, s, "TRUNCATE TABLE "+s.Table(schema.Meta))
		storetest.Exec(t, s,
			"INSERT INTO "+s.Table(schema.Meta)+" (key, value, version) VALUES ('schema_version', '5', 5)")
	}
	for _, table := range tables {
		insert(table, "", "10")
		insert(table, ", error_type", "100, 'quota'")
		insert(table, ", error_type", "200, 'quota'")
		storetest.Exec(t, s, "OPTIMIZE TABLE "+s.Table(table)+" FINAL")
		got := storetest.Number(t, s, "(SELECT sum(requests) * 10 + count() FROM "+s.Table(table)+")")
		if got != 3112 {
			t.Errorf("%s: got %d; want 311 requests in 2 rows", table, got)
		}
		if got := storetest.Number(t, s,
			"(SELECT sum(requests) FROM "+s.Table(table)+" WHERE error_type = '')"); got != 11 {
			t.Errorf("%s: got %d requests without an error type; want 11", table, got)
		}
	}
}

// services_hour is whole from the hour after the newest that was stored before
// it came to be; a run that was cut is repeated, another instance's changes
// nothing; an empty database has it from the start.
func TestServicesHourSince(t *testing.T) {
	since := func(s *store.Store) time.Time {
		t.Helper()
		since, err := schema.WholeSince(t.Context(), s.Conn(), s.Database())
		if err != nil {
			t.Fatal(err)
		}
		return since[schema.ServicesHour]
	}
	empty := storetest.Dial(t)
	if err := schema.Migrate(t.Context(), empty.Conn(), schema.Options{Database: empty.Database()}); err != nil {
		t.Fatal(err)
	}
	if at := since(empty); !at.IsZero() {
		t.Errorf("empty database: got %v; want none", at)
	}

	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database()}
	if err := schema.MigrateFrom(t.Context(), s.Conn(), o, schema.Oldest()); err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.ResponsesHour)+" (minute, requests) VALUES ('2024-02-01 10:00:00', 3), ('2024-02-01 12:00:00', 4)")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if want := time.Date(2024, 2, 1, 13, 0, 0, 0, time.UTC); !since(s).Equal(want) {
		t.Errorf("got %v; want %v", since(s), want)
	}
}

// A life time that changed in the configuration is applied, and forgetting can
// be switched off.
func TestTTLChanges(t *testing.T) {
	s := storetest.Dial(t)
	if _, err := schema.StoredTTL(t.Context(), s.Conn(), s.Database()); err == nil {
		t.Error("got the ttl of a database that is not there")
	}
	for _, test := range []struct {
		ttl  schema.TTL
		want string
	}{
		{schema.DefaultTTL(), "TTL toDateTime(minute) + toIntervalDay(30)"},
		{schema.TTL{MinuteDays: 3, HourDays: 396, SampleDays: 7}, "TTL toDateTime(minute) + toIntervalDay(3)"},
		{schema.TTL{}, ""},
		{schema.TTL{MinuteDays: 9}, "TTL toDateTime(minute) + toIntervalDay(9)"},
	} {
		if err := schema.Migrate(t.Context(), s.Conn(),
			schema.Options{Database: s.Database(), TTL: test.ttl}); err != nil {
			t.Fatal(err)
		}
		if got, err := schema.StoredTTL(t.Context(), s.Conn(), s.Database()); err != nil || got != test.ttl {
			t.Errorf("got %+v, %v; want %+v", got, err, test.ttl)
		}
		type line struct {
			Text string `ch:"engine_full"`
		}
		lines, err := store.Select[line](t.Context(), s,
			"SELECT engine_full FROM system.tables WHERE database = ? AND name = 'keys'", s.Database())
		if err != nil {
			t.Fatal(err)
		}
		if got := lines[0].Text; !strings.Contains(got, test.want) ||
			strings.Contains(got, "TTL") != (test.want != "") {
			t.Errorf("%+v: got %s; want %q", test.ttl, got, test.want)
		}
	}
}

// One database, one secret: the first instance's, however many start at once.
func TestCheckSecret(t *testing.T) {
	s := storetest.Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	if err := schema.CheckSecret(t.Context(), s.Conn(), s.Database(), ""); err == nil {
		t.Error("got no error for an empty fingerprint")
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			errs[i] = schema.CheckSecret(t.Context(), s.Conn(), s.Database(), fmt.Sprintf("secret%d", i%2))
		})
	}
	wg.Wait()
	accepted := [2]int{}
	for i := range errs {
		err := schema.CheckSecret(t.Context(), s.Conn(), s.Database(), fmt.Sprintf("secret%d", i%2))
		switch {
		case err == nil:
			accepted[i%2]++
		case !errors.Is(err, schema.ErrSecret) || !strings.Contains(err.Error(), "the same secret"):
			t.Errorf("got %v; want ErrSecret with what to do", err)
		}
	}
	if accepted != [2]int{4, 0} && accepted != [2]int{0, 4} {
		t.Errorf("got %v accepted; want all of one secret and none of the other", accepted)
	}
}

// Merges keep what was written: sums add up, sets stay sets, and stay small.
func TestMergesKeepValues(t *testing.T) {
	s := storetest.Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	const parts = 12
	const newYear = 1_767_225_600 // 2026
	for i := range parts {
		storetest.Exec(t, s,
			"INSERT INTO "+s.Table(schema.Responses)+" (minute, service, requests, latency) SELECT toDateTime('2026-01-01 00:00:00'), 'movies', toUInt64(2), "+
				fmt.Sprintf("([toUInt16(5), toUInt16(%d)], [toUInt64(1), toUInt64(1)])", 100+i))
		storetest.Exec(t, s,
			"INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, requests, count_max, slots, first_offset, last_offset, client_ips, user_agents) SELECT"+
				" toDateTime('2026-01-01 00:00:00'), 'k', toUInt64(1), toUInt32("+fmt.Sprint(50-i)+"), bitShiftLeft(toUInt64(1), "+fmt.Sprint(i)+"),"+
				" toUInt16("+fmt.Sprint(30-i)+"), toUInt16("+fmt.Sprint(30+i)+"),"+
				" arrayMap(x -> toIPv6(concat('2001:db8::', hex(x + 8 * "+fmt.Sprint(i)+"))), range(8)), arrayMap(x -> concat('ua', toString(x + 8 * "+fmt.Sprint(i)+")), range(8))")
	}
	check := func(when string) {
		t.Helper()
		for name, test := range map[string]struct {
			expression string
			want       uint64
		}{
			"requests":     {"(SELECT sum(requests) FROM " + s.Table(schema.Responses) + ")", 2 * parts},
			"bucket 5":     {"(SELECT sumMap(latency).2[1] FROM " + s.Table(schema.Responses) + ")", parts},
			"buckets":      {"(SELECT length(sumMap(latency).1) FROM " + s.Table(schema.Responses) + ")", parts + 1},
			"histogram":    {"(SELECT arraySum(sumMap(latency).2) FROM " + s.Table(schema.Responses) + ")", 2 * parts},
			"key requests": {"(SELECT sum(requests) FROM " + s.Table(schema.Keys) + ")", parts},
			"count_max":    {"(SELECT max(count_max) FROM " + s.Table(schema.Keys) + ")", 50},
			"slots":        {"(SELECT groupBitOr(slots) FROM " + s.Table(schema.Keys) + ")", 1<<parts - 1},
			"first_seen": {"(SELECT toUnixTimestamp(min(first_seen)) FROM " + s.Table(schema.Keys) + ")",
				newYear + 30 - parts + 1},
			"last_seen": {"(SELECT toUnixTimestamp(max(last_seen)) FROM " + s.Table(schema.Keys) + ")",
				newYear + 30 + parts - 1},
			"addresses":   {"(SELECT max(length(client_ips)) <= 16 AND min(length(client_ips)) >= 8 AND uniqExactArray(client_ips) >= 16 FROM " + s.Table(schema.Keys) + ")", 1},
			"user agents": {"(SELECT max(length(user_agents)) <= 16 AND min(length(user_agents)) >= 8 AND uniqExactArray(user_agents) >= 16 FROM " + s.Table(schema.Keys) + ")", 1},
		} {
			if got := storetest.Number(t, s, test.expression); got != test.want {
				t.Errorf("%s, %s: got %d; want %d", when, name, got, test.want)
			}
		}
	}
	check("before the merge")
	for _, table := range []schema.Table{schema.Responses, schema.Keys} {
		storetest.Exec(t, s, "OPTIMIZE TABLE "+s.Table(table)+" FINAL")
		if got := storetest.Number(t, s, "(SELECT count() FROM "+s.Table(table)+")"); got != 1 {
			t.Errorf("%s: got %d rows after the merge; want 1", table, got)
		}
	}
	check("after the merge")
}

// A cluster's statements are at least ClickHouse's grammar; running them takes
// a cluster.
func TestClusterStatementsParse(t *testing.T) {
	s := storetest.Dial(t)
	text, err := os.ReadFile("testdata/cluster.sql")
	if err != nil {
		t.Fatal(err)
	}
	for q := range strings.SplitSeq(strings.ReplaceAll(string(text), "?", "1"), "\n;\n") {
		type line struct {
			Text string `ch:"text"`
		}
		if _, err := store.Select[line](t.Context(), s, "SELECT formatQuery(?) AS text", q); err != nil {
			t.Errorf("%v\n%s", err, q)
		}
	}
}

// A database on one server is not half made again for a cluster.
func TestOtherLayoutRefused(t *testing.T) {
	s := storetest.Dial(t)
	o := schema.Options{Database: s.Database()}
	if err := schema.Migrate(t.Context(), s.Conn(), o); err != nil {
		t.Fatal(err)
	}
	before := state(t, s)
	o.Cluster = "c"
	if err := schema.Migrate(t.Context(), s.Conn(), o); !errors.Is(err, schema.ErrLayout) {
		t.Errorf("got %v; want ErrLayout", err)
	}
	if diff := cmp.Diff(before, state(t, s)); diff != "" {
		t.Error(diff)
	}
}
