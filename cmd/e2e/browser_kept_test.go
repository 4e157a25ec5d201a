//go:build browser

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// followsKeys: the shortcuts of the document that the API's documentation has for a
// site, and those beside them.
func (k kept) followsKeys(t *testing.T) {
	k.open("/")
	none := `!document.querySelector("dialog[open]")`
	for key, name := range map[string]string{"?": "Keyboard shortcuts", "p": "View", "s": "Search", "/": "Search"} {
		k.press(key)
		k.until(key+" opens its window", dialog(name))
		k.press("Escape")
		k.until("Escape closes it", none)
	}
	k.press("s")
	k.until("search has the focus", `document.activeElement.type === "search"`)
	k.press("p", "g", "k")
	if got := eval[string](k.browser, "document.activeElement.value + location.pathname"); got != "pgk/" {
		t.Errorf("keys in a field: got %q; want them typed there", got)
	}
	k.press("Escape")
	k.until("Escape closes it with a text inside", none)
	for letter, path := range map[string]string{"i": "/incidents", "c": "/codes", "l": "/limits", "k": "/keys",
		"a": "/clients", "u": "/agents", "v": "/availability", "o": "/slo", "p": "/proof", "n": "/"} {
		k.press("g", letter)
		k.until("g "+letter+" leads to "+path, fmt.Sprintf("location.pathname === %q", path))
	}
	k.open("/incidents?from=now-24h")
	k.until("incidents are listed",
		`document.querySelectorAll("[data-panel='incidents/4'] tbody tr").length > 2 && document.querySelectorAll("[data-panel='incidents/0'] tbody tr").length > 2`)
	k.press("j", "j", "k", "j")
	second := eval[string](k.browser,
		`document.querySelectorAll("[data-panel='incidents/0'] tbody tr")[1].querySelector("a").pathname`)
	third := eval[string](k.browser,
		`document.querySelectorAll("[data-panel='incidents/0'] tbody tr")[2].querySelector("a").pathname`)
	k.press("Enter")
	k.until("j and Enter follow the second row", fmt.Sprintf("location.pathname === %q", second))
	k.until("the list is known", `document.querySelector("a.beside[title*='→']")`)
	k.press("ArrowRight")
	k.until("→ is the next of the list", fmt.Sprintf("location.pathname === %q", third))
	k.until("the list is known", `document.querySelector("a.beside[title*='←']")`)
	k.press("ArrowLeft")
	k.until("← is the previous of the list", fmt.Sprintf("location.pathname === %q", second))
	k.press("Shift+ArrowLeft")
	k.until("Shift+← is the period before",
		fmt.Sprintf(`location.pathname === %q && /from=\d+&to=\d+/.test(location.search)`, second))
	k.press("b")
	k.until("b leads to the page above", `location.pathname === "/incidents"`)
	k.open("/limits")
	k.press("-")
	k.until("- shows a longer time", `location.search === "?from=now-6h"`)
	k.press("+", "+")
	k.until("+ shows a shorter time", `location.search === "?from=now-15m"`)
	k.press("ArrowLeft")
	k.until("← is the period before", `/from=(\d+)&to=(\d+)/.test(location.search) && RegExp.$2 - RegExp.$1 === 900`)
	k.press("z")
	k.until("z shows local times", `JSON.parse(localStorage.getItem("statline.view")).zone === "local"`)
	k.press("z", "y")
	k.until("y says whether the link is copied", `document.querySelector(".said")?.innerText.includes("link")`)
}

// finds: search leads to what was typed; a key that is pasted stands in no address.
func (k kept) finds(t *testing.T) {
	k.open("/?from=now-24h")
	key := k.sql("SELECT key_id FROM keys GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT 1")
	for text, path := range map[string]string{"movie": "/services/movies", key: "/keys/" + key,
		"203.0.113.9": "/clients/203.0.113.9", "25": "/codes/25", "avail": "/availability"} {
		k.press("s")
		k.until("search is open", `document.activeElement.type === "search"`)
		k.press(strings.Split(text, "")...)
		k.until(text+" is found", `document.querySelector("#hits li")`)
		first := fmt.Sprintf(`document.querySelector("#hits li[aria-selected=true]")?.innerText.includes(%q)`,
			text[:min(len(text), 5)])
		k.until("the first answer is of what was typed",
			first+` && /\d found/.test(document.querySelector("dialog [role=status]").innerText)`)
		eval[bool](k.browser, "new Promise(r => setTimeout(() => r(true), 150))")
		k.press("Enter")
		k.until(text+" leads to "+path, fmt.Sprintf("location.pathname === %q", path))
	}
}

