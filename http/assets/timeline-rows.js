// As many rows as fit on the screen, given to whichever spans are in view.
import { coarse, duration, now } from "./times.js";

export const ROW = 26;
const MAX_TRIES = 60;

export class RowPool {
  constructor(viewport, glyphs) {
    this.viewport = viewport;
    this.glyphs = document.getElementById(glyphs).content;
    this.rows = [];
  }

  paint(spans, view) {
    const first = Math.max(0, Math.floor(this.viewport.scrollTop / ROW) - 2);
    const count = Math.min(spans.length - first, Math.ceil(this.viewport.clientHeight / ROW) + 4);
    for (let slot = 0; slot < count; slot++) {
      this.row(slot).show(spans, first + slot, view);
    }
    for (let slot = count; slot < this.rows.length; slot++) this.rows[slot].hide();
  }

  row(slot) {
    if (!this.rows[slot]) {
      this.rows[slot] = new Row(this.glyphs);
      this.viewport.append(this.rows[slot].element);
    }
    return this.rows[slot];
  }
}

function make(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

class Row {
  constructor(glyphs) {
    this.glyphs = glyphs;
    this.element = make("div", "tl-row");
    this.element.setAttribute("role", "row");
    const name = make("div", "tl-name", this.element);
    name.setAttribute("role", "rowheader");
    this.glyph = make("span", "g", name);
    this.name = make("b", "", name);
    this.number = make("i", "", name);
    this.track = make("div", "tl-track", this.element);
    this.track.setAttribute("role", "gridcell");
    this.note = make("span", "tl-note", this.track);
    this.bars = [];
  }

  hide() {
    this.element.hidden = true;
    this.element.removeAttribute("id");
  }

  show(spans, index, view) {
    const { element } = this;
    const key = spans.keys[index], state = spans.states[index];
    element.hidden = false;
    element.id = `span-${key}`;
    element.dataset.index = index;
    element.setAttribute("aria-rowindex", String(index + 1));
    element.setAttribute("aria-selected", String(index === view.selected));
    element.style.transform = `translateY(${index * ROW}px)`;
    this.label(spans.names[index], key, state);
    this.used = 0;
    const from = spans.starts[index], to = spans.end(index);
    this.draw(spans, index, state, view);
    for (let i = this.used; i < this.bars.length; i++) this.bars[i].hidden = true;
    this.annotate(this.words(spans, index, state, to - from), from, to, view);
  }

  label(name, key, state) {
    if (this.state !== state) {
      this.state = state;
      this.glyph.className = `g tone-${state}`;
      const shape = this.glyphs.querySelector(`[data-glyph="${state}"]`);
      this.glyph.replaceChildren(...(shape ? [shape.cloneNode(true)] : []));
    }
    if (this.name.textContent !== name) { this.name.textContent = name; this.name.title = name; }
    const number = `#${key}`;
    if (this.number.textContent !== number) this.number.textContent = number;
  }

  draw(spans, index, state, view) {
    const from = spans.starts[index], to = spans.end(index);
    const open = spans.ends[index] === null;
    const tries = spans.tries[index];
    switch (spans.kinds[index]) {
      case "signal": this.bar(`point tone-${state}`, from, from, view, true); return;
      case "run": this.bar(`thin tone-${state}${open ? " pending" : ""}`, from, to, view); return;
      case "timer": {
        const due = open ? Math.max(to, spans.due[index] ?? to) : to;
        this.bar(`tone-${state}${open ? " pending" : ""}`, from, due, view);
        return;
      }
    }
    if (!tries) {
      this.bar(`tone-${state}${open ? " pending" : ""}`, from, to, view);
      return;
    }
    // Pauses are striped beneath, each attempt stands on them.
    this.bar("gap tone-retrying", from, open ? Math.max(to, spans.due[index] ?? to) : to, view);
    const begin = Math.max(0, tries.length - MAX_TRIES * 3);
    for (let i = begin; i < tries.length; i += 3) {
      const end = tries[i + 1];
      const tone = tries[i + 2] ? "failed" : end === null ? "running pending" : state === "cancelled" ? state : "completed";
      this.bar(`tone-${tone}`, tries[i], end ?? to, view);
    }
  }

  bar(kind, from, to, { a, b, width }, point) {
    const scale = width / (b - a);
    const left = (from - a) * scale, right = (to - a) * scale;
    if (right < -8 || left > width + 8) return;
    let bar = this.bars[this.used];
    if (!bar) {
      bar = make("div", "", this.track);
      this.bars.push(bar);
    }
    this.used++;
    const name = `tl-bar ${kind}`;
    if (bar.className !== name) bar.className = name;
    bar.hidden = false;
    // Far outside the screen a bar's width would lose precision.
    const x = Math.max(-20, left);
    bar.style.transform = `translateX(${x}px)`;
    bar.style.width = point ? "" : `${Math.max(2, Math.min(width + 20, right) - x)}px`;
  }

  words(spans, index, state, ms) {
    const due = spans.due[index];
    const note = spans.notes[index];
    if (spans.ends[index] === null && due !== null && due > now()) {
      const word = spans.kinds[index] === "timer" ? "fires in" : "next try in";
      return `${note ? `${note} · ` : ""}${word} ${coarse(due - now() + 999)}`;
    }
    if (spans.kinds[index] === "signal") return note ?? "";
    const time = spans.ends[index] === null ? coarse(ms) : duration(ms);
    return note ? `${note} · ${time}` : time;
  }

  annotate(text, from, to, { a, b, width }) {
    const scale = width / (b - a);
    const left = (from - a) * scale, right = (to - a) * scale;
    const room = text.length * 6.4 + 12;
    this.note.hidden = right < 0 || left > width;
    if (this.note.hidden) return;
    if (this.note.textContent !== text) this.note.textContent = text;
    const after = right + room <= width, before = left - room >= 0;
    const x = after ? Math.max(0, right) : before ? left - room : Math.max(0, left) + 8;
    this.note.classList.toggle("over", !after && !before);
    this.note.style.transform = `translateX(${x}px)`;
  }
}
