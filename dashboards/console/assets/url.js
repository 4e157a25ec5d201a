// The address holds everything: page, span and choices. Any view can be sent to
// somebody else.

import { here, stored } from "/assets/file.js";

// The span that an address without one means: a file has its own.
const usualFrom = stored ? String(stored.from) : "now-1h", usualTo = stored ? String(stored.to) : "now";

// Each page shows a board; one with a value in its path chooses that value.
const pages = [
  { path: "", board: "overview", word: "now" },
  { path: "incidents", board: "incidents", word: "incidents", one: { board: "incident", variable: "incident" } },
  { path: "codes", board: "status", word: "codes", one: { board: "code", variable: "code" } },
  { path: "limits", board: "limits", word: "limits" },
  { path: "keys", board: "keys", word: "keys", one: { board: "keys", variable: "key" } },
  { path: "clients", board: "clients", word: "clients", one: { board: "client", variable: "client" } },
  { path: "agents", board: "agents", word: "agents" },
  { path: "availability", board: "availability", word: "availability" },
  { path: "slo", board: "objective", word: "slo" },
  { path: "services", board: "availability", word: "", one: { board: "availability", variable: "service" } },
  { path: "proof", board: "pipeline", word: "proof" },
];
export const menu = pages.filter((p) => p.word);
export const variables = ["service", "route", "outcome", "key", "incident", "code", "client"];

// view reads an address.
export function view(url = here()) {
  const [, first = "", second] = url.pathname.split("/");
  const page = pages.find((p) => p.path === first) ?? pages[0];
  const q = new URLSearchParams(url.search);
  const v = { page, board: page.board, one: undefined, from: q.get("from") || usualFrom, to: q.get("to") || usualTo, choices: {} };
  for (const name of variables) {
    const all = q.getAll(name);
    if (all.length) v.choices[name] = all;
  }
  if (second && page.one) {
    try { v.one = decodeURIComponent(second); } catch { v.one = second; }
    v.board = page.one.board;
    v.choices[page.one.variable] = [v.one];
  }
  return v;
}

// address is the path of a view.
export function address(v) {
  const q = new URLSearchParams();
  if (v.from !== usualFrom) q.set("from", v.from);
  if (v.to !== usualTo) q.set("to", v.to);
  for (const name of variables) {
    if (v.one !== undefined && v.page.one.variable === name) continue;
    for (const value of v.choices[name] ?? []) q.append(name, value);
  }
  const path = "/" + v.page.path + (v.one !== undefined ? "/" + encodeURIComponent(v.one) : "");
  const text = q.toString();
  return text ? path + "?" + text : path;
}

// to is the view of a page with the span of another, and those of its choices
// that the page's board has.
export function to(path, from, boards, choices = {}) {
  const page = pages.find((p) => p.path === path);
  const known = new Set((boards[page.board]?.variables ?? []).map((v) => v.name));
  const kept = Object.fromEntries(Object.entries(from.choices).filter(([name]) => known.has(name)));
  return { page, board: page.board, one: undefined, from: from.from, to: from.to, choices: { ...kept, ...choices } };
}

// one is the view of the page of a single thing, with the span of another view.
export function one(path, name, from, boards) {
  const v = to(path, from, boards), single = v.page.one;
  return { ...v, board: single.board, one: name, choices: { ...v.choices, [single.variable]: [name] } };
}

// linked is where a link of a board leads from a row.
export function linked(link, row, value, from, boards) {
  let uid = link.board, variable = link.variable, chosen = link.column ? row[link.column] : value, span = from, others = {};
  if (link.place) {
    const place = row[link.place];
    if (!place) return undefined;
    const [board, query] = place.split("?");
    const q = new URLSearchParams(query);
    const at = (text) => (text === "now" ? "now" : String(Math.floor(Number(text) / 1000)));
    span = { from: at(q.get("from")), to: at(q.get("to")), choices: {} };
    uid = board;
    for (const name of variables) if (q.get("var-" + name)) others[name] = [q.get("var-" + name)];
    variable = others.key ? "key" : others.service ? "service" : undefined;
    chosen = variable && others[variable][0];
  }
  const board = Object.values(boards).find((b) => b.uid === uid);
  if (!board) return undefined;
  const single = pages.find((p) => p.one?.board === board.name && p.one.variable === variable);
  if (single && chosen) {
    delete others[variable];
    const v = to(single.path, span, boards, others);
    return { ...v, board: board.name, one: chosen, choices: { ...v.choices, [variable]: [chosen] } };
  }
  const page = pages.find((p) => p.board === board.name);
  if (!page) return undefined;
  return to(page.path, span, boards, variable && chosen ? { ...others, [variable]: [chosen] } : others);
}

// seconds is how long a span is, and moments its ends, when now is known.
export function moments(v, now) {
  const at = (text) => {
    if (text === "now") return now;
    const m = /^now-(\d+)([smhd])$/.exec(text);
    if (m) return now - Number(m[1]) * { s: 1, m: 60, h: 3600, d: 86400 }[m[2]];
    return /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  };
  const from = at(v.from), until = at(v.to);
  return { from, to: until, span: Math.max(60, until - from) };
}
