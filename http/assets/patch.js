// Brings the regions of this page to what a fresh copy of it says. Elements keep their identity, so
// focus, scroll, selection and open details survive.
import { syncClock, updateTimes } from "./times.js";

// What belongs to the person at the screen and not to the server.
const KEPT = new Set(["open", "title"]);

const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key ?? node.id : "");

// Where the text selection begins, if there is one. Asked once a patch: the answer costs a layout,
// and a table with two hundred new rows would be laid out for each of them.
let selected = null;

function findSelection() {
  const selection = document.getSelection();
  selected = selection && !selection.isCollapsed ? selection.anchorNode : null;
}

// In use: taking it away would take away focus or a text selection.
function inUse(node) {
  if (node.nodeType !== 1) return false;
  return node.contains(document.activeElement) || (!!selected && node.contains(selected));
}

const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary";

// Takes an element away, unless someone is at work in it and did not ask for the change (`force`).
// What had the focus leaves it to its neighbour; actions that are no longer possible leave it to
// the page's heading.
function remove(node, force) {
  if (inUse(node)) {
    const idle = node.nodeType === 1 && "hold" in node.dataset && !node.querySelector("details[open]");
    if (!idle && !force) return;
    const near = idle ? null : node.previousElementSibling ?? node.parentElement;
    const heir = near?.matches(FOCUSABLE) ? near : near?.querySelector(FOCUSABLE);
    (heir ?? document.querySelector("h1")).focus({ preventScroll: true });
  }
  node.remove();
}

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function field(old, fresh, force) {
  if (old === document.activeElement && !force) return;
  const value = fresh.tagName === "SELECT"
    ? fresh.querySelector("option[selected]")?.value ?? fresh.options[0]?.value
    : fresh.getAttribute("value") ?? "";
  if (value !== undefined && old.value !== value) old.value = value;
}

function same(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function morph(old, fresh, force) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  const version = fresh.dataset.v;
  if (version !== undefined && version === old.dataset.v && !force) return;
  // A form that someone fills in is left alone until they are done.
  if ("hold" in old.dataset && inUse(old) && !force) return;
  attributes(old, fresh);
  if (old.tagName === "INPUT" || old.tagName === "SELECT") field(old, fresh, force);
  if (old.tagName === "TEXTAREA") return;
  children(old, fresh, force);
}

function children(old, fresh, force) {
  const keyed = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let match = key ? keyed.get(key) : at;
    if (match && !same(match, wanted)) match = undefined;
    if (!match) {
      old.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (key) keyed.delete(key);
    if (match === at) at = at.nextSibling;
    // Moving an element drops its focus; one that is in use stays where it is.
    else if (!inUse(match)) old.insertBefore(match, at);
    morph(match, wanted, force);
  }
  while (at) {
    const next = at.nextSibling;
    const claimed = keyOf(at) && !keyed.has(keyOf(at));
    if (!claimed) remove(at, force);
    at = next;
  }
  for (const left of keyed.values()) {
    if (left.parentNode === old) remove(left, force);
  }
}

export function patch(fresh, { force = false } = {}) {
  syncClock(fresh.documentElement);
  findSelection();
  if (document.title !== fresh.title) document.title = fresh.title;
  const topics = fresh.body.dataset.topics;
  if (topics) document.body.dataset.topics = topics;
  for (const region of document.querySelectorAll("[data-region]")) {
    const wanted = fresh.getElementById(region.id);
    if (wanted) morph(region, wanted, force);
  }
  updateTimes();
  document.dispatchEvent(new CustomEvent("everstep:patched"));
}

let latest = 0;
// Somebody asked for a change that no answer has brought yet. A notice may overtake their request;
// the answer that comes then has to bring it.
let forced = false;

// Asks for this page's own address again. False when a newer request has overtaken this one.
export async function refresh({ force = false } = {}) {
  forced ||= force;
  const mine = ++latest;
  const response = await fetch(location.href, { headers: { accept: "text/html", "x-live": "1" } });
  const text = await response.text();
  if (mine !== latest) return false;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const built = fresh.documentElement.dataset.assets;
  if (built && built !== document.documentElement.dataset.assets) {
    // Another build serves now: these scripts may not fit its pages.
    location.reload();
    return false;
  }
  if (response.ok) {
    patch(fresh, { force: forced });
    forced = false;
  }
  return response.ok;
}
