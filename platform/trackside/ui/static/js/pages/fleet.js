// The fleet, live: tiles, machines, queue. When machines come or go the page is loaded anew.
import { patchTiles } from "../gpu-tiles.js";
import { live } from "../live.js";
import { gib } from "../words.js";

const fleet = document.getElementById("fleet");
const names = (board) => board.nodes.map((node) => `${node.name}:${node.gpus.length}`).join(",");
const states = new Map();

live.watch("gpus", 0, ({ type, data }) => {
  if (type !== "gpus") return;
  if (names(data) !== fleet.dataset.nodes) return location.reload();
  patchTiles(fleet, data);
  data.nodes.forEach(machine);
  queue(data.queue);
  const gpus = data.nodes.flatMap((node) => node.gpus);
  const free = gpus.filter((gpu) => gpu.state === "free").length;
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  put(document.getElementById("fleet-count"), `${gpus.length ? `${free} of ${plural(gpus.length, "GPU")} free` : "No GPU"} on ${plural(data.nodes.length, "node")}`);
  return undefined;
});

function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function machine(node) {
  const box = fleet.querySelector(`[data-node="${CSS.escape(node.name)}"]`);
  if (!box) return;
  const before = states.get(node.name) ?? node.state;
  states.set(node.name, node.state);
  if (before !== node.state) location.reload(); // its panel says something else now
  put(box.querySelector('[data-n="cpu"]'), String(Math.round(node.cpu_load)));
  put(box.querySelector('[data-n="cores"]'), String(node.cores_free));
  put(box.querySelector('[data-n="ram"]'), gib(node.memory_free));
}

function queue(waiting) {
  const list = document.getElementById("queue");
  put(document.getElementById("queue-count"), `${waiting.length} job${waiting.length === 1 ? "" : "s"}`);
  document.getElementById("queue-none").hidden = waiting.length > 0;
  list.replaceChildren(...waiting.map(line));
}

function line(job) {
  const item = document.createElement("li");
  const place = document.createElement("span");
  place.className = "ix num";
  place.textContent = job.position;
  const words = document.createElement("span");
  words.className = "stack stack--2";
  const title = document.createElement("b");
  title.className = "clip";
  title.textContent = title.title = job.title;
  const why = document.createElement("span");
  why.className = "t3 s";
  why.textContent = [job.user, job.reason].filter(Boolean).join(" · ");
  words.append(title, why);
  item.append(place, words);
  return item;
}
