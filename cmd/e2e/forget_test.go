package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"statline/ingest/store/storetest"
)

// forgotten is what a test looks for of the busiest key and address of a store.
type forgotten struct{ key, client string }

func busiestOf(t *testing.T, home string, where ...string) forgotten {
	t.Helper()
	ask := func(query string) string {
		return strings.TrimSpace(mustAt(t, home, append([]string{"sql", "--format", "TSV", query}, where...)...).stdout)
	}
	return forgotten{
		key:    ask("SELECT key_id FROM keys WHERE outcome != 'success' AND key_id != '__other__' GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT 1"),
		client: strings.TrimPrefix(ask("SELECT client_ip FROM clients WHERE outcome != 'success' GROUP BY client_ip ORDER BY sum(requests) DESC, client_ip LIMIT 1"), "::ffff:"),
	}
}

// needles are what no file may hold: the texts, and an address as it is stored.
func (f forgotten) needles(t *testing.T) []string {
	t.Helper()
	ip, err := netip.ParseAddr(f.client)
	if err != nil {
		t.Fatal(err)
	}
	as16 := ip.As16()
	return []string{f.key, f.key[:10], f.client + " ", f.client + `"`, f.client + ",", string(as16[:])}
}

// Promise: of a key and an address that are forgotten no file of --data holds anything,
// the totals stay and the audit is clean; without --yes nothing changes.
func TestForgetLeavesNoFile(t *testing.T) {
	home := t.TempDir()
	data, log := filepath.Join(home, "store"), filepath.Join(home, "access.log")
	lines := mustAt(t, home, "generate", "--to", "-", "--count", "20000", "--scenario", "mixed", "--malformed", "0.01",
		"--seed", "5").stdout
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	mustAt(t, home, "analyze", "--data", data, log)
	where := []string{"--data", data}
	who := busiestOf(t, home, where...)
	dir := filepath.Join(data, "servers")
	if found := storetest.Files(t, dir, who.needles(t)...); len(found) < 4 {
		t.Fatalf("before: got only %v; the search finds nothing", found)
	}
	const totals = "SELECT sum(requests), (SELECT sum(requests) FROM keys), (SELECT sum(requests) FROM clients), (SELECT count() FROM rejected_lines) FROM responses"
	ask := func() string { return mustAt(t, home, append([]string{"sql", totals}, where...)...).stdout }
	before := ask()
	for _, flags := range [][]string{{"--key", who.key}, {"--client", who.client}} {
		forget := append(append([]string{"forget"}, where...), flags...)
		if out := mustAt(t, home, forget...).stdout; !strings.Contains(out, "Nothing was changed") ||
			!strings.Contains(out, "\nclients ") {
			t.Errorf("dry run:\n%s", out)
		}
		if out := mustAt(t, home, append(forget, "--yes")...).
			stdout; !strings.Contains(out, "count for __other__ now") {
			t.Errorf("forget:\n%s", out)
		}
		if out := mustAt(t, home, forget...).stdout; !strings.Contains(out, "nothing stored names it") {
			t.Errorf("afterwards:\n%s", out)
		}
	}
	if found := storetest.Files(t, dir, who.needles(t)...); len(found) > 0 {
		t.Errorf("still in %v", found)
	}
	if after := ask(); after != before {
		t.Errorf("got totals %s; want %s", after, before)
	}
	mustAt(t, home, "audit", "--data", data)
	// The same log again is known already.
	mustAt(t, home, "analyze", "--data", data, log)
	if found := storetest.Files(t, dir, who.needles(t)...); len(found) > 0 {
		t.Errorf("analyzed again: back in %v", found)
	}
}

// Promise: on a server the same; the daemon that runs on afterwards and a repair bring
// nobody back. A wrong secret and half a key are refused.
func TestForgetOnServer(t *testing.T) {
	home, data := t.TempDir(), t.TempDir()
	_, kafka, clickhouse := startSandbox(t, data)
	from := []string{"--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse}
	mustAt(t, home, "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "20000",
		"--scenario", "mixed")
	mustAt(t, home, append([]string{"run", "--until-caught-up", "--listen", ""}, from...)...)
	where := []string{"--clickhouse", clickhouse}
	who := busiestOf(t, home, where...)
	if r := runAt(t, home, "forget", "--clickhouse", clickhouse, "--key", who.key[:10]); !exited(r.err, 2) ||
		!strings.Contains(r.stderr, "all 26 characters") {
		t.Errorf("half a key: got %v, %s", r.err, r.stderr)
	}
	other := filepath.Join(home, "other-secret")
	if err := os.WriteFile(other, []byte("another secret of the test"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := runAt(t, home, "forget", "--clickhouse", clickhouse, "--key", who.key, "--yes", "--hmac-secret-file",
		other); !exited(r.err, 1) ||
		!strings.Contains(r.stderr, "another HMAC secret") {
		t.Errorf("wrong secret: got %v, %s", r.err, r.stderr)
	}
	for _, flags := range [][]string{{"--key", who.key}, {"--client", who.client}} {
		mustAt(t, home, append(append([]string{"forget", "--yes"}, where...), flags...)...)
	}
	post(t, clickhouse, "DELETE FROM statline.keys WHERE 1 SETTINGS mutations_sync = 2")
	mustAt(t, home, append([]string{"repair"}, from...)...)
	mustAt(t, home, append([]string{"run", "--until-caught-up", "--listen", ""}, from...)...)
	mustAt(t, home, append([]string{"audit"}, from...)...)
	if found := storetest.Files(t, filepath.Join(data, "servers", "clickhouse"), who.needles(t)...); len(found) > 0 {
		t.Errorf("still in %v", found)
	}
	if marks := strings.TrimSpace(sql(t, clickhouse,
		"SELECT count() FROM statline.ledger WHERE kind = 'forget' AND note LIKE '%; mark %'")); marks != fmt.Sprint(4) {
		t.Errorf("got %s rows with a mark in the ledger; want two of each", marks)
	}
}
