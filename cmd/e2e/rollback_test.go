//go:build rollback

package e2e

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// earlier is a version from before declarations named their topic and the ledger
// had a column for it.
var earlier = flag.String("earlier", "c08d34d0", "`commit` of this repository that the older binary is built from")

// buildEarlier builds the older binary. The repository must have that commit.
func buildEarlier(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	for _, c := range []*exec.Cmd{
		exec.Command("git", "-C", "../..", "archive", "-o", archive, *earlier),
		exec.Command("tar", "-xf", archive, "-C", dir),
		exec.Command("go", "build", "-C", dir, "-o", filepath.Join(dir, "earlier"), "./cmd/statline"),
	} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	return filepath.Join(dir, "earlier")
}

// hanging passes requests on to ClickHouse until it is told to let n more INSERTs
// through and to hold the ones after them.
type hanging struct {
	*httptest.Server
	mu    sync.Mutex
	left  int
	armed bool
	held  chan struct{} // closed when one is held
	over  chan struct{} // ends those that are
}

func hang(t *testing.T, clickhouse string) *hanging {
	t.Helper()
	target, err := url.Parse(clickhouse)
	if err != nil {
		t.Fatal(err)
	}
	h := &hanging{held: make(chan struct{}), over: make(chan struct{})}
	forward := httputil.NewSingleHostReverseProxy(target)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("insert_deduplication_token") != "" && h.hold() {
			select {
			case <-h.over:
			case <-r.Context().Done():
			}
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(h.over); h.Close() })
	return h
}

func (h *hanging) hold() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.armed || h.left > 0 {
		h.left--
		return false
	}
	select {
	case <-h.held:
	default:
		close(h.held)
	}
	return true
}

func (h *hanging) after(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.armed, h.left = true, n
}

// Promise: an older binary in the group of a newer one takes over what that left
// half stored, wherever it was killed: before the ledger knew of the block, and
// after some tables; and the newer one goes on behind it. Every count is the
// truth's. This is what a rollback meets.
func TestRollbackInMidBlock(t *testing.T) {
	old := buildEarlier(t)
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	home := t.TempDir()
	t.Setenv("STATLINE_HMAC_SECRET", "the secret of the rollback test, long enough")
	instance := func(path, store string, more ...string) *daemon {
		return startBinary(t, path, home, append([]string{"run", "--brokers", kafka, "--topic", "access", "--group",
			"statline", "--clickhouse", store, "--listen", "",
			"--kafka-session-timeout", "3s", "--kafka-heartbeat", "500ms"}, more...)...)
	}
	// The older one starts first: it refuses a schema that is newer than itself.
	remains := instance(old, clickhouse)
	eventually(t, time.Minute, "the older binary has all partitions", func() bool { return owned(t, remains) == 4 })
	truthFile := filepath.Join(t.TempDir(), "truth.json")
	lines := start(t, "", "generate", "--to", "kafka", "--brokers", kafka, "--topic", "access",
		"--count", "1000000", "--rate", "300", "--speed", "1", "--malformed", "0.05", "--start", "now", "--truth",
		truthFile)

	for _, inserts := range []int{0, 1, 2, 5, 8, 11} {
		h := hang(t, clickhouse)
		newer := instance(binary, h.URL)
		eventually(t, time.Minute, "both have a share",
			func() bool { return owned(t, newer) == 2 && owned(t, remains) == 2 })
		h.after(inserts)
		select {
		case <-h.held:
		case <-time.After(time.Minute):
			t.Fatalf("no block within a minute:\n%s", newer.logged())
		}
		newer.kill(t)
		before := len(remains.logged())
		eventually(t, time.Minute, "the older binary has all partitions again",
			func() bool { return owned(t, remains) == 4 })
		eventually(t, time.Minute, "it finishes what was declared", func() bool {
			return strings.Contains(remains.logged()[before:], "finishing a declared block")
		})
		t.Logf("killed after %d inserts: finished", inserts)
	}
	lines.terminate(t, 30*time.Second)
	remains.terminate(t, 10*time.Second)
	last := instance(binary, clickhouse, "--until-caught-up")
	if err := last.wait(t, 2*time.Minute); err != nil {
		t.Fatalf("run --until-caught-up: %v\n%s", err, last.logged())
	}
	want := readTruth(t, truthFile)
	checkStored(t, clickhouse, want)
	mustAt(t, home, "audit", "--clickhouse", clickhouse, "--brokers", kafka, "--topic", "access", "--group", "statline")
	named := sqlCounts(t, clickhouse,
		"SELECT if(topic_id = '', 'older', 'newer') AS name, count() FROM statline.ledger WHERE kind = 'block' GROUP BY name")
	if named["older"] == 0 || named["newer"] == 0 {
		t.Errorf("rows of the ledger: got %v; want some of both versions", named)
	}
	// Each reject is counted once (checkStored), and listed once, though the older
	// one keeps them in another table.
	rejects := sqlCounts(t, clickhouse,
		"SELECT 'older', count() FROM statline.rejects UNION ALL SELECT 'newer', count() FROM statline.rejected_lines")
	if rejects["older"] == 0 || rejects["newer"] == 0 {
		t.Errorf("rejects: got %v; want some in both tables", rejects)
	}
	listed := decodeJSON[struct{ Counts []struct{ Rejects uint64 } }](t,
		must(t, "rejects", "list", "--json", "--clickhouse", clickhouse).stdout)
	sum := uint64(0)
	for _, c := range listed.Counts {
		sum += c.Rejects
	}
	if sum != want.Rejected {
		t.Errorf("%d rejects are listed; want %d", sum, want.Rejected)
	}
	t.Logf("%d records, ledger rows %v, rejects by table %v of %d", want.Records, named, rejects, want.Rejected)
}
