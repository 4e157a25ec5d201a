// Pictures over time, drawn by uPlot. Every style is set through the object
// model: the page's policy allows no style in an attribute.
import { html, useEffect, useMemo, useRef, useState } from "/assets/lib.js";
import { clock, colorsOf, moment, number, tone } from "/assets/format.js";

// series turns an answer's columns into one list of times and, for each series, a
// list of values. A column of text names the series; without one each column of
// numbers is a series.
export function series(answer, panel) {
  const time = answer.columns.find((c) => c.type === "time");
  const names = answer.columns.filter((c) => c.type === "text");
  const values = answer.columns.filter((c) => c.type === "number");
  if (!time) return { times: [], list: [] };
  const times = [...new Set(time.values)].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const found = new Map();
  const take = (name, i, value) => {
    if (!found.has(name)) found.set(name, new Array(times.length).fill(null));
    found.get(name)[at.get(time.values[i])] = value;
  };
  for (let i = 0; i < answer.rows; i++) {
    if (names.length) take(names.map((c) => c.values[i]).join(" "), i, values.at(-1)?.values[i]);
    else for (const c of values) take(c.name, i, c.values[i]);
  }
  const palette = colorsOf([...found.keys()]);
  let list = [...found].filter(([, v]) => v.some((n) => n != null)).map(([name, v]) => {
    const c = (panel.columns ?? []).find((c) => c.name === name) ?? {};
    const single = found.size === 1 && !names.length && panel.limits;
    return { name: c.as || name, values: v, color: c.color || (single ? "#1588BF" : palette[name]), unit: c.unit || panel.unit,
      decimals: c.decimals ?? panel.decimals, dashed: c.dashed, unfilled: c.unfilled, order: (panel.columns ?? []).findIndex((c) => c.name === name) };
  });
  if (names.length) {
    const sum = (s) => s.values.reduce((a, b) => a + (b ?? 0), 0);
    list.sort((a, b) => (a.order < 0) - (b.order < 0) || a.order - b.order || sum(b) - sum(a));
  }
  return { times, list };
}

// colors are those of the theme that holds now.
function ground(element) {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--soft"), line: of("--faint"), hatch: of("--hatch"), panel: of("--panel"), note: of("--note") };
}

// useTheme changes whenever the theme does.
function useTheme() {
  const [n, set] = useState(0);
  useEffect(() => {
    const change = () => set((n) => n + 1);
    const media = matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", change);
    addEventListener("theme", change);
    return () => { media.removeEventListener("change", change); removeEventListener("theme", change); };
  }, []);
  return n;
}

function useWidth(ref) {
  const [width, set] = useState(0);
  useEffect(() => {
    const look = new ResizeObserver(([entry]) => set(Math.floor(entry.contentRect.width)));
    look.observe(ref.current);
    return () => look.disconnect();
  }, []);
  return width;
}

// unfinished is where the points begin that are not over, undefined when all are.
function unfinished(answer) {
  if (answer.to < answer.now - 60) return undefined;
  return Math.floor((answer.now - 1) / answer.step) * answer.step;
}

// hatch draws over what is not over yet: it is no drop.
function hatch(answer, colors) {
  const from = unfinished(answer);
  return (u) => {
    if (from === undefined || from >= u.scales.x.max) return;
    const { ctx, bbox } = u;
    const x = Math.max(bbox.left, u.valToPos(from, "x", true)), right = bbox.left + bbox.width;
    if (!(right - x > 1)) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, bbox.top, right - x, bbox.height);
    ctx.clip();
    ctx.strokeStyle = colors.hatch;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let i = x - bbox.height; i < right; i += 6 * devicePixelRatio) {
      ctx.moveTo(i, bbox.top + bbox.height);
      ctx.lineTo(i + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  };
}

// mark draws a line where a version was brought out.
function mark(deploys, colors) {
  return (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colors.note;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const d of deploys) {
      if (d.time < u.scales.x.min || d.time > u.scales.x.max) continue;
      const x = Math.round(u.valToPos(d.time, "x", true)), size = 4 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - size, bbox.top);
      ctx.lineTo(x + size, bbox.top);
      ctx.lineTo(x, bbox.top + 1.5 * size);
      ctx.fill();
    }
    ctx.restore();
  };
}

