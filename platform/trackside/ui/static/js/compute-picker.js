// The compute picker (templates/compute/_picker.html): what belongs to the chosen way, live tiles.
import { patchTiles } from "./gpu-tiles.js";
import { live } from "./live.js";

export function show(picker) {
  const now = () => {
    const where = picker.querySelector('[name="where"]:checked')?.value;
    for (const part of picker.querySelectorAll("[data-where]")) part.hidden = part.dataset.where !== where;
  };
  picker.addEventListener("change", now);
  now();
}

// Answers how to stop following.
export function follow(root, verdicts = {}) {
  if (!root.querySelector("[data-gpu]")) return () => {};
  return live.watch("gpus", 0, ({ type, data }) => type === "gpus" && patchTiles(root, data, verdicts));
}
