// The fleet, live: tiles, machines, queue, and what administrators do. The layout comes from the
// server: when nodes or cards come, go or change their state, that part of the page is fetched anew.
import { patchTiles } from "../gpu-tiles.js";
import { live } from "../live.js";
import { gib, plural, put } from "../words.js";
import { openChange } from "./fleet-change.js";
import { drawQueue, followQueue } from "./fleet-queue.js";

const SPREAD = 2000; // ms: a thousand open pages do not all ask in the same moment
let board = JSON.parse(document.getElementById("board").textContent);
let fetching = false;
const fleet = () => document.getElementById("fleet");

live.watch("gpus", 0, ({ type, data }) => {
  if (type !== "gpus") return;
  board = data;
  draw();
});

followQueue(
  () => board,
  (job) => openChange(job, board),
);
draw();

function draw() {
  if (layout(board) !== fleet().dataset.layout) anew();
  patchTiles(fleet(), board);
  board.nodes.forEach(machine);
  board.nodes.flatMap((node) => node.gpus).forEach(remarks);
  drawQueue(board);
  count();
}

// The same as compute/fleet_page.py's names().
function layout({ nodes }) {
  const card = (gpu) => `${gpu.uuid}:${gpu.broken ? 1 : 0}`;
  const one = (node) =>
    `${node.name}/${node.state}/${node.drain_note}/${node.warm ? 1 : 0}/${node.why_no_gpu ? 1 : 0}/${node.gpus.map(card).join("+")}`;
  return nodes.map(one).join(",");
}

function anew() {
  if (fetching) return;
  fetching = true;
  setTimeout(async () => {
    try {
      const here = new URL(location.href);
      here.searchParams.set("part", "fleet");
      const answer = await fetch(here, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) replace(await answer.text());
    } finally {
      fetching = false;
    }
    patchTiles(fleet(), board);
  }, Math.random() * SPREAD);
}

function replace(html) {
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("fleet");
  if (!next) return;
  const open = new Set([...fleet().querySelectorAll("details[open]")].map(fold));
  for (const one of next.querySelectorAll("details")) one.open = open.has(fold(one));
  const held = fleet().contains(document.activeElement) ? label(document.activeElement) : "";
  fleet().replaceWith(next);
  if (held) [...next.querySelectorAll("a, button, summary")].find((one) => label(one) === held)?.focus();
}

const fold = (one) => `${section(one)} ${one.className}`;
const section = (one) => one.closest("[data-node]")?.dataset.node;
const label = (one) => `${section(one)} ${one.textContent.trim()}`;

function machine(node) {
  const box = fleet().querySelector(`[data-node="${CSS.escape(node.name)}"]`);
  if (!box) return;
  put(box.querySelector('[data-n="cpu"]'), String(Math.round(node.cpu_load)));
  put(box.querySelector('[data-n="cores"]'), String(node.cores_free));
  put(box.querySelector('[data-n="ram"]'), gib(node.memory_free));
}

function remarks(gpu) {
  const box = fleet().querySelector(`[data-tile="${CSS.escape(gpu.uuid)}"] .tw__more`);
  if (!box) return;
  const shared = gpu.shares || gpu.holders.length > 1 ? gpu.holders : [];
  const now = JSON.stringify([gpu.remarks, shared.map((one) => [one.id, one.title, one.memory])]);
  if (box.dataset.now === now) return;
  box.dataset.now = now;
  const said = gpu.remarks.map(({ kind, text }) => item(kind && `is-${kind}`, text));
  box.querySelector("ul").replaceChildren(...said, ...shared.map(holder));
  box.hidden = !said.length && !shared.length && !gpu.broken;
}

function item(kind, ...content) {
  const one = document.createElement("li");
  if (kind) one.className = kind;
  one.append(...content);
  return one;
}

function holder(job) {
  const words = `${job.user || "Somebody"}, ${job.title}`;
  const budget = job.memory ? ` · up to ${gib(job.memory)} GiB` : "";
  if (!job.project) return item("", words, budget);
  const link = document.createElement("a");
  link.href = `/p/${job.project}/jobs/${job.id}/`;
  link.textContent = words;
  return item("", link, budget);
}

function count() {
  const gpus = board.nodes.flatMap((node) => node.gpus);
  const free = (nodes) => nodes.flatMap((node) => node.gpus).filter((gpu) => gpu.state === "free").length;
  const taking = free(board.nodes.filter((node) => node.state === "online"));
  const closed = free(board.nodes) - taking;
  const sort = gpus.some((gpu) => gpu.parent) ? `${gpus.length} GPUs and MIG slices` : plural(gpus.length, "GPU");
  const share = gpus.length ? `${taking} of ${sort} free` : "No GPU";
  const rest = closed ? `, ${closed} more where no job may begin` : "";
  put(document.getElementById("fleet-count"), `${share} on ${plural(board.nodes.length, "node")}${rest}`);
  put(document.querySelector(".fleet__queue"), `${plural(board.waiting, "job")} waiting`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-drain]");
  if (!button) return;
  const dialog = document.getElementById("drain");
  dialog.querySelector("form").action = button.dataset.url;
  dialog.querySelector("[data-name]").textContent = button.dataset.drain;
  dialog.showModal();
});
