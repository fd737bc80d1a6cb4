// Listens for notices that something changed and refreshes the page. One stream a visible tab: a
// browser opens only six connections to a server, so a hidden tab gives its stream back.
import { refresh } from "./patch.js";

const PAUSE_MS = 120;
const labels = { connecting: "Connecting", live: "Live", offline: "Offline", paused: "Paused" };

let badge, source, reopen, timer;
let paused = false, busy = false, dirty = false, waitMs = PAUSE_MS;

function show(state) {
  if (!badge || badge.dataset.state === state) return;
  badge.dataset.state = state;
  badge.querySelector(".word").textContent = labels[state];
  badge.setAttribute("aria-pressed", String(state === "paused"));
}

async function run() {
  timer = undefined;
  if (busy || !dirty) return;
  busy = true;
  dirty = false;
  const began = performance.now();
  try {
    await refresh();
    document.dispatchEvent(new CustomEvent("everstep:changed"));
    badge?.classList.remove("beat");
    if (badge) { void badge.offsetWidth; badge.classList.add("beat"); }
  } catch {
    show("offline");
    dirty = true;
  }
  busy = false;
  // A slow answer means a busy server: ask less often.
  waitMs = Math.min(5000, Math.max(PAUSE_MS, 2 * (performance.now() - began)));
  if (dirty && source) plan();
}

function plan() {
  timer ??= setTimeout(run, waitMs);
}

function changed() {
  dirty = true;
  if (!busy) plan();
}

function close() {
  source?.close();
  source = undefined;
  clearTimeout(reopen);
  clearTimeout(timer);
  timer = undefined;
}

function open() {
  close();
  if (paused || document.hidden) return;
  show("connecting");
  source = new EventSource(`/ui/live?topics=${encodeURIComponent(document.body.dataset.topics)}`);
  source.addEventListener("open", () => show("live"));
  source.addEventListener("changed", changed);
  // What happened before the stream was open, or while it was lost, is read now.
  source.addEventListener("resync", changed);
  source.addEventListener("error", () => {
    show("offline");
    // The browser tries again by itself, but not after a refusal.
    if (source?.readyState === EventSource.CLOSED) reopen = setTimeout(open, 2000);
  });
}

export function startLive() {
  badge = document.getElementById("live");
  if (!badge || !document.body.dataset.topics) return;
  badge.addEventListener("click", () => {
    paused = !paused;
    if (paused) { close(); show("paused"); } else open();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
