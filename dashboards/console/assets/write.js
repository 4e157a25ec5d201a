// What people say: an incident's timeline, what a key is called, and the page of things
// to copy into the configuration. Only a console that was started for it keeps anything.
import { html, useEffect, useRef, useState } from "/assets/lib.js";
import { stored } from "/assets/file.js";
import { moment } from "/assets/format.js";
import { ask, rows } from "/assets/panel.js";
import { Window, post } from "/assets/windows.js";
import { w } from "/assets/words.js";

const perPage = 8;
const place = { author: "statline.author", watched: "statline.watched" };

const read = (name, otherwise) => { try { return JSON.parse(localStorage.getItem(name)) ?? otherwise; } catch { return otherwise; } };
const keep = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* it holds for this page */ } };

// states are the newest of incidents: those of a question.
export async function states(question) {
  return rows(await ask("/api/incidents?" + new URLSearchParams(question)));
}

// write sends what somebody says, and tells why it was not kept.
async function write(path, body) {
  const r = await post(path, { ...body, author: read(place.author, "") }).catch(() => undefined);
  if (r?.status === 401) dispatchEvent(new Event("locked"));
  return r?.ok ? r : { error: r ? (await r.text()).trim() : w("noAnswer") };
}

// taken is what an incident's notes make of it: acknowledged or muted, or neither.
function taken(notes) {
  const n = notes.find((n) => ["ack", "mute", "reopen"].includes(n.action));
  return n && n.action !== "reopen" && !(n.action === "mute" && n.until * 1000 < Date.now()) ? n.action : "";
}

// Timeline is what was said of an incident, newest first. Its keys are the page's own:
// act takes them.
export function Timeline({ incident, tick, writes, say, act }) {
  const [notes, setNotes] = useState([]);
  const [turn, setTurn] = useState(0);
  const [only, setOnly] = useState(false);
  const [open, setOpen] = useState(false); // what is said goes to the webhook
  const [failed, setFailed] = useState("");
  const [watched, setWatched] = useState(read(place.watched, []));
  const [renewed, renew] = useState(0);
  const text = useRef(), list = useRef();
  useEffect(() => {
    let gone = false;
    ask("/api/notes?" + new URLSearchParams({ incident, from: "now-30d" })).then((a) => gone || setNotes(rows(a)), (e) => gone || setFailed(e.message));
    return () => { gone = true; };
  }, [incident, tick, renewed]);
  const shown = only ? notes.filter((n) => ["note", "public"].includes(n.action)) : notes;
  const pages = Math.max(1, Math.ceil(shown.length / perPage)), page = Math.min(turn, pages - 1);
  const state = taken(notes), isWatched = watched.includes(incident);
  const send = async (action, more) => {
    const said = await write("/api/notes", { incident, action, ...more });
    setFailed(said.error ?? "");
    if (said.error) return;
    if (text.current && more?.text) text.current.value = "";
    setTurn(0);
    renew((n) => n + 1);
    say(w("kept"));
  };
  const note = () => { if (text.current?.value.trim()) send(open ? "public" : "note", { text: text.current.value }); else text.current?.focus(); };
  const settle = () => send(state ? "reopen" : "ack", { text: text.current?.value ?? "" });
  const watch = async () => {
    if (!isWatched && globalThis.Notification && Notification.permission === "default") await Notification.requestPermission();
    const next = isWatched ? watched.filter((id) => id !== incident) : [...watched.slice(-19), incident];
    keep(place.watched, next);
    setWatched(next);
    say(w(isWatched ? "notWatched" : globalThis.Notification?.permission === "granted" ? "watched" : "watchedHere"));
  };
  const reply = () => {
    const to = notes.find((n) => n.author && n.text);
    if (to && !text.current.value) text.current.value = "@" + to.author + " ";
    text.current.focus();
  };
  const last = () => { setTurn(0); list.current?.querySelector("li")?.focus(); };
  const whenWriting = (f) => (writes ? f : () => say(w("nobodyWrites")));
  act.current = {
    n: whenWriting(() => text.current.focus()), r: whenWriting(reply), c: whenWriting(settle), p: writes ? () => { setOpen(!open); say(w(open ? "private" : "public")); } : undefined,
    l: last, a: () => setOnly(!only), w: watch, turn: (by) => setTurn(Math.max(0, Math.min(pages - 1, page + by))),
  };
  useEffect(() => () => { act.current = undefined; }, []);
  const key = (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); note(); }
    if (e.key === "Escape") e.currentTarget.blur();
  };
  return html`<section class="panel timeline" aria-labelledby="timeline"><header><h2 id="timeline">${w("timeline")}</h2>
      <div class="tools"><button aria-pressed=${only} onClick=${() => setOnly(!only)}>${w("onlyNotes")}</button><button aria-pressed=${isWatched} onClick=${watch}>${w("watch")}</button>
        ${writes ? html`<button onClick=${settle}>${w(state ? "reopen" : "acknowledge")}</button>` : null}</div></header>
    ${state ? html`<p class="about">${w(state === "ack" ? "isAcknowledged" : "isMuted")}</p>` : null}
    <ol class="notes" ref=${list} tabindex="0" aria-label=${w("timeline")}>${shown.slice(page * perPage, (page + 1) * perPage).map((n) => html`<li key=${n.time + n.action + n.text} tabindex="-1">
      <span class="about">${moment(n.time)} · ${w("did" + n.action[0].toUpperCase() + n.action.slice(1))}${n.until ? " " + w("until", { time: moment(n.until) }) : ""}${n.author ? " · " + n.author : ""}</span>
      ${n.text ? html`<p>${n.text}</p>` : null}</li>`)}</ol>
    ${shown.length ? null : html`<p class="empty">${w("nothingSaid")}</p>`}
    ${pages > 1 ? html`<p class="about">${w("pageOf", { n: page + 1, of: pages })}</p>` : null}
    ${writes ? html`<form onSubmit=${(e) => { e.preventDefault(); note(); }}>
      <label>${w("note")} <textarea ref=${text} rows="2" maxlength="1800" onKeyDown=${key}></textarea></label>
      <p class="group"><label>${w("author")} <input maxlength="100" value=${read(place.author, "")} onChange=${(e) => keep(place.author, e.currentTarget.value)} /></label>
        <label class="check"><input type="checkbox" checked=${open} onChange=${() => setOpen(!open)} /> ${w("toWebhook")}</label>
        <button>${w("send")}</button></p></form>` : html`<p class="about">${w("nobodyWrites")}</p>`}
    <p class="failed" role="alert" hidden=${!failed}>${failed}</p></section>`;
}

