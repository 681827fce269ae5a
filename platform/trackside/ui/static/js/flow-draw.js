// The Flow as SVG: boxes with their badges, and the lines between them. Text goes in as text nodes.
import { layout } from "./flow-layout.js";
import { block, parted } from "./flow-loose.js";
import { said, second, title, whole } from "./flow-words.js";
import { share } from "./job-words.js";

const NS = "http://www.w3.org/2000/svg";
const sprite = document.querySelector('meta[name="icons"]')?.content ?? "";
const RADIUS = { dataset: 24, recipe: 19, saved_model: 28, evaluation_store: 24, table: 24 };
const SIZE = { dataset: [112, 92], recipe: [112, 82], saved_model: [112, 96], evaluation_store: [112, 92], table: [112, 92] };
const ICONS = { images: "photo", table: "table", train: "weights", score: "play", evaluate: "gauge", sql: "database" };
export const WORKING = ["queued", "starting", "running", "stopping"];

export const iconOf = (node) => (node.type === "saved_model" ? "cup" : node.type === "evaluation_store" ? "history" : ICONS[node.kind] ?? "box");
export const working = (node) => WORKING.includes(node.state) || node.state === "importing";

export function el(name, attributes = {}, ...children) {
  const one = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children.filter(Boolean));
  return one;
}

// Places every node: adds x, y, r, w, h. `room` is the stage's. Answers the bends of long lines and
// the whole extent.
export function arrange(nodes, edges, room) {
  for (const node of nodes) {
    node.r = RADIUS[node.type];
    [node.w, node.h] = SIZE[node.type];
  }
  const [tied, loose] = parted(nodes, edges);
  const made = layout(tied, edges.map(({ from, to }) => [from, to]));
  const extent = block(loose, made, room, made.at);
  for (const node of nodes) {
    const { x, y } = made.at.get(node.id);
    node.x = x;
    node.y = y - node.h / 2 + node.r + 4;
  }
  return { ...made, width: extent.width, height: extent.height };
}

export function line(from, to, bends) {
  const points = [[from.x + from.r + 3, from.y], ...bends, [to.x - to.r - 3, to.y]];
  let d = `M${fixed(points[0])}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    const pull = x1 > x0 + 20 ? Math.max(14, Math.min(90, (x1 - x0) * 0.5)) : 46;
    d += `C${fixed([x0 + pull, y0])} ${fixed([x1 - pull, y1])} ${fixed([x1, y1])}`;
  }
  return el("path", { class: `e${working(to) && to.type === "recipe" ? " run" : ""}`, d, "data-a": from.id, "data-b": to.id });
}

const fixed = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;

function outline(node, grow, kind) {
  const r = node.r + grow;
  if (node.type === "recipe") return el("circle", { class: kind, r });
  const side = node.type === "saved_model" ? r * 0.76 : r;
  const turn = node.type === "saved_model" ? { transform: "rotate(45)" } : {};
  return el("rect", { class: kind, x: -side, y: -side, width: 2 * side, height: 2 * side, rx: grow ? 10 : 7, ...turn });
}

const BADGES = {
  failed: ["er", "M-3-3L3 3M3-3L-3 3"],
  out_of_date: ["wn", "M0-4V0.5L3 2.5"],
  queued: ["bz", "M0-4V0.5L3 2.5"],
};

function badge(node) {
  const [look, d] = BADGES[node.state] ?? [];
  if (!look) return null;
  const at = node.r - (node.type === "saved_model" ? 8 : 3);
  return el("g", { class: `bd bd--${look}`, transform: `translate(${at} ${-at})` }, el("circle", { r: 9 }), el("path", { d }));
}

function spinner(node) {
  if (!working(node) || node.state === "queued") return null;
  const far = share(node.progress ?? {});
  const wait = far ? "" : " spin--wait";
  const box = el("g", { transform: "rotate(-90)" });
  box.append(el("circle", { class: `spin${wait}`, r: node.r + (node.type === "dataset" ? 12 : 5), pathLength: 100, "stroke-dasharray": `${far || 25} 100` }));
  return box;
}

// What stands beside a running recipe.
const far = (node) => (node.type === "recipe" && WORKING.includes(node.state) ? (node.progress?.of ? `${Math.round(share(node.progress))} %` : node.state) : "");

function chip(node) {
  if (!far(node)) return null;
  const label = el("text", { y: 4 });
  label.textContent = far(node);
  return el("g", { class: "chip", transform: `translate(0 ${-node.r - 17})` }, el("rect", { x: -29, y: -9, width: 58, height: 17, rx: 8.5 }), label);
}

function words(node) {
  const y = node.r + (node.type === "saved_model" ? 18 : 16);
  const name = el("text", { class: "nm", y });
  name.textContent = title(node);
  const sub = el("text", { class: "nm nm2", y: y + 15 });
  sub.textContent = second(node);
  return [name, " ", sub, " "];
}

export function box(node) {
  const side = node.r * 0.98;
  const use = el("use", { class: "ic", href: `${sprite}#${iconOf(node)}`, x: -side / 2, y: -side / 2, width: side, height: side });
  const made = el("g", {
    class: `n n--${node.type}${node.state === "planned" ? " n--planned" : ""}`,
    role: "button",
    tabindex: "-1",
    "data-id": node.id,
    transform: `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`,
    "aria-label": said(node, far(node)),
  });
  const full = el("title");
  full.textContent = whole(node);
  made.append(
    ...[
      title(node) === whole(node) ? null : full,
      el("rect", { class: "hit", x: -node.w / 2, y: -node.r - 6, width: node.w, height: node.h }),
      outline(node, 5, "ring"),
      outline(node, 0, "sh"),
      use,
      spinner(node),
      badge(node),
      ...words(node),
      chip(node),
    ].filter(Boolean),
  );
  return made;
}