// room is how wide the axis of values has to be for its longest label.
function room(u, labels, i, cycle) {
  if (cycle > 1 || !labels) return u.axes[i]._size ?? 56; // else it could change for ever
  u.ctx.font = u.axes[i].font[0];
  return Math.max(56, Math.ceil(Math.max(...labels.map((l) => u.ctx.measureText(l ?? "").width)) / devicePixelRatio) + 22);
}

// base are the options that all pictures share.
function base({ answer, width, height, colors, zone, zoom, deploys, left }) {
  const axis = { stroke: colors.ink, grid: { stroke: colors.line, width: 1 }, ticks: { stroke: colors.line, width: 1 }, font: "12px system-ui, sans-serif" };
  return {
    width, height, padding: [8, 8, 0, 0], legend: { show: false },
    tzDate: (t) => (zone === "local" ? new Date(t * 1000) : uPlot.tzDate(new Date(t * 1000), "Etc/UTC")),
    cursor: { y: false, drag: { x: true, y: false }, points: { show: false } },
    select: { show: true },
    scales: { x: { time: true, range: () => [answer.from, Math.max(answer.to, answer.from + 60)] } },
    axes: [{ ...axis, values: (u, splits) => splits.map((s, i) => clock(s, i ? splits[i - 1] : s)), space: 70, size: 30 }, { ...axis, size: left ?? room }],
    hooks: {
      draw: [hatch(answer, colors), mark(deploys ?? [], colors)],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const from = Math.floor(u.posToVal(u.select.left, "x")), to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
        if (to - from >= 60) zoom(from, to);
      }],
    },
  };
}

// Tip is what the pointer is at.
function Tip({ tip, zone }) {
  if (!tip) return null;
  return html`<div class="tip" aria-hidden="true" style=${{ left: tip.x + "px", top: "4px", transform: tip.flip ? "translateX(calc(-100% - 14px))" : "translateX(14px)" }}>
    <p>${moment(tip.time)}${zone === "local" ? "" : " UTC"}</p>
    ${tip.rows.map((r) => html`<p key=${r.name}><span class="swatch" style=${{ background: r.color }}></span>${r.name}<b>${r.text}</b></p>`)}
    ${tip.more ? html`<p>and ${tip.more} more</p>` : null}</div>`;
}

// stacked adds each series to those below it.
function stacked(list, shown) {
  let below = null;
  return list.map((s) => {
    if (!shown(s)) return s.values.map(() => null);
    below = s.values.map((v, i) => (v == null && below?.[i] == null ? null : (v ?? 0) + (below?.[i] ?? 0)));
    return below;
  });
}

// blocks draws each value as wide as its point lasts: one that stands alone too, and
// the last.
function blocks(step) {
  return (u, of, from, to) => {
    const fill = new Path2D(), [times, values] = [u.data[0], u.data[of]], ground = u.valToPos(0, "y", true);
    for (let i = from; i <= to; i++) {
      if (values[i] == null) continue;
      const x = Math.round(u.valToPos(times[i], "x", true)), y = u.valToPos(values[i], "y", true);
      fill.rect(x, y, Math.max(1, Math.round(u.valToPos(times[i] + step, "x", true)) - x), ground - y);
    }
    return { fill, stroke: null, clip: null, gaps: null, flags: 1 };
  };
}

// alone are the points with no line to either side: only a dot shows them.
function alone(u, of, shown) {
  if (shown) return null;
  const v = u.data[of], found = [];
  for (let i = 0; i < v.length; i++) if (v[i] != null && v[i - 1] == null && v[i + 1] == null) found.push(i);
  return found.length ? found : null;
}

