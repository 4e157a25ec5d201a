// One panel: it asks, and shows the answer as its kind says, or as a table.
import { html, useEffect, useRef, useState, useMemo } from "/assets/lib.js";
import { Field, Picture, Spark, series } from "/assets/chart.js";
import { kept, stored } from "/assets/file.js";
import { moment, number, tone } from "/assets/format.js";
import { linked, one } from "/assets/url.js";
import { follow, Link } from "/assets/app.js";
import { Window } from "/assets/windows.js";
import { w } from "/assets/words.js";

const overTime = new Set(["lines", "stacked", "heat", "lanes", "spark"]);

// question is what a panel asks the server.
export function question(v, extra = {}) {
  const q = new URLSearchParams({ from: v.from, to: v.to, ...extra });
  for (const [name, list] of Object.entries(v.choices)) for (const value of list) q.append(name, value);
  return q;
}

// useAnswer asks again whenever the question or tick changes, while the element is
// on screen.
export function useAnswer(path, ref, tick) {
  const [got, set] = useState({});
  const [seen, setSeen] = useState(!ref);
  useEffect(() => {
    if (!ref) return;
    const look = new IntersectionObserver(([entry]) => setSeen(entry.isIntersecting), { rootMargin: "200px" });
    look.observe(ref.current);
    return () => look.disconnect();
  }, []);
  // One question at a time: what is asked while an answer is on its way is asked
  // behind it, so that a slow store is never asked in vain.
  const again = useRef();
  useEffect(() => {
    if (!seen || !path) return;
    const stop = new AbortController();
    let busy = false, due = false;
    again.current = async () => {
      if (busy) { due = true; return; }
      busy = true;
      do {
        due = false;
        try {
          const answer = await ask(path, stop.signal);
          if (!stop.signal.aborted) set({ path, answer });
        } catch (error) {
          if (!stop.signal.aborted) set((before) => ({ path, answer: before.path === path ? before.answer : undefined, error: error.message }));
        }
      } while (due && !stop.signal.aborted);
      busy = false;
    };
    again.current();
    return () => { again.current = undefined; stop.abort(); };
  }, [path, seen]);
  useEffect(() => { again.current?.(); }, [tick]);
  return got.path === path ? got : { answer: got.answer, waiting: true };
}

// rows are those of an answer, as objects.
export function rows(a) {
  return Array.from({ length: a.rows }, (_, i) => Object.fromEntries(a.columns.map((c) => [c.name, c.values[i]])));
}

// ask fetches an answer; what the server says against it is the error.
export async function ask(path, signal) {
  if (stored) {
    const answer = kept(path);
    if (!answer) throw new Error(w("notInFile"));
    return answer;
  }
  let r;
  try {
    r = await fetch(path, { signal });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Error(w("noAnswer"));
  }
  if (r.status === 401) dispatchEvent(new Event("locked"));
  if (!r.ok) throw new Error((await r.text()).trim() || r.statusText);
  return r.json();
}

// steps is how many seconds a point is to have, so that there is one in three
// pixels at most.
function stepOf(span, width) {
  const least = Math.max(60, span / Math.max(60, width / 3));
  for (const s of [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]) if (s >= least) return s;
  return 86400;
}

