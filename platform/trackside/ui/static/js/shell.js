// What every page does: theme, toasts, dialogs, menus, times, htmx's token.
import "./theme.js";
import "./toasts.js";
import "./dialogs.js";
import "./ago.js";
import "./param-form.js";
import "./scrollers.js";
import { csrf } from "./send.js";

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrf();
});
