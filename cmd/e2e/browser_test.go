//go:build browser

package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browser is a tab of Chromium that remembers what it asked for and complained
// of.
type browser struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu         sync.Mutex
	complaints []string
	alone      bool // the server has ended: the browser says so of each request
}

// openBrowser opens a tab for the pages of an origin. At the end of the test
// nothing may have been asked of another origin, and the page may not have
// complained of anything: a violation of its policy is a complaint.
func openBrowser(t *testing.T, origin string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser is not installed: apt-get install chromium (%v)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(path))
	allocator, closeAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	b := &browser{t: t, ctx: limited, origin: strings.TrimSuffix(origin, "/")}
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	err = chromedp.Listen(b.ctx, func(event any) {
		if asked, ok := event.(*network.EventRequestWillBeSent); ok && !strings.HasPrefix(asked.Request.URL, b.origin+"/") &&
			!strings.HasPrefix(asked.Request.URL, "data:") && asked.Request.URL != "about:blank" {
			b.complain("asked " + asked.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var listening sync.WaitGroup
	listening.Go(func() {
		for message, err := range chromedp.Console(b.ctx) {
			if err == nil {
				b.complain(fmt.Sprintf("%s: %s %s", message.Type, message.Text, message.URL))
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		closeTab()
		closeAll()
		listening.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the page: %s", c)
		}
	})
	return b
}

func (b *browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alone || !strings.Contains(text, "Failed to load resource") {
		b.complaints = append(b.complaints, text)
	}
}

// leaveAlone expects that nobody answers from now on.
func (b *browser) leaveAlone() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alone = true
}

// open loads a page and waits until what is on screen is answered.
func (b *browser) open(path string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 4000), chromedp.Navigate(b.origin+path)); err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	b.until("every panel is answered", `document.querySelector(".panel") && ![...document.querySelectorAll(".body")].some(e => e.getAttribute("aria-busy") === "true")`)
}

// until waits until an expression of the page's is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingTimeout(20*time.Second),
		chromedp.WithPollingInterval(100*time.Millisecond))); err != nil {
		b.t.Fatalf("%s: %v; the page says\n%s", what, err, tail(b.text("body"), 1500))
	}
}

// text is what a part of the page says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// demoPage starts a demo and returns the address of its console.
func demoPage(t *testing.T, args ...string) (*daemon, string) {
	t.Helper()
	d := start(t, "", append([]string{"demo", "--console", "127.0.0.1:0", "--scenario", "mixed", "--seed", "3"}, args...)...)
	d.waitForText(t, "console http://", time.Minute)
	return d, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1]
}

// Every page of the console of a running demo draws its panels, says the numbers
// that SQL gives, asks nobody else, breaks no policy and follows what is stored;
// when the demo ends the page says so.
func TestBrowserShowsTheDemo(t *testing.T) {
	d, address := demoPage(t)
	b := openBrowser(t, address)
	b.open("/")
	b.until("a chart is drawn", `document.querySelector(".panel canvas")`)
	b.until("an incident that opened appears by itself", `[...document.querySelectorAll(".panel")][0].innerText.includes("key")`)
	for _, path := range []string{"/incidents", "/codes", "/limits", "/keys", "/clients", "/availability", "/services/movies", "/proof",
		"/keys/" + url.PathEscape(`x' OR 1=1 --\`), "/limits?from=now-6h&service=movies"} {
		b.open(path)
		if failed := b.text(".failed"); failed != "" {
			t.Errorf("%s: a panel says %q", path, failed)
		}
	}
	b.leaveAlone()
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.until("the page says that the demo has ended", `document.querySelector("[role=alert]")?.innerText.includes("does not answer")`)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v until the page said that the demo had ended", took)
	}
	if err := d.wait(t, 30*time.Second); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
}

// What a page of a kept store says is what SQL says.
func TestBrowserSaysWhatSQLSays(t *testing.T) {
	dir := t.TempDir()
	must(t, "demo", "--for", "8s", "--seed", "3", "--json", "--data", dir)
	d := start(t, "", "console", "--data", dir, "--listen", "127.0.0.1:0")
	d.waitForText(t, "console http://", time.Minute)
	b := openBrowser(t, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1])
	sql := func(query string) string {
		t.Helper()
		return strings.TrimSpace(must(t, "sql", "--data", dir, "--format", "TSV", query).stdout)
	}
	b.open("/?from=now-24h")
	for row := range strings.Lines(sql("SELECT service, formatReadableQuantity(0), sum(requests) FROM services GROUP BY service")) {
		part := strings.Split(strings.TrimSpace(row), "\t")
		n := regexp.MustCompile(`(\d)(\d{3})$`).ReplaceAllString(part[2], "$1,$2")
		b.until("the table of services has "+part[0]+" "+n, fmt.Sprintf(`[...document.querySelectorAll("[data-panel='overview/11'] tr")].some(r => r.innerText.includes(%q) && r.innerText.includes(%q))`, part[0], n))
	}
	open := sql("SELECT count() FROM incidents FINAL WHERE state = 'open'")
	b.until("as many rows as open incidents", fmt.Sprintf(`document.querySelectorAll("[data-panel='overview/0'] tbody tr").length === %s`, open))
	key := sql("SELECT key_id FROM keys WHERE outcome = 'rate_limited' GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT 1")
	b.open("/limits?from=now-24h")
	if err := chromedp.Do(b.ctx, chromedp.Click("[data-panel='limits/0'] tbody a")); err != nil {
		t.Fatal(err)
	}
	b.until("a click on the key leads to it", fmt.Sprintf(`location.pathname === "/keys/%s" && location.search.includes("now-24h")`, key))
	if err := chromedp.Do(b.ctx, chromedp.NavigateBack()); err != nil {
		t.Fatal(err)
	}
	b.until("back leads back", `location.pathname === "/limits"`)
	if err := chromedp.Do(b.ctx, chromedp.Click("[data-panel='limits/0'] .tools button")); err != nil {
		t.Fatal(err)
	}
	b.until("the panel shows its SQL", `document.querySelector("dialog[open] pre")?.innerText.includes("SELECT")`)
}
