//go:build browser

package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// browser is a tab of Chromium that remembers what it asked for and complained
// of.
type browser struct {
	t      *testing.T
	ctx    context.Context
	origin string
	// width and height are those of the window.
	width, height int64

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
	limited, cancel := context.WithTimeout(ctx, 4*time.Minute)
	b := &browser{t: t, ctx: limited, origin: strings.TrimSuffix(origin, "/"), width: 1280, height: 4000}
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	err = chromedp.Listen(b.ctx, func(event any) {
		if asked, ok := event.(*network.EventRequestWillBeSent); ok &&
			!strings.HasPrefix(asked.Request.URL, b.origin+"/") &&
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
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(b.width, b.height),
		chromedp.Navigate(b.origin+path)); err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	b.until("every panel is answered",
		`document.querySelector(".panel") && ![...document.querySelectorAll(".body")].some(e => e.getAttribute("aria-busy") === "true" && e.getBoundingClientRect().top < innerHeight)`)
}

// until waits until an expression of the page's is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("!!("+expression+")",
		chromedp.WithPollingTimeout(20*time.Second),
		chromedp.WithPollingInterval(100*time.Millisecond))); err != nil {
		b.t.Fatalf("%s: %v; the page says\n%s", what, err, tail(b.text("body"), 1500))
	}
}

// text is what a part of the page says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx,
		chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// demoPage starts a demo and returns the address of its console.
func demoPage(t *testing.T, args ...string) (*daemon, string) {
	t.Helper()
	d := start(t, "", append([]string{"demo", "--console", "127.0.0.1:0", "--scenario", "mixed", "--seed", "3"},
		args...)...)
	d.waitForText(t, "console http://", time.Minute)
	return d, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1]
}

