// How the reader wants to see: kept in this browser.
import { showLocal } from "/assets/format.js";
import { speak } from "/assets/words.js";

const place = "statline.view";
const known = { theme: ["system", "light", "dark", "contrast"], zone: ["utc", "local"], refresh: ["live", "minute", "off"], language: ["en", "ro"], keys: ["on", "off"] };
export const choices = known;
export const settings = { theme: "system", zone: "utc", refresh: "live", language: (navigator.language ?? "").startsWith("ro") ? "ro" : "en", keys: "on" };

function take(from) {
  for (const [name, values] of Object.entries(known)) if (values.includes(from?.[name])) settings[name] = from[name];
}

function apply() {
  const root = document.documentElement;
  if (settings.theme === "system") delete root.dataset.theme;
  else root.dataset.theme = settings.theme;
  showLocal(settings.zone === "local");
  speak(settings.language);
  dispatchEvent(new Event("theme"));
  dispatchEvent(new Event("settings"));
}

// change takes settings over and keeps them.
export function change(some) {
  take(some);
  try { localStorage.setItem(place, JSON.stringify(settings)); } catch { /* a browser may keep nothing: they hold for this page */ }
  apply();
}

try { take(JSON.parse(localStorage.getItem(place))); } catch { /* nothing is kept */ }
apply();
// Another tab has changed them.
addEventListener("storage", (e) => { if (e.key === place) { try { take(JSON.parse(e.newValue)); } catch { return; } apply(); } });
