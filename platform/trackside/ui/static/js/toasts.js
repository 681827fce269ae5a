// Short messages at the edge. Good news leaves by itself, bad news waits to be read.
import { icon } from "./icons.js";

const STAY = 6000;
const LOOKS = { success: "circle-check", info: "info", warning: "alert-triangle", error: "alert-triangle" };

export function toast(text, kind = "info") {
  const list = document.getElementById("toasts");
  if (!list) return;
  const item = document.createElement("div");
  item.className = `toast toast--${kind}`;
  const words = document.createElement("div");
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "b b--quiet b--sm b--ico";
  close.type = "button";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x"));
  item.append(icon(LOOKS[kind] ?? LOOKS.info), words, close);
  list.append(item);
  leave(item);
}

function leave(item) {
  if (item.matches(".toast--error, .toast--warning")) return;
  let timer = setTimeout(() => item.remove(), STAY);
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", () => (timer = setTimeout(() => item.remove(), STAY / 2)));
}

document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast, .note")?.remove());
document.querySelectorAll("#toasts > .toast").forEach(leave);
