// Results: stars, sorting helpers, the pictures behind a cell, heat maps and what-if.
import { live } from "../live.js";
import "../open-tab.js";
import { send } from "../send.js";
import { toast } from "../toasts.js";

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit]")) target.form.requestSubmit();
  if (target.dataset.goto) location.assign(target.dataset.goto);
  if (target.matches("[data-show]")) document.querySelector("[data-heats]").dataset.show = target.value;
});

for (const form of document.querySelectorAll("form[data-star]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const on = button.getAttribute("aria-pressed") !== "true";
    try {
      await send(form.action, { on: on ? "1" : "0" });
      button.setAttribute("aria-pressed", String(on));
    } catch (error) {
      toast(error.message, "error");
    }
  });
}

// Too few or too many models cannot be compared: said beside the button, which keeps the focus.
const compare = document.getElementById("compare");
const boxes = compare ? [...document.querySelectorAll('[form="compare"][type="checkbox"]')] : [];
function count() {
  const { least, most } = compare.dataset;
  const ticked = boxes.filter((one) => one.checked).length;
  compare.querySelector("button").ariaDisabled = String(ticked < least || ticked > most);
  const why = ticked > most ? `${ticked} are ticked, ${most} at most.` : `Tick ${least} to ${most} models.`;
  document.getElementById("compare-why").textContent = ticked >= least && ticked <= most ? "" : why;
}
boxes.forEach((one) => one.addEventListener("change", count));
if (boxes.length) {
  count();
  compare.addEventListener("submit", (event) => event.submitter?.ariaDisabled === "true" && event.preventDefault());
  addEventListener("pageshow", count); // back from a comparison, the ticks are there again
}

// A cancelled or failed job still holds its device: look again until that is over.
if (document.querySelector("[data-held]")) setTimeout(() => location.reload(), 1500);

const table = document.querySelector("[data-cells]");
table?.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  table.querySelectorAll('[aria-pressed="true"]').forEach((one) => one.setAttribute("aria-pressed", "false"));
  button.setAttribute("aria-pressed", "true");
  const query = new URLSearchParams({ true: button.dataset.true, predicted: button.dataset.predicted });
  const answer = await fetch(`${table.dataset.cells}?${query}`);
  if (answer.ok) document.querySelector("[data-cell]").innerHTML = await answer.text();
});

const heats = document.querySelector("[data-heats]");
const state = document.querySelector("[data-explain-state]");
let stop = null;

async function explain(form) {
  state.textContent = "A small job looks at it…";
  try {
    const data = new FormData(form);
    const job = await send(form.action, data);
    const look = async () => {
      const now = await (await fetch(job.address, { headers: { Accept: "application/json" } })).json();
      state.textContent = now.state === "succeeded" ? "" : now.reason || "Waits for a core…";
      if (now.over) stop?.();
      if (now.state === "succeeded") heats.replaceChildren(...now.items.map(card));
    };
    stop?.();
    stop = live.watch(`job:${job.job}`, job.seq, ({ type }) => ["state", "finished", "failed", "gap"].includes(type) && look());
    look();
  } catch (error) {
    state.textContent = error.message;
  }
}

const make = (tag, className = "", words = "") => Object.assign(document.createElement(tag), { className, textContent: words });

function card(item) {
  const box = make("article", "heat");
  if (item.trouble) {
    box.append(make("p", "f__e", item.trouble));
    return box;
  }
  const stack = make("div", "heat__s");
  for (const [name, src] of [["image", item.image], ["heat", item.heat]]) {
    if (!src) continue;
    const image = Object.assign(new Image(), { src, alt: name === "heat" ? `Where the model looked for ${item.prediction}` : "The image as the model sees it" });
    image.dataset[name] = "";
    stack.append(image);
  }
  const list = make("ul", "probas num");
  Object.entries(item.probas).sort((a, b) => b[1] - a[1]).slice(0, 6).forEach(([name, value]) => list.append(bar(name, value)));
  box.append(stack, make("b", "", item.prediction), list);
  opacity();
  return box;
}

function bar(name, value) {
  const svg = "http://www.w3.org/2000/svg";
  const row = make("li");
  const box = document.createElementNS(svg, "svg");
  for (const [key, at] of Object.entries({ class: "bar bar--8", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" })) box.setAttribute(key, at);
  const rect = document.createElementNS(svg, "rect");
  for (const [key, at] of Object.entries({ class: "o", width: (100 * value).toFixed(2), height: 10 })) rect.setAttribute(key, at);
  box.append(rect);
  row.append(make("span", "clip", name), box, make("span", "r", `${(100 * value).toFixed(1)} %`));
  return row;
}

const slider = document.querySelector("[data-opacity]");
const opacity = () => requestAnimationFrame(() => heats?.querySelectorAll("[data-heat]").forEach((image) => (image.style.opacity = slider.value / 100)));
slider?.addEventListener("input", opacity);

for (const form of document.querySelectorAll("form[data-explain]")) {
  form.addEventListener("submit", (event) => { event.preventDefault(); explain(form); });
  form.querySelector('input[type="file"]')?.addEventListener("change", () => explain(form));
  if (form.querySelector("[data-asked]") && form.querySelector("button")) explain(form);
}
const drop = document.querySelector("[data-drop]");
if (drop) {
  for (const type of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", type === "dragover");
      if (type !== "drop" || !event.dataTransfer.files.length) return;
      drop.querySelector("input").files = event.dataTransfer.files;
      explain(drop.closest("form"));
    });
  }
}
