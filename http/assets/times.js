// Instants and durations as people read them, kept current once a second. The server writes the
// same words, so that nothing jumps when this starts.
const root = document.documentElement;
let skew = 0;

// The engine's clock in milliseconds: the server's at the last load, moved on by this machine's.
export function now() {
  return root.dataset.clock === "manual" ? Number(root.dataset.now) : Date.now() + skew;
}

export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  if (s < 3600) return twoUnits(s, 60, "min", 1, "s");
  if (s < 86400) return twoUnits(s, 3600, "h", 60, "min");
  return twoUnits(s, 86400, "d", 3600, "h");
}

function twoUnits(s, large, name, small, rest) {
  const left = Math.floor((s % large) / small);
  return `${Math.floor(s / large)} ${name}${left ? ` ${left} ${rest}` : ""}`;
}

// One unit and no fractions: for what changes while one looks at it.
export function coarse(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

const two = (n) => String(n).padStart(2, "0");

export function clock(t, withDate) {
  const d = new Date(t);
  const local = root.dataset.zone === "local";
  const part = (name) => (local ? d[`get${name}`]() : d[`getUTC${name}`]());
  const date = `${part("FullYear")}-${two(part("Month") + 1)}-${two(part("Date"))}`;
  const time = `${two(part("Hours"))}:${two(part("Minutes"))}:${two(part("Seconds"))}`;
  const fraction = `.${String(part("Milliseconds")).padStart(3, "0")}`;
  if (withDate === "full") return `${date} ${time}${fraction}${local ? "" : " UTC"}`;
  return withDate ? `${date} ${time}` : time;
}

function countdown(ms) {
  return ms <= 0 ? "any moment now" : `in ${ms < 60000 ? `${Math.ceil(ms / 1000)} s` : duration(ms)}`;
}

const words = {
  ago: (t) => { const s = coarse(now() - t); return s === "0 s" ? "just now" : `${s} ago`; },
  in: (t) => countdown(t - now()),
  since: (t) => coarse(now() - t),
  clock: (t) => clock(t, false),
  date: (t) => clock(t, true),
  full: (t) => clock(t, "full"),
};

function write(element) {
  const t = Number(element.dataset.t);
  const text = words[element.dataset.as]?.(t);
  if (text !== undefined && element.textContent !== text) element.textContent = text;
  if (element.tagName === "TIME") {
    const title = clock(t, "full");
    if (element.title !== title) element.title = title;
  }
}

export function updateTimes(scope = document) {
  for (const element of scope.querySelectorAll("[data-t]")) write(element);
}

export function syncClock(freshRoot = root) {
  root.dataset.now = freshRoot.dataset.now;
  const here = Number(root.dataset.now) - Date.now();
  // A response is at least a little old: keep the largest skew that was seen, if they agree.
  skew = Math.abs(here - skew) > 2000 ? here : Math.max(skew, here);
}

export function startTimes() {
  skew = Number(root.dataset.now) - Date.now();
  updateTimes();
  setInterval(() => { if (!document.hidden) updateTimes(); }, 1000);
}
