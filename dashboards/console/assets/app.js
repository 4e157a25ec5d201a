// The console: pages of boards. The address says what is shown; the server says
// when there is something new.
import { html, render, useEffect, useMemo, useRef, useState } from "/assets/lib.js";
import { ask, Panel, question, rows, useAnswer } from "/assets/panel.js";
import { stored } from "/assets/file.js";
import { clock, duration, moment } from "/assets/format.js";
import { listen } from "/assets/keys.js";
import { useLive } from "/assets/live.js";
import { change, settings } from "/assets/settings.js";
import { address, menu, moments, one, to, view as viewOf } from "/assets/url.js";
import { Help, Search, View, post } from "/assets/windows.js";
import { Called, Edit, Label, Timeline, named, useWatched } from "/assets/write.js";
import { w } from "/assets/words.js";

let changed = () => {};

// follow goes to a view.
export function follow(v, replace) {
  const path = address(v);
  if (stored) { location[replace ? "replace" : "assign"]("#" + path); return; }
  if (path !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", path);
  changed();
}
addEventListener(stored ? "hashchange" : "popstate", () => changed());

// Link leads to a view without loading the page anew.
export function Link({ to, children, ...rest }) {
  const click = (e) => {
    if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    follow(to);
    scrollTo(0, 0);
  };
  return html`<a href=${(stored ? "#" : "") + address(to)} onClick=${click} ...${rest}>${children}</a>`;
}

const spans = ["now-15m", "now-1h", "now-6h", "now-24h", "now-7d", "now-30d"];
const isSpan = (v) => v.to === "now" && spans.includes(v.from);

// Verdict is the state in one sentence.
function Verdict({ live }) {
  const s = live.state;
  if (!s) return html`<div class="verdict tone-note"><p>${live.ok === false ? w("noStore") : "…"}</p></div>`;
  if (!s.newest) return html`<div class="verdict tone-note"><p>${w("nothingStored")}</p></div>`;
  const late = !s.old && s.wall - s.newest > 600 ? " " + w("late", { age: duration(s.wall - s.newest) }) : "";
  let tone = "good", text = w("calm");
  if (s.page) [tone, text] = ["bad", w("pageOpen", { n: s.page, worst: s.worst })];
  else if (s.ticket) [tone, text] = ["fair", w("ticketOpen", { n: s.ticket, worst: s.worst })];
  else if (s.info) text = w("infoOpen", { n: s.info });
  if (late && tone === "good") tone = "fair";
  const rest = [s.page && s.ticket ? w("moreTickets", { n: s.ticket }) : "", s.info && (s.page || s.ticket) ? w("moreInfo", { n: s.info }) : ""].filter(Boolean).join(", ");
  return html`<div class=${"verdict tone-" + tone}><p>${text}${late}</p>${rest ? html`<p class="more">${rest}.</p>` : null}</div>`;
}

// Choice chooses values of a variable of the board.
function Choice({ board, variable, view }) {
  const [list, setList] = useState(variable.values?.map((v) => [v, v]));
  const [typed, setTyped] = useState("");
  const chosen = view.choices[variable.name] ?? [];
  const choose = (values) => follow({ ...view, choices: { ...view.choices, [variable.name]: values.length ? values : undefined } });
  const load = async (e) => {
    if (!e.currentTarget.open || variable.values) return;
    const others = { ...view, choices: Object.fromEntries(Object.entries(view.choices).filter(([n]) => n !== variable.name)) };
    const a = await ask(`/api/values/${board.name}/${variable.name}?${question(others)}`).catch(() => undefined);
    if (a) setList((a.columns[0]?.values ?? []).map((v, i) => [v, a.columns.at(-1).values[i]]));
  };
  const shown = [...chosen.filter((c) => !list?.some(([v]) => v === c)).map((c) => [c, c]), ...(list ?? [])].filter(([v, name]) => (name + v).toLowerCase().includes(typed.toLowerCase())).slice(0, 200);
  const enter = (e) => {
    if (e.key !== "Enter") return;
    e.preventDefault();
    const value = list?.some(([v]) => v === typed) || !shown.length ? typed : shown[0][0];
    if (value && !chosen.includes(value)) choose([...chosen, value]);
    setTyped("");
  };
  return html`<details class="choice" onToggle=${load}><summary title=${variable.about}>${variable.label}: ${chosen.length ? chosen.map((c) => (c.length > 24 ? c.slice(0, 10) + "…" : c)).join(", ") : w("all")}</summary>
    <div class="list"><input type="search" aria-label=${w("filter", { name: variable.label })} placeholder=${w("filterHint")} value=${typed} onInput=${(e) => setTyped(e.currentTarget.value)} onKeyDown=${enter} />
      ${chosen.length ? html`<button onClick=${() => choose([])}>${w("allOf")}</button>` : null}
      ${shown.map(([v, name]) => html`<label key=${v}><input type="checkbox" checked=${chosen.includes(v)} onChange=${() => choose(chosen.includes(v) ? chosen.filter((c) => c !== v) : [...chosen, v])} />${name || w("none")}</label>`)}
    </div></details>`;
}

function shift(view, span, by) {
  follow({ ...view, from: String(Math.round(span.from + by * span.span)), to: String(Math.round(span.to + by * span.span)) });
}

function zoomed(view, span, factor) {
  const half = Math.min(200 * 86400, Math.max(150, (span.span * factor) / 2));
  if (isSpan(view)) {
    const next = spans[spans.indexOf(view.from) + (factor > 1 ? 1 : -1)];
    if (next) return follow({ ...view, from: next });
    if (factor > 1) return;
  }
  const middle = isSpan(view) ? span.to - half : (span.from + span.to) / 2;
  follow({ ...view, from: String(Math.round(middle - half)), to: String(Math.round(middle + half)) });
}

// Span chooses the time on screen.
function Span({ view, span }) {
  const relative = isSpan(view);
  return html`<div class="group" role="group" aria-label=${w("span")}>
    <button aria-label=${w("previous")} onClick=${() => shift(view, span, -1)}>←</button>
    <select aria-label=${w("span")} value=${relative ? view.from : "fixed"} onChange=${(e) => e.currentTarget.value !== "fixed" && follow({ ...view, from: e.currentTarget.value, to: "now" })}>
      ${relative ? null : html`<option value="fixed">${w("from", { from: clock(span.from), to: clock(span.to, span.from) })}</option>`}
      ${spans.map((value) => html`<option value=${value}>${w("last", { span: w("span" + value.slice(4)) })}</option>`)}</select>
    <button aria-label=${w("next")} disabled=${view.to === "now"} onClick=${() => shift(view, span, 1)}>→</button>
    <button aria-label=${w("longer")} onClick=${() => zoomed(view, span, 2)}>−</button>
    <button aria-label=${w("shorter")} onClick=${() => zoomed(view, span, 0.5)}>+</button>
  </div>`;
}

const zone = () => (settings.zone === "local" ? "" : " UTC");

function Badge({ live }) {
  const s = live.state;
  const text = live.gone ? w("noConnection") : live.ok === false ? w("noAnswerShort")
    : !s?.newest ? "" : (s.proved ? w("proved", { time: clock(s.proved, s.wall) }) + " · " : "") + w("stored", { time: clock(s.newest, s.wall) }) + zone();
  const bad = live.gone || live.ok === false;
  return html`<span class="badge" role=${bad ? "status" : undefined}>${text ? html`<span class="dot" style=${{ background: bad ? "var(--bad)" : "var(--good)" }}></span>` : null}${text}</span>`;
}

// useBeside is the list that a single thing was reached from, or else that of its
// board's variable, and what stands beside it there.
function useBeside(view, boards) {
  const [got, set] = useState({});
  const single = view.one !== undefined ? view.page.one : undefined;
  const key = single && view.page.path + "/" + view.from + view.to;
  useEffect(() => {
    if (!single || stored) return;
    let list;
    try { list = JSON.parse(sessionStorage.getItem("list/" + view.page.path)); } catch { /* there is none */ }
    if (list?.includes(view.one)) return set({ key, list });
    let gone = false;
    ask(`/api/values/${single.board}/${single.variable}?${question({ ...view, choices: {} })}`).then((a) => gone || set({ key, list: (a.columns[0]?.values ?? []).map(String) }), () => {});
    return () => { gone = true; };
  }, [key, view.one]);
  const i = got.key === key && got.list ? got.list.indexOf(view.one) : -1;
  const at = (k) => (i >= 0 && got.list[i + k] !== undefined ? one(view.page.path, got.list[i + k], view, boards) : undefined);
  return { previous: at(-1), next: at(1) };
}

// Cover leads from an incident to the one that causes it.
function Cover({ view, boards }) {
  const [parent, set] = useState();
  useEffect(() => {
    set(undefined);
    if (view.page.path !== "incidents" || view.one === undefined) return;
    let gone = false;
    ask("/api/parents?" + question({ from: "now-30d", to: "now", choices: {} })).then((a) => gone || set(a.columns[1]?.values[a.columns[0].values.indexOf(view.one)]), () => {});
    return () => { gone = true; };
  }, [view.page.path, view.one]);
  return parent ? html`<p class="about"><${Link} to=${one("incidents", parent, view, boards)}>↰ ${w("coveredBy")}<//></p>` : null;
}

// Door asks for the token, which the server exchanges for a cookie.
function Door({ enter }) {
  const [said, say] = useState("");
  const submit = async (e) => {
    e.preventDefault();
    const r = await post("/api/session", { token: e.currentTarget.elements.token.value }).catch(() => undefined);
    if (r?.ok) enter();
    else say(r ? (await r.text()).trim() : w("noAnswer"));
  };
  return html`<main class="door"><form class="panel" onSubmit=${submit}><h1>statline</h1>
    <input name="username" autocomplete="username" value="statline" readonly hidden />
    <label>${w("token")} <input name="token" type="password" autocomplete="current-password" required /></label>
    <p class="about" role="alert">${said}</p><button>${w("open")}</button></form></main>`;
}

// useEvent calls f whenever a word goes through the page.
function useEvent(name, f) {
  useEffect(() => {
    addEventListener(name, f);
    return () => removeEventListener(name, f);
  }, []);
}

function App() {
  const [, redraw] = useState(0);
  changed = () => redraw((n) => n + 1);
  const [known, setKnown] = useState();
  const [failed, setFailed] = useState();
  const [locked, lock] = useState(false);
  const [opened, signedIn] = useState(false);
  useEvent("locked", () => lock(true));
  useEvent("settings", () => changed());
  const live = useLive(locked, settings.refresh);
  const version = useRef();
  useEffect(() => {
    if (locked) return;
    ask("/api/boards").then((got) => {
      if (version.current && version.current !== got.version) location.reload(); // another binary answers
      version.current = got.version;
      setKnown({ version: got.version, writes: !!got.writes, boards: Object.fromEntries(got.boards.map((b) => [b.name, b])) });
      setFailed(undefined);
    }, (e) => setFailed(e.message));
  }, [live.gone, locked]);
  if (locked) return html`<${Door} enter=${() => { signedIn(true); lock(false); }} />`;
  if (!known) return html`<main><h1 class="hidden">statline</h1><p class=${failed ? "warn" : ""}>${failed ?? "…"}</p></main>`;
  const signOut = known.locks || opened ? () => post("/api/session", { token: "" }).then(() => location.reload()) : undefined;
  return html`<${Page} known=${known} live=${live} signOut=${signOut} />`;
}

// titleOf is what a page is called.
function titleOf(view, board) {
  const name = view.one?.length > 40 || view.page.one?.variable === "key" ? view.one?.slice(0, 10) : view.one;
  return view.one !== undefined ? w(view.page.one.variable, { one: name }) : view.page.path === "" ? w("now") : board.title;
}

// useKeyboard gives the shortcuts what they do on the page that is shown.
function useKeyboard(view, span, boards, beside, windows, own) {
  const act = useRef();
  act.current = {
    own,
    search: () => stored || windows.open("search"), view: () => windows.open("view"), help: () => windows.open("help"),
    go: (path) => { follow(to(path, view, boards)); scrollTo(0, 0); },
    above: () => follow(to(view.one !== undefined ? view.page.path === "services" ? "availability" : view.page.path : "", view, boards)),
    beside: (by) => { const goal = by > 0 ? beside.next : beside.previous; if (goal) follow(goal); return view.one !== undefined; },
    shift: (by) => { if (stored) return; if (by < 0 || view.to !== "now") shift(view, span, by); },
    zoom: (factor) => stored || zoomed(view, span, factor),
    zone: () => { change({ zone: settings.zone === "utc" ? "local" : "utc" }); windows.say(w("zoneIs", { zone: w(settings.zone === "utc" ? "zoneUtc" : "zoneLocal") })); },
    copy: () => (navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject()).then(() => windows.say(w("copied")), () => windows.say(w("notCopied"))),
  };
  useEffect(() => listen(() => act.current), []);
}

// useDeploys are the versions that were brought out in the time on screen, newest first.
function useDeploys(view, tick) {
  const { answer } = useAnswer("/api/deploys?" + question(view), undefined, Math.floor(tick / 10));
  return useMemo(() => (answer ? rows(answer) : []), [answer]);
}

// Deploys names them: a line in a picture is the one of its time.
function Deploys({ list }) {
  if (!list.length) return null;
  const some = list.slice(0, 5).map((d) => `${moment(d.time)} ${d.service} ${d.version}`).join(" · ");
  return html`<p class="about deploys">${w("broughtOut")} ${some}${list.length > 5 ? ` · +${list.length - 5}` : ""}</p>`;
}

// useWindows says which window is open, and shows a word for a moment. A dialog tells
// that it was closed a little later: by then another may be open, which stays.
function useWindows() {
  const [now, turnTo] = useState({ turn: 0 });
  const [said, set] = useState("");
  const timer = useRef();
  const say = (text) => { set(text); clearTimeout(timer.current); timer.current = setTimeout(() => set(""), 3000); };
  const open = (which) => turnTo(({ turn }) => ({ which, turn: turn + 1 }));
  const close = () => turnTo((newest) => (newest.turn === now.turn ? { turn: now.turn } : newest));
  return { ...now, open, close, said, say };
}

function Page({ known, live, signOut }) {
  const boards = known.boards, view = viewOf(), board = boards[view.board];
  const span = moments(view, live.state?.now ?? Date.now() / 1000);
  const windows = useWindows(), beside = useBeside(view, boards);
  const timeline = useRef(), single = !stored && view.one !== undefined ? view.page.path : undefined;
  const edits = ["keys", "services", "clients", "codes"].includes(single);
  useKeyboard(view, span, boards, beside, windows, (key) => { // the page's own keys
    if (single === "incidents") return timeline.current?.[key];
    if (key === "e" && edits) return () => windows.open("edit");
    if (key === "a" && named.has(single)) return () => (known.writes ? windows.open("label") : windows.say(w("nobodyWrites")));
    return undefined;
  });
  useWatched(live.tick);
  const deploys = useDeploys(view, live.tick);
  useEvent("written", () => changed());
  const title = titleOf(view, board);
  useEffect(() => { document.title = `${title} · statline`; }, [title]);
  const free = board.variables.filter((v) => view.one === undefined || v.name !== view.page.one.variable);
  const above = view.one === undefined ? undefined : to(view.page.path === "services" ? "availability" : view.page.path, view, boards);
  return html`<a class="skip" href="#main">${w("toContent")}</a>
    <header class="top"><${Link} to=${to("", view, boards)} class="brand">${stored ? null : html`<img src="/assets/icon.svg" alt="" />`}statline<//>
      <nav aria-label=${w("pages")}>${menu.map((p) => html`<${Link} key=${p.path} to=${to(p.path, view, boards)} aria-current=${p === view.page || (view.page.path === "services" && p.path === "availability") ? "page" : undefined}>${w(p.word)}<//>`)}</nav>
      <${Badge} live=${live} />
      <div class="buttons">${edits ? html`<button aria-label=${w("edit")} title=${w("edit") + " (e)"} onClick=${() => windows.open("edit")}>✎</button>` : null}${stored ? null : html`<button aria-label=${w("search")} title=${w("search") + " (s)"} onClick=${() => windows.open("search")}>⌕</button>`}
        <button aria-label=${w("view")} title=${w("view") + " (p)"} onClick=${() => windows.open("view")}>☰</button>
        <button aria-label=${w("shortcuts")} title=${w("shortcuts") + " (?)"} onClick=${() => windows.open("help")}>?</button></div></header>
    <main id="main" tabindex="-1">
      <div class="bar"><div class="where">${above ? html`<p class="about path"><${Link} to=${above}>← ${w(above.page.word)}<//></p>` : null}
          <div class="group"><h1>${title}</h1>
            ${beside.previous ? html`<${Link} class="beside" to=${beside.previous} aria-label=${w("previousOne")} title=${w("previousOne") + " (←)"}>‹<//>` : null}
            ${beside.next ? html`<${Link} class="beside" to=${beside.next} aria-label=${w("nextOne")} title=${w("nextOne") + " (→)"}>›<//>` : null}</div>
          ${single === "clients" ? html`<${Called} id=${view.one} tick=${live.tick} />` : null}
          <p class="about">${board.about}</p><${Cover} view=${view} boards=${boards} /></div>
        ${stored ? html`<p class="about">${w("from", { from: moment(span.from), to: moment(span.to) + zone() })}</p>` : free.map((v) => html`<${Choice} key=${board.name + v.name} board=${board} variable=${v} view=${view} />`)}
        ${stored ? null : html`<${Span} view=${view} span=${span} />`}</div>
      ${live.gone ? html`<p class="warn" role="alert">${w("gone")}</p>` : null}
      ${!live.gone && live.ok === false ? html`<p class="warn" role="alert">${w("storeGone")}</p>` : null}
      ${live.state?.old ? html`<p class="about">${w("old", { time: moment(live.state.newest) + zone() })}</p>` : null}
      ${view.page.path === "" ? html`<${Verdict} live=${live} />` : null}
      <${Deploys} list=${deploys} />
      <div class="grid" key=${board.name}>
        ${board.rows.map((row, i) => [row.heading ? html`<h2 key=${"h" + i}>${row.heading}</h2>` : null,
          ...(row.cells ?? []).map((cell) => html`<${Panel} key=${cell.panel} board=${board} cell=${cell} view=${view} span=${span} tick=${live.tick} settings=${settings} boards=${boards} before=${view.page.path === ""} deploys=${deploys} />`)])}
      </div>
      ${single === "incidents" ? html`<${Timeline} key=${view.one} incident=${view.one} tick=${live.tick} writes=${known.writes} say=${windows.say} act=${timeline} />` : null}
    </main>
    <footer>statline ${known.version} · ${w("footer")}${zone() ? ", UTC" : ""}${stored ? "" : html` · <a href="/assets/vendor/LICENSES.txt">${w("licences")}</a>`}</footer>
    <div class=${windows.said ? "said" : "hidden"} role="status">${windows.said}</div>
    ${windows.which === "search" ? html`<${Search} key=${windows.turn} view=${view} boards=${boards} close=${windows.close} go=${(v) => { follow(v); scrollTo(0, 0); }} />` : null}
    ${windows.which === "view" ? html`<${View} key=${windows.turn} close=${windows.close} signOut=${signOut} />` : null}
    ${windows.which === "label" ? html`<${Label} key=${windows.turn} page=${view.page.path} id=${view.one} close=${windows.close} say=${windows.say} />` : null}
    ${windows.which === "edit" ? html`<${Edit} key=${windows.turn} page=${view.page.path} id=${view.one} writes=${known.writes} close=${windows.close} say=${windows.say} />` : null}
    ${windows.which === "help" ? html`<${Help} key=${windows.turn} close=${windows.close} />` : null}`;
}

render(html`<${App} />`, document.getElementById("app"));