// useWatched shows a notice of the browser when an incident changes that somebody
// watches here.
export function useWatched(tick) {
  const known = useRef(new Map());
  useEffect(() => {
    const ids = stored ? [] : read(place.watched, []);
    if (!ids.length || globalThis.Notification?.permission !== "granted") return;
    states(ids.map((id) => ["incident", id])).then((all) => {
      for (const i of all) {
        const now = i.state + " " + i.severity, before = known.current.get(i.id);
        known.current.set(i.id, now);
        if (before && before !== now) new Notification(`${i.severity}, ${i.state}: ${i.summary}`, { tag: i.id });
      }
    }, () => {});
  }, [tick]);
}

// Label is the window that calls a key or a client address by a name.
export function Label({ page, id, close, say }) {
  return html`<${Window} title=${w("label")} close=${close}><${Named} page=${page} id=${id} close=${close} say=${say} first=${true} /><//>`;
}

// Called is what a client address is called.
export function Called({ id, tick }) {
  const [name, set] = useState("");
  const [renewed, renew] = useState(0);
  useEffect(() => {
    const again = () => renew((n) => n + 1);
    addEventListener("written", again);
    return () => removeEventListener("written", again);
  }, []);
  useEffect(() => {
    let gone = false;
    ask("/api/label?" + new URLSearchParams({ client: id })).then((a) => gone || set(rows(a)[0]?.shown ?? ""), () => {});
    return () => { gone = true; };
  }, [id, Math.floor(tick / 10), renewed]);
  return name ? html`<p class="about called">${name}</p>` : null;
}

