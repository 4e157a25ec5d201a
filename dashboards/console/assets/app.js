// The console: pages of boards. The address says what is shown; the server says
// when there is something new.
import { html, render, useEffect, useMemo, useRef, useState } from "/assets/lib.js";
import { ask, Panel, question } from "/assets/panel.js";
import { clock, duration, moment, showLocal } from "/assets/format.js";
import { address, menu, moments, to, view as viewOf } from "/assets/url.js";

let changed = () => {};

// follow goes to a view.
export function follow(v, replace) {
  const path = address(v);
  if (path !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", path);
  changed();
}
addEventListener("popstate", () => changed());

// Link leads to a view without loading the page anew.
export function Link({ to, children, ...rest }) {
  const click = (e) => {
    if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    follow(to);
    scrollTo(0, 0);
  };
  return html`<a href=${address(to)} onClick=${click} ...${rest}>${children}</a>`;
}

const spans = [["now-15m", "15 minutes"], ["now-1h", "1 hour"], ["now-6h", "6 hours"], ["now-24h", "24 hours"], ["now-7d", "7 days"], ["now-30d", "30 days"]];

// useLive follows the server's events while the page can be seen.
function useLive(locked) {
  const [live, set] = useState({ ok: undefined, state: undefined, tick: 0 });
  useEffect(() => {
    if (locked) return;
    let source, timer, next = 0, due;
    // What is stored every second is shown every few seconds, other incidents at
    // once.
    const show = () => { clearTimeout(due); due = undefined; next = Date.now() + 4000; set((before) => ({ ...before, tick: before.tick + 1 })); };
    const heard = (bump) => (e) => {
      const { ok, ...state } = JSON.parse(e.data);
      clearTimeout(timer);
      timer = setTimeout(lost, 12000); // a sign of life comes every five seconds
      set((before) => ({ ok, state: ok ? state : before.state, tick: before.tick + (ok && before.ok === false ? 1 : 0) }));
      if (bump === "incident") show();
      else if (bump && !due) due = setTimeout(show, Math.max(0, next - Date.now()));
    };
    const lost = () => set((before) => ({ ...before, ok: false, gone: true }));
    const start = () => {
      if (document.hidden || source) return;
      source = new EventSource("/api/events");
      source.addEventListener("stored", heard("stored"));
      source.addEventListener("incident", heard("incident"));
      source.addEventListener("status", heard());
      source.onerror = () => {
        lost();
        if (source?.readyState === EventSource.CLOSED) { source = undefined; setTimeout(start, 3000); }
      };
      timer = setTimeout(lost, 12000);
    };
    const stop = () => { source?.close(); source = undefined; clearTimeout(timer); clearTimeout(due); due = undefined; };
    const look = () => (document.hidden ? stop() : start());
    document.addEventListener("visibilitychange", look);
    start();
    return () => { document.removeEventListener("visibilitychange", look); stop(); };
  }, [locked]);
  return live;
}

// Verdict is the state in one sentence.
function Verdict({ live }) {
  const s = live.state;
  if (!s) return html`<div class="verdict tone-note"><p>${live.ok === false ? "The store gives no answer." : "…"}</p></div>`;
  if (!s.newest) return html`<div class="verdict tone-note"><p>Nothing is stored yet.</p></div>`;
  const many = (n, one, more) => (n === 1 ? `1 ${one}` : `${n} ${more}`);
  const late = !s.old && s.wall - s.newest > 600 ? ` The newest data is ${duration(s.wall - s.newest)} old.` : "";
  let tone = "good", text = "Nothing is wrong: no incident is open.";
  if (s.page) [tone, text] = ["bad", `${many(s.page, "incident needs", "incidents need")} somebody now: ${s.worst}`];
  else if (s.ticket) [tone, text] = ["fair", `Nothing is urgent; ${many(s.ticket, "incident waits", "incidents wait")} for the morning: ${s.worst}`];
  else if (s.info) [tone, text] = ["good", `Nothing is wrong; ${many(s.info, "incident is", "incidents are")} for the record.`];
  if (late && tone === "good") tone = "fair";
  const rest = [s.page && s.ticket ? `${s.ticket} more wait for the morning` : "", s.info && tone !== "good" ? `${s.info} for the record` : ""].filter(Boolean).join(", ");
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
    if (a) setList(a.columns[0].values.map((v, i) => [v, a.columns.at(-1).values[i]]));
  };
  const shown = [...chosen.filter((c) => !list?.some(([v]) => v === c)).map((c) => [c, c]), ...(list ?? [])].filter(([v, name]) => (name + v).toLowerCase().includes(typed.toLowerCase())).slice(0, 200);
  const enter = (e) => {
    if (e.key !== "Enter") return;
    e.preventDefault();
    const value = list?.some(([v]) => v === typed) || !shown.length ? typed : shown[0][0];
    if (value && !chosen.includes(value)) choose([...chosen, value]);
    setTyped("");
  };
  return html`<details class="choice" onToggle=${load}><summary title=${variable.about}>${variable.label}: ${chosen.length ? chosen.map((c) => (c.length > 24 ? c.slice(0, 10) + "…" : c)).join(", ") : "all"}</summary>
    <div class="list"><input type="search" aria-label=${"Filter " + variable.label} placeholder="filter, or a value and Enter" value=${typed} onInput=${(e) => setTyped(e.currentTarget.value)} onKeyDown=${enter} />
      ${chosen.length ? html`<button onClick=${() => choose([])}>All</button>` : null}
      ${shown.map(([v, name]) => html`<label key=${v}><input type="checkbox" checked=${chosen.includes(v)} onChange=${() => choose(chosen.includes(v) ? chosen.filter((c) => c !== v) : [...chosen, v])} />${name || "(none)"}</label>`)}
    </div></details>`;
}

