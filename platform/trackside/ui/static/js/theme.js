// The switch works without a reload; the server keeps the choice and renders it on every page.
import { send } from "./send.js";

for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("change", (event) => {
    const theme = event.target.value;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.dispatchEvent(new CustomEvent("theme", { detail: theme }));
    send(form.action, { theme, next: "/" }).catch(() => {});
  });
}
