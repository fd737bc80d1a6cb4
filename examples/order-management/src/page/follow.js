// Follows views of the projection API: the rows as they are, then each change as it is committed.
// Server-sent events over fetch, which unlike EventSource can say who is there.
const TOKEN = "everstep-token";
const AGAIN_MS = 1000;

export const token = {
  set: (text) => sessionStorage.setItem(TOKEN, text),
  headers: () => {
    const text = sessionStorage.getItem(TOKEN);
    return text ? { authorization: `Bearer ${text}` } : {};
  },
};

// The page's own `?namespace=`, for everything that it asks.
const NAMESPACE = new URLSearchParams(location.search).get("namespace");

async function ask(path, headers, signal, body) {
  const url = new URL(path, location.origin);
  if (NAMESPACE) url.searchParams.set("namespace", NAMESPACE);
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(url, { ...sent, headers: { ...token.headers(), ...headers }, signal });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? `${path}: ${response.status}`), { status: response.status });
}

// Sends a command under an id; answers its record. A refusal is an error with a `status`.
export async function send(command, id, payload) {
  const path = `/api/v1/commands/${encodeURIComponent(command)}`;
  const headers = { "content-type": "application/json" };
  return (await ask(path, headers, undefined, { command_id: id, payload })).json();
}

const base = (view) => `/api/v1/projections/${encodeURIComponent(view)}`;

// Every row of a view, a page after the other.
async function rows(view, onRow, signal) {
  let next = "";
  do {
    const at = next ? `&page_token=${encodeURIComponent(next)}` : "";
    const page = await (await ask(`${base(view)}/rows?page_size=500${at}`, {}, signal)).json();
    page.rows.forEach(onRow);
    next = page.next_page_token;
  } while (next);
}

async function* frames(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const frame = {};
      for (const line of part.split("\n")) {
        const [, name, rest] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (name) frame[name] = rest;
      }
      if (frame.event) yield frame;
    }
  }
}

// Calls `onRow` with each row of the view, or of `key` alone, and again whenever it changes; that of
// `key` with the events that led to it. A row is told at most once for each position. Answers what
// ends it.
export function follow(view, key, onRow, onState) {
  const stop = new AbortController();
  const known = new Map();
  let last = "";
  const take = (row) => {
    if ((known.get(row.key) ?? -1) >= row.position) return;
    known.set(row.key, row.position);
    onRow(row);
  };
  const one = async () => {
    const path = key === null ? `${base(view)}/events` : `${base(view)}/rows/${encodeURIComponent(key)}/events?events=true`;
    const since = last ? { "last-event-id": last } : {};
    const response = await ask(path, { accept: "text/event-stream", ...since }, stop.signal);
    // Followed first, read second: nothing falls between the two.
    if (key === null && !last) await rows(view, take, stop.signal);
    onState("live");
    for await (const frame of frames(response)) {
      if (frame.id) last = frame.id;
      if (frame.event === "row") take(JSON.parse(frame.data));
      if (frame.event === "resync" && key === null) await rows(view, take, stop.signal);
    }
  };
  (async () => {
    while (!stop.signal.aborted) {
      try {
        await one();
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error.status === 401) return onState("token");
      }
      onState("offline");
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  })();
  return () => stop.abort();
}
