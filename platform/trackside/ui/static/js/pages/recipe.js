// A recipe's page: its compute picker, and a free name for its output.
import { follow, show } from "../compute-picker.js";

document.querySelectorAll("[data-picker]").forEach(show);
follow(document);

const dataset = document.getElementById("dataset");
const output = document.getElementById("output");
let suggested = output?.value;
dataset?.addEventListener("change", () => {
  if (output.value !== suggested) return;
  output.value = suggested = `${dataset.value}_scored`;
});
