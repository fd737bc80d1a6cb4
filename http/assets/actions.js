// Forms that act on a run: sent in the background, answered by a toast; and copying ids. Without
// this file the forms still work as forms.
import { refresh } from "./patch.js";
import { toast } from "./toast.js";

async function send(form) {
  const submit = form.querySelector("[type=submit]");
  form.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "x-live": "1", accept: "application/json" },
    });
    const answer = await response.json();
    toast(answer.toast, answer.kind);
    if (answer.kind === "done") {
      const details = form.closest("details");
      const hadFocus = form.contains(document.activeElement);
      form.reset();
      if (details) {
        details.open = false;
        // The form is gone from view; its opener is where the person was before.
        if (hadFocus) details.querySelector("summary").focus({ preventScroll: true });
      }
      // What can be done now is what was asked for: the opener itself may go.
      await refresh({ force: true });
    } else {
      // What was refused is mostly not as it is shown here any more.
      await refresh();
    }
  } catch {
    toast("The server did not answer; nothing is known of the outcome. Try again.", "error");
  }
  form.removeAttribute("aria-busy");
  submit?.removeAttribute("disabled");
}

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied", "done");
  } catch {
    toast("The browser does not allow copying here", "error");
  }
}

export function startActions() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-live]")) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") !== "true") send(form);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    const closer = event.target.closest("[data-close]");
    if (closer) {
      const details = closer.closest("details");
      details.open = false;
      details.querySelector("summary").focus({ preventScroll: true });
    }
    for (const open of document.querySelectorAll("details.action[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
}
