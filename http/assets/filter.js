// The address is the state: typing replaces it, a choice adds to the history, back and forward
// bring the page to what the address says.
import { refresh } from "./patch.js";

const LIST = "/ui/workflows";
// What stands before the "=" of an attribute that is compared by its order.
const RANGES = { ">": "attr_min", "<": "attr_max", "^": "attr_prefix" };
let typing;

export async function go(href, { replace = false, force = true } = {}) {
  if (replace) history.replaceState(null, "", href);
  else if (href !== location.pathname + location.search) history.pushState(null, "", href);
  remember();
  try {
    await refresh({ force });
  } catch {
    location.assign(href);
  }
}

// The list's filters survive a visit to a run: links back to it carry them.
function remember() {
  if (location.pathname === LIST) sessionStorage.setItem("list", location.search);
  const search = sessionStorage.getItem("list") ?? "";
  for (const link of document.querySelectorAll("a[data-back-to-list]")) link.setAttribute("href", LIST + search);
}

function address(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const text = value.trim();
    if (!text) continue;
    const split = text.indexOf("=");
    if (name === "attr") {
      if (split <= 0) continue;
      const left = text.slice(0, split).trim();
      const kind = RANGES[left.at(-1)];
      const parameter = kind ? `${kind}.${left.slice(0, -1).trim()}` : `attr.${left}`;
      query.append(parameter, text.slice(split + 1).trim());
    } else query.append(name, text);
  }
  const search = query.toString();
  // Not `form.action`: a field of that name stands in front of it.
  return form.getAttribute("action") + (search ? `?${search}` : "");
}

export function startFilter() {
  remember();
  addEventListener("popstate", () => {
    remember();
    refresh({ force: true }).catch(() => location.reload());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-nav]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
  const form = document.getElementById("filters");
  if (!form) return;
  form.addEventListener("input", (event) => {
    if (!event.target.matches("input[data-typed]")) return;
    clearTimeout(typing);
    typing = setTimeout(() => go(address(form), { replace: true, force: false }), 180);
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=date]")) go(address(form));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    const added = form.elements.namedItem("attr");
    const href = address(form);
    if (added) added.value = "";
    go(href);
  });
}
