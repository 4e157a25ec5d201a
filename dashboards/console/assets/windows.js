// The windows: search, view settings, shortcuts. Each is the browser's own dialog:
// the focus stays inside, Escape closes it.
import { html, useEffect, useRef, useState } from "/assets/lib.js";
import { menu, one, to } from "/assets/url.js";
import { change, choices, settings } from "/assets/settings.js";
import { w } from "/assets/words.js";

// post sends a body that may hold what belongs into no address.
export function post(path, body) {
  return fetch(path, { method: "POST", headers: { "X-Statline-Console": "1" }, body: JSON.stringify(body) });
}

// Window is a dialog that is open as long as it is there.
export function Window({ title, close, children, wide, press }) {
  const ref = useRef();
  useEffect(() => {
    ref.current?.showModal();
    if (!wide) ref.current?.querySelector("h2").focus();
  }, []);
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-label=${title} onClose=${close} onKeyDown=${press} onClick=${(e) => e.target === ref.current && ref.current.close()}>
    <div class="inside"><h2 tabindex="-1">${title}</h2>${children}</div></dialog>`;
}

const words = { theme: { system: "themeSystem", light: "themeLight", dark: "themeDark", contrast: "themeContrast" }, zone: { utc: "zoneUtc", local: "zoneLocal" },
  refresh: { live: "refreshLive", minute: "refreshMinute", off: "refreshOff" } };
const languages = { en: "English", ro: "Română" };

// View is the window of settings.
export function View({ close, signOut }) {
  const form = useRef();
  const save = (e) => {
    e?.preventDefault();
    const f = form.current.elements;
    change({ theme: f.theme.value, zone: f.zone.value, refresh: f.refresh.value, language: f.language.value, keys: f.keys.checked ? "on" : "off" });
    close();
  };
  const key = (e) => {
    if (e.key === "s" && (e.ctrlKey || e.metaKey)) save(e);
    else if (e.key === "t" && !e.ctrlKey && !e.metaKey && !e.altKey && e.target.tagName !== "SELECT") { e.preventDefault(); form.current.elements.language.focus(); }
  };
  const select = (name, text, all) => html`<label>${w(text)} <select name=${name} value=${settings[name]}>${choices[name].map((v) => html`<option value=${v} selected=${settings[name] === v}>${all[v]}</option>`)}</select></label>`;
  const named = (name) => Object.fromEntries(Object.entries(words[name]).map(([v, text]) => [v, w(text)]));
  return html`<${Window} title=${w("view")} close=${close} press=${key}><form ref=${form} class="view" onSubmit=${save}>
    ${select("theme", "theme", named("theme"))}${select("zone", "zone", named("zone"))}${select("refresh", "refresh", named("refresh"))}${select("language", "language", languages)}
    <label class="check"><input type="checkbox" name="keys" checked=${settings.keys === "on"} /> ${w("shortcutsOn")}</label>
    <p class="buttons">${signOut ? html`<button type="button" onClick=${signOut}>${w("signOut")}</button>` : null}<button type="button" onClick=${close}>${w("close")}</button><button>${w("save")}</button></p>
  </form><//>`;
}

const shortcuts = [["s /", "keySearch"], ["p", "keyView"], ["?", "keyHelp"], ["Esc", "keyEscape"], ["j k", "keyRows"], ["Enter", "keyEnter"],
  ["g n i c l k a u v o p", "keyGo"], ["b", "keyAbove"], ["→ ←", "keyOne"], ["Shift+→ ←", "keyPeriod"], ["- +", "keyZoom"], ["z", "keyZone"], ["y", "keyCopy"], ["t", "keyLanguage"], ["Ctrl+S", "keySave"],
  ["e", "keyEdit"], ["a", "keyLabel"], ["n r l", "keyNotes"], ["c", "keySettle"], ["w", "keyWatch"], ["a", "keyOnly"], ["p", "keyPublic"], ["Ctrl+Enter", "keySend"]];

