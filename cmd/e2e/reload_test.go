package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reloader changes the configuration of a running daemon.
type reloader struct {
	d      *daemon
	config string // the file
	base   string // what it always holds
	listen string
	n      int
}

// reload writes one of five sets of rules, or a bad file each seventh time, and
// has it read by a signal or a request. It returns when that is done.
func (r *reloader) reload(t *testing.T) {
	t.Helper()
	r.n++
	bad := r.n%7 == 0
	text := fmt.Sprintf("%sroutes: [{pattern: \"/3/**\", route: /rule/%d}]\n", r.base, r.n%5)
	if bad {
		text = r.base + "routes: [{patern: /x}]\n"
	}
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := strings.Count(r.d.logged(), "msg=reloaded") + strings.Count(r.d.logged(), `msg="reload failed`)
	if r.n%2 == 0 {
		if err := r.d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	} else if status, body := r.post(t, "1"); (status == http.StatusOK) == bad {
		t.Errorf("reload %d: got status %d: %s", r.n, status, body)
	}
	eventually(t, 20*time.Second, "the reload is done", func() bool {
		return strings.Count(r.d.logged(), "msg=reloaded")+strings.Count(r.d.logged(), `msg="reload failed`) > before
	})
}

func (r *reloader) post(t *testing.T, header string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.listen+"/-/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		req.Header.Set("X-Statline-Control", header)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.String()
}

// Promise: fifty reloads while 50,000 records a second stream, by signal and by request, some
// of bad files: nothing is lost or doubled, the ledger names the configuration
// of each block, and repair mends a day with many of them.
func TestLongReloadUnderLoad(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	dir := t.TempDir()
	r := &reloader{config: filepath.Join(dir, "statline.yaml"), listen: freeAddress(t)}
	r.base = fmt.Sprintf("brokers: [%q]\nclickhouse: %q\nlisten: %q\nmemory-budget: 32MiB\nhmac-secret-file: %q\n",
		kafka, clickhouse, r.listen, filepath.Join(dir, "secret"))
	if err := os.WriteFile(r.config, []byte(r.base), 0o600); err != nil {
		t.Fatal(err)
	}
	first := generated(t, kafka, 1000) // the topic is there
	r.d = start(t, "", "run", "--config", r.config)
	r.d.waitForText(t, "owning partitions", time.Minute)
	if status, _ := r.post(t, ""); status != http.StatusForbidden {
		t.Errorf("a reload without the header: got status %d; want 403", status)
	}

	truthFile := filepath.Join(dir, "truth.json")
	lines := start(t, "", "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access", "--count", "1000000",
		"--seed", "1",
		"--rate", "50000", "--speed", "1", "--start", "now", "--scenario", "mixed", "--malformed", "0.01", "--truth",
		truthFile)
	loaded := 0 // reloads while records came
	for r.n < 50 {
		r.reload(t)
		if len(lines.done) == 0 {
			loaded = r.n
		}
	}
	if loaded < 20 {
		t.Fatalf("the records had all come after %d reloads; want 20 at least under load", loaded)
	}
	if err := lines.wait(t, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	stored := func() string {
		return sql(t, clickhouse, "SELECT sum(records) FROM statline.ledger WHERE state = 'stored'")
	}
	eventually(t, 2*time.Minute, "all is stored", func() bool { return stored() == "1001000" })
	shown, status := get(t, "http://"+r.listen+"/-/config")
	if status != http.StatusOK || !strings.Contains(shown, "/rule/0") {
		t.Errorf("/-/config: got %d %s", status, shown)
	}
	metrics, _ := get(t, "http://"+r.listen+"/metrics")
	if !strings.Contains(metrics, `statline_reloads_total{result="failed"} 7`) ||
		!strings.Contains(metrics, `statline_reloads_total{result="ok"} 43`) {
		t.Error("/metrics does not count the reloads")
	}
	r.d.terminate(t, 10*time.Second)

	mustAt(t, "", "audit", "--clickhouse", clickhouse, "--brokers", kafka)
	hashes := strings.Fields(sql(t, clickhouse,
		"SELECT DISTINCT config_hash FROM statline.ledger WHERE kind = 'block' AND state = 'stored'"))
	if len(hashes) < 3 {
		t.Errorf("got blocks under %v; want at least three configurations", hashes)
	}
	t.Logf("blocks under %d configurations", len(hashes))
	routes := sqlCounts(t, clickhouse,
		"SELECT route AS name, sum(requests) FROM statline.responses WHERE route LIKE '/rule/%' GROUP BY name")
	want := readTruth(t, truthFile)
	if got := sql(t, clickhouse, "SELECT sum(requests) FROM statline.responses"); got != fmt.Sprint(
		want.Responses+first.Responses) {
		t.Errorf("got %s responses; want %d", got, want.Responses+first.Responses)
	}
	if len(routes) < 3 {
		t.Errorf("got routes %v; want those of several rules", routes)
	}
	before := sqlCounts(t, clickhouse,
		"SELECT toString((service, outcome)) AS name, sum(requests) FROM statline.services GROUP BY name")
	post(t, clickhouse, "ALTER TABLE statline.services DELETE WHERE 1 SETTINGS mutations_sync = 2")
	mustAt(t, "", "repair", "--config", r.config)
	after := sqlCounts(t, clickhouse,
		"SELECT toString((service, outcome)) AS name, sum(requests) FROM statline.services GROUP BY name")
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("after the repair: got %v; want %v", after, before)
	}
	mustAt(t, "", "audit", "--clickhouse", clickhouse, "--brokers", kafka)
}

// SIGHUP while the daemon starts does not end it.
func TestHangupWhileStarting(t *testing.T) {
	d := start(t, "", "run", "--brokers", "127.0.0.1:1", "--clickhouse", "http://127.0.0.1:1", "--listen", "")
	d.waitForText(t, "open the store", time.Minute)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.waitForText(t, "still starting", 20*time.Second)
	d.terminate(t, 10*time.Second)
}

// Nor does one before it has read its configuration.
func TestHangupAtTheVeryStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "statline.yaml")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, "", "run", "--config", file)
	w, err := os.OpenFile(file, os.O_WRONLY, 0) // once it reads
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	const config = "brokers: 127.0.0.1:1\ntopic: access\nclickhouse: http://127.0.0.1:1\nlisten: \"\"\n"
	if _, err := w.WriteString(config); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d.waitForText(t, "still starting", 20*time.Second)
	d.terminate(t, 10*time.Second)
}
