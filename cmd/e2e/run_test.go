package e2e

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// truth is the generator's own count.
type truth struct {
	Records   uint64            `json:"records"`
	Responses uint64            `json:"responses"`
	Rejected  uint64            `json:"rejected"`
	ByCode    map[string]uint64 `json:"by_code"`
	ByStatus  map[string]uint64 `json:"by_http_status"`
	ByOutcome map[string]uint64 `json:"by_outcome"`
	ByService map[string]uint64 `json:"by_service"`
	ByMinute  map[string]uint64 `json:"by_minute"`
}

func readTruth(t *testing.T, path string) truth {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return decodeJSON[truth](t, string(b))
}

// generated fills a topic and returns the truth about it.
func generated(t *testing.T, kafka string, count int, more ...string) truth {
	t.Helper()
	path := filepath.Join(t.TempDir(), "truth.json")
	must(t, append([]string{"generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count",
		fmt.Sprint(count), "--truth", path}, more...)...)
	return readTruth(t, path)
}

// checkStored compares what ClickHouse holds with the truth.
func checkStored(t *testing.T, clickhouse string, want truth) {
	t.Helper()
	for _, c := range []struct {
		name, column string
		want         map[string]uint64
	}{
		{"code", "toString(code)", want.ByCode}, {"http status", "toString(http_status)", want.ByStatus},
		{"outcome", "outcome", want.ByOutcome}, {"service", "service", want.ByService},
		{"minute", "formatDateTime(minute, '%Y-%m-%dT%H:%i:00Z')", want.ByMinute},
	} {
		for _, table := range []string{"responses", "responses_hour"} {
			if c.name == "minute" && table == "responses_hour" {
				continue
			}
			got := sqlCounts(t, clickhouse,
				"SELECT "+c.column+" AS name, sum(requests) FROM statline."+table+" GROUP BY name")
			if !maps.Equal(got, c.want) {
				t.Errorf("%s by %s: got %v; want %v", table, c.name, got, c.want)
			}
		}
	}
	got := sqlCounts(t, clickhouse,
		"SELECT 'records', sum(records) FROM statline.ledger WHERE state = 'stored' UNION ALL SELECT 'rejects', uniqExact(partition, offset, idx) FROM ("+
			"SELECT partition, offset, idx FROM statline.rejected_lines UNION ALL SELECT partition, offset, idx FROM statline.rejects)")
	if got["records"] != want.Records || got["rejects"] != want.Rejected {
		t.Errorf("ledger and rejects: got %v; want %d records, %d rejected", got, want.Records, want.Rejected)
	}
}

// Several processes, and a daemon that is killed again and again in the middle:
// the totals are the truth's.
func TestRunKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	want := generated(t, kafka, 200_000, "--scenario", "mixed")
	home := t.TempDir()
	args := []string{"run", "--brokers", kafka, "--topic", "access", "--group", "statline", "--clickhouse", clickhouse,
		"--listen", "", "--memory-budget", "16MiB",
		"--kafka-session-timeout", "3s", "--kafka-heartbeat", "500ms"}
	for i := range 3 {
		d := start(t, home, args...)
		// the moment of the kill is what varies: also while it joins
		time.Sleep(time.Duration(200+rand.IntN(2000)) * time.Millisecond)
		d.kill(t)
		if tableExists(t, clickhouse) {
			t.Logf("kill %d: %s records stored", i,
				sql(t, clickhouse, "SELECT sum(records) FROM statline.ledger WHERE state = 'stored'"))
		}
	}
	d := start(t, home, append(args, "--until-caught-up")...)
	if err := d.wait(t, 2*time.Minute); err != nil {
		t.Fatalf("run --until-caught-up: %v", err)
	}
	checkStored(t, clickhouse, want)
}

