// The side panel: what the selected item is, how it stands, and what can be done with it.
import { iconOf, working } from "./flow-draw.js";
import { stateWords } from "./flow-words.js";
import { icon } from "./icons.js";
import { amount, pill, share } from "./job-words.js";
import { csrf } from "./send.js";
import { duration, size, thousands } from "./words.js";

export function make(name, attributes = {}, ...children) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) one.setAttribute(key, value);
  one.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return one;
}

export function panel(side, node, graph) {
  side.replaceChildren(...(node ? selected(node, graph) : nothing(graph)));
}

function nothing({ nodes }) {
  const count = (type) => nodes.filter((node) => node.type === type).length;
  const facts = [["Datasets", count("dataset")], ["Recipes", count("recipe")], ["Saved models", count("saved_model")], ["Evaluation stores", count("evaluation_store") || ""], ["Tables of databases", count("table") || ""]];
  return [
    section(make("h2", {}, "Nothing selected"), make("p", { class: "t2" }, "Select an item to see what you can do with it. Arrow keys follow the links.")),
    section(make("span", { class: "lbl" }, "In this Flow"), list(facts)),
  ];
}

const section = (...children) => make("div", { class: "sd__s" }, ...children);
const list = (facts) => make("dl", { class: "kv num" }, facts.filter(([, value]) => value !== "" && value !== null && value !== undefined).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));

function selected(node, graph) {
  const words = make("div", {}, make("h2", {}, node.name), make("span", { class: "t3" }, `${node.label}${node.sub ? `, ${node.sub}` : ""}`));
  const head = make("div", { class: "sd__h" }, make("span", { class: `gl gl--${node.type}` }, icon(iconOf(node))), words);
  const top = section(...state(node), buttons(node.actions.filter((one) => !one.group)));
  return [head, top, ...groups(node), section(make("span", { class: "lbl" }, "About"), list(about(node, graph)))];
}

function state(node) {
  const notes = [];
  if (working(node)) notes.push(progress(node));
  if (node.state === "failed") notes.push(note("er", "alert-circle", "Failed.", node.reason));
  if (node.state === "out_of_date") notes.push(note("wn", "clock", "Out of date.", node.reason));
  if (node.state === "building") notes.push(note("ac", "loader", "Being built.", node.reason));
  return notes;
}

const note = (look, name, title, text) => make("div", { class: `note note--${look}` }, icon(name), make("div", {}, make("b", {}, title), text ? ` ${text}` : ""));

function progress(node) {
  const far = node.progress ?? {};
  const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const fill = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" })) bar.setAttribute(key, value);
  for (const [key, value] of Object.entries({ class: "g", width: share(far).toFixed(1), height: "10" })) fill.setAttribute(key, value);
  bar.append(fill);
  const left = far.eta ? `${duration(far.eta)} left` : "";
  const row = make("div", { class: "row num" }, node.state === "importing" ? make("b", {}, "Importing") : pill(node.state), make("span", { class: "t2 push" }, [amount(far), left].filter(Boolean).join(", ")));
  return make("div", { class: "stack stack--2" }, row, bar, node.reason ? make("p", { class: "t2 s wrap" }, node.reason) : "");
}

function buttons(actions) {
  return make("div", { class: "row2" }, actions.map(button));
}

function button({ label, icon: name, url, post, main, danger }) {
  const look = `b${main ? " b--1" : ""}${danger ? " b--danger" : ""}`;
  if (!post) return make("a", { class: look, href: url }, icon(name), label);
  const token = make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: csrf() });
  const click = make("input", { type: "hidden", name: "click_id", value: Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("") });
  return make("form", { method: "post", action: url }, token, click, make("button", { class: look }, icon(name), label));
}

function groups(node) {
  const named = new Map();
  for (const one of node.actions) if (one.group) named.set(one.group, [...(named.get(one.group) ?? []), one]);
  return [...named].map(([name, actions]) => section(make("span", { class: "lbl" }, name), make("div", { class: "acts" }, actions.map(tile))));
}

function tile({ label, icon: name, url, gpu }) {
  const mark = gpu ? make("span", { class: "g", title: "can use a GPU" }, icon("gpu"), make("span", { class: "sr" }, ", can use a GPU")) : null;
  return make("a", { href: url }, make("i", {}, icon(name)), label, mark);
}

function about(node, { nodes, edges }) {
  const name = (id) => nodes.find((one) => one.id === id)?.name ?? "";
  const before = edges.filter((edge) => edge.to === node.id).map((edge) => name(edge.from)).join(", ");
  const after = edges.filter((edge) => edge.from === node.id).map((edge) => name(edge.to)).join(", ");
  const facts = node.about ?? {};
  if (node.type === "dataset") {
    return [["State", stateWords(node)], [node.kind === "images" ? "Images" : "Rows", facts.rows ? thousands(facts.rows) : ""], ["Size", facts.bytes ? size(facts.bytes) : ""], ["Made by", before], ["Used by", after || "nothing"]];
  }
  if (node.type === "table") return [["Connection", facts.connection], ["Table", [facts.schema, facts.table].filter(Boolean).join(".")], ["Rows written", facts.rows ? thousands(facts.rows) : ""], ["Written by", before]];
  if (node.type === "recipe") return [["Inputs", before], ["Output", after], ["Runs on", facts.compute], ["Last run", stateWords(node)]];
  if (node.type === "evaluation_store") return [["Saved model", facts.model], ["Evaluations", facts.evaluations], [facts.metric ?? "Metric", facts.shown ?? ""], ["Moved since training", facts.moved ?? ""], ["Written by", before || "nothing"]];
  return [["Task", facts.task], ["Active", facts.active ? `version ${facts.active}` : "none yet"], [facts.metric ?? "Metric", facts.shown ?? ""], ["Versions", facts.versions], ["Trained on", facts.device], ["Used by", after || "nothing"]];
}