function shift(view, span, by) {
  follow({ ...view, from: String(Math.round(span.from + by * span.span)), to: String(Math.round(span.to + by * span.span)) });
}

function zoomed(view, span, factor) {
  const half = Math.min(200 * 86400, Math.max(150, (span.span * factor) / 2));
  const relative = view.to === "now" && spans.some(([s]) => s === view.from);
  if (relative) {
    const i = spans.findIndex(([s]) => s === view.from) + (factor > 1 ? 1 : -1);
    if (spans[i]) return follow({ ...view, from: spans[i][0] });
    if (factor > 1) return;
  }
  const middle = relative ? span.to - half : (span.from + span.to) / 2;
  follow({ ...view, from: String(Math.round(middle - half)), to: String(Math.round(middle + half)) });
}

// Span chooses the time on screen.
function Span({ view, span }) {
  const relative = view.to === "now" && spans.some(([s]) => s === view.from);
  return html`<div class="group" role="group" aria-label="Time on screen">
    <button aria-label="previous period" onClick=${() => shift(view, span, -1)}>←</button>
    <select aria-label="Time on screen" value=${relative ? view.from : "fixed"} onChange=${(e) => e.currentTarget.value !== "fixed" && follow({ ...view, from: e.currentTarget.value, to: "now" })}>
      ${relative ? null : html`<option value="fixed">${clock(span.from)} to ${clock(span.to, span.from)}</option>`}
      ${spans.map(([value, text]) => html`<option value=${value}>last ${text}</option>`)}</select>
    <button aria-label="next period" disabled=${view.to === "now"} onClick=${() => shift(view, span, 1)}>→</button>
    <button aria-label="longer" onClick=${() => zoomed(view, span, 2)}>−</button>
    <button aria-label="shorter" onClick=${() => zoomed(view, span, 0.5)}>+</button>
  </div>`;
}

function Badge({ live }) {
  const s = live.state;
  if (live.gone) return html`<span class="badge" role="status"><span class="dot" style=${{ background: "var(--bad)" }}></span>no connection</span>`;
  if (live.ok === false) return html`<span class="badge" role="status"><span class="dot" style=${{ background: "var(--bad)" }}></span>no answer of the store</span>`;
  if (!s?.newest) return html`<span class="badge" role="status"></span>`;
  return html`<span class="badge"><span class="dot" style=${{ background: "var(--good)" }}></span>${s.proved ? `proved to ${clock(s.proved, s.wall)} · ` : ""}stored to ${clock(s.newest, s.wall)} UTC</span>`;
}