// Every page of the console of a running demo draws its panels, says the numbers
// that SQL gives, asks nobody else, breaks no policy and follows what is stored;
// when the demo ends the page says so.
func TestBrowserShowsTheDemo(t *testing.T) {
	began := time.Now()
	d, address := demoPage(t)
	b := openBrowser(t, address)
	b.open("/")
	b.until("a chart is drawn", `document.querySelector(".panel canvas")`)
	t.Logf("the first chart was drawn %.1f s after the demo was started", time.Since(began).Seconds())
	if took := time.Since(began); took > 3*5*time.Second {
		t.Errorf("it took %v until the first chart was drawn", took)
	}
	b.until("an incident that opened appears by itself",
		`[...document.querySelectorAll(".panel")][0].innerText.includes("key")`)
	for _, path := range append(consolePages(), "/services/movies", "/codes/25", "/clients/198.51.100.7", "/clients/x",
		"/keys/"+url.PathEscape(`x' OR 1=1 --\`), "/limits?from=now-6h&service=movies") {
		b.open(path)
		if failed := b.text(".failed"); failed != "" {
			t.Errorf("%s: a panel says %q", path, failed)
		}
	}
	b.leaveAlone()
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	b.until("the page says that the demo has ended",
		`document.querySelector("[role=alert]")?.innerText.includes("does not answer")`)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v until the page said that the demo had ended", took)
	}
	if err := d.wait(t, 30*time.Second); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
}

// consolePages are the pages of the console's menu.
func consolePages() []string {
	return []string{"/", "/incidents", "/codes", "/limits", "/keys", "/clients", "/agents", "/availability", "/slo", "/proof"}
}

// kept is a store that a demo has filled, on a console.
type kept struct {
	*browser
	dir string
}

// On one kept store: what pages say is what SQL says, every shortcut does what the
// help window says, search finds, no page has a serious fault for a screen reader
// or a keyboard.
func TestBrowserOnAKeptStore(t *testing.T) {
	dir := t.TempDir()
	must(t, "demo", "--for", "8s", "--seed", "3", "--json", "--data", dir)
	d := start(t, "", "console", "--data", dir, "--listen", "127.0.0.1:0")
	d.waitForText(t, "console http://", time.Minute)
	k := kept{openBrowser(t, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1]), dir}
	for name, part := range map[string]func(kept, *testing.T){
		"SQL": kept.saysWhatSQLSays, "shortcuts": kept.followsKeys, "search": kept.finds,
		"accessible": kept.isAccessible, "settings": kept.keepsSettings,
		"alone": kept.drawsWhatIsAlone, "pictures": kept.isDrawn} {
		t.Run(name, func(inner *testing.T) {
			k.t = inner
			defer func() { k.t = t }()
			part(k, inner)
		})
	}
}

// sql is one answer of the store.
func (k kept) sql(query string) string {
	k.t.Helper()
	return strings.TrimSpace(must(k.t, "sql", "--data", k.dir, "--format", "TSV", query).stdout)
}

// full makes the window so high that every panel is on screen.
func (b *browser) full() { b.width, b.height = 1280, 4000 }

// press presses keys one after another, each by its name or its character, with
// Shift+ or Ctrl+ before it.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		modifiers := int64(0)
		for prefix, bit := range map[string]int64{"Shift+": 8, "Ctrl+": 2} {
			if rest, ok := strings.CutPrefix(key, prefix); ok {
				key, modifiers = rest, bit
			}
		}
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: key, Modifiers: modifiers}
		if len(key) == 1 && modifiers == 0 {
			down.Type, down.Text = input.DispatchKeyEventTypeKeyDown, key
		}
		if key == "Enter" {
			down.Type, down.Text, down.WindowsVirtualKeyCode = input.DispatchKeyEventTypeKeyDown, "\r", 13
		}
		if key == "Escape" {
			down.WindowsVirtualKeyCode = 27
		}
		for _, event := range []input.DispatchKeyEventParams{down, {Type: input.DispatchKeyEventTypeKeyUp, Key: key,
			Modifiers: modifiers, WindowsVirtualKeyCode: down.WindowsVirtualKeyCode}} {
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, event); err != nil {
				b.t.Fatalf("press %s: %v", key, err)
			}
		}
	}
}

// eval is an expression of the page's.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.100s: %v", expression, err)
	}
	return v
}

const title = `document.querySelector("h1")?.innerText`

func dialog(name string) string {
	return fmt.Sprintf(`document.querySelector("dialog[open]")?.getAttribute("aria-label") === %q`, name)
}

// A page of one file shows the boards without a server and asks nobody; analyze
// --serve shows what it has read.
func TestBrowserWithoutAServer(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	must(t, "generate", "--to", log, "--count", "3000", "--seed", "3")
	d := start(t, "", "analyze", "--serve", "--data", filepath.Join(dir, "store"), log)
	d.waitForText(t, "console http://", time.Minute)
	b := openBrowser(t, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1])
	b.open("/")
	b.until("what was read is shown", `document.querySelector("[data-panel='overview/11'] tbody tr")`)
	file := filepath.Join(dir, "report.html")
	newest := strings.TrimSpace(must(t, "sql", "--data", filepath.Join(dir, "store"), "--format", "TSV",
		"SELECT formatDateTime(max(minute), '%Y-%m-%dT%H:%i:%SZ') FROM services").stdout)
	must(t, "mark", "deploy", "--data", filepath.Join(dir, "store"), "--service", "movies", "--version", "v1.2.3",
		"--at", newest)
	must(t, "report", "--data", filepath.Join(dir, "store"), "--since", "24h", "--html", file)
	b.leaveAlone()
	d.terminate(t, 30*time.Second)
	alone := openBrowser(t, "file:///")
	alone.open(file)
	alone.until("the file draws a chart",
		`document.querySelector(".panel canvas") && document.querySelector("[data-panel='overview/11'] tbody tr") && !document.querySelector(".failed")`)
	alone.until("the file says what was brought out",
		`document.querySelector(".deploys")?.innerText.includes("movies v1.2.3")`)
	alone.press("g", "l")
	alone.until("the keyboard leads to another board",
		`location.hash === "#/limits" && !document.querySelector(".failed")`)
}

// saysWhatSQLSays: the numbers and rows of a page are those of the store.
func (k kept) saysWhatSQLSays(t *testing.T) {
	b := k.browser
	b.open("/?from=now-24h")
	for row := range strings.Lines(k.sql("SELECT service, formatReadableQuantity(0), sum(requests) FROM services GROUP BY service")) {
		part := strings.Split(strings.TrimSpace(row), "\t")
		n := regexp.MustCompile(`(\d)(\d{3})$`).ReplaceAllString(part[2], "$1,$2")
		b.until("the table of services has "+part[0]+" "+n,
			fmt.Sprintf(`[...document.querySelectorAll("[data-panel='overview/11'] tr")].some(r => r.innerText.includes(%q) && r.innerText.includes(%q))`, part[0], n))
	}
	open := k.sql("SELECT count() FROM incidents FINAL WHERE state = 'open'")
	b.until("as many rows as open incidents",
		fmt.Sprintf(`document.querySelectorAll("[data-panel='overview/0'] tbody tr").length === %s`, open))
	key := k.sql("SELECT key_id FROM keys WHERE outcome = 'rate_limited' GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT 1")
	b.open("/limits?from=now-24h")
	if err := chromedp.Do(b.ctx, chromedp.Click("[data-panel='limits/0'] tbody a")); err != nil {
		t.Fatal(err)
	}
	b.until("a click on the key leads to it",
		fmt.Sprintf(`location.pathname === "/keys/%s" && location.search.includes("now-24h")`, key))
	if err := chromedp.Do(b.ctx, chromedp.NavigateBack()); err != nil {
		t.Fatal(err)
	}
	b.until("back leads back", `location.pathname === "/limits"`)
	if err := chromedp.Do(b.ctx, chromedp.Click("[data-panel='limits/0'] .tools button")); err != nil {
		t.Fatal(err)
	}
	b.until("the panel shows its SQL", `document.querySelector("dialog[open] pre")?.innerText.includes("SELECT")`)
}

// pictures is where TestBrowserOnAKeptStore writes a picture of each page.
var pictures = flag.String("pictures", "", "directory for pictures of the console's pages")

// isDrawn writes the pictures of the documentation when it is asked to. No page is
// wider than its window.
func (k kept) isDrawn(t *testing.T) {
	pages := k.single()
	pages["now"] = "/"
	for _, path := range consolePages()[1:] {
		pages[path[1:]] = path
	}
	defer k.full()
	widths := map[int64]int64{390: 844, 1024: 900, 1440: 1000}
	if *pictures == "" {
		widths = map[int64]int64{320: 844}
	}
	for width, height := range widths {
		k.width, k.height = width, height
		for name, path := range pages {
			k.open(path)
			if wide := eval[int](k.browser, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s is %d pixels wider than a window of %d", path, wide, width)
			}
			if *pictures == "" {
				continue
			}
			eval[bool](k.browser, "new Promise(r => setTimeout(() => r(true), 400))") // opacity settles
			quality := int64(75)
			shot, err := chromedp.Call(k.ctx, page.CaptureScreenshot,
				page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*pictures, fmt.Sprintf("%s-%d.webp", name, width)), shot.Data,
				0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
