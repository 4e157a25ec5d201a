package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// Law: what a rollup's description says is what the migrations make of its
// table in a real store: columns in their order, with their merges; a sorting
// key of exactly the minute and the dimensions; partitions of its level; and
// no other table is merged by sums.
func TestRollupsMatchTables(t *testing.T) {
	s := open(t)
	tables, err := Select[struct {
		Name      string `ch:"name"`
		Sorting   string `ch:"sorting_key"`
		Partition string `ch:"partition_key"`
	}](t.Context(), s,
		"SELECT name, sorting_key, partition_key FROM system.tables WHERE database = ? AND engine = 'AggregatingMergeTree'", s.Database())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range tables {
		names = append(names, r.Name)
	}
	for _, r := range s.Rollups() {
		at := slices.Index(names, r.Name)
		if at < 0 {
			t.Errorf("%s: no migration makes the table", r.Name)
			continue
		}
		names[at] = ""
		checkRollup(t, s, r, tables[at].Sorting, tables[at].Partition)
	}
	if names = slices.DeleteFunc(names, func(n string) bool { return n == "" }); len(names) > 0 {
		t.Errorf("no description of %v", names)
	}
}

var word = regexp.MustCompile(`[a-z_]+`)

func checkRollup(t *testing.T, s *Store, r aggregate.Rollup, sorting, partition string) {
	t.Helper()
	columns, err := Select[struct {
		Name string `ch:"name"`
		Type string `ch:"type"`
	}](t.Context(), s,
		"SELECT name, type FROM system.columns WHERE database = ? AND table = ? AND default_kind = '' ORDER BY position", s.Database(), r.Name)
	if err != nil {
		t.Fatal(err)
	}
	var got []aggregate.Column
	for _, c := range columns {
		merge := ""
		if rest, ok := strings.CutPrefix(c.Type, "SimpleAggregateFunction("); ok {
			merge, _, _ = strings.Cut(rest, ", ")
		}
		got = append(got, aggregate.Column{Name: c.Name, Merge: aggregate.Merge(merge)})
	}
	if diff := cmp.Diff(r.Columns, got); diff != "" {
		t.Errorf("%s: columns (-described +made)\n%s", r.Name, diff)
	}
	key := word.FindAllString(strings.ReplaceAll(sorting, "toStartOfHour", ""), -1)
	want := []string{"minute"}
	for _, n := range r.Dimensions() {
		want = append(want, r.Columns[n].Name)
	}
	slices.Sort(key)
	slices.Sort(want)
	if key = slices.Compact(key); !slices.Equal(key, want) {
		t.Errorf("%s: sorted by %v; want %v", r.Name, key, want)
	}
	if by := map[aggregate.Level]string{aggregate.Minute: "toDate(minute)",
		aggregate.Hour: "toMonday(minute)"}[r.Level]; partition != by {
		t.Errorf("%s: partitioned by %s; want %s", r.Name, partition, by)
	}
	for _, d := range r.Shard {
		if !slices.Contains(want, d) {
			t.Errorf("%s: sharded by %s, which is no dimension", r.Name, d)
		}
	}
}

// methods is a table that this package knows nothing of: responses by method.
type methodRow struct {
	minute   uint32
	method   string
	requests uint64
	slowest  uint64
}

func methods() aggregate.Rollup {
	return aggregate.Describe(aggregate.Description[methodRow]{
		Name: "methods", Level: aggregate.Hour, Sum: aggregate.Responded, Shard: []string{"method"},
		Rows: func(b *aggregate.Rows) aggregate.List[methodRow] {
			var rows []methodRow
			for _, r := range b.ResponsesHour {
				rows = append(rows, methodRow{r.Minute, r.Method, r.Requests, r.LatencyMicros})
			}
			return aggregate.ListOf(rows)
		},
		Minute:   func(r *methodRow) uint32 { return r.minute },
		Requests: func(r *methodRow) uint64 { return r.requests },
		Dimensions: []aggregate.ColumnOf[methodRow]{aggregate.Dimension("method",
			func(r *methodRow) string { return r.method })},
		Measures: []aggregate.ColumnOf[methodRow]{
			aggregate.Measure("slowest", aggregate.Max, func(r *methodRow) uint64 { return r.slowest }),
		},
	})
}

// methodsTable is its migration.
const methodsTable = "CREATE TABLE %s (minute DateTime('UTC'), method LowCardinality(String)," +
	" requests SimpleAggregateFunction(sum, UInt64), slowest SimpleAggregateFunction(max, UInt64))" +
	" ENGINE = AggregatingMergeTree PARTITION BY toMonday(minute) ORDER BY (method, minute) SETTINGS non_replicated_deduplication_window = 100000"

// Promise: a new table of counts takes its description and a migration: it is
// written once, audited by its own sum, and its lost days are written again.
func TestNewRollup(t *testing.T) {
	s := open(t, func(c *Config) { c.Rollups = append(aggregate.Rollups(), methods()) })
	if err := s.Exec(t.Context(), fmt.Sprintf(methodsTable, s.Table("methods"))); err != nil {
		t.Fatal(err)
	}
	id, c := blockOf(100, 200, 3, 10)
	for range 2 {
		write(t, s, id, c)
	}
	checkSums(t, s, 3, 10)
	for _, r := range s.Rollups() {
		table := schema.Table(r.Name)
		if report := audited(t, s, AuditOptions{}); !report.OK() {
			t.Fatalf("%s: before anything is lost the audit finds %v", r.Name, report.Differences)
		}
		if err := s.Exec(t.Context(),
			"DELETE FROM "+s.Table(table)+fmt.Sprintf(" WHERE toDate(minute) = toDate(%d) SETTINGS mutations_sync = 2",
				day0+1)); err != nil {
			t.Fatal(err)
		}
		report := audited(t, s, AuditOptions{})
		if len(report.Differences) != 1 || report.Differences[0].Table != table || report.Differences[0].Got != 0 {
			t.Errorf("%s: the audit finds %v; want one lost day", r.Name, report.Differences)
		}
		checkNames(t, s, r, r.Of(&c.Rows))
		missing := Days{}
		missing.Add(table, day0+1)
		if err := s.WriteDays(t.Context(), id, block.Kind("again-"+r.Name), c, missing); err != nil {
			t.Fatal(err)
		}
	}
	if report := audited(t, s, AuditOptions{}); !report.OK() {
		t.Errorf("after all: the audit finds %v", report.Differences)
	}
}

// checkNames wants the store to name a block's rows as the rows themselves do.
func checkNames(t *testing.T, s *Store, r aggregate.Rollup, rows aggregate.View) {
	t.Helper()
	for day := int64(day0); day < day0+3; day++ {
		want, got := map[string]uint64{}, map[string]uint64{}
		if day != day0+1 { // is lost
			today := rows.Only(func(minute uint32) bool { return int64(minute)/daySeconds == day })
			EachRow(r, today, func(minute uint32, name string, n uint64) { want[fmt.Sprint(minute)+name] += n })
		}
		err := s.EachStored(t.Context(), r, day,
			func(minute uint32, name string, n uint64) { got[fmt.Sprint(minute)+name] += n })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: rows of day %d (-block +stored)\n%s", r.Name, day, diff)
		}
	}
}