// single are the pages of one thing each: the one of which most is to be seen.
func (k kept) single() map[string]string {
	first := func(query string) string { return k.sql(query + " LIMIT 1") }
	return map[string]string{
		"code": "/codes/" +
			first("SELECT code FROM responses WHERE code > 1 GROUP BY code ORDER BY sum(requests) DESC"),
		"client": "/clients/" +
			first("SELECT replaceOne(IPv6NumToString(client_ip), '::ffff:', '') FROM clients WHERE outcome != 'success' GROUP BY client_ip ORDER BY sum(requests) DESC"),
		"incident": "/incidents/" +
			first("SELECT id FROM incidents FINAL WHERE kind = 'timeout_spike' OR state = 'open' ORDER BY kind = 'timeout_spike' DESC, id"),
		"key": "/keys/" +
			first("SELECT key_id FROM keys WHERE outcome = 'rate_limited' GROUP BY key_id ORDER BY sum(requests) DESC, key_id"),
		"service": "/services/movies",
	}
}

// fitsEverybody: axe-core finds nothing serious on the page that is open.
func (k kept) fitsEverybody(t *testing.T, path string) {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(root, "dashboards", "console", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core is not installed: make test-browser installs it (%v)", err)
	}
	eval[bool](k.browser, string(axe)+";true")
	for _, theme := range []string{"light", "dark", "contrast"} {
		if theme == "contrast" && path != "/" {
			continue // its colours are a few
		}
		found := eval[string](k.browser, fmt.Sprintf(`(document.documentElement.dataset.theme = %q, axe.run(document, {resultTypes: ["violations"]})).then(r => r.violations
			.filter(v => ["serious", "critical"].includes(v.impact)).map(v => v.impact + " " + v.id + ": " + v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3).join("; ")).join("\n"))`, theme))
		if found != "" {
			t.Errorf("%s, %s: %s", path, theme, found)
		}
	}
}

// isAccessible: axe-core finds nothing serious on any page, in any theme.
func (k kept) isAccessible(t *testing.T) {
	k.height = 1800 // what is not on screen is not drawn
	defer k.full()
	pages := consolePages()
	for _, path := range k.single() {
		pages = append(pages, path)
	}
	for _, path := range pages {
		k.open(path)
		k.fitsEverybody(t, path)
	}
	for _, key := range []string{"?", "p", "s"} {
		k.press(key)
		k.until("a window is open", `document.querySelector("dialog[open]")`)
		if found := eval[string](k.browser,
			`axe.run("dialog").then(r => r.violations.filter(v => ["serious", "critical"].includes(v.impact)).map(v => v.id + v.nodes[0].html).join("\n"))`); found != "" {
			t.Errorf("the window of %s: %s", key, found)
		}
		k.press("Escape")
		k.until("it is closed", `!document.querySelector("dialog[open]")`)
	}
}

// keepsSettings: the window of settings changes theme, zone, refresh and language,
// keeps them, and switches the shortcuts off.
func (k kept) keepsSettings(t *testing.T) {
	k.open("/limits")
	k.press("p")
	k.until("View is open", dialog("View"))
	k.press("t")
	k.until("t chooses the language", `document.activeElement.name === "language"`)
	eval[bool](k.browser,
		`(() => { const f = document.querySelector("dialog form").elements; f.language.value = "ro"; f.theme.value = "dark"; f.keys.checked = false; return true; })()`)
	k.press("Ctrl+s")
	k.until("Ctrl+S saves",
		`document.documentElement.lang === "ro" && document.documentElement.dataset.theme === "dark" && document.querySelector("nav").innerText.includes("incidente")`)
	k.open("/limits")
	k.until("they are kept",
		`document.documentElement.lang === "ro" && document.documentElement.dataset.theme === "dark"`)
	k.press("?", "g", "k")
	if got := eval[string](k.browser,
		`location.pathname + !!document.querySelector("dialog[open]")`); got != "/limitsfalse" {
		t.Errorf("shortcuts that are switched off: got %s", got)
	}
	eval[bool](k.browser, `(localStorage.removeItem("statline.view"), true)`)
}