// Door asks for the token, which the server exchanges for a cookie.
function Door({ enter }) {
  const [said, say] = useState("");
  const submit = async (e) => {
    e.preventDefault();
    const token = e.currentTarget.elements.token.value;
    const r = await fetch("/api/session", { method: "POST", headers: { "X-Statline-Console": "1" }, body: JSON.stringify({ token }) }).catch(() => undefined);
    if (r?.ok) enter();
    else say(r ? (await r.text()).trim() : "statline does not answer: has it ended?");
  };
  return html`<main class="door"><form class="panel" onSubmit=${submit}><h1>statline</h1>
    <label>The console's token <input name="token" type="password" autocomplete="current-password" required autofocus /></label>
    <p class="about" role="alert">${said}</p><button>Open</button></form></main>`;
}

function App() {
  const [, redraw] = useState(0);
  changed = () => redraw((n) => n + 1);
  const [known, setKnown] = useState();
  const [failed, setFailed] = useState();
  const [locked, lock] = useState(false);
  useEffect(() => {
    const on = () => lock(true);
    addEventListener("locked", on);
    return () => removeEventListener("locked", on);
  }, []);
  const live = useLive(locked);
  const settings = useMemo(() => ({ zone: "utc" }), []);
  const version = useRef();
  useEffect(() => {
    ask("/api/boards").then((got) => {
      if (version.current && version.current !== got.version) location.reload(); // another binary answers
      version.current = got.version;
      setKnown({ version: got.version, boards: Object.fromEntries(got.boards.map((b) => [b.name, b])) });
      setFailed(undefined);
    }, (e) => setFailed(e.message));
  }, [live.gone, locked]);
  if (locked) return html`<${Door} enter=${() => lock(false)} />`;
  if (!known) return html`<main><p class=${failed ? "warn" : ""}>${failed ?? "…"}</p></main>`;
  const boards = known.boards, view = viewOf(), board = boards[view.board];
  const span = moments(view, live.state?.now ?? Date.now() / 1000);
  const title = view.one !== undefined ? `${view.page.one.variable} ${view.one.length > 40 ? view.one.slice(0, 10) : view.one}` : view.page.word === "now" ? "now" : board.title;
  document.title = `${title} · statline`;
  const free = board.variables.filter((v) => view.one === undefined || v.name !== view.page.one.variable);
  return html`<a class="skip" href="#main">to the content</a>
    <div class="top"><${Link} to=${to("", view, boards)} class="brand"><img src="/assets/icon.svg" alt="" />statline<//>
      <nav aria-label="Pages">${menu.map((p) => html`<${Link} key=${p.path} to=${to(p.path, view, boards)} aria-current=${p === view.page || (view.page.path === "services" && p.path === "availability") ? "page" : undefined}>${p.word}<//>`)}</nav>
      <${Badge} live=${live} /></div>
    <div class="bar"><div class="where"><h1>${title}</h1><p class="about">${board.about}</p></div>
      ${free.map((v) => html`<${Choice} key=${board.name + v.name} board=${board} variable=${v} view=${view} />`)}
      <${Span} view=${view} span=${span} /></div>
    <main id="main" tabindex="-1">
      ${live.gone ? html`<p class="warn" role="alert">statline does not answer: what is shown is of before. It is asked again by itself.</p>` : null}
      ${!live.gone && live.ok === false ? html`<p class="warn" role="alert">The store gives no answer: what is shown is of before.</p>` : null}
      ${live.state?.old ? html`<p class="about">The newest data is of ${moment(live.state.newest)} UTC; times count back from there.</p>` : null}
      ${view.page.path === "" ? html`<${Verdict} live=${live} />` : null}
      <div class="grid" key=${board.name}>
        ${board.rows.map((row, i) => [row.heading ? html`<h2 key=${"h" + i}>${row.heading}</h2>` : null,
          ...(row.cells ?? []).map((cell) => html`<${Panel} key=${cell.panel} board=${board} cell=${cell} view=${view} span=${span} tick=${live.tick} settings=${settings} boards=${boards} before=${view.page.path === ""} />`)])}
      </div>
    </main>
    <footer>statline ${known.version} · every figure is by event time, UTC · <a href="/assets/vendor/LICENSES.txt">licences</a></footer>`;
}

render(html`<${App} />`, document.getElementById("app"));
