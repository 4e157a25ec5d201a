package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"statline/ingest"
)

// readiness is what /readyz says, as far as it matters here.
type readiness struct {
	Ready      bool `json:"ready"`
	Conditions []struct {
		Name   string `json:"name"`
		Red    bool   `json:"red"`
		Detail string `json:"detail"`
	} `json:"conditions"`
	Partitions []struct {
		Partition        int32   `json:"partition"`
		Next             int64   `json:"next"`
		End              int64   `json:"end"`
		HighWatermark    int64   `json:"high_watermark"`
		LagRecords       int64   `json:"lag_records"`
		LagHighWatermark int64   `json:"lag_high_watermark"`
		LagSeconds       float64 `json:"lag_seconds"`
		Missing          int64   `json:"missing_records"`
		Stalled          bool    `json:"stalled"`
	} `json:"partitions"`
}

// ready asks /readyz; answered is false when nobody is there.
func ready(t *testing.T, listen string) (r readiness, answered bool) {
	t.Helper()
	body, status := get(t, "http://"+listen+"/readyz")
	if status == 0 {
		return r, false
	}
	r = decodeJSON[readiness](t, body)
	if r.Ready != (status == http.StatusOK) {
		t.Errorf("/readyz: got status %d with ready %t", status, r.Ready)
	}
	return r, true
}

// detail is that of a condition that holds, "" when it does not.
func (r readiness) detail(name ingest.ConditionName) string {
	for _, c := range r.Conditions {
		if c.Name == string(name) {
			return c.Detail
		}
	}
	return ""
}

// turns waits until /readyz is as ok says, and returns how long that took.
func turns(t *testing.T, listen string, limit time.Duration, what string, ok func(readiness) bool) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		r, answered := ready(t, listen)
		if answered && ok(r) {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s; /readyz says %+v", limit, what, r)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// awayLimit is three times what is promised: known within 15 seconds.
const awayLimit = 45 * time.Second

// Promise: /readyz turns red within 15 seconds when ClickHouse or Kafka hangs
// while nothing arrives, names it, and turns green again; /healthz stays green.
func TestLongReadyWhileServersHang(t *testing.T) {
	t.Parallel()
	kafka, clickhouse, listen := freeAddress(t), freeAddress(t), freeAddress(t)
	broker := start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", "", "--data", t.TempDir())
	engine := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir())
	broker.waitFor(t, "ready", time.Minute)
	engine.waitFor(t, "ready", time.Minute)
	start(t, "", "run", "--brokers", kafka, "--topic", "access", "--clickhouse", "http://"+clickhouse, "--listen", listen)
	turns(t, listen, time.Minute, "/readyz is green", func(r readiness) bool { return r.Ready })
	for name, d := range map[ingest.ConditionName]*daemon{ingest.StoreAway: engine, ingest.KafkaAway: broker} {
		if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		red := turns(t, listen, awayLimit, string(name)+" turns /readyz red",
			func(r readiness) bool { return !r.Ready && r.detail(name) != "" })
		if body, status := get(t, "http://"+listen+"/healthz"); status != http.StatusOK {
			t.Errorf("%s: /healthz: got %d %q; want it green", name, status, body)
		}
		if err := d.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		green := turns(t, listen, awayLimit, "/readyz is green again after "+string(name),
			func(r readiness) bool { return r.Ready && r.detail(name) == "" })
		t.Logf("%s: red after %v, green after %v", name, red.Round(time.Second), green.Round(time.Second))
	}
}

// Promise: a ClickHouse that was restored from an older backup is found out by
// all who compare: the daemon that runs meanwhile, audit, check and run
// --until-caught-up name the offsets that are missing and what mends it; done
// so, every count is the truth's.
// Long because it is one story, told in its order.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	kafka, clickhouse, listen := freeAddress(t), freeAddress(t), freeAddress(t)
	broker := start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", "", "--data", t.TempDir())
	broker.waitFor(t, "ready", time.Minute)
	data, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	server := func() *daemon {
		d := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", data)
		d.waitFor(t, "ready", time.Minute)
		return d
	}
	home, url := t.TempDir(), "http://"+clickhouse
	where := []string{"--brokers", kafka, "--topic", "access", "--group", "statline", "--clickhouse", url}
	caughtUp := append([]string{"run", "--listen", "", "--until-caught-up"}, where...)
	store := func() {
		t.Helper()
		if err := start(t, home, caughtUp...).wait(t, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	engine := server()
	first := generated(t, kafka, 3000, "--seed", "1")
	store()
	engine.terminate(t, time.Minute)
	if err := os.CopyFS(backup, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	engine = server()
	second := generated(t, kafka, 2000, "--seed", "2")
	d := start(t, home, append([]string{"run", "--listen", listen}, where...)...)
	eventually(t, 2*time.Minute, "the daemon has stored the rest", func() bool {
		return tableExists(t, url) &&
			sql(t, url, "SELECT sum(records) FROM statline.ledger WHERE state = 'stored'") == fmt.Sprint(
				first.Records+second.Records)
	})
	turns(t, listen, time.Minute, "it is green", func(r readiness) bool { return r.Ready })
	mustAt(t, home, append([]string{"check"}, where...)...)
	engine.terminate(t, time.Minute)
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, data); err != nil {
		t.Fatal(err)
	}
	server()
	names := regexp.MustCompile(`access/\d: the records \[\d+,\d+\) are committed in group statline and not in ClickHouse's ledger`)
	took := turns(t, listen, 2*time.Minute, "the daemon says what is missing", func(r readiness) bool {
		return !r.Ready && names.MatchString(r.detail(ingest.RowsMissing))
	})
	r, _ := ready(t, listen)
	missing := int64(0)
	for _, p := range r.Partitions {
		missing += p.Missing
	}
	t.Logf("after %v: %d of %d records are missing", took.Round(time.Second), missing, second.Records)
	if missing != int64(second.Records) {
		t.Errorf("got %d records missing; want %d", missing, second.Records)
	}
	d.terminate(t, 15*time.Second)
	// A partition that starts and finds out by itself says where both stand.
	stopped := regexp.MustCompile(`access/\d: rows are missing .*: the ledger ends at \d+, the group has committed \d+`)
	for _, args := range [][]string{append([]string{"audit"}, where...), append([]string{"check"}, where...),
		caughtUp} {
		got := runAt(t, home, args...)
		said := got.stdout + got.stderr
		if got.err == nil || !names.MatchString(said) && !stopped.MatchString(said) ||
			!strings.Contains(said, "resume-at=ledger") {
			t.Errorf("%s: got %v; want exit code 1 with what is missing\n%s%s", args[0], got.err, got.stdout,
				tail(got.stderr, 2000))
		}
	}
	if out := mustAt(t, home, "audit", "--clickhouse", url).stdout; strings.Contains(out, "every record is counted") ||
		!strings.Contains(out, "not compared") {
		t.Errorf("an audit without Kafka says more than it knows:\n%s", out)
	}
	caughtUp = append(caughtUp, "--resume-at=ledger")
	store()
	mustAt(t, home, append([]string{"audit"}, where...)...)
	if got := sql(t, url, "SELECT sum(requests) FROM statline.responses"); got != fmt.Sprint(
		first.Responses+second.Responses) {
		t.Errorf("got %s responses; want %d", got, first.Responses+second.Responses)
	}
}

// Every condition stands on the page about them.
func TestHealthPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "ingest", "HEALTH.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ingest.Conditions() {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` |", name)) {
			t.Errorf("the page lacks the condition %s", name)
		}
	}
}
