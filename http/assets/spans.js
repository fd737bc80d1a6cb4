// The spans of one run, in columns as the server sends them; later answers bring only what changed.
import { now } from "./times.js";

export class Spans {
  constructor(src) {
    this.src = src;
    this.seq = 0;
    this.from = 0;
    this.to = null;
    this.closed = false;
    for (const column of Spans.COLUMNS) this[column] = [];
    this.places = new Map();
    this.ready = new Promise((resolve) => { this.isReady = resolve; });
  }

  // `ends` null: still open. `tries` 0: a single bar; else start, end (null: runs), 1 when failed,
  // for each attempt in turn. `due`: when a pending timer or retry is due.
  static COLUMNS = ["keys", "kinds", "names", "starts", "ends", "states", "tries", "due", "notes"];

  get length() {
    return this.keys.length;
  }

  async load() {
    const response = await fetch(`${this.src}after=${this.seq}`);
    if (!response.ok) throw new Error(`spans: ${response.status}`);
    const answer = await response.json();
    const changed = answer.spans.keys.length > 0 || answer.closed !== this.closed || !this.seq;
    this.merge(answer);
    this.isReady();
    return changed;
  }

  merge(answer) {
    this.seq = answer.seq;
    this.from = answer.from;
    this.to = answer.to;
    this.closed = answer.closed;
    const columns = answer.spans;
    columns.keys.forEach((key, i) => {
      let at = this.places.get(key);
      if (at === undefined) {
        at = this.length;
        this.places.set(key, at);
      }
      for (const column of Spans.COLUMNS) this[column][at] = columns[column][i];
    });
  }

  end(i) {
    return this.ends[i] ?? Math.max(this.starts[i], this.to ?? now());
  }

  find(key) {
    return this.places.get(key) ?? -1;
  }

  isFailure(i) {
    const state = this.states[i];
    return state === "failed" || state === "retrying" || state === "stuck" || state === "timed-out";
  }

  // The next span that failed, around the end; the same one when there is no other.
  nextFailure(from, by) {
    for (let step = 1; step <= this.length; step++) {
      const i = (((from < 0 && by < 0 ? 0 : from) + by * step) % this.length + this.length) % this.length;
      if (this.isFailure(i)) return i;
    }
    return from;
  }
}
