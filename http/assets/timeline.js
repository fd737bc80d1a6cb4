// The timeline of one run: draws what `spans.js` holds, in a pool of rows, so that a hundred
// thousand spans cost as much as forty. Focus stays on the grid itself; the selected row is named
// by aria-activedescendant.
import { go } from "./filter.js";
import { drawMinimap } from "./minimap.js";
import { Spans } from "./spans.js";
import { RowPool, ROW } from "./timeline-rows.js";
import { duration, now } from "./times.js";

const MIN_MS = 1;
const ROOM = 0.16;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6];

class Timeline {
  constructor(root) {
    this.root = root;
    this.spans = new Spans(root.dataset.src);
    this.mini = root.querySelector(".tl-mini");
    this.canvas = this.mini.querySelector("canvas");
    this.window = this.mini.querySelector(".tl-window");
    this.axis = root.querySelector(".tl-axis");
    this.rows = root.querySelector(".tl-rows");
    this.spacer = this.rows.querySelector(".tl-spacer");
    this.pool = new RowPool(this.rows, root.dataset.glyphs);
    this.ticks = [];
    this.view = null; // null shows everything and follows the run
    this.selected = -1;
    this.frame = 0;
    this.listen();
    this.fromAddress();
    this.load();
    setInterval(() => { if (!document.hidden && !this.spans.closed) this.draw(); }, 1000);
  }

  async load() {
    if (this.loading) { this.again = true; return; }
    this.loading = true;
    try {
      const changed = await this.spans.load();
      if (changed) {
        this.count();
        this.stale = true;
        this.draw();
      }
    } catch { /* The badge says that the server is away; the next notice loads again. */ }
    this.loading = false;
    this.root.dataset.loaded = String(this.spans.length);
    if (this.again) { this.again = false; this.load(); }
  }

  count() {
    const n = this.spans.length;
    this.root.setAttribute("aria-rowcount", String(n));
    this.spacer.style.height = `${n * ROW}px`;
    this.rows.style.height = `${Math.min(14, Math.max(1, n)) * ROW}px`;
    const label = document.getElementById("span-count");
    if (label) label.textContent = n === 1 ? "1 span" : `${n.toLocaleString("en")} spans`;
    if (this.wanted) {
      const row = this.spans.find(this.wanted);
      if (row >= 0) { this.wanted = 0; this.select(row, false); }
    }
  }

  // All of the run, and some room on the right for the words that stand beside the last bars.
  full() {
    const a = this.spans.from;
    const length = Math.max(MIN_MS, (this.spans.to ?? now()) - a);
    return [a, a + length * (1 + ROOM)];
  }

  range() {
    return this.view ?? this.full();
  }

