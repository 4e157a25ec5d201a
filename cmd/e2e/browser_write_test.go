//go:build browser

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What somebody writes who has shown the token is kept: notes of an incident, by the keys
// of its timeline, what a key is called, and mutes; and the objectives of /slo are those of
// the configuration.
func TestBrowserWrites(t *testing.T) {
	dir := t.TempDir()
	must(t, "demo", "--for", "8s", "--seed", "3", "--json", "--data", dir)
	token := write(t, "token", []byte("a token of 24 characters\n"))
	conf := write(t, "statline.yaml", []byte("detect: {services: {movies: {objective: 0.95}}}\n"))
	d := start(t, "", "console", "--data", dir, "--listen", "127.0.0.1:0", "--console-token-file", token,
		"--console-write", "--config", conf)
	d.waitForText(t, "console http://", time.Minute)
	k := kept{openBrowser(t, regexp.MustCompile(`console (http://\S+)`).FindStringSubmatch(d.logged())[1]), dir}
	k.leaveAlone() // it is refused until it shows the token
	k.open("/slo?from=now-24h")
	k.until("the door asks for the token", `document.querySelector("form input[name=token]")`)
	if err := chromedp.Do(k.ctx, chromedp.SendKeys("form input[name=token]",
		"a token of 24 characters\r")); err != nil {
		t.Fatal(err)
	}
	k.until("the objective of a service is the configured one, the others' the default",
		`["95.000 %", "99.900 %"].every(o => document.querySelector("[data-panel='objective/0']")?.innerText.includes(o))`)
	k.says(t)
	k.fitsEverybody(t, "an incident that was written about")
	k.namesKeys(t)
	k.marksDeploys(t)
}

