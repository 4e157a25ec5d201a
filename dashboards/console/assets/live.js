// What the server tells by itself. Visible tabs share one stream: a browser allows
// few connections to a server. The tab that holds the lock has the stream and tells
// the others; a hidden tab lets go of it.
import { useEffect, useState } from "/assets/lib.js";
import { stored } from "/assets/file.js";
import { ask } from "/assets/panel.js";

// A sign of life comes every five seconds; without one in this time the daemon has
// ended.
const patience = 12000;

// useLive follows the server while the page can be seen. refresh says how soon what
// is new is shown.
export function useLive(locked, refresh) {
  const [live, set] = useState({ ok: undefined, state: undefined, tick: 0 });
  useEffect(() => {
    if (locked) return;
    if (stored) return set({ ok: true, state: stored.state, tick: 0 });
    const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("statline-events") : undefined;
    const pause = refresh === "minute" ? 60000 : 4000;
    let source, timer, due, again, letGo, waiting, next = 0;
    // What is stored every second is shown every few seconds, other incidents at
    // once.
    const show = () => { clearTimeout(due); due = undefined; next = Date.now() + pause; set((before) => ({ ...before, tick: before.tick + 1 })); };
    const lost = () => set((before) => ({ ...before, ok: false, gone: true }));
    const take = (name, data) => {
      if (name === "lost") return lost();
      const { ok, ...state } = data;
      clearTimeout(timer);
      timer = setTimeout(lost, patience);
      set((before) => ({ ok, state: ok ? state : before.state, tick: before.tick + (ok && before.ok === false ? 1 : 0) }));
      if (refresh === "off") return;
      if (name === "incident" && refresh === "live") show();
      else if (name !== "status" && !due) due = setTimeout(show, Math.max(0, next - Date.now()));
    };
    const tell = (name, data) => { take(name, data); channel?.postMessage({ name, data }); };
    if (channel) channel.onmessage = (e) => take(e.data.name, e.data.data);
    const lead = () => {
      source = new EventSource("/api/events");
      for (const name of ["stored", "incident", "status"]) source.addEventListener(name, (e) => tell(name, JSON.parse(e.data)));
      source.onerror = () => {
        tell("lost");
        if (source?.readyState === EventSource.CLOSED) { source = undefined; again = setTimeout(lead, 3000); }
      };
    };
    const start = () => {
      if (document.hidden || waiting) return;
      waiting = new AbortController();
      timer = setTimeout(lost, patience);
      ask("/api/state").then((state) => take("status", { ...state, ok: true }), () => {});
      if (!channel || !navigator.locks) return lead(); // no secure context: a stream of its own
      navigator.locks.request("statline-events", { signal: waiting.signal }, () => new Promise((release) => { letGo = release; lead(); })).catch(() => {});
    };
    const stop = () => {
      waiting?.abort();
      letGo?.();
      source?.close();
      for (const t of [timer, due, again]) clearTimeout(t);
      source = waiting = letGo = due = undefined;
    };
    const look = () => (document.hidden ? stop() : start());
    document.addEventListener("visibilitychange", look);
    start();
    return () => { document.removeEventListener("visibilitychange", look); stop(); channel?.close(); };
  }, [locked, refresh]);
  return live;
}
