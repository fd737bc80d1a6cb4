// Keys for the whole page. Letter keys can be turned off for those whose input device sends them
// by accident (WCAG 2.1.4).
import { go } from "./filter.js";

let leader = 0;

function letters() {
  return localStorage.getItem("letter-keys") !== "off";
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next].focus();
}

function escape(event) {
  const open = document.querySelector("details.action[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus({ preventScroll: true });
    return;
  }
  if (event.target.matches?.("input, textarea, select")) { event.target.blur(); return; }
  document.querySelector("a[data-close-detail]")?.click();
}

export function startKeys() {
  const help = document.getElementById("help");
  const toggle = document.getElementById("letter-keys");
  document.getElementById("show-help")?.addEventListener("click", () => help.showModal());
  document.getElementById("drawer")?.addEventListener("click", () => document.getElementById("nav").classList.toggle("open"));
  if (toggle) {
    toggle.checked = letters();
    toggle.addEventListener("change", () => localStorage.setItem("letter-keys", toggle.checked ? "on" : "off"));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape") { if (!help.open) escape(event); return; }
    if (help.open || event.target.matches?.("input, textarea, select, [contenteditable]")) return;
    if (!letters()) return;
    const afterG = event.timeStamp - leader < 1000;
    leader = event.key === "g" ? event.timeStamp : 0;
    switch (event.key) {
      case "/": {
        const search = document.querySelector("[data-search]");
        if (!search) return;
        event.preventDefault();
        search.focus();
        search.select();
        return;
      }
      case "?": help.showModal(); return;
      case "j": step(1); return;
      case "k": step(-1); return;
      case "t": document.querySelector(".timeline")?.focus(); return;
      case "w": if (afterG) location.assign(document.querySelector("a[data-back-to-list]").href); return;
    }
  });
  // Rows are links; in the history Enter opens the details without leaving the page.
  document.addEventListener("everstep:open", (event) => go(event.detail));
}
