// The compute picker shows what belongs to the chosen way; tiles stay fresh; a free output name.
import { patchTiles } from "../gpu-tiles.js";
import { live } from "../live.js";

if (document.querySelector("[data-gpu]")) live.watch("gpus", 0, ({ type, data }) => type === "gpus" && patchTiles(document, data));

for (const picker of document.querySelectorAll("[data-picker]")) {
  const show = () => {
    const where = picker.querySelector('[name="where"]:checked')?.value;
    for (const part of picker.querySelectorAll("[data-where]")) part.hidden = part.dataset.where !== where;
  };
  picker.addEventListener("change", show);
  show();
}

const dataset = document.getElementById("dataset");
const output = document.getElementById("output");
let suggested = output?.value;
dataset?.addEventListener("change", () => {
  if (output.value !== suggested) return;
  output.value = suggested = `${dataset.value}_scored`;
});
