package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Everything that speaks to a store works over the native protocol as over
// HTTP, and the same traffic gives the same rows.
func TestNativeGivesTheSame(t *testing.T) {
	kafka, overHTTP, native := freeAddress(t), freeAddress(t), freeAddress(t)
	d := start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", overHTTP, "--native", native, "--partitions", "2")
	d.waitFor(t, "ready", time.Minute)
	must(t, "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "20000", "--seed", "5",
		"--scenario", "mixed")
	home := t.TempDir()
	statline := func(database, address string, args ...string) string {
		t.Helper()
		c := command(t, context.Background(), append(args, "--clickhouse", address+"/"+database)...)
		c.Env = append(c.Env, "STATLINE_HMAC_SECRET=the secret of two runs that must be the same")
		out, err := outputOf(c, home)
		if err != nil {
			t.Fatalf("statline %s over %s: %v\n%s", strings.Join(args, " "), address, err, out)
		}
		return out
	}
	sides := []struct{ database, address string }{{"over_http", "http://" + overHTTP}, {"over_native", "clickhouse://" + native}}
	answers := map[string][]string{}
	for _, s := range sides {
		statline(s.database, s.address, "migrate")
		statline(s.database, s.address, "run", "--brokers", kafka, "--topic", "access", "--group", s.database,
			"--until-caught-up", "--listen", "")
		for _, args := range [][]string{
			{"audit"}, {"report", "--since", "10000d"}, {"rejects", "list"},
			{"repair", "--brokers", kafka, "--topic", "access"},
		} {
			answers[args[0]] = append(answers[args[0]], strings.NewReplacer(s.database, "db", s.address, "address").
				Replace(statline(s.database, s.address, args...)))
		}
		statline(s.database, s.address, "incidents", "--since", "10000d")
	}
	if both := answers["report"]; both[0] != both[1] {
		t.Errorf("report differs:\n%s\n%s", both[0], both[1])
	}
	ask := func(query string) string { return sql(t, "http://"+overHTTP, query) }
	tables := strings.Fields(ask("SELECT name FROM system.tables WHERE database = 'over_http' AND engine LIKE 'Aggregating%' ORDER BY name"))
	if len(tables) < 7 {
		t.Fatalf("found the rollups %v; the search is broken", tables)
	}
	for _, table := range tables {
		sum := func(database string) string {
			return ask(fmt.Sprintf("SELECT count(), sum(cityHash64(*)) FROM (SELECT * FROM %s.%s FINAL)", database,
				table))
		}
		if a, b := sum(sides[0].database), sum(sides[1].database); a != b || strings.HasPrefix(a, "0\t") {
			t.Errorf("%s: over HTTP %q, over the native protocol %q", table, a, b)
		}
	}
}

// outputOf runs a command with a home of its own.
func outputOf(c *exec.Cmd, home string) (string, error) {
	c.Env = append(c.Env, "HOME="+home, "XDG_CONFIG_HOME="+home)
	out, err := c.CombinedOutput()
	return string(out), err
}
