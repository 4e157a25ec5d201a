//go:build browser

package e2e

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"statline/ingest/sandbox/sandboxtest"
)

var fullMonth = flag.Bool("full-month", false, "time the pages over all rows of a month, on an idle machine")

// Every page over thirty days of 100 services, and twenty tabs. On a tenth of the rows
// only what a busy machine does not explain is a fault: ten times the figures; with
// -full-month, on an idle machine, on all of them and as they are to be: the first
// panel within 300 ms of its question, the page within 2 s, 20 MiB for twenty tabs.
func TestBrowserOverAMonth(t *testing.T) {
	share, slack := 10, 10
	if *fullMonth {
		share, slack = 1, 1
	}
	clickhouse := freeAddress(t)
	start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir()).
		waitFor(t, "ready", time.Minute)
	must(t, "migrate", "--clickhouse", "http://"+clickhouse)
	if err := sandboxtest.FillMonth("statline", share, func(text string) error {
		answer, err := http.Post("http://"+clickhouse, "text/plain", strings.NewReader(text))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s (%w)", answer.Status, said, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d := start(t, "", "console", "--clickhouse", "http://"+clickhouse, "--listen", "127.0.0.1:0")
	d.waitForText(t, "console http://", time.Minute)
	b := openBrowser(t, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1])
	b.height = 900
	time.Sleep(5 * time.Second) // the engine merges what was written
	b.timed("/")                // the browser is warm
	for _, path := range consolePages() {
		asked, first, whole := b.timed(path + "?from=now-30d")
		t.Logf("%-15s asks after %4d ms, first panel after %4d ms, all on screen after %4d ms", path,
			asked.Milliseconds(), first.Milliseconds(), whole.Milliseconds())
		if limit := time.Duration(slack) * 300 * time.Millisecond; first-asked > limit {
			t.Errorf("%s: the first panel took %v; want at most %v", path, first-asked, limit)
		}
		if limit := time.Duration(slack) * 2 * time.Second; whole > limit {
			t.Errorf("%s: it took %v; want at most %v", path, whole, limit)
		}
	}
	before := resident(t, d.cmd.Process.Pid)
	for i := range 20 {
		tab, done := chromedp.NewContext(b.ctx)
		defer done()
		path := consolePages()[i%len(consolePages())]
		if err := chromedp.Do(tab, chromedp.Navigate(b.origin+path+"?from=now-7d")); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	after := resident(t, d.cmd.Process.Pid)
	t.Logf("twenty tabs: the console's memory was %d KiB and is %d KiB", before, after)
	if most := 20 << 10; after-before > most {
		t.Errorf("twenty tabs take %d KiB of the console's memory; want at most %d", after-before, most)
	}
}

// timed opens a page and returns when it asked for its first panel, when the first was
// drawn, and when all that are on screen were, since the navigation began.
func (b *browser) timed(path string) (asked, first, whole time.Duration) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(b.width, b.height),
		chromedp.Navigate(b.origin+path)); err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	took := eval[[]float64](b, `new Promise((done, failed) => { let first; const look = () => {
		const panels = [...document.querySelectorAll(".panel")].filter((p) => p.getBoundingClientRect().top < innerHeight);
		const drawn = (p) => p.querySelector(".body")?.getAttribute("aria-busy") !== "true";
		if (first === undefined && panels.some(drawn)) first = performance.now();
		if (panels.length && panels.every(drawn)) return done([Math.min(...performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/panel/")).map((e) => e.startTime)), first, performance.now()]);
		if (performance.now() > 30000) return failed(new Error("not drawn after 30 s"));
		requestAnimationFrame(look); }; look(); })`)
	if failed := b.text(".failed"); failed != "" {
		b.t.Errorf("%s: a panel says %q", path, failed)
	}
	at := func(i int) time.Duration { return time.Duration(took[i] * float64(time.Millisecond)) }
	return at(0), at(1), at(2)
}

// resident is the memory of a process, in KiB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
