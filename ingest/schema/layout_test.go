package schema

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// notedConn notes statements, and answers every question from answers, by a
// part of its text; with nothing otherwise.
type notedConn struct {
	statements []string
	answers    map[string]any
}

func (c *notedConn) Exec(_ context.Context, query string, args ...any) error {
	if len(args) > 0 {
		list, err := json.Marshal(args[:len(args)-1]) // the last one is a version, some made of the time
		if err != nil {
			return err
		}
		query += "\n-- " + string(list)
	}
	c.statements = append(c.statements, query)
	return nil
}

func (c *notedConn) Select(_ context.Context, dest any, query string, _ ...any) error {
	for part, rows := range c.answers {
		if !strings.Contains(query, part) {
			continue
		}
		b, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, dest)
	}
	return nil
}

type tableAnswer struct{ Name, Engine, Full string }

// overCluster is what the server says of a database that Migrate made for the
// cluster c.
var overCluster = []tableAnswer{
	{"ledger", "Distributed", "Distributed('c', 'd', 'ledger_local', cityHash64(topic, partition))"},
	{"ledger_local", "ReplicatedMergeTree", "ReplicatedMergeTree('/x', 'r') ORDER BY minute"},
}

// Every statement that a cluster gets, from nothing to the newest version and
// then to another life time: testdata/cluster.sql.
func TestClusterStatements(t *testing.T) {
	conn := &notedConn{}
	if err := Migrate(t.Context(), conn, Options{Database: "d", Cluster: "c", TTL: DefaultTTL()}); err != nil {
		t.Fatal(err)
	}
	conn.answers = map[string]any{
		"name IN":     overCluster,
		"AND name = ": []tableAnswer{{Name: "meta"}},
		" FINAL": []struct{ Key, Value string }{
			{metaVersion, strconv.Itoa(Version())}, {metaTTL, "30/396/7"},
		},
		"LIKE '% TTL %'": []tableAnswer{{Name: "keys_local"}},
	}
	before := len(conn.statements)
	if err := Migrate(t.Context(), conn, Options{Database: "d", TTL: TTL{HourDays: 400}}); err != nil {
		t.Fatal(err)
	}
	if len(conn.statements) == before {
		t.Error("another life time: got no statement")
	}
	got := strings.Join(conn.statements, "\n;\n") + "\n"
	got = regexp.MustCompile(`_since","\d+"`).ReplaceAllString(got, `_since","TIME"`)
	const file = "testdata/cluster.sql"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", file, diff)
	}
}

// Tables that are there tell how they lie, whatever is asked for.
func TestLayout(t *testing.T) {
	plain := []tableAnswer{{Name: "ledger", Engine: "MergeTree"}}
	for name, test := range map[string]struct {
		tables  []tableAnswer
		cluster string
		want    Layout
		refused bool
	}{
		"new, one server":       {nil, "", Layout{}, false},
		"new, cluster":          {nil, "c", Layout{"c", true}, false},
		"cut before the second": {overCluster[1:], "c", Layout{"c", true}, false},
		"one server":            {plain, "", Layout{}, false},
		"one server, cluster":   {plain, "c", Layout{}, true},
		"cluster, not said":     {overCluster, "", Layout{"c", true}, false},
		"cluster, said":         {overCluster, "c", Layout{"c", true}, false},
		"another cluster":       {overCluster, "other", Layout{}, true},
		"local one not seen":    {overCluster[:1], "", Layout{"c", true}, false},
		"made by hand, without replicas": {[]tableAnswer{overCluster[0], {"ledger_local", "MergeTree", "MergeTree"}},
			"",
			Layout{"c", false}, false},
		"made by hand, replicas of one shard": {[]tableAnswer{{"ledger", "ReplicatedMergeTree", ""}}, "", Layout{"", true}, false},
	} {
		o := Options{Database: "d", Cluster: test.cluster}
		err := o.settle(t.Context(), &notedConn{answers: map[string]any{"system.tables": test.tables}})
		if errors.Is(err, ErrLayout) != test.refused || err != nil && !test.refused || o.layout != test.want {
			t.Errorf("%s: got %+v, %v; want %+v, refused %v", name, o.layout, err, test.want, test.refused)
		}
	}
}