// marksDeploys: a deploy that a job posts with the token is named on every page.
func (k kept) marksDeploys(t *testing.T) {
	address := eval[string](k.browser, "location.origin")
	at := k.sql("SELECT formatDateTime(max(minute) - 300, '%FT%TZ', 'UTC') FROM services")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/deploys",
		strings.NewReader(fmt.Sprintf(`{"service":"movies","version":"1.8.0","author":"ci","at":%q}`, at)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer a token of 24 characters")
	r.Header.Set("X-Statline-Console", "1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("the deploy: got status %d", answer.StatusCode)
	}
	if got := k.sql("SELECT concat(service, ' ', version, ' ', author) FROM deploys"); got != "movies 1.8.0 ci" {
		t.Errorf("kept %q", got)
	}
	k.open("/services/movies?from=now-1h")
	k.until("the deploy is named", `document.querySelector(".deploys")?.innerText.includes("movies 1.8.0")`)
}

// says goes through the timeline's keys.
func (k kept) says(t *testing.T) {
	incident := k.sql("SELECT id FROM incidents FINAL WHERE state = 'open' ORDER BY id LIMIT 1")
	stored := func(what, want string) {
		t.Helper()
		eventually(t, 20*time.Second, what, func() bool {
			return k.sql("SELECT arrayStringConcat(groupArray(concat(action, ' ', author, ' ', text)), ',') FROM (SELECT * FROM incident_notes WHERE incident = '"+
				incident+"' ORDER BY at)") == want
		})
	}
	k.open("/incidents/" + incident + "?from=now-24h")
	k.until("the timeline is there", `document.querySelector(".timeline textarea")`)
	eval[bool](k.browser, `localStorage.setItem("statline.author", '"ann"'), true`)
	typed := func(text string) {
		k.press("n")
		k.until("n leads to a new note", `document.activeElement.tagName === "TEXTAREA"`)
		k.press(strings.Split(text, "")...)
		k.press("Ctrl+Enter")
		k.until("the note is shown", fmt.Sprintf(`document.querySelector(".notes").innerText.includes(%q)`, text))
		k.press("Escape")
		k.until("Escape leaves the field", `document.activeElement.tagName !== "TEXTAREA"`)
	}
	typed("seen it")
	stored("Ctrl+Enter keeps the note", "note ann seen it")
	k.press("p")
	k.until("p says that it goes to the webhook", `document.querySelector(".timeline input[type=checkbox]").checked`)
	typed("told all")
	k.press("p")
	k.until("p says that it stays here", `!document.querySelector(".timeline input[type=checkbox]").checked`)
	k.press("c")
	k.until("c acknowledges", `document.querySelector(".timeline").innerText.includes("Somebody knows")`)
	k.press("c")
	k.until("c reopens", `!document.querySelector(".timeline").innerText.includes("Somebody knows")`)
	stored("all of it is kept", "note ann seen it,public ann told all,ack ann ,reopen ann")
	k.press("r")
	k.until("r replies to the last one", `document.activeElement.value === "@ann "`)
	eval[bool](k.browser, `(document.activeElement.value = "", true)`)
	k.press("Escape", "l")
	k.until("l leads to the last one", `document.activeElement.tagName === "LI"`)
	k.press("a")
	k.until("a shows notes only", `!document.querySelector(".notes").innerText.includes("acknowledged")`)
	k.press("a")
	k.until("a shows everything again", `document.querySelector(".notes").innerText.includes("acknowledged")`)
	k.press("w")
	k.until("w watches", `JSON.parse(localStorage.getItem("statline.watched") ?? "[]").length === 1`)
	k.press("w")
	k.until("w watches no more", `JSON.parse(localStorage.getItem("statline.watched") ?? "[]").length === 0`)
	for i := range 6 {
		typed(fmt.Sprintf("note %d", i))
	}
	k.press("l", "ArrowRight")
	k.until("→ in the timeline is its next page",
		`document.querySelector(".timeline").innerText.includes("page 2 of 2")`)
	k.until("the incident is the same", fmt.Sprintf("location.pathname === %q", "/incidents/"+incident))
}

// namesKeys calls a key by a name, and mutes what is open of it.
func (k kept) namesKeys(t *testing.T) {
	key := k.sql("SELECT entity FROM incidents FINAL WHERE state = 'open' AND entity_type = 'key' ORDER BY id LIMIT 1")
	k.open("/keys/" + key + "?from=now-24h")
	k.press("a")
	k.until("a asks what the key is called", dialog("What it is called")+` && document.activeElement.name === "name"`)
	k.press(strings.Split("Best & Co", "")...)
	k.press("Ctrl+s")
	k.until("Ctrl+S keeps it", `!document.querySelector("dialog[open]")`)
	if got := k.sql("SELECT argMax(name, revision) FROM key_labels WHERE key_id = '" + key + "'"); got != "Best & Co" {
		t.Errorf("the key is called %q", got)
	}
	k.press("e")
	k.until("e shows what can be changed",
		dialog("Edit")+fmt.Sprintf(` && document.querySelector("dialog .yaml").innerText.includes(%q) && document.querySelector("dialog").innerText.includes("open incident")`, key))
	k.until("what is open can be muted",
		`[...document.querySelectorAll("dialog button")].some(b => b.innerText === "Mute for a day")`)
	eval[bool](k.browser,
		`([...document.querySelectorAll("dialog button")].find(b => b.innerText === "Mute for a day").click(), true)`)
	k.until("it is kept", `!document.querySelector("dialog[open]")`)
	if got := k.sql("SELECT count() > 0 AND min(until) > now() + 80000 FROM incident_notes WHERE action = 'mute'"); got != "1" {
		t.Errorf("nothing of the key is muted for a day: %s", got)
	}
	k.open("/clients/203.0.113.250?from=now-24h")
	k.press("a")
	k.until("a asks what the client is called",
		dialog("What it is called")+` && document.activeElement.name === "name"`)
	k.press("o", "f", "f", "i", "c", "e", "Ctrl+s")
	k.until("Ctrl+S keeps it, and the page says so",
		`!document.querySelector("dialog[open]") && document.querySelector(".called")?.innerText === "office"`)
	k.open("/services/movies?from=now-24h")
	k.press("e")
	k.until("e shows the thresholds of a service",
		`document.querySelector("dialog .yaml")?.innerText.includes("min_share")`)
	k.press("Escape")
}