// Picture is a panel of lines, or of series that add up.
export function Picture({ panel, answer, zone, zoom, label, deploys }) {
  const box = useRef(), host = useRef();
  const width = useWidth(box), theme = useTheme();
  const [off, setOff] = useState(new Set());
  const [tip, setTip] = useState();
  const { times, list } = useMemo(() => series(answer, panel), [answer]);
  const stack = panel.kind === "stacked";
  useEffect(() => {
    if (width < 40) return;
    const colors = ground(box.current), shown = (s) => !off.has(s.name);
    const sums = stack ? stacked(list, shown) : list.map((s) => (shown(s) ? s.values : s.values.map(() => null)));
    const order = list.map((_, i) => i);
    if (stack) order.reverse(); // the highest sum is drawn first, the others over it
    const drawn = order.map((i) => list[i]);
    const opts = base({ answer, width, height: 210, colors, zone, zoom, deploys });
    opts.axes[1].values = (u, splits) => splits.map((v) => number(v, panel.unit));
    const share = panel.unit === "share" && !stack;
    opts.scales.y = { range: (u, min, max) => [0, max > 0 ? max * 1.05 : 1] };
    if (share) opts.scales.y = { distr: 4, asinh: 0.001, range: (u, min, max) => [0, Math.max(0.002, Math.min(1, (max ?? 0) * 1.3))] };
    if (share) opts.axes[1].splits = (u) => [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1].filter((v) => v <= u.scales.y.max);
    const bars = stack ? blocks(answer.step) : undefined;
    opts.series = [{}, ...drawn.map((s) => ({
      stroke: s.color, width: stack ? 0 : 1.6, fill: stack ? s.color : s.unfilled || list.length > 4 ? undefined : s.color + "14",
      dash: s.dashed ? [6, 5] : undefined, paths: bars, points: stack ? { show: false } : { size: 4, filter: alone }, spanGaps: false,
    }))];
    if (stack) opts.series.forEach((s) => { s.spanGaps = false; });
    opts.hooks.setCursor = [(u) => {
      const i = u.cursor.idx;
      if (i == null || u.cursor.left < 0) return setTip(undefined);
      const rows = list.filter(shown).map((s) => ({ name: s.name, color: s.color, value: s.values[i], text: number(s.values[i], s.unit, s.decimals) }))
        .filter((r) => r.value != null).sort((a, b) => b.value - a.value);
      const x = u.valToPos(times[i], "x") + u.over.offsetLeft;
      setTip({ x, flip: x > width / 2, time: times[i], rows: rows.slice(0, 10), more: Math.max(0, rows.length - 10) });
    }];
    const plot = new uPlot(opts, [times, ...order.map((i) => sums[i])], host.current);
    return () => plot.destroy();
  }, [answer, width, theme, off, zone, deploys]);
  const toggle = (name) => setOff((before) => {
    const after = new Set(before);
    if (!after.delete(name)) after.add(name);
    return after;
  });
  return html`<div ref=${box}>
    <div class="chart" role="img" aria-label=${label + ": " + describe(list)} onMouseLeave=${() => setTip(undefined)}><div ref=${host}></div><${Tip} tip=${tip} zone=${zone} /></div>
    ${list.length ? html`<div class="legend">${list.map((s) => html`<button key=${s.name} aria-pressed=${!off.has(s.name)} onClick=${() => toggle(s.name)}>
      <span class="swatch" style=${{ background: s.color }}></span>${s.name}</button>`)}</div>` : null}
  </div>`;
}

// describe says in words what a picture shows last.
function describe(list) {
  const last = (s) => s.values.findLast((v) => v != null);
  return list.slice(0, 5).map((s) => `${s.name} ${number(last(s), s.unit, s.decimals)}`).join(", ") + (list.length > 5 ? `, and ${list.length - 5} more` : "") + "; the table has every value";
}

// Spark is the course behind a number.
export function Spark({ answer, panel, zone }) {
  const host = useRef(), width = useWidth(host), theme = useTheme();
  useEffect(() => {
    if (width < 20) return;
    const { times, list } = series(answer, panel), color = ground(host.current).note;
    const plot = new uPlot({ width, height: 34, padding: [2, 0, 2, 0], legend: { show: false }, cursor: { show: false }, select: { show: false },
      axes: [{ show: false }, { show: false }], scales: { x: { time: true, range: () => [answer.from, answer.to] }, y: { range: (u, min, max) => [0, max || 1] } },
      series: [{}, { stroke: color, width: 1.5, fill: color + "22", points: { show: false } }] }, [times, list[0]?.values ?? []], host.current);
    return () => plot.destroy();
  }, [answer, width, theme]);
  return html`<div class="spark" aria-hidden="true" ref=${host}></div>`;
}