  set(a, b) {
    const [from, to] = this.full();
    const span = Math.max(MIN_MS, b - a);
    if (a <= from && b >= to) this.view = null;
    else {
      const start = Math.min(Math.max(from, a), Math.max(from, to - span));
      this.view = [start, Math.min(start + span, Math.max(to, start + MIN_MS))];
    }
    this.draw();
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.toAddress(), 250);
  }

  zoom(factor, at) {
    const [a, b] = this.range();
    const center = at ?? this.focusPoint(a, b);
    this.set(center - (center - a) * factor, center + (b - center) * factor);
  }

  pan(part) {
    const [a, b] = this.range();
    const by = (b - a) * part;
    this.set(a + by, b + by);
  }

  // Zooming by key keeps the selected span in view.
  focusPoint(a, b) {
    if (this.selected >= 0) {
      const middle = (this.spans.starts[this.selected] + this.spans.end(this.selected)) / 2;
      if (middle >= a && middle <= b) return middle;
    }
    return (a + b) / 2;
  }

  select(index, reveal = true) {
    this.selected = Math.max(-1, Math.min(this.spans.length - 1, index));
    if (this.selected < 0) this.root.removeAttribute("aria-activedescendant");
    else {
      const top = this.selected * ROW;
      const height = this.rows.clientHeight;
      if (top < this.rows.scrollTop) this.rows.scrollTop = top;
      else if (top + ROW > this.rows.scrollTop + height) this.rows.scrollTop = top + ROW - height;
      if (reveal) this.reveal();
      this.root.setAttribute("aria-activedescendant", `span-${this.spans.keys[this.selected]}`);
    }
    this.draw();
  }

  reveal() {
    if (!this.view) return;
    const [a, b] = this.view;
    const start = this.spans.starts[this.selected], end = this.spans.end(this.selected);
    if (end < a || start > b) {
      const center = (start + end) / 2, half = (b - a) / 2;
      this.set(center - half, center + half);
    }
  }

  open() {
    if (this.selected < 0) return;
    const query = new URLSearchParams(location.search);
    query.set("event", this.spans.keys[this.selected]);
    go(`${location.pathname}?${query}`);
  }

  draw() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  paint() {
    if (!this.spans.length) return;
    const [a, b] = this.range();
    this.root.style.setProperty("--scrollbar", `${this.rows.offsetWidth - this.rows.clientWidth}px`);
    const width = this.mini.clientWidth;
    this.pool.paint(this.spans, { a, b, width, selected: this.selected });
    this.paintAxis(a, b, width);
    const [from, to] = this.full();
    if (this.stale || !this.spans.closed || this.drawn !== width) {
      this.drawn = width;
      this.stale = false;
      drawMinimap(this.canvas, this.spans, from, to);
    }
    const left = ((a - from) / (to - from)) * width;
    this.window.style.transform = `translateX(${left}px)`;
    this.window.style.width = `${Math.max(4, ((b - a) / (to - from)) * width)}px`;
    this.window.hidden = !this.view;
    this.root.dataset.range = `${Math.round(a - from)}-${Math.round(b - from)}`;
  }

  paintAxis(a, b, width) {
    const wanted = ((b - a) / Math.max(1, width)) * 110;
    const step = STEPS.find((s) => s >= wanted) ?? STEPS.at(-1);
    const from = this.spans.from;
    let used = 0;
    for (let t = Math.ceil((a - from) / step) * step; from + t <= b && used < 40; t += step) {
      let tick = this.ticks[used];
      if (!tick) {
        tick = this.ticks[used] = document.createElement("span");
        this.axis.append(tick);
      }
      tick.hidden = false;
      tick.style.transform = `translateX(${((from + t - a) / (b - a)) * width}px)`;
      tick.textContent = t === 0 ? "0" : `+${tickText(t)}`;
      used++;
    }
    for (; used < this.ticks.length; used++) this.ticks[used].hidden = true;
  }

  fromAddress() {
    const query = new URLSearchParams(location.search);
    const [a, b] = (query.get("t") ?? "").split("-").map(Number);
    this.pending = b > a ? [a, b] : null;
    this.wanted = Number(query.get("event")) || 0;
    this.spans.ready.then(() => {
      this.view = this.pending && [this.spans.from + this.pending[0], this.spans.from + this.pending[1]];
      this.draw();
    });
    if (this.wanted && this.spans.length) this.select(this.spans.find(this.wanted), false);
    if (!this.wanted) { this.selected = -1; this.draw(); }
  }

  toAddress() {
    const query = new URLSearchParams(location.search);
    if (this.view) query.set("t", this.view.map((t) => Math.round(t - this.spans.from)).join("-"));
    else query.delete("t");
    const search = query.toString();
    history.replaceState(null, "", location.pathname + (search ? `?${search}` : ""));
  }

  timeAt(event) {
    const box = this.mini.getBoundingClientRect();
    const [a, b] = event.currentTarget === this.mini ? this.full() : this.range();
    return a + ((event.clientX - box.left) / box.width) * (b - a);
  }

  wheel(event, always) {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      this.pan(sideways / Math.max(1, this.mini.clientWidth));
    } else if (always || event.ctrlKey || event.metaKey || event.altKey) {
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) / 300), this.timeAt(event));
    }
  }

  drag(event) {
    event.preventDefault();
    this.mini.setPointerCapture(event.pointerId);
    const began = this.timeAt(event);
    const moving = event.target === this.window ? this.range() : null;
    const move = (e) => {
      const t = this.timeAt({ clientX: e.clientX, currentTarget: this.mini });
      if (moving) this.set(moving[0] + t - began, moving[1] + t - began);
      else if (Math.abs(t - began) > MIN_MS) this.set(Math.min(began, t), Math.max(began, t));
    };
    const end = () => {
      this.mini.removeEventListener("pointermove", move);
      this.mini.removeEventListener("pointerup", end);
      this.mini.removeEventListener("pointercancel", end);
    };
    this.mini.addEventListener("pointermove", move);
    this.mini.addEventListener("pointerup", end);
    this.mini.addEventListener("pointercancel", end);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.rows.clientHeight / ROW) - 1);
    const acts = {
      ArrowLeft: () => this.pan(-0.1),
      ArrowRight: () => this.pan(0.1),
      ArrowUp: () => this.select(Math.max(0, this.selected - 1)),
      ArrowDown: () => this.select(this.selected + 1),
      PageUp: () => this.select(Math.max(0, this.selected - page)),
      PageDown: () => this.select(this.selected + page),
      Home: () => this.select(0),
      End: () => this.select(this.spans.length - 1),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => { this.view = null; this.set(...this.full()); },
      n: () => this.select(this.spans.nextFailure(this.selected, 1)),
      p: () => this.select(this.spans.nextFailure(this.selected, -1)),
      Enter: () => this.open(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.rows.addEventListener("scroll", () => this.draw(), { passive: true });
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".tl-row");
      if (!row) return;
      this.select(Number(row.dataset.index), false);
      this.open();
    });
    this.rows.addEventListener("wheel", (event) => this.wheel(event, false), { passive: false });
    this.mini.addEventListener("wheel", (event) => this.wheel(event, true), { passive: false });
    this.axis.addEventListener("wheel", (event) => this.wheel(event, true), { passive: false });
    this.mini.addEventListener("pointerdown", (event) => this.drag(event));
    this.mini.addEventListener("dblclick", () => this.set(...this.full()));
    for (const [id, act] of [["zoom-out", () => this.zoom(2)], ["zoom-all", () => this.set(...this.full())], ["zoom-in", () => this.zoom(0.5)]]) {
      document.getElementById(id)?.addEventListener("click", act);
    }
    new ResizeObserver(() => this.draw()).observe(this.mini);
    document.addEventListener("everstep:changed", () => this.load());
    document.addEventListener("everstep:theme", () => { this.stale = true; this.draw(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.stale = true; this.draw(); });
    addEventListener("popstate", () => this.fromAddress());
  }
}

function tickText(t) {
  if (t < 1000) return `${t} ms`;
  if (t < 60000) return `${+(t / 1000).toFixed(3)} s`;
  return duration(t);
}

export function startTimeline() {
  const root = document.querySelector(".timeline");
  if (root) new Timeline(root);
}