// Help lists the shortcuts.
export function Help({ close }) {
  return html`<${Window} title=${w("shortcuts")} close=${close}><p class="about">${w("shortcutsAre")}</p>
    <dl class="shortcuts">${shortcuts.map(([keys, text]) => html`<dt>${keys.split(" ").map((k) => html`<kbd>${k}</kbd> `)}</dt><dd>${w(text)}</dd>`)}</dl>
    <form method="dialog"><button>${w("close")}</button></form><//>`;
}

// Search looks a text up: pages here, everything else by the server.
export function Search({ view, boards, close, go }) {
  const [text, setText] = useState("");
  const [got, setGot] = useState({ hits: [], of: "" });
  const [at, setAt] = useState(0);
  const input = useRef();
  useEffect(() => { input.current?.focus(); post("/api/search", { text: "" }).catch(() => {}); }, []);
  useEffect(() => {
    const asked = text.trim();
    if (!asked) { setGot({ hits: [], of: "" }); return; }
    const pages = menu.filter((p) => w(p.word).toLowerCase().startsWith(asked.toLowerCase())).map((p) => ({ kind: "page", name: w(p.word), view: to(p.path, view, boards) }));
    let gone = false;
    const timer = setTimeout(async () => {
      const r = await post("/api/search", { text: asked }).catch(() => undefined);
      if (gone) return;
      if (!r?.ok) return setGot({ hits: pages, of: asked, error: r ? (await r.text()).trim() : w("noAnswer") });
      const { hits } = await r.json();
      if (!gone) { setGot({ hits: [...pages, ...hits.map((h) => ({ ...h, view: place(h, view, boards) }))], of: asked }); setAt(0); }
    }, 60);
    return () => { gone = true; clearTimeout(timer); };
  }, [text]);
  const follow = (hit) => { if (hit) { close(); go(hit.view); } };
  const key = (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      const n = got.hits.length;
      if (n) setAt((i) => (i + (e.key === "ArrowDown" ? 1 : n - 1)) % n);
    } else if (e.key === "Escape") { // a field would only be emptied
      e.preventDefault();
      close();
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (got.of === text.trim()) follow(got.hits[at]);
    }
  };
  useEffect(() => { document.getElementById("hit" + at)?.scrollIntoView({ block: "nearest" }); }, [at]);
  return html`<${Window} title=${w("search")} close=${close} wide=${true}>
    <input ref=${input} type="search" role="combobox" autocomplete="off" spellcheck=${false} aria-label=${w("searchHint")} placeholder=${w("searchHint")} aria-expanded=${got.hits.length > 0} aria-controls="hits"
      aria-activedescendant=${got.hits.length ? "hit" + at : undefined} value=${text} onInput=${(e) => setText(e.currentTarget.value)} onKeyDown=${key} />
    <p class="about" role="status">${got.error ?? (got.of ? (got.hits.length ? w("found", { n: got.hits.length }) : w("foundNone")) : w("searchAbout"))}</p>
    <ul id="hits" role="listbox" aria-label=${w("search")}>${got.hits.map((h, i) => html`<li key=${h.kind + h.name} id=${"hit" + i} role="option" aria-selected=${i === at} onClick=${() => follow(h)} onMouseMove=${() => setAt(i)}>
      <span class="kind">${w("kind" + h.kind[0].toUpperCase() + h.kind.slice(1))}</span><span>${h.kind === "key" ? h.name.slice(0, 10) : h.kind === "incident" ? h.more : h.name}${h.pasted ? html` <b>${w("pasted")}</b>` : null}</span>
      <span class="more">${h.kind === "incident" ? "" : h.more}</span></li>`)}</ul><//>`;
}

// place is where a hit leads.
function place(h, view, boards) {
  switch (h.kind) {
    case "service": return one("services", h.name, view, boards);
    case "key": return one("keys", h.name, view, boards);
    case "client": return one("clients", h.name, view, boards);
    case "code": return one("codes", h.name, view, boards);
    case "incident": return one("incidents", h.name, view, boards);
    case "error": return to("codes", view, boards, { service: [h.more] });
    default: return to("codes", view, boards, { route: [h.name], service: undefined });
  }
}