// Field is a picture of rows over time: lanes, or the buckets of a heat map.
export function Field({ panel, answer, zone, zoom, label, deploys }) {
  const box = useRef(), host = useRef();
  const width = useWidth(box), theme = useTheme();
  const [tip, setTip] = useState();
  const heat = panel.kind === "heat";
  const { times, list } = useMemo(() => {
    const found = series(answer, panel);
    if (heat) found.list.sort((a, b) => Number(a.name) - Number(b.name));
    return found;
  }, [answer]);
  const name = (s) => (heat ? "≤ " + number(Number(s.name), panel.bucketUnit) : s.name);
  const lane = heat ? Math.max(6, Math.min(16, Math.floor(172 / Math.max(1, list.length)))) : 22;
  const height = heat ? 210 : list.length * lane + 38;
  useEffect(() => {
    if (width < 40 || !list.length) return;
    const colors = ground(box.current);
    const left = heat ? 76 : Math.min(190, Math.floor(width / 3));
    const opts = base({ answer, width, height, colors, zone, zoom, deploys, left });
    const most = heat ? Math.max(...list.flatMap((s) => s.values.map((v) => v ?? 0))) : 0;
    const n = list.length;
    // Lanes stand from the top, buckets from the bottom.
    const place = (i) => (heat ? i : n - 1 - i);
    opts.scales.y = { range: () => [0, n] };
    opts.axes[1].grid = { show: false };
    const every = heat ? Math.ceil(n / 8) : 1;
    opts.axes[1].splits = () => list.map((_, i) => i).filter((i) => i % every === 0).map((i) => place(i) + 0.5);
    opts.axes[1].values = (u, splits) => splits.map((y) => {
      const text = name(list[heat ? Math.floor(y) : n - 1 - Math.floor(y)]), fits = Math.floor(left / 6.6);
      return text.length > fits ? text.slice(0, fits - 1) + "…" : text;
    });
    opts.series = [{}, { paths: () => null, points: { show: false } }];
    opts.hooks.draw.unshift((u) => {
      const { ctx, bbox } = u;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      list.forEach((s, i) => {
        const top = u.valToPos(place(i) + 1, "y", true), bottom = u.valToPos(place(i), "y", true);
        s.values.forEach((v, k) => {
          if (v == null || (heat && v === 0)) return;
          const x = u.valToPos(times[k], "x", true), right = u.valToPos(times[k] + answer.step, "x", true);
          ctx.globalAlpha = heat ? 0.15 + 0.85 * Math.sqrt(v / most) : 0.9;
          ctx.fillStyle = heat ? "#DD6408" : tone(panel.limits, v) ?? colors.note;
          ctx.fillRect(x, top + 1, Math.max(1, right - x - (heat ? 1 : 0)), Math.max(1, bottom - top - (heat ? 1 : 4)));
        });
      });
      ctx.restore();
    });
    opts.hooks.setCursor = [(u) => {
      const i = u.cursor.idx, y = u.posToVal(u.cursor.top, "y");
      if (i == null || u.cursor.left < 0 || !(y >= 0 && y < n)) return setTip(undefined);
      const at = u.posToVal(u.cursor.left, "x");
      let k = i;
      if (times[k] > at && k > 0) k--;
      const s = list[heat ? Math.floor(y) : n - 1 - Math.floor(y)], v = s.values[k];
      const x = u.cursor.left + u.over.offsetLeft;
      setTip({ x, flip: x > width / 2, time: times[k], rows: [{ name: name(s), color: heat ? "#DD6408" : tone(panel.limits, v) ?? "", text: v == null ? "–" : number(v, panel.unit, panel.decimals) }] });
    }];
    const plot = new uPlot(opts, [times, times.map(() => null)], host.current);
    return () => plot.destroy();
  }, [answer, width, theme, zone, deploys]);
  return html`<div ref=${box}><div class="chart tall" role="img" aria-label=${label + ": " + (heat ? `${list.length} buckets` : describe(list))} onMouseLeave=${() => setTip(undefined)}>
    <div ref=${host}></div><${Tip} tip=${tip} zone=${zone} /></div></div>`;
}
