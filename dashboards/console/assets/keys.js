// The keyboard: every shortcut of the help window. In a field, and with a key that
// the browser or the system wants, there are none.
import { settings } from "/assets/settings.js";

const pages = { n: "", i: "incidents", c: "codes", l: "limits", k: "keys", a: "clients", u: "agents", v: "availability", o: "slo", p: "proof" };

function inField(element) {
  return element instanceof HTMLElement && (element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName));
}

// step moves the focus to another row of the tables: to its link, or to itself.
function step(by) {
  const rows = [...document.querySelectorAll("main tbody tr")];
  const at = rows.indexOf(document.activeElement?.closest?.("tbody tr"));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  if (!row) return;
  const goal = row.querySelector("a") ?? row;
  if (goal === row) row.tabIndex = -1;
  goal.focus();
  row.scrollIntoView({ block: "nearest" });
}

// listen calls what a key asks for, of the actions that hold at that moment, until
// the function returned is called.
export function listen(actions) {
  let since = 0; // when g was pressed
  const press = (e) => {
    const act = actions();
    if (settings.keys === "off" || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || inField(e.target) || document.querySelector("dialog[open]")) return;
    const gone = Date.now() - since < 3000 && pages[e.key] !== undefined;
    since = 0;
    if (gone) { e.preventDefault(); act.go(pages[e.key]); return; }
    const arrow = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (arrow) {
      // What scrolls sideways, or chooses by arrows, keeps them.
      const box = e.target.closest?.(".scroll, summary, nav");
      if (box && box.scrollWidth > box.clientWidth) return;
      e.preventDefault();
      if (!e.shiftKey && e.target.closest?.(".notes") && act.own?.("turn")) { act.own("turn")(arrow); return; }
      if (e.shiftKey || !act.beside(arrow)) act.shift(arrow);
      return;
    }
    const own = act.own?.(e.key); // the page's own meaning wins
    if (own && !e.shiftKey) { e.preventDefault(); own(); return; }
    const called = {
      s: act.search, "/": act.search, p: act.view, "?": act.help, b: act.above, z: act.zone, y: act.copy, j: () => step(1), k: () => step(-1),
      "-": () => act.zoom(2), "+": () => act.zoom(0.5), "=": () => act.zoom(0.5), g: () => { since = Date.now(); },
      Escape: () => document.querySelectorAll("details[open]").forEach((d) => { d.open = false; }),
    }[e.key];
    if (!called) return;
    e.preventDefault();
    called();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
