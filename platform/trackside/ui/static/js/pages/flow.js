// The Flow page: graph, list, selection, keys, and what is running now.
import { arrange, box, line, WORKING, working } from "../flow-draw.js";
import { Camera } from "../flow-camera.js";
import { make, panel } from "../flow-panel.js";
import { stateWords } from "../flow-words.js";
import { icon } from "../icons.js";
import { OVER, amount, share } from "../job-words.js";
import { live } from "../live.js";

const $ = (id) => document.getElementById(id);
const [page, svg, stage, side, listing] = ["flow", "svg", "stage", "side", "listing"].map($);
let graph = JSON.parse($("graph").textContent);
let byId = new Map();
let sources = new Map();
let targets = new Map();
let chosen = null;
const camera = new Camera(svg, $("cam"), stage, $("mini"), $("zoom-at"));

/* ---------- drawing ---------- */
function draw() {
  byId = new Map(graph.nodes.map((node) => [node.id, node]));
  sources = new Map(graph.nodes.map((node) => [node.id, []]));
  targets = new Map(graph.nodes.map((node) => [node.id, []]));
  for (const { from, to } of graph.edges) {
    targets.get(from).push(to);
    sources.get(to).push(from);
  }
  const made = arrange(graph.nodes, graph.edges, camera.room());
  $("edges").replaceChildren(...graph.edges.map(({ from, to }) => line(byId.get(from), byId.get(to), made.bends.get(`${from}>${to}`) ?? [])));
  focused(() => $("nodes").replaceChildren(...graph.nodes.map(box)));
  camera.show(graph.nodes, made.width, made.height);
  stage.dataset.crossings = made.crossings;
  redraw();
}

// Boxes are drawn anew as jobs go on: whoever walks through them by keys stays where they are.
function focused(drawn) {
  const id = document.activeElement?.closest(".n")?.dataset.id;
  drawn();
  if (id && byId.has(id)) element(id)?.focus({ preventScroll: true });
}

function redraw() {
  count();
  bar();
  table();
  select(byId.has(chosen) ? chosen : null);
}

function count() {
  const number = (test) => graph.nodes.filter(test).length;
  const parts = [[number((n) => n.type === "recipe" && working(n)), "running"], [number((n) => n.state === "failed" && n.type !== "dataset"), "failed"], [number((n) => n.state === "out_of_date"), "out of date"]];
  const said = parts.filter(([n]) => n).map(([n, word]) => `${n} ${word}`);
  $("count").textContent = [`${graph.nodes.length} item${graph.nodes.length === 1 ? "" : "s"}`, ...said].join(", ");
}

function bar() {
  const running = graph.nodes.find((node) => node.type === "recipe" && WORKING.includes(node.state));
  $("runbar").hidden = !running;
  if (!running) return;
  const svgBar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svgBar.setAttribute("class", "bar");
  svgBar.setAttribute("viewBox", "0 0 100 10");
  svgBar.setAttribute("preserveAspectRatio", "none");
  svgBar.setAttribute("aria-hidden", "true");
  const fill = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  fill.setAttribute("class", "g");
  fill.setAttribute("height", "10");
  fill.setAttribute("width", share(running.progress ?? {}).toFixed(1));
  svgBar.append(fill);
  const watch = running.actions.find((one) => one.label === "Watch");
  const said = amount(running.progress ?? {}) || running.state;
  $("runbar").replaceChildren(icon("gpu"), make("span", { class: "clip" }, make("b", {}, running.name)), svgBar, make("span", { class: "num t2" }, said), watch ? make("a", { class: "b b--sm", href: watch.url }, "Open") : "");
}

function table() {
  const names = (ids) => ids.map((id) => byId.get(id).name).join(", ") || "–";
  const rows = graph.nodes.map((node) => {
    const open = make("button", { type: "button", "data-go": node.id }, node.name);
    const cells = [node.label, node.sub || "–", stateWords(node), names(sources.get(node.id)), names(targets.get(node.id))];
    return make("tr", { class: node.id === chosen ? "on" : null, "data-row": node.id }, make("th", { scope: "row" }, open), cells.map((text) => make("td", {}, text)));
  });
  const head = make("thead", {}, make("tr", {}, ["Name", "Kind", "Content", "State", "Made from", "Used by"].map((text) => make("th", { scope: "col" }, text))));
  listing.replaceChildren(make("table", { class: "tb" }, make("caption", { class: "sr" }, "The items of the Flow"), head, make("tbody", {}, rows)));
}

/* ---------- selection ---------- */
function reach(start, next) {
  const found = new Set();
  const open = [start];
  while (open.length) for (const id of next.get(open.pop())) if (!found.has(id)) found.add(id) && open.push(id);
  return found;
}

const element = (id) => svg.querySelector(`.n[data-id="${CSS.escape(id)}"]`);

function select(id, focus = false) {
  chosen = id;
  const up = id ? reach(id, sources) : new Set();
  const down = id ? reach(id, targets) : new Set();
  svg.classList.toggle("dim", Boolean(id));
  for (const one of svg.querySelectorAll(".n")) {
    const key = one.dataset.id;
    one.classList.toggle("sel", key === id);
    one.classList.toggle("rel", up.has(key) || down.has(key));
    one.setAttribute("aria-pressed", String(key === id));
    one.setAttribute("tabindex", key === (id ?? graph.nodes[0].id) ? "0" : "-1");
  }
  const within = (set, key) => key === id || set.has(key);
  for (const one of svg.querySelectorAll(".e")) {
    const { a, b } = one.dataset;
    one.classList.toggle("up", Boolean(id) && within(up, a) && within(up, b));
    one.classList.toggle("dn", Boolean(id) && within(down, a) && within(down, b));
  }
  for (const row of listing.querySelectorAll("tr[data-row]")) row.classList.toggle("on", row.dataset.row === id);
  if (focus && id) {
    camera.reveal(byId.get(id));
    element(id).focus({ preventScroll: true });
  }
  panel(side, id ? byId.get(id) : null, graph);
}