export function Panel({ board, cell, view, span, tick, settings, boards, before, deploys }) {
  const ref = useRef();
  const [asTable, setTable] = useState(false);
  const [open, setOpen] = useState(false);
  const width = (Math.min(innerWidth, 1900) * (innerWidth < 1200 && cell.width > 6 ? 24 : cell.width)) / 24;
  const q = question(view, overTime.has(cell.kind) ? { step: stepOf(span.span, width) } : {});
  const path = `/api/panel/${board.name}/${cell.panel}`;
  const { answer, error, waiting } = useAnswer(path + "?" + q, ref, tick);
  const earlier = before && !stored && answer?.params?.from && ["alarm", "number", "spark"].includes(cell.kind) ? path + "?" + question({ ...view, from: String(Math.floor(span.from - span.span)), to: String(Math.floor(span.from)) }, { step: 3600 }) : undefined;
  const past = useAnswer(earlier, undefined, Math.floor(tick / 10));
  q.set("format", "csv");
  const tree = cell.kind === "table" && (cell.columns ?? []).some((c) => c.link?.variable === "incident");
  const parents = useAnswer(tree ? "/api/parents?" + question({ ...view, choices: {} }) : undefined, undefined, tick);
  const picture = overTime.has(cell.kind) || cell.kind === "bars";
  const id = `p-${board.name}-${cell.panel}`;
  return html`<section ref=${ref} class=${"panel w" + cell.width} aria-labelledby=${id} data-panel=${board.name + "/" + cell.panel}>
    <header><h2 id=${id} title=${cell.about}>${cell.title}</h2>
      <div class="tools">
        ${picture ? html`<button aria-pressed=${asTable} aria-label=${w("tableOf", { name: cell.title })} onClick=${() => setTable(!asTable)}>${w("table")}</button>` : null}
        <button aria-label=${w("sqlOf", { name: cell.title })} onClick=${() => setOpen(true)}>SQL</button>
        ${stored ? null : html`<a href=${path + "?" + q} download=${`${board.name}-${cell.panel}.csv`} aria-label=${w("csvOf", { name: cell.title })}>CSV</a>`}
      </div></header>
    <div class=${"body" + (waiting && answer ? " stale" : "")} aria-busy=${!!waiting}>
      ${error ? html`<p class="failed">${error}</p>` : null}
      ${answer ? html`<${Answer} cell=${cell} answer=${answer} asTable=${asTable} view=${view} settings=${settings} boards=${boards} past=${past.answer} parents=${parents.answer} deploys=${deploys} />`
        : error ? null : html`<p class="empty">…</p>`}
    </div>
    ${open ? html`<${Window} title=${cell.title} close=${() => setOpen(false)}><p class="about">${cell.about}</p>
      ${answer ? html`<p class="about">${w("rowsIn", { n: answer.rows, ms: answer.took_ms.toFixed(0) })}${answer.truncated ? w("leftOut") : ""}</p>
        <pre tabindex="0">${answer.sql}</pre>
        <h3>${w("parameters")}</h3><pre tabindex="0">${JSON.stringify(answer.params, null, 1)}</pre>
        ${stored ? null : html`<h3>${w("inShell")}</h3><pre tabindex="0">${`curl '${location.origin}${path}?${String(q).replaceAll("'", "%27")}'`}</pre>`}` : null}
      <form method="dialog"><button>${w("close")}</button></form><//>` : null}
  </section>`;
}

function Answer({ cell, answer, asTable, view, settings, boards, past, parents, deploys }) {
  const zone = settings.zone;
  const zoom = (from, to) => follow({ ...view, from: String(from), to: String(to) });
  const nothing = answer.rows === 0 || (overTime.has(cell.kind) && !answer.columns.some((c) => c.type === "number" && c.values.some((v) => v != null)));
  if (nothing && !(["number", "alarm"].includes(cell.kind) && cell.empty === "0")) return html`<p class="empty">${cell.empty}</p>`;
  if (asTable || cell.kind === "table") return html`<${Rows} cell=${cell} answer=${answer} view=${view} boards=${boards} parents=${parents} />`;
  switch (cell.kind) {
    case "lines": case "stacked":
      return html`<${Picture} panel=${cell} answer=${answer} zone=${zone} zoom=${zoom} label=${cell.title} deploys=${deploys} />`;
    case "heat": case "lanes":
      return html`<${Field} panel=${cell} answer=${answer} zone=${zone} zoom=${zoom} label=${cell.title} deploys=${deploys} />`;
    case "spark": {
      const last = (a) => series(a, cell).list[0]?.values.findLast((v) => v != null);
      const mean = (a) => { const v = (series(a, cell).list[0]?.values ?? []).filter((v) => v != null); return v.length ? v.reduce((a, b) => a + b, 0) / v.length : undefined; };
      return html`<${Figure} value=${last(answer)} cell=${cell} change=${past && compare(mean(answer), mean(past))} /><${Spark} answer=${answer} panel=${cell} zone=${zone} />`;
    }
    case "number": case "alarm":
      return html`<${Numbers} cell=${cell} answer=${answer} past=${past} />`;
    case "bars":
      return html`<${Bars} cell=${cell} answer=${answer} />`;
  }
  return html`<p class="failed">${w("noPicture", { kind: cell.kind })}</p>`;
}

function compare(now, then) {
  if (now == null || then == null || then === 0) return undefined;
  return now / then - 1;
}

// Change says how a number differs from the period before.
function Change({ of }) {
  if (of === undefined) return null;
  const text = Math.abs(of) < 0.005 ? w("asBefore") : Math.abs(of) > 9.99 ? "▲ " + w("timesBefore", { times: number(of + 1, "times", 0) })
    : w("toBefore", { change: `${of > 0 ? "▲" : "▼"} ${number(Math.abs(of), "share", 0)}` });
  return html`<span>${text}</span>`;
}

function Figure({ value, cell, column = {}, name, change }) {
  const color = column.color || tone(column.limits ?? cell.limits, value);
  return html`<div class="figure" style=${color ? { borderLeftColor: color } : {}}><b>${value == null ? "–" : number(value, column.unit || cell.unit, column.decimals ?? cell.decimals)}</b>
    ${name ? html`<span>${name}</span>` : null}<${Change} of=${change} /></div>`;
}

function Numbers({ cell, answer, past }) {
  const numbers = answer.columns.filter((c) => c.type === "number");
  if (answer.rows === 0) return html`<${Figure} value=${0} cell=${cell} />`;
  return html`<div class="figures">${numbers.map((c, i) => {
    const column = (cell.columns ?? []).find((o) => o.name === c.name);
    return html`<${Figure} key=${c.name} value=${c.values[0]} cell=${cell} column=${column} name=${numbers.length > 1 ? column?.as || c.name : ""}
      change=${compare(c.values[0], past?.columns.filter((c) => c.type === "number")[i]?.values[0])} />`;
  })}</div>`;
}

function Bars({ cell, answer }) {
  const names = answer.columns.find((c) => c.type === "text"), values = answer.columns.find((c) => c.type === "number");
  const most = Math.max(...values.values.map((v) => v ?? 0), 0) || 1;
  return html`<div class="bars">${values.values.flatMap((v, i) => [html`<span>${names?.values[i]}</span>`,
    html`<div class="ground" aria-hidden="true"><div style=${{ width: (100 * (v ?? 0)) / most + "%", background: tone(cell.limits, v) }}></div></div>`, html`<b>${number(v, cell.unit, cell.decimals)}</b>`])}</div>`;
}

// Rows is an answer as a table, which can be sorted by each column.
function Rows({ cell, answer, view, boards, parents }) {
  const [by, setBy] = useState();
  const looks = useMemo(() => {
    const all = new Map((cell.columns ?? []).map((c) => [c.name, c]));
    return answer.columns.map((c, i) => ({ ...c, i, look: all.get(c.name) ?? {} })).filter((c) => !c.look.hidden);
  }, [answer, cell]);
  const order = useMemo(() => {
    const all = Array.from({ length: answer.rows }, (_, i) => i);
    if (by) {
      const v = answer.columns[by.column].values;
      all.sort((a, b) => (v[a] == null) - (v[b] == null) || (v[a] < v[b] ? -1 : v[a] > v[b] ? 1 : 0) * by.way || a - b);
    }
    return all;
  }, [answer, by]);
  const [shown, depths] = useMemo(() => (by ? [order, undefined] : tree(order, answer, parents)), [order, answer, parents]);
  const row = (i) => Object.fromEntries(answer.columns.map((c) => [c.name, c.values[i]]));
  // One thing with much to say is read down, not across.
  if (answer.rows === 1 && (looks.length > 12 || view.one !== undefined && looks.length > 6)) {
    return html`<table class="record"><tbody onClick=${remember}>${looks.filter((c) => c.values[0] != null && c.values[0] !== "").map((c) => html`<tr key=${c.name}><th scope="row">${c.look.as || c.name}</th>
      <${Cell} c=${c} cell=${cell} value=${c.values[0]} row=${c.look.link ? row(0) : undefined} view=${view} boards=${boards} /></tr>`)}</tbody></table>`;
  }
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${w("tableOf", { name: cell.title })}><table>
    <thead><tr>${looks.map((c) => html`<th key=${c.name} class=${c.type === "number" ? "n" : ""} scope="col" aria-sort=${by?.column === c.i ? (by.way > 0 ? "ascending" : "descending") : undefined}>
      <button onClick=${() => setBy(by?.column === c.i ? (by.way < 0 ? { column: c.i, way: 1 } : undefined) : { column: c.i, way: -1 })}>${c.look.as || c.name}${by?.column === c.i ? (by.way > 0 ? " ↑" : " ↓") : ""}</button></th>`)}</tr></thead>
    <tbody onClick=${remember}>${shown.slice(0, 500).map((i) => html`<tr key=${i}>${looks.map((c) => html`<${Cell} key=${c.name} c=${c} cell=${cell} value=${c.values[i]} row=${c.look.link ? row(i) : undefined} depth=${depths?.get(i)} view=${view} boards=${boards} />`)}</tr>`)}</tbody>
  </table></div>${order.length > 500 ? html`<p class="about">${w("firstRows", { n: order.length })}</p>` : null}`;
}

