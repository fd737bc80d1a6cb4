import { Expected, PATIENCE_MS } from "./expected.js";
import { follow, send, token } from "./follow.js";

// Orders that the list shows, the newest.
const SHOWN = 200;
const LABELS = { live: "Live", offline: "Offline", token: "Needs a token" };

const $ = (id) => document.getElementById(id);
const euro = (cents) => (cents / 100).toFixed(2);
const orders = new Map();
let leave = () => {};
let chosen = null;
// The chosen order as the server last told of it, and what is expected in front of it.
let detail = null;
let expected = new Expected(() => {});

function state(now) {
  $("live").dataset.state = now;
  $("live").textContent = LABELS[now];
  $("token").hidden = now !== "token";
}

function cell(text, kind = "td", className = "") {
  const made = document.createElement(kind);
  if (kind === "th") made.scope = "row";
  made.className = className;
  made.append(text);
  return made;
}

// The line of a key in a table, in the order of the keys; newest first where that is wanted.
function line(table, key, newestFirst) {
  const body = table.tBodies[0];
  for (const row of body.rows) {
    if (row.dataset.key === key) return row;
    if (newestFirst ? row.dataset.key < key : row.dataset.key > key) {
      return body.insertBefore(Object.assign(document.createElement("tr"), {}), row);
    }
  }
  return body.insertRow();
}

function showOrder({ key, state: order }) {
  orders.set(key, order);
  const row = line($("orders"), key, true);
  row.dataset.key = key;
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = key;
  open.addEventListener("click", () => choose(key));
  const focused = row.contains(document.activeElement);
  row.replaceChildren(
    cell(open, "th"),
    cell(order.customerName ?? order.customerId),
    cell(order.status, "td", "status"),
    cell(String(order.pieces), "td", "end"),
    cell(euro(order.totalCents), "td", "end"),
  );
  row.classList.toggle("chosen", key === chosen);
  if (focused) open.focus();
  const body = $("orders").tBodies[0];
  while (body.rows.length > SHOWN) body.deleteRow(-1);
}

function showStock({ key, state: stock }) {
  const row = line($("stock"), key, false);
  row.dataset.key = key;
  row.replaceChildren(
    cell(stock.name, "th"),
    cell(String(stock.available), "td", "end available"),
    cell(String(stock.reserved), "td", "end reserved"),
  );
}

function pairs(list) {
  const made = document.createElement("dl");
  for (const [name, value] of list) {
    if (value) made.append(cell(name, "dt"), cell(value, "dd"));
  }
  return made;
}

function showDetail() {
  const { key, state } = detail;
  const order = expected.over(state);
  const waits = expected.pending > 0;
  $("detail-title").textContent = key;
  $("cancel").hidden = waits || !order || order.status === "cancelled";
  if (!order) {
    $("detail-body").textContent = "There is no such order.";
    return;
  }
  const run = document.createElement("a");
  run.href = `/ui/workflows/${encodeURIComponent(key)}`;
  run.textContent = "its workflow";
  const status = document.createElement("span");
  status.className = waits ? "expected" : "";
  status.textContent = order.status;
  const items = document.createElement("table");
  for (const item of order.items) {
    items.insertRow().append(
      cell(item.productId, "th"),
      cell(`${item.quantity} ×`, "td", "end"),
      cell(euro(item.unitPriceCents), "td", "end"),
    );
  }
  const steps = document.createElement("ol");
  for (const step of order.steps) {
    const event = document.createElement("a");
    event.href = `/ui/events/${step.position}`;
    event.textContent = step.what;
    const entry = cell(event, "li");
    entry.append(" ", cell(step.at, "span", "muted"));
    steps.append(entry);
  }
  $("detail-body").replaceChildren(
    pairs([
      ["Status", status],
      ["Customer", order.customerName ?? order.customerId],
      ["City", order.city],
      ["Total", euro(order.totalCents)],
      ["Reservation", order.reservation?.status],
      ["Cancelled because", order.cancelledBecause],
      ["Fulfilled by", order.customerName !== null ? run : ""],
    ]),
    items,
    steps,
  );
}

// What was shown too early is taken back, and said so.
function notice({ id, kind, why }) {
  if (kind === "confirmed") return;
  console.warn(`rolled back: command ${id}: ${kind}: ${why}`);
  $("notice").textContent = `Not cancelled: ${why}`;
}

const freshId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

async function cancel(reason) {
  const [id, own] = [freshId(), expected];
  own.expect(id, { status: "cancelling…" }, performance.now());
  $("notice").textContent = "";
  showDetail();
  // One look, when it would be too old.
  setTimeout(() => {
    own.expire(performance.now());
    if (own === expected) showDetail();
  }, PATIENCE_MS + 100);
  try {
    const { first_position: position } = await send("CancelOrder", id, { orderId: detail.key, reason });
    own.answered(id, position);
  } catch (error) {
    // Without a status nobody can say whether it arrived: that is what the patience is for.
    if (error.status) own.refused(id, error.message);
  }
  if (own === expected) showDetail();
}

function choose(key) {
  leave();
  expected = new Expected(notice);
  $("notice").textContent = "";
  $("cancel").hidden = true;
  chosen = key;
  location.hash = key;
  for (const row of $("orders").tBodies[0].rows) row.classList.toggle("chosen", row.dataset.key === key);
  leave = follow("orderDetail", key, (row) => {
    detail = row;
    expected.take(row);
    showDetail();
  }, () => {});
}

// What stood in a table's place until its rows were read.
function loaded(table, now) {
  if (now !== "live") return;
  table.tBodies[0].removeAttribute("aria-busy");
  for (const row of table.querySelectorAll(".skeleton")) row.remove();
}

function begin() {
  follow("orderSummaries", null, showOrder, (now) => {
    loaded($("orders"), now);
    state(now);
  });
  follow("productStock", null, showStock, (now) => loaded($("stock"), now));
  const key = decodeURIComponent(location.hash.slice(1));
  if (key) choose(key);
}

$("token").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(new FormData(event.target).get("token"));
  begin();
});
$("cancel").addEventListener("submit", (event) => {
  event.preventDefault();
  cancel(new FormData(event.target).get("reason"));
});
addEventListener("hashchange", () => {
  const key = decodeURIComponent(location.hash.slice(1));
  if (key && key !== chosen) choose(key);
});
begin();