svg.addEventListener("click", (event) => {
  const one = event.target.closest(".n");
  if (one) select(one.dataset.id, true);
});
svg.addEventListener("dblclick", (event) => open(event.target.closest(".n")?.dataset.id));
svg.addEventListener("flow:empty", () => select(null));
listing.addEventListener("click", (event) => {
  const one = event.target.closest("[data-go]");
  if (one) select(one.dataset.go);
});

function open(id) {
  if (id) location.assign(byId.get(id).url);
}

/* ---------- keys ---------- */
function nearest(ids, me) {
  return ids.length ? ids.reduce((a, b) => (Math.abs(byId.get(a).y - me.y) <= Math.abs(byId.get(b).y - me.y) ? a : b)) : null;
}

function neighbour(me, sign) {
  const far = (node) => Math.abs(node.x - me.x) * 2 + Math.abs(node.y - me.y);
  return graph.nodes.filter((node) => (node.y - me.y) * sign > 8).sort((a, b) => far(a) - far(b))[0]?.id;
}

// Beside what nothing links, as lines lead nowhere from there.
function beside(me, sign) {
  if (targets.get(me.id).length || sources.get(me.id).length) return null;
  const row = graph.nodes.filter((node) => Math.abs(node.y - me.y) < 8 && (node.x - me.x) * sign > 0);
  return row.sort((a, b) => (a.x - b.x) * sign)[0]?.id;
}

const WAYS = {
  ArrowRight: (me) => nearest(targets.get(me.id), me) ?? beside(me, 1),
  ArrowLeft: (me) => nearest(sources.get(me.id), me) ?? beside(me, -1),
  ArrowDown: (me) => neighbour(me, 1),
  ArrowUp: (me) => neighbour(me, -1),
};

svg.addEventListener("keydown", (event) => {
  const one = event.target.closest(".n");
  if (!one) return;
  const to = WAYS[event.key]?.(byId.get(one.dataset.id));
  if (to) select(to, true);
  else if (event.key === "Escape") select(null);
  else if (event.key === "Enter" && chosen === one.dataset.id) open(chosen);
  else if (event.key === "Enter" || event.key === " ") select(one.dataset.id, true);
  else return;
  event.preventDefault();
});

addEventListener("keydown", (event) => {
  if (/INPUT|SELECT|TEXTAREA/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "f" || event.key === "F") camera.fit();
  else if (event.key === "+") camera.zoom(1.25);
  else if (event.key === "-") camera.zoom(0.8);
  else if (event.key === "/") $("find").focus();
  else return;
  event.preventDefault();
});
$("zoom-in").addEventListener("click", () => camera.zoom(1.25));
$("zoom-out").addEventListener("click", () => camera.zoom(0.8));
$("zoom-fit").addEventListener("click", () => camera.fit());
addEventListener("resize", () => camera.fit());

$("find").addEventListener("input", ({ target }) => {
  const text = target.value.trim().toLowerCase();
  const found = text && graph.nodes.find((node) => node.name.toLowerCase().includes(text));
  if (!found) return;
  select(found.id);
  camera.centre(found);
});
$("find").addEventListener("keydown", (event) => event.key === "Enter" && chosen && element(chosen).focus());

for (const radio of document.querySelectorAll("[name=as]")) {
  radio.addEventListener("change", () => {
    listing.hidden = radio.value !== "list";
    $("zoom").hidden = radio.value === "list";
    svg.toggleAttribute("hidden", radio.value === "list");
  });
}

/* ---------- live ---------- */
let fetching = 0;

live.watch(`project:${page.dataset.project}`, 0, ({ type, data }) => {
  if (type === "gap") anew();
  for (const job of data?.jobs ?? []) heard(job);
});

// Numbers change where they stand; what begins or ends is fetched, for it changes other items too.
function heard(job) {
  const node = graph.nodes.find((one) => one.job === job.id);
  if (!node) return ["import", "train", "score", "evaluate"].includes(job.kind) ? unknown(job) : undefined;
  const before = node.type === "dataset" ? "running" : node.state;
  if (OVER.includes(job.state) !== OVER.includes(before) || (node.type === "dataset" && OVER.includes(job.state))) return anew();
  const changed = node.type === "recipe" && node.state !== job.state;
  if (node.type === "recipe") Object.assign(node, { state: job.state, reason: job.reason });
  node.progress = job.progress;
  focused(() => element(node.id)?.replaceWith(box(node)));
  if (changed) return draw();
  redraw();
}

const seen = new Set();
function unknown(job) {
  if (seen.has(`${job.id}${job.state}`)) return;
  seen.add(`${job.id}${job.state}`);
  anew();
}

function anew() {
  clearTimeout(fetching);
  fetching = setTimeout(async () => {
    const answer = await fetch(`${page.dataset.self}?format=json`, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = await answer.json();
    if (!fresh.nodes.length) return location.reload();
    graph = fresh;
    draw();
  }, 250);
}

const wanted = new URLSearchParams(location.search).get("sel");
chosen = wanted;
draw();
camera.fit();
camera.paint();
