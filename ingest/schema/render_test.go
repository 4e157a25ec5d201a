package schema

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// rendered are the statements that make tables.
func rendered(t *testing.T, o Options) []string {
	t.Helper()
	o.layout = Layout{Cluster: o.Cluster, Replicated: o.Cluster != ""}
	list, err := load(migrations)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range list {
		statements, err := o.render(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statements {
			if strings.HasPrefix(s, "CREATE TABLE ") {
				all = append(all, s)
			}
		}
	}
	return all
}

// making finds the statement that makes a table.
func making(t *testing.T, all []string, table Table) string {
	t.Helper()
	for _, s := range all {
		if strings.HasPrefix(s, "CREATE TABLE IF NOT EXISTS "+Qualified("d", table)) {
			return s
		}
	}
	t.Fatalf("no migration makes table %s", table)
	return ""
}

// Every table is made, with its engine, its life time and its token window.
func TestRenderPlain(t *testing.T) {
	all := rendered(t, Options{Database: "d", TTL: DefaultTTL()})
	if len(all) != len(Tables()) {
		t.Fatalf("got %d statements; want one for each of %d tables", len(all), len(Tables()))
	}
	for _, table := range Tables() {
		s := making(t, all, table)
		if strings.Contains(s, "Replicated") || strings.Contains(s, "CLUSTER") || strings.Contains(s, "{{") {
			t.Errorf("%s: got %s", table, s)
		}
		if !strings.Contains(s, "non_replicated_deduplication_window = 100000") {
			t.Errorf("%s: no token window", table)
		}
		if expires := strings.Contains(s, "TTL toDateTime("); expires != (LevelOf(table) != Forever) {
			t.Errorf("%s: expires %v, level %q", table, expires, LevelOf(table))
		}
	}
}

// saysVersion is a connection to a server of a version.
type saysVersion string

func (saysVersion) Exec(context.Context, string, ...any) error { return nil }

func (v saysVersion) Select(_ context.Context, dest any, _ string, _ ...any) error {
	rows := reflect.ValueOf(dest).Elem()
	rows.Set(reflect.MakeSlice(rows.Type(), 1, 1))
	rows.Index(0).Field(0).SetString(string(v))
	return nil
}

// A setting that a server does not know would keep its tables from being made.
func TestOlderServersMergeAsTheyDo(t *testing.T) {
	for version, want := range map[string]bool{
		"24.8.4.13": false, "25.9.2": false, "25.10.1.7": true, "26.5.1.1": true, "of our own": false,
	} {
		got, err := knowsMergeBase(t.Context(), saysVersion(version))
		if err != nil || got != want {
			t.Errorf("ClickHouse %s: got %t, %v; want %t", version, got, err, want)
		}
		s := making(t, rendered(t, Options{Database: "d", lazily: got}), Ledger)
		if strings.Contains(s, "merge_selector_base") != want {
			t.Errorf("ClickHouse %s: got %s", version, s)
		}
	}
}

// An analysis store forgets nothing.
func TestRenderForever(t *testing.T) {
	for _, s := range rendered(t, Options{Database: "d"}) {
		if strings.Contains(s, "TTL ") {
			t.Errorf("got a TTL in %s", firstLine(s))
		}
	}
}

// In a cluster every table is a local one on each node and a Distributed one
// over them, whose rows meet by what the engine merges.
func TestRenderCluster(t *testing.T) {
	all := rendered(t, Options{Database: "d", Cluster: "c", TTL: DefaultTTL()})
	if want := 2 * len(Tables()); len(all) != want {
		t.Fatalf("got %d statements; want %d", len(all), want)
	}
	for _, table := range Tables() {
		local, over := making(t, all, table.Local()), making(t, all, table)
		if !strings.Contains(local, Qualified("d", table.Local())+" ON CLUSTER `c`") ||
			!strings.Contains(local, "ENGINE = Replicated") ||
			!strings.Contains(local, "replicated_deduplication_window_seconds = 604800") {
			t.Errorf("%s: got %s", table, local)
		}
		want := "AS " + Qualified("d", table.Local()) + " ENGINE = Distributed(`c`, `d`, `" + string(table.Local()) +
			"`, " + shardBy(table) + ")"
		if !strings.Contains(over, want) {
			t.Errorf("%s: got %s; want %s", table, over, want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{
		{},
		{Database: "a`b"},
		{Database: "d", Cluster: "c; DROP"},
		{Database: "d", TTL: TTL{MinuteDays: -1}},
	} {
		if err := o.check(); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}

func TestLoadRefusesHoles(t *testing.T) {
	for _, files := range []fstest.MapFS{
		{},
		{"migrations/0002_b.sql": {}},
		{"migrations/0001_a.sql": {}, "migrations/0003_c.sql": {}},
		{"migrations/tables.sql": {}},
	} {
		if list, err := load(files); err == nil {
			t.Errorf("got %v; want an error", list)
		}
	}
}