// tree puts incidents below those that cover them, and says how deep each stands.
function tree(order, answer, parents) {
  const ids = answer.columns.find((c) => c.name === "id")?.values, pairs = parents?.columns;
  if (!ids || !pairs || pairs.length < 2) return [order, undefined];
  const above = new Map(pairs[0].values.map((id, i) => [id, pairs[1].values[i]])), here = new Set(order.map((i) => ids[i]));
  const below = new Map(), shown = [], depths = new Map();
  for (const i of order) {
    const parent = above.get(ids[i]);
    if (here.has(parent) && parent !== ids[i]) below.set(parent, [...(below.get(parent) ?? []), i]);
  }
  const put = (i, depth) => {
    if (depths.has(i)) return;
    depths.set(i, depth);
    shown.push(i);
    for (const child of below.get(ids[i]) ?? []) put(child, depth + 1);
  };
  for (const i of order) if (!here.has(above.get(ids[i]))) put(i, 0);
  for (const i of order) put(i, 0); // those that cover each other, which none should
  return [shown, depths];
}

// remember keeps the list that a link is followed from, for the next and the
// previous one of it.
function remember(e) {
  const a = e.target.closest("a");
  if (!a) return;
  const cell = a.closest("td").cellIndex, path = (link) => new URL(link.href).pathname.split("/");
  const [, page, name] = path(a);
  if (!name) return;
  const all = [...e.currentTarget.rows].map((r) => r.cells[cell]?.querySelector("a")).filter((l) => l && path(l)[1] === page).map((l) => decodeURIComponent(path(l)[2]));
  try { sessionStorage.setItem("list/" + page, JSON.stringify([...new Set(all)])); } catch { /* then there is no next one */ }
}

