// The dialog of one waiting job: its priority, and what it runs on.
import { look } from "../gpu-tiles.js";
import { send } from "../send.js";
import { toast } from "../toasts.js";
import { gib } from "../words.js";
import { refresh } from "./fleet-queue.js";

const dialog = document.getElementById("change");
const at = (name) => dialog.querySelector(`[data-f="${name}"]`);
const moving = dialog.querySelector('[data-do="move"]');
let job = null;

export function openChange(chosen, board) {
  if (!chosen) return;
  job = chosen;
  const wants = job.wants ?? {};
  document.getElementById("change-t").textContent = job.title;
  at("facts").textContent = [job.user, job.wish && `waits for ${job.wish}`].filter(Boolean).join(" · ");
  dialog.querySelector("#change-priority").value = job.priority;
  moving.elements.kind.value = wants.kind ?? "any";
  moving.elements.count.value = wants.count ?? Math.max(1, wants.uuids?.length ?? 1);
  moving.elements.ranks.value = wants.ranks ?? 1;
  at("picks").replaceChildren(...board.nodes.filter((node) => node.gpus.length).map((node) => group(node, wants.uuids ?? [])));
  wrong("");
  show();
  dialog.showModal();
  at("picks").querySelector(":checked")?.scrollIntoView({ block: "center" });
}

function group(node, chosen) {
  const box = document.createElement("div");
  const name = document.createElement("p");
  name.className = "t3 s";
  name.textContent = node.state === "online" ? node.name : `${node.name}, ${node.state}`;
  box.append(name, ...node.gpus.map((gpu) => pick(gpu, chosen.includes(gpu.uuid))));
  return box;
}

function pick(gpu, chosen) {
  const row = document.createElement("label");
  row.className = "pick";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = "uuids";
  box.value = gpu.uuid;
  box.checked = chosen;
  const words = document.createElement("span");
  words.className = "clip";
  words.textContent = `GPU ${gpu.index} · ${gpu.name.replace(" (simulated)", "")}`;
  const state = document.createElement("span");
  state.className = "t3 s num";
  state.textContent = gpu.state === "failed" ? look(gpu)[1] : `${look(gpu)[1]}, ${gib(gpu.memory_free)} GiB free`;
  row.append(box, words, state);
  return row;
}

function show() {
  const kind = moving.elements.kind.value;
  for (const part of moving.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== kind;
    for (const control of part.querySelectorAll("input")) control.disabled = part.hidden;
  }
}

function wrong(text) {
  at("wrong").hidden = !text;
  at("wrong").lastElementChild.textContent = text;
}

moving.addEventListener("change", show);

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const url = `${document.getElementById("queue").dataset.url}${job.id}/${form.dataset.do}/`;
    const answer = await send(url, new FormData(form));
    dialog.close();
    toast(answer.said, "success");
    await refresh();
  } catch (problem) {
    wrong(problem.message);
  } finally {
    button.disabled = false;
  }
});
