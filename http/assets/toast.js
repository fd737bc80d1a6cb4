// Messages that go by themselves. Errors are alerts and stay longer; pointer and focus hold them.
const MS = { status: 5000, alert: 12000 };

function dismissible(toast) {
  const ms = MS[toast.getAttribute("role")] ?? MS.status;
  let timer;
  const hold = () => clearTimeout(timer);
  const go = () => { hold(); timer = setTimeout(() => toast.remove(), ms); };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", go);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", go);
  toast.querySelector("button")?.addEventListener("click", () => toast.remove());
  go();
}

export function toast(text, kind) {
  const shape = document.getElementById(kind === "error" ? "toast-error" : "toast-done");
  const element = shape.content.firstElementChild.cloneNode(true);
  element.querySelector(".text").textContent = text;
  document.getElementById("toasts").append(element);
  dismissible(element);
}

export function startToasts() {
  for (const element of document.querySelectorAll("#toasts .toast")) dismissible(element);
}
