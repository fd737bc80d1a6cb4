// What is shown of a row before it has happened: changes that are expected of commands, in front of
// the row that the server folds. No event is folded here: the server's code does that.
//
// Every frame of the row names the events that led to it. An event of the command itself confirms
// what was expected; another event at its position, a refusal, or PATIENCE_MS without a word take it
// back, and `onNotice` is told.
export const PATIENCE_MS = 30_000;

export class Expected {
  #all = [];
  #newest = 0;
  #onNotice;

  constructor(onNotice) {
    this.#onNotice = onNotice;
  }

  // Shows `change` until it is known what becomes of command `id`; answers where it is expected.
  expect(id, change, now) {
    const position = Math.max(this.#newest, ...this.#all.map((one) => one.position)) + 1;
    this.#all.push({ id, change, position, since: now, placed: false });
    return position;
  }

  // The server has answered: what is expected stands at `position`.
  answered(id, position) {
    const one = this.#all.find((one) => one.id === id);
    if (!one) return;
    Object.assign(one, { position, placed: true });
    if (position <= this.#newest) this.#end(one, "confirmed");
  }

  refused(id, why) {
    const one = this.#all.find((one) => one.id === id);
    if (one) this.#end(one, "refused", why);
  }

  expire(now) {
    for (const one of this.#all.filter((one) => now - one.since > PATIENCE_MS)) {
      this.#end(one, "expired", "nothing was heard of it");
    }
  }

  // A frame of the row, with the events that led to it.
  take(row) {
    for (const event of row.events ?? []) {
      this.#newest = Math.max(this.#newest, event.position);
      const own = this.#all.find((one) => one.id === event.causation_id || one.id === event.event_id);
      const other = this.#all.find((one) => one.position === event.position);
      if (own) this.#end(own, "confirmed");
      else if (other) this.#end(other, "conflict", `${event.type} came first`);
    }
    this.#newest = Math.max(this.#newest, row.position, row.durable_position ?? 0);
    for (const one of this.#all.filter((one) => one.placed && one.position <= row.position)) {
      this.#end(one, "confirmed");
    }
  }

  // The row's state with what is expected of it, in the order of positions.
  over(state) {
    const all = this.#all.toSorted((one, other) => one.position - other.position);
    return state && Object.assign({}, state, ...all.map((one) => one.change));
  }

  get pending() {
    return this.#all.length;
  }

  #end(one, kind, why) {
    this.#all.splice(this.#all.indexOf(one), 1);
    this.#onNotice({ id: one.id, kind, why });
  }
}