// alone are the columns whose values have a page of their own, without a link that
// the board gives.
const alone = { Code: "codes", Client: "clients" };

function Cell({ c, cell, value, row, depth, view, boards }) {
  const look = c.look;
  const unit = look.unit || (c.type === "time" ? "moment" : cell.unit);
  const text = c.type === "text" ? value : number(value, unit, look.decimals ?? cell.decimals);
  const color = look.words?.[value] ?? (look.limits && value != null ? tone(look.limits, value) : undefined);
  const target = look.link && value !== "" && value != null ? linked(look.link, row, value, view, boards)
    : alone[c.name] && value && view.one !== String(value) ? one(alone[c.name], String(value), view, boards) : undefined;
  // A file holds no page of a single thing.
  const goal = target && !(stored && target.one !== undefined) ? target : undefined;
  const under = depth && look.link?.variable === "incident" ? html`<span class="under" style=${{ paddingLeft: (depth - 1) * 1.1 + "rem" }} aria-hidden="true">↳ </span>` : null;
  const kind = c.type === "time" || unit === "moment" || c.name === "Client" ? "t" : c.type === "number" ? "n" : look.width > 250 || String(value ?? "").length > 40 ? "long" : color ? "w" : "";
  const least = look.width && !kind ? { minWidth: Math.min(look.width, 220) + "px" } : {};
  return html`<td class=${kind} style=${least}>${color ? html`<span class="dot" style=${{ background: color }}></span>` : null}${under}${goal ? html`<${Link} to=${goal} title=${look.link?.title}>${text}<//>` : text}</td>`;
}
