package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Promise: a day that is replayed under a changed route rule is what a fresh run under
// that rule stores of the day: the counts by everything, the incidents, and the
// difference that is shown. Both databases pass an audit; again, nothing is doubled, and
// other rules are refused.
// Long because it is one story, told in its order.
func TestReplayIsAFreshRun(t *testing.T) {
	home := t.TempDir()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	day := time.Now().UTC().AddDate(0, 0, -2).Truncate(24 * time.Hour)
	configs := map[string]string{"old": `{pattern: "/3/movie/{id}/**", route: "/3/movie/{id}"}`,
		"new": `{pattern: "/3/movie/**", route: "/3/movies"}`}
	for name, rule := range configs {
		configs[name] = filepath.Join(home, name+".yaml")
		if err := os.WriteFile(configs[name], []byte("route-from: path\nroutes:\n  - "+rule+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	from := []string{"--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse}
	with := func(command []string, more ...string) []string { return append(append(command, from...), more...) }
	once := []string{"run", "--until-caught-up", "--listen", ""}
	// Blocks over both ends of the day, within it and after it.
	for i, begins := range []time.Duration{-6 * time.Minute, 9 * time.Hour, 24*time.Hour - 8*time.Minute,
		26 * time.Hour} {
		mustAt(t, home, "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "20000",
			"--rate", "20", "--scenario", "mixed",
			"--malformed", "0.01", "--seed", fmt.Sprint(i), "--start", day.Add(begins).Format(time.RFC3339))
		mustAt(t, home, with(once, "--config", configs["old"])...)
	}
	mustAt(t, home, with(once, "--config", configs["new"], "--database", "fresh", "--group", "fresh")...)

	span := []string{"--from", day.Format("2006-01-02"), "--to", day.AddDate(0, 0, 1).Format("2006-01-02")}
	shown := mustAt(t, home, with(append([]string{"replay", "--config", configs["new"]}, span...))...).stdout
	if strings.Count(shown, "every record of the ledger is counted exactly once") != 2 {
		t.Errorf("want two audits:\n%s", shown)
	}
	within := fmt.Sprintf(" WHERE minute >= toDateTime(%d) AND minute < toDateTime(%d)", day.Unix(),
		day.AddDate(0, 0, 1).Unix())
	for _, table := range []string{"responses", "keys", "clients", "services"} {
		all := map[string]string{}
		for _, db := range []string{"statline_replay", "fresh"} {
			names := sql(t, clickhouse,
				"SELECT groupConcat(', ')(name) FROM (SELECT name FROM system.columns WHERE database = 'fresh' AND table = '"+table+"' AND is_in_sorting_key ORDER BY name)")
			all[db] = sql(t, clickhouse,
				"SELECT "+names+", sum(requests) FROM "+db+"."+table+within+" GROUP BY ALL ORDER BY ALL")
		}
		if all["statline_replay"] != all["fresh"] || strings.Count(all["fresh"], "\n") < 100 {
			t.Errorf("%s: the replay is not what a fresh run stores (%d and %d rows)", table,
				strings.Count(all["statline_replay"], "\n"), strings.Count(all["fresh"], "\n"))
		}
	}
	checkShownRoutes(t, clickhouse, shown, within)

	// What the detectors say of the day in what the fresh run stored is what they say of
	// the replay.
	fresh := mustAt(t, home, with(append([]string{"replay", "--config", configs["new"], "--database", "fresh", "--into",
		"fresh_replay"}, span...))...).stdout
	if !strings.Contains(fresh, "no count differs") || !regexp.MustCompile(`no incident differs, of [1-9]`).
		MatchString(fresh) {
		t.Errorf("a replay of the fresh run:\n%s", fresh)
	}
	incidents := func(db string) string {
		return sql(t, clickhouse,
			"SELECT id, kind, entity, state, opened_at, closed_at, requests, affected FROM "+db+".incidents FINAL ORDER BY id")
	}
	if got, want := incidents("statline_replay"), incidents("fresh_replay"); got != want || got == "" {
		t.Errorf("got incidents\n%s\nwant\n%s", got, want)
	}

	before := sql(t, clickhouse, "SELECT sum(requests) FROM statline_replay.responses")
	if again := mustAt(t, home, with(append([]string{"replay", "--config", configs["new"]}, span...))...).
		stdout; !strings.Contains(again, "blocks were there already") {
		t.Errorf("again:\n%s", again)
	}
	if after := sql(t, clickhouse, "SELECT sum(requests) FROM statline_replay.responses"); after != before {
		t.Errorf("again: got %s responses; want %s", after, before)
	}
	if r := runAt(t, home, with(append([]string{"replay", "--config", configs["old"]}, span...))...); !exited(r.err,
		1) || !strings.Contains(r.stderr, "under other rules") {
		t.Errorf("other rules into the same database: got %v, %s", r.err, r.stderr)
	}
	if r := runAt(t, home, with(append([]string{"replay", "--config", configs["old"], "--into", "statline"},
		span...))...); !exited(r.err, 2) || !strings.Contains(r.stderr, "want another one") {
		t.Errorf("into itself: got %v, %s", r.err, r.stderr)
	}
	if same := mustAt(t, home, with(append([]string{"replay", "--config", configs["old"], "--into", "same"},
		span...))...).stdout; !strings.Contains(same, "no count differs") ||
		!strings.Contains(same, "no incident differs, of ") {
		t.Errorf("under the same rules:\n%s", same)
	}
}

// checkShownRoutes compares the routes that are shown to differ with what a fresh run
// differs by.
func checkShownRoutes(t *testing.T, clickhouse, shown, within string) {
	t.Helper()
	counts := func(db string) map[string]uint64 {
		return sqlCounts(t, clickhouse,
			"SELECT toString(route) AS name, sum(requests) FROM "+db+".responses"+within+" GROUP BY name")
	}
	was, is := counts("statline"), counts("fresh")
	want := map[string]string{}
	for name := range is {
		was[name] += 0
	}
	for name, n := range was {
		if n != is[name] {
			want[name] = fmt.Sprintf("%+d", int64(is[name])-int64(n))
		}
	}
	line := regexp.MustCompile(`(?m)^\s+route\s+(\S+)\s+[0-9,]+\s+[0-9,]+\s+([+-][0-9]+)$`)
	got := map[string]string{}
	for _, m := range line.FindAllStringSubmatch(shown, -1) {
		got[m[1]] = m[2]
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) < 2 {
		t.Errorf("got differences %v; want %v, in\n%s", got, want, shown)
	}
}