// Named is the form of a name; first, it has the focus, which the window gives its title.
function Named({ page, id, close, say, first }) {
  const which = { [page === "clients" ? "client" : "key"]: id };
  const [now, set] = useState();
  const [failed, setFailed] = useState("");
  const form = useRef();
  useEffect(() => {
    ask("/api/label?" + new URLSearchParams(which)).then((a) => {
      const known = rows(a)[0] ?? {}, field = form.current?.elements.name;
      if (field && !field.value) field.value = known.console ?? ""; // what was typed meanwhile stays
      set(known);
    }, (e) => setFailed(e.message));
    if (first) setTimeout(() => form.current?.elements.name.focus());
  }, [id]);
  const save = async (e) => {
    e.preventDefault();
    const said = await write("/api/label", { ...which, name: form.current.elements.name.value });
    if (said.error) return setFailed(said.error);
    const { holds } = await said.json();
    say(w(holds ? "kept" : "fileHolds"));
    close();
    dispatchEvent(new Event("written"));
  };
  const key = (e) => { if (e.key === "s" && (e.ctrlKey || e.metaKey)) save(e); };
  const byFile = now?.shown && now.shown !== now.console;
  return html`<form ref=${form} class="view" onSubmit=${save} onKeyDown=${key}>
    <label>${w("name")} <input name="name" maxlength="100" /></label>
    <p class="about">${byFile ? w("labelOfFile", { name: now.shown }) : now?.shown ? w("labelOfConsole", { name: now.shown }) : now?.gateway ? w("labelOfGateway", { name: now.gateway }) : w("labelNone")}</p>
    <p class="failed" role="alert" hidden=${!failed}>${failed}</p>
    <p class="buttons"><button type="button" onClick=${close}>${w("close")}</button><button>${w("save")}</button></p></form>`;
}

const quoted = JSON.stringify; // a string of JSON is one of YAML

// yaml is what may be copied into the configuration about one thing.
function yaml(kind, name) {
  const until = new Date(Date.now() + 7 * 86400e3).toISOString().slice(0, 11) + "08:00:00Z";
  const mute = `mute:\n  - {entity: ${quoted(name)}, until: "${until}"}\n`;
  switch (kind) {
    case "services": return `detect:\n  services:\n    ${quoted(name)}:\n      objective: 0.999   # share of good responses\n      min_share: 0.01    # no spike below this share of failures\n      min_count: 20      # nor below this number\n${mute}`;
    case "keys": return `detect:\n  keys:\n    ${quoted(name)}:\n      preset: quiet\n${mute}`;
    case "clients": return `detect:\n  allow:\n    clients: [${quoted(name)}]   # it is never an incident\n${mute}`;
    default: return `codes:\n  - {code: ${Number(name)}, http_status: 429, outcome: rate_limited, message: ""}\n`;
  }
}

// named are the pages of what can be called by a name.
export const named = new Set(["keys", "clients"]);

const variable = { services: "service", keys: "key", clients: "client" };

// Edit is the page of one thing that changes: its label, its incidents' notices, and the
// thresholds, which stand in the configuration.
export function Edit({ page, id, writes, close, say }) {
  const [open, setOpen] = useState([]);
  const [failed, setFailed] = useState("");
  useEffect(() => {
    if (variable[page]) states([[variable[page], id]]).then((all) => setOpen(all.filter((i) => i.state === "open")), (e) => setFailed(e.message));
  }, [page, id]);
  const mute = async (minutes) => {
    for (const i of open) {
      const said = await write("/api/notes", { incident: i.id, action: "mute", minutes });
      if (said.error) return setFailed(said.error);
    }
    say(w("kept"));
    close();
  };
  const text = yaml(page, id);
  return html`<${Window} title=${w("edit")} close=${close}>
    ${named.has(page) && writes ? html`<h3>${w("label")}</h3><${Named} page=${page} id=${id} close=${close} say=${say} />` : null}
    ${variable[page] ? html`<h3>${w("muting")}</h3><p class="about">${w("openOnes", { n: open.length })}${writes ? "" : " " + w("nobodyWrites")}</p>
      ${writes && open.length ? html`<p class="group">${[240, 1440, 10080].map((m) => html`<button type="button" onClick=${() => mute(m)}>${w("muteFor" + m)}</button>`)}</p>` : null}` : null}
    <h3>${w("thresholds")}</h3><p class="about">${w("thresholdsAbout")}</p><pre tabindex="0" class="yaml">${text}</pre>
    <p class="failed" role="alert" hidden=${!failed}>${failed}</p>
    <p class="buttons"><button type="button" onClick=${() => navigator.clipboard?.writeText(text).then(() => say(w("copiedText")), () => say(w("notCopiedText")))}>${w("copy")}</button>
      <button type="button" onClick=${close}>${w("close")}</button></p><//>`;
}
