// Theme and time zone: kept in cookies, so that the server draws the first frame right.
import { updateTimes } from "./times.js";

const root = document.documentElement;

export function startPreferences() {
  for (const button of document.querySelectorAll("button[data-set]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const { set, to } = button.dataset;
      document.cookie = `everstep_${set}=${to}; path=/ui; max-age=31536000; samesite=strict`;
      if (set === "theme" && to === "auto") delete root.dataset.theme;
      else root.dataset[set] = to;
      for (const other of document.querySelectorAll(`button[data-set="${set}"]`)) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      updateTimes();
      document.dispatchEvent(new CustomEvent("everstep:theme"));
    });
  }
}
