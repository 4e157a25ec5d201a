// Numbers and times as people read them, by the units of the boards.

let local = false;

// showLocal makes times those of the reader's zone, or UTC.
export function showLocal(on) { local = on; }

const two = (n) => String(n).padStart(2, "0");

// moment is a time as 2026-03-01 12:04:05.
export function moment(seconds) {
  if (seconds == null) return "";
  const d = new Date(seconds * 1000);
  return local
    ? `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
    : d.toISOString().slice(0, 19).replace("T", " ");
}

// clock is the time of the day, with the day when it is not that of other.
export function clock(seconds, other) {
  const text = moment(seconds);
  return text.slice(0, 10) === moment(other ?? seconds).slice(0, 10) ? text.slice(11, 16) : text.slice(5, 16);
}

function fixed(n, digits) {
  return n.toLocaleString("en", { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? fit(n) });
}

// fit is how many digits behind the point say something.
function fit(n) {
  const a = Math.abs(n);
  return a === 0 || a >= 100 || Number.isInteger(n) ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : a >= 0.01 ? 3 : 5;
}

function scaled(n, digits, steps) {
  for (const [least, unit, by] of steps) {
    if (Math.abs(n) >= least) return fixed(n / (by ?? least), digits ?? (Math.abs(n) / (by ?? least) >= 100 ? 0 : undefined)) + unit;
  }
  return fixed(n, digits);
}

const large = [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e5, " k", 1e3]];

// duration is seconds in the largest unit that fits.
export function duration(n, digits) {
  if (n === 0) return "0 s";
  return scaled(n, digits, [[172800, " d", 86400], [5400, " h", 3600], [120, " min", 60], [1, " s"], [1e-3, " ms"], [0, " µs", 1e-6]]);
}

// number is a value of a unit.
export function number(n, unit, digits) {
  if (n == null) return "";
  if (typeof n !== "number") return String(n);
  switch (unit) {
    case "moment": return moment(n);
    case "share": {
      const percent = n * 100;
      return fixed(percent, digits ?? (percent === 0 || percent === 100 ? 0 : Math.abs(percent) >= 10 ? 1 : Math.abs(percent) >= 0.1 ? 2 : 3)) + " %";
    }
    case "requests/s": return scaled(n, digits, large) + " /s";
    case "records/s": return scaled(n, digits, large) + " /s";
    case "microseconds": return duration(n / 1e6, digits);
    case "seconds": case "duration": return duration(n, digits);
    case "bytes": return scaled(n, digits, [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"]]);
    case "times": return fixed(n, digits) + " ×";
    case "none": return digits === 0 || Number.isInteger(n) ? String(n) : fixed(n, digits);
  }
  return scaled(n, digits, [[1e12, " T"], [1e9, " G"], [1e7, " M", 1e6]]);
}

// tone is the colour of a value by limits.
export function tone(limits, value) {
  if (!limits || value == null) return undefined;
  let color;
  for (const [i, step] of limits.entries()) if (i === 0 || value >= step.from) color = step.color;
  return color;
}

// Colours of series without one of their own; each stands out from both grounds
// by 3:1.
const palette = ["#1588BF", "#DD6408", "#2CA57B", "#921EFC", "#C2363A", "#60A108", "#3C77BD", "#A68C50", "#C70377", "#5C9B97",
  "#9689AE", "#9C5B0A", "#1561E6", "#547888", "#F13679", "#467810"];

// colorOf gives each name of a list one colour, the same whenever it is there as
// long as no two share it.
export function colorsOf(names) {
  const taken = new Set(), colors = {};
  for (const name of names) {
    let h = 0;
    for (const c of name) h = (h * 31 + c.codePointAt(0)) >>> 0;
    let i = h % palette.length;
    for (let n = 0; n < palette.length && taken.has(i); n++) i = (i + 1) % palette.length;
    taken.add(i);
    colors[name] = palette[i];
  }
  return colors;
}
