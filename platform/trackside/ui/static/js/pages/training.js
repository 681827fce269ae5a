// The training page: what the server had at the first look, then event by event from there. Each job
// has its own numbering; a gap or a reload starts from a fresh snapshot.
import { live } from "../live.js";
import "../move.js";
import { csrf } from "../send.js";
import { toast } from "../toasts.js";
import { giveWay } from "./training-pause.js";
import { draw, tables } from "./training-charts.js";
import { addEpoch, addStep, goOn, startLoad } from "./training-series.js";
import { addTrial, drawTrials, tableOf } from "./training-trials.js";
import { events, facts, line, load, logs, pill, progress } from "./training-panels.js";

const OVER = ["succeeded", "failed", "cancelled"];
const page = JSON.parse(document.getElementById("training").textContent);
const models = page.models;
let shown = 0;
let asked = false; // a redraw waits for the next frame
const dirty = new Set(["progress", "charts", "load", "facts", "log", "events"]);

const atWork = () => {
  const running = models.findIndex((one) => ["running", "stopping", "starting"].includes(one.job.state));
  return running >= 0 ? running : Math.max(0, models.findIndex((one) => !OVER.includes(one.job.state)));
};
let followed = true; // shows the model that is trained, until somebody clicks another one

function mark(...what) {
  what.forEach((one) => dirty.add(one));
  if (asked) return;
  asked = true;
  (document.hidden ? (work) => setTimeout(work, 500) : requestAnimationFrame)(paint);
}

function paint() {
  asked = false;
  if (followed && shown !== atWork()) { shown = atWork(); ["charts", "load", "facts", "log", "events"].forEach((one) => dirty.add(one)); }
  const one = models[shown];
  if (dirty.has("progress")) { progress(models, shown, page); pill(models); giveWay(models, models[atWork()]); }
  if (dirty.has("charts")) { draw(one, page.metrics); drawTrials(one, page.metrics); }
  if (dirty.has("load")) load(one);
  if (dirty.has("facts")) facts(one);
  if (dirty.has("log")) logs(one);
  if (dirty.has("events")) events(one);
  dirty.clear();
}

const TAKE = {
  state(one, data, at) {
    Object.assign(one.job, { state: data.state, reason: data.reason, paused: data.paused ?? false });
    if (data.devices) one.devices = data.devices;
    if (data.node) one.node = data.node;
    if (data.state === "starting") { startLoad(one.series); one.load = null; mark("load"); }
    story(one, "state", data, at);
    mark("progress", "facts", "load");
    if (OVER.includes(data.state)) ended();
  },
  started(one, data, at) { one.started = data; story(one, "started", data, at); mark("facts"); },
  progress(one, data) { one.job.progress = data; mark("progress"); },
  step(one, data) {
    one.step = data;
    addStep(one.series, data);
    mark("charts", "facts");
  },
  epoch(one, data, at) {
    addEpoch(one.series, data);
    one.job.metrics = data.best ? data.metrics : one.job.metrics;
    story(one, "epoch", data, at);
    mark("charts", "progress");
  },
  trial(one, data, at) {
    addTrial(one.series, data);
    story(one, "trial", data, at);
    mark("charts", "progress", "facts");
  },
  note(one, data, at) {
    if (typeof data.resumed === "number") { goOn(one.series, data.resumed); mark("charts"); }
    story(one, "note", data, at);
  },
  load(one, data, at) {
    one.load = data;
    const columns = one.series.load;
    columns.at.push(at);
    columns.cpu.push(data.cpu);
    columns.memory.push(data.memory);
    for (const gpu of data.gpus ?? []) (columns.gpus[gpu.uuid] ??= []).push(gpu.utilization);
    mark("load");
  },
  finished(one, data) { one.result = data; mark("facts", "progress"); },
};

function story(one, type, data, at = Date.now() / 1000) {
  one.story.push({ type, data, at: new Date(at * 1000).toISOString() });
  if (one.story.length > 600) one.story.splice(0, 100);
  mark("log", "events");
}

function take(one, { type, data, at: when }) {
  if (type === "gap") return location.reload();
  if (type === "denied") return toast("You may not follow this job any more.", "error");
  const inner = data ?? {};
  const at = when ? Date.parse(when) / 1000 : Date.now() / 1000;
  if (TAKE[type]) TAKE[type](one, inner, at);
  else if (line({ type, data: inner })) story(one, type, inner, at);
}

// Opens the results by itself: at once when all went well, else the page that says what happened.
let leaving = false;
function ended() {
  if (leaving || !models.every((one) => OVER.includes(one.job.state))) return;
  leaving = true;
  document.querySelectorAll("[data-open]").forEach((button) => (button.disabled = true));
  const single = models.length === 1 && models[0].job.state === "succeeded";
  const next = single ? location.pathname.replace(/lab\/.*$/, `trained-models/${models[0].id}/`) : location.pathname;
  setTimeout(() => location.assign(next), 900);
}

for (const one of models) {
  one.card = page.metrics[one.metric];
  one.cards = page.metrics;
  one.series.load.at ??= [];
  if (!one.over) live.watch(`job:${one.job.id}`, one.series.seq, (event) => take(one, event));
}
live.onState(({ live: fresh, age, retry }) => {
  const lost = document.querySelector("[data-lost]");
  lost.hidden = fresh || !retry;
  document.querySelector("[data-lost-text]").textContent = `these numbers are ${age} s old, next try in ${retry} s`;
});

document.querySelector("[data-steps]").addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  if (!step) return;
  shown = Number(step.dataset.step);
  followed = shown === atWork();
  mark("progress", "charts", "load", "facts", "log", "events");
});
document.addEventListener("change", ({ target }) => {
  if (target.name === "scale") mark("charts");
  if (target.name === "level") document.querySelector("[data-log]").dataset.level = target.value;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-table]");
  if (!button) return;
  const one = models[shown];
  tables(button, one, page.metrics, button.dataset.table === "trials" ? tableOf(one, page.metrics[one.metric]) : undefined);
});
for (const form of document.querySelectorAll("form[data-stop]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    if (!data.get("scope")) data.set("scope", models[atWork()].job.id);
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
    form.closest("dialog").close();
    if (answer.ok) toast(data.get("how") === "cancel" ? "Cancelling. Its processes are being ended." : "It finishes now and keeps the best that it has.", "info");
    else toast(`Nothing was changed: the server answered ${answer.status}.`, "error");
  });
}
new ResizeObserver(() => mark("charts")).observe(document.querySelector('[data-plot="loss"]'));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => mark("charts"));
new MutationObserver(() => mark("charts")).observe(document.documentElement, { attributeFilter: ["data-theme"] });
paint();
ended();
