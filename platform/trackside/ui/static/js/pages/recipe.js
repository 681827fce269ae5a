// A recipe's page: its compute picker, a free name for its output, and what concerns the chosen model.
import { follow, show } from "../compute-picker.js";
import "../param-form.js";

document.querySelectorAll("[data-picker]").forEach(show);
follow(document);

const dataset = document.getElementById("dataset");
const output = document.getElementById("output");
let suggested = output?.value;
dataset?.addEventListener("change", () => {
  if (!output || output.value !== suggested) return; // an evaluation has no output to name
  output.value = suggested = `${dataset.value}_scored`;
});

// A new recipe: only what goes with the chosen data and model. The server checks it all again.
const model = document.getElementById("model");
const field = (name) => document.querySelector(`[name="set-${name}"]`)?.closest(".f");

const store = document.getElementById("store"); // of an evaluation: follows its model until it is named
let history = model?.selectedOptions[0]?.dataset.store; // a form that came back may have another name
model?.addEventListener("change", () => {
  const next = model.selectedOptions[0].dataset.store;
  if (store && store.value === history) store.value = next;
  history = next;
});

function fit() {
  const table = dataset.selectedOptions[0]?.dataset.kind === "table";
  const { task, cpuOnly, engines } = model.selectedOptions[0]?.dataset ?? {};
  for (const part of document.querySelectorAll('[data-of="table"]')) part.hidden = !table;
  if (field("threshold")) field("threshold").hidden = task !== "two_class";
  if (field("probabilities")) field("probabilities").hidden = task === "regression";
  const file = table && (document.querySelector('[name="set-output"]:checked')?.value ?? "dataset") !== "dataset";
  document.querySelector('[data-to="dataset"]').hidden = file;
  output.required = !file;
  onCpu(table ? cpuOnly : "");
  offer((engines ?? "").split(" ").filter(Boolean));
}

// The engines that take the chosen model; where none does, its own library is no choice. What is
// not offered cannot be sent either; those that no machine has stay disabled.
const ways = [...document.querySelectorAll('[name="set-engine"]')];
const barred = new Set(ways.filter((one) => one.disabled));
function offer(takers) {
  if (!ways.length) return;
  field("engine").hidden = !takers.length;
  for (const way of ways) {
    const fits = ["own", ...(takers.length ? ["fastest", ...takers] : [])].includes(way.value);
    way.closest("label").hidden = !fits;
    way.disabled = !fits || barred.has(way);
    if (!fits && way.checked) ways.find((one) => one.value === "own").checked = true;
  }
}

function onCpu(sentence) {
  const said = document.querySelector("p[data-cpu-only]");
  said.hidden = !sentence;
  said.textContent = sentence ?? "";
  for (const way of document.querySelectorAll('[name="where"]')) {
    way.closest("label").hidden = Boolean(sentence) && way.value !== "cpu";
    if (!sentence || way.value !== "cpu" || way.checked) continue;
    way.checked = true;
    way.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

if (dataset && model && output) {
  document.addEventListener("change", (event) => event.target.matches("#dataset, #model, [name='set-output']") && fit());
  fit();
}
