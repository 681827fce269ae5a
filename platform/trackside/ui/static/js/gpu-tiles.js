// Keeps GPU tiles (templates/ui/gpu_tile.html) fresh. Text and widths change in place: nothing moves,
// the focus stays, a tick in a box stays.
//   patchTiles(root, board, verdicts)   verdicts: {uuid: {verdict, needs, free}}, optional
import { icon } from "./icons.js";
import { duration, gib, initials, whole } from "./words.js";

const WIDTH = 236;
const HOT = 80;
const STATES = {
  free: ["ok", "Free", "check"],
  busy: ["bz", "Busy", "clock"],
  foreign: ["wn", "Used outside", "alert-triangle"],
  failed: ["er", "Failed", "x"],
  quarantined: ["wn", "Being freed", "hourglass"],
  stale: ["", "No news", "unplug"],
};
const VERDICTS = {
  fits: ["ok", "Fits", "check"],
  tight: ["wn", "Tight fit", "alert-triangle"],
  no_room_now: ["wn", "No room now", "alert-triangle"],
  too_small: ["er", "Too small", "x"],
  busy: ["bz", "Busy", "clock"],
  not_shared: ["", "Never shared", "lock"],
  reserved: ["bz", "Reserved", "lock"],
};
const BESIDE = ["fits", "tight", "no_room_now"]; // what a GPU that others share may say
const STRONGER = ["failed", "quarantined", "stale"];
const SAID = {
  failed: "Taken out of service",
  quarantined: "Its last job's processes are being cleared away",
  stale: "No fresh numbers from its machine",
};

export function patchTiles(root, board, verdicts = {}) {
  const gpus = new Map(board.nodes.flatMap((node) => node.gpus).map((gpu) => [gpu.uuid, gpu]));
  for (const tile of root.querySelectorAll("[data-gpu]")) {
    const gpu = gpus.get(tile.dataset.gpu);
    if (gpu) patch(tile, gpu, verdicts[gpu.uuid]);
  }
}

function patch(tile, gpu, verdict) {
  const at = (name) => tile.querySelector(`[data-f="${name}"]`);
  const text = (name, value) => {
    const node = at(name);
    if (node && node.textContent !== value) node.textContent = value;
  };
  tile.dataset.state = gpu.state;
  tile.classList.toggle("t--old", gpu.state === "stale");
  text("free", gib(gpu.memory_free));
  text("wants", verdict?.needs ? `needs ${gib(verdict.needs)}` : "");
  text("util", whole(gpu.utilization));
  text("temp", whole(gpu.temperature));
  text("power", whole(gpu.power));
  if (at("watts")) at("watts").hidden = (gpu.power ?? null) === null;
  at("heat")?.classList.toggle("hot", (gpu.temperature ?? 0) >= HOT);
  drawBar(at, gpu, verdict);
  drawSpark(at, gpu.history ?? []);
  drawPill(at("pill"), gpu, verdict);
  drawWho(at("who"), gpu, tile.tagName === "LABEL");
}

function drawBar(at, gpu, verdict) {
  const total = gpu.memory_total || 1;
  const used = Math.min(1, gpu.memory_used / total) * WIDTH;
  const wanted = verdict?.needs && (gpu.state !== "busy" || BESIDE.includes(verdict.verdict)) ? (verdict.needs / total) * WIDTH : 0;
  const needs = at("needs");
  at("used")?.setAttribute("width", used.toFixed(1));
  needs?.setAttribute("x", used.toFixed(1));
  needs?.setAttribute("width", Math.max(0, Math.min(wanted, WIDTH - used)).toFixed(1));
  const over = ["no_room_now", "too_small"].includes(verdict?.verdict);
  needs?.setAttribute("fill", over ? "url(#hatch-over)" : "url(#hatch)");
}

function drawSpark(at, history) {
  let points = history.slice(-60);
  if (points.length < 2) points = [points[0] ?? 0, points[0] ?? 0];
  const step = 100 / (points.length - 1);
  const line = `M${points.map((v, n) => `${(n * step).toFixed(1)} ${(17 - Math.min(100, v ?? 0) * 0.16).toFixed(1)}`).join("L")}`;
  at("line")?.setAttribute("d", line);
  at("area")?.setAttribute("d", `${line}L100 18L0 18Z`);
}

export function look(gpu, verdict) {
  const strong = STRONGER.includes(gpu.state);
  let [kind, words, name] = (!strong && VERDICTS[verdict?.verdict]) || STATES[gpu.state] || STATES.stale;
  if (gpu.queue && words === "Busy") words = `Busy, ${gpu.queue} queued`;
  return [kind, words, name];
}

function drawPill(box, gpu, verdict) {
  if (!box) return;
  const [kind, words, name] = look(gpu, verdict);
  if (box.dataset.now === kind + words) return;
  box.dataset.now = kind + words;
  const pill = document.createElement("span");
  pill.className = kind ? `p p--${kind}` : "p";
  pill.append(icon(name), words);
  box.replaceChildren(pill);
}

function drawWho(box, gpu, picking) {
  if (!box) return;
  const { person, words, end, name } = who(gpu);
  const eta = box.querySelector(".eta");
  if (eta && eta.textContent !== end) eta.textContent = end;
  if (box.querySelector(".who")?.textContent === words) return;
  const line = document.createElement("span");
  line.className = "who";
  line.title = words;
  line.append(gpu.holder?.project && !picking ? link(gpu.holder, words) : words);
  const mark = person ? avatar(person) : icon(name);
  const rest = document.createElement("span");
  rest.className = "eta num";
  rest.textContent = end;
  box.replaceChildren(mark, line, rest);
}

function who(gpu) {
  const holder = gpu.holder;
  if (holder?.kind === "job") {
    const person = holder.user || "Somebody";
    return { person, words: `${person}, ${holder.title}`, end: holder.eta ? `${duration(holder.eta)} left` : "" };
  }
  if (holder) {
    const user = holder.user ? `, user ${holder.user}` : "";
    return { words: `Outside process: ${holder.title}, pid ${holder.id}${user}`, end: "", name: "alert-triangle" };
  }
  if (gpu.state === "free") {
    const idle = gpu.idle_s >= 60 ? `, idle for ${duration(gpu.idle_s)}` : "";
    return { words: `Free${idle}`, end: "", name: "check" };
  }
  const words = gpu.note || SAID[gpu.state] || "In use outside Trackside";
  return { words, end: "", name: (STATES[gpu.state] ?? STATES.stale)[2] };
}

function avatar(person) {
  const mark = document.createElement("span");
  mark.className = "av";
  mark.setAttribute("aria-hidden", "true");
  mark.textContent = initials(person);
  return mark;
}

function link(holder, words) {
  const anchor = document.createElement("a");
  anchor.href = `/p/${holder.project}/jobs/${holder.id}/`;
  anchor.textContent = words;
  return anchor;
}