// SIGTERM ends the daemon in five seconds with everything committed, and the
// endpoints say how it does meanwhile.
func TestRunServesAndStops(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	want := generated(t, kafka, 20_000)
	listen := freeAddress(t)
	home := t.TempDir()
	d := start(t, home, "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", listen)
	eventually(t, 30*time.Second, "all is stored and /readyz is green", func() bool {
		body, status := get(t, "http://"+listen+"/readyz")
		return status == http.StatusOK && strings.Contains(body, `"ready":true`) &&
			tableExists(t, clickhouse) && sql(t, clickhouse,
			"SELECT sum(requests) FROM statline.responses") == fmt.Sprint(want.Responses)
	})
	if body, status := get(t, "http://"+listen+"/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: got %d %q", status, body)
	}
	// A block is counted after its ledger row, so a moment after its responses.
	eventually(t, 10*time.Second, "/metrics counts every record", func() bool {
		body, _ := get(t, "http://"+listen+"/metrics")
		return strings.Contains(body, fmt.Sprintf("\nstatline_records_total %d\n", want.Records))
	})
	body, _ := get(t, "http://"+listen+"/metrics")
	rules, err := os.ReadFile(filepath.Join(root, "dashboards/provisioning/prometheus/statline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`statline_[a-z_]+`).FindAllString(string(rules), -1)
	if len(named) < 10 {
		t.Errorf("the rules for Prometheus name %d metrics; the search is broken", len(named))
	}
	for _, metric := range append(named, "statline_responses_total", "statline_lag_records", "statline_blocks_total") {
		// Those of audits are there from the first one on.
		if !strings.Contains(body, "\n"+metric) && !strings.HasPrefix(metric, "statline_audit_") {
			t.Errorf("/metrics lacks %s", metric)
		}
	}
	d.terminate(t, 5*time.Second)
	checkStored(t, clickhouse, want)
	// Everything is committed: another run has nothing to do.
	again := start(t, home, "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse, "--listen", "",
		"--until-caught-up")
	if err := again.wait(t, 30*time.Second); err != nil {
		t.Errorf("second run: %v", err)
	}
	checkStored(t, clickhouse, want)
}

// No key of the input is found in any table, in plain files outside the
// broker's own log, in the output or in the logs: neither in clear nor encoded.
func TestKeysAppearNowhere(t *testing.T) {
	t.Parallel()
	for where, key := range leaks(t, binary) {
		t.Errorf("key %s… stands in %s", key[:6], where)
	}
}

// leaks runs generated traffic through a daemon of the given binary and
// returns where a key of it can be found afterwards, and which.
func leaks(t *testing.T, daemonBinary string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	_, kafka, clickhouse := startSandbox(t, dir)
	lines := filepath.Join(t.TempDir(), "lines")
	must(t, "generate", "--to", lines, "--count", "20000", "--seed", "5")
	keys := keysOf(t, lines)
	if len(keys) < 100 {
		t.Fatalf("got %d keys in the input; the test looks for nothing", len(keys))
	}
	generated(t, kafka, 20_000, "--seed", "5")
	d := startBinary(t, daemonBinary, t.TempDir(), "run", "--brokers", kafka, "--topic", "access", "--clickhouse",
		clickhouse, "--listen", "", "--until-caught-up", "--log-level", "debug")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	haystacks := map[string]string{"the daemon's log": d.logged()}
	for name := range sqlCounts(t, clickhouse, "SELECT name, 1 FROM system.tables WHERE database = 'statline'") {
		haystacks["table "+name] = sql(t, clickhouse, "SELECT * FROM statline."+name+" FORMAT JSONEachRow")
	}
	haystacks["the report"] = must(t, "report", "--clickhouse", clickhouse, "--since", "30d", "--json").stdout
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(path, filepath.Join(dir, "servers", "kafka")) {
			return nil // gone in a merge, or the broker's own log
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil // gone in a merge
		}
		files++
		haystacks[path] = string(b)
		return nil
	})
	if err != nil || files < 10 || len(haystacks["table keys"]) < 1000 {
		t.Fatalf("looked into %d files, %d bytes of the table keys: %v", files, len(haystacks["table keys"]), err)
	}
	found := map[string]string{}
	for where, hay := range haystacks {
		for _, key := range keys {
			if found[where] == "" && containsKey(hay, key) {
				found[where] = key
			}
		}
	}
	return found
}

// containsKey looks for a key in clear and in the usual encodings.
func containsKey(hay, key string) bool {
	head := []byte(key)[:15] // whole groups in base64 and base32
	return strings.Contains(hay, key) ||
		strings.Contains(hay, hex.EncodeToString([]byte(key))) ||
		strings.Contains(hay, base64.StdEncoding.EncodeToString(head)) ||
		strings.Contains(hay, strings.ToLower(base32.StdEncoding.EncodeToString(head)))
}

// keysOf lists the distinct API keys of generated lines.
func keysOf(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var keys []string
	for line := range strings.Lines(string(b)) {
		_, rest, ok := strings.Cut(line, `"api_key":"`)
		key, _, _ := strings.Cut(rest, `"`)
		if ok && len(key) > 15 && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

func tableExists(t *testing.T, clickhouse string) bool {
	t.Helper()
	return sql(t, clickhouse,
		"SELECT count() FROM system.tables WHERE database = 'statline' AND name = 'ledger'") == "1"
}

// get fetches a page; status 0 means that nobody answered.
func get(t *testing.T, address string) (body string, status int) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		return "", 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", 0
	}
	return string(b), resp.StatusCode
}

// eventually waits until ok, looking again and again.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
