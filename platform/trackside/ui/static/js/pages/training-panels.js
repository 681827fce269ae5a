// Everything on the training page that is words and bars: progress, steps, devices, facts, log, events.
import { icon } from "../icons.js";
import { duration, gib, size, whole } from "../words.js";
import { amount, share as part } from "../job-words.js";
import { best, metric, unit } from "./training-charts.js";
import { bestTrial, line as trialLine, tried } from "./training-trials.js";

const at = (name) => document.querySelector(`[data-${name}]`);
const text = (node, words) => { if (node && node.textContent !== words) node.textContent = words; };
const make = (tag, className = "", words = "") => Object.assign(document.createElement(tag), { className, textContent: words });
const OVER = ["succeeded", "failed", "cancelled"];
const LOOKS = { queued: ["bz", "clock", "Queued"], paused: ["", "pause", "Paused"], starting: ["ac", "loader", "Starting"], running: ["ok", "play", "Training"], stopping: ["wn", "flag", "Stopping"], succeeded: ["ok", "check", "Done"], failed: ["er", "x", "Failed"], cancelled: ["", "ban", "Cancelled"] };

const over = (one) => OVER.includes(one.job.state);

const share = (one) => {
  if (one.job.state === "succeeded") return 1;
  return part(one.job.progress ?? {}) / 100;
};

export function pill(models) {
  const order = ["running", "stopping", "starting", "queued"];
  const found = order.find((word) => models.some((one) => one.job.state === word)) ?? models.at(-1).job.state;
  const state = found === "queued" && models.some((one) => one.job.paused) ? "paused" : found;
  const [kind, name, words] = LOOKS[state];
  const box = at("pill");
  if (box.dataset.now === state) return;
  box.dataset.now = state;
  const made = make("span", kind ? `p p--${kind}` : "p");
  made.append(icon(name), words);
  box.replaceChildren(made);
}

export function progress(models, shown, page) {
  const percent = Math.floor((100 * models.reduce((sum, one) => sum + (OVER.includes(one.job.state) ? 1 : share(one)), 0)) / models.length);
  text(at("percent"), `${percent} %`);
  at("bar").setAttribute("aria-valuenow", percent);
  at("bar").querySelector("rect").setAttribute("width", percent);
  text(at("eta"), left(models));
  document.title = `${percent} % · ${page.name} · Training · Trackside`;
  models.forEach((one, n) => step(document.querySelector(`[data-step="${n}"]`), one, n, shown, page.metrics));
  arrange(models);
  const now = models.find((one) => !OVER.includes(one.job.state));
  const peak = now && best(now);
  const found = now && bestTrial(now);
  if (at("kept") && found) text(at("kept"), `Best so far: trial ${found.number}, ${page.metrics[now.metric]?.label ?? now.metric} ${metric(found.value, page.metrics[now.metric])}. The final model is trained with its settings.`);
  if (at("kept") && peak && now.data === "images") text(at("kept"), `Best so far: epoch ${peak.epoch}, ${page.metrics[now.metric]?.label ?? now.metric} ${metric(now.series.epochs.metrics[now.metric]?.[peak.place], page.metrics[now.metric])}. The epoch that runs is dropped where it stands.`);
}

// Those that run first, then those that wait; never under the hand of who is choosing one.
const TURN = { running: 0, stopping: 0, starting: 0, queued: 1 };
const turn = (one) => TURN[one.job.state] ?? 2;

function arrange(models) {
  const box = document.querySelector(".steps--many");
  if (!box || box.matches(":focus-within, :hover")) return;
  const order = models.map((_, n) => n).sort((a, b) => turn(models[a]) - turn(models[b]) || a - b);
  const buttons = order.map((n) => box.querySelector(`[data-step="${n}"]`));
  if (buttons.some((one, n) => one !== box.children[n])) box.replaceChildren(...buttons);
}

// Of several that run at once, the one that takes longest says when they are over.
const longest = (one) => one.job.progress?.eta ?? -1;

// The fits are over, and the report is made.
const explaining = (one) => one.job.progress?.unit === "step";

function left(models) {
  const busy = models.filter((one) => ["running", "stopping", "starting"].includes(one.job.state));
  const now = busy.sort((a, b) => longest(b) - longest(a))[0] ?? models.find((one) => one.job.state === "queued");
  if (!now) return "Over";
  const { eta } = now.job.progress ?? {};
  const waiting = models.filter((one) => ["queued", "starting"].includes(one.job.state) && one !== now).length;
  if (now.job.state !== "running" || eta === null || eta === undefined) return now.job.reason || LOOKS[now.job.state][2];
  const more = waiting ? `, then ${waiting} more model${waiting > 1 ? "s" : ""}` : `, ends ≈ ${new Date(Date.now() + eta * 1000).toTimeString().slice(0, 5)}`;
  return `${explaining(now) ? "Explaining the model, " : ""}${duration(eta)} left${more}`;
}

function step(button, one, n, shown, cards) {
  if (!button) return;
  const { state, progress: where = {}, reason } = one.job;
  button.className = `st num${state === "succeeded" ? " done" : ["failed", "cancelled"].includes(state) ? " bad" : ""}`;
  if (n === shown) button.setAttribute("aria-current", "step");
  else button.removeAttribute("aria-current");
  const round = button.querySelector(".st__i");
  const sign = state === "running" ? `pie${Math.round(share(one) * 100)}` : state;
  if (round.dataset.now !== sign) {
    round.dataset.now = sign;
    const marks = { succeeded: icon("check"), failed: icon("x"), cancelled: icon("ban") };
    round.replaceChildren(state === "running" ? pie(share(one)) : marks[state] ?? document.createTextNode(String(n + 1)));
  }
  const peak = best(one);
  const trial = bestTrial(one);
  const ended = one.result?.metrics ?? one.job.metrics; // of a table known at the end alone
  const score = (over(one) ? ended?.[one.metric] : null) ?? (trial ? trial.value : peak ? one.series.epochs.metrics[one.metric]?.[peak.place] : ended?.[one.metric]);
  const none = score === null || score === undefined;
  const label = cards[one.metric]?.label ?? one.metric;
  const value = none ? LOOKS[state][2].toLowerCase() : metric(score, cards[one.metric]);
  const many = button.parentElement.matches(".steps--many"); // a line each: the metric's name is in the title
  text(button.querySelector(".v"), none || many ? value : `${label} ${value}`);
  const counted = amount(where).toLowerCase();
  const epoch = counted && one.search && !["trial", "step"].includes(where.unit) ? `final model, ${counted}` : counted;
  const rest = !where.eta ? "" : `${duration(where.eta)} left`;
  const said = state === "running" ? [epoch, rest].filter(Boolean).join(", ") || phase(one) || reason : reason || LOOKS[state][2];
  text(button.querySelector("small"), said);
  if (many) button.title = [one.label, said, none ? "" : `${label} ${value}`].filter(Boolean).join("; ");
}

const phase = (one) => one.story.findLast((event) => event.type === "phase")?.data.text ?? "";

function pie(part) {
  const svg = "http://www.w3.org/2000/svg";
  const box = document.createElementNS(svg, "svg");
  box.setAttribute("class", "pie");
  box.setAttribute("viewBox", "0 0 22 22");
  box.setAttribute("aria-hidden", "true");
  for (const more of [{}, { pathLength: 100, "stroke-dasharray": `${100 * part} 100`, transform: "rotate(-90 11 11)" }]) {
    const ring = document.createElementNS(svg, "circle");
    for (const [key, value] of Object.entries({ cx: 11, cy: 11, r: 9, ...more })) ring.setAttribute(key, value);
    box.append(ring);
  }
  return box;
}

// What waits holds nothing: the numbers of an attempt that gave way are no news of now.
const waits = (one) => one.job.state === "queued";

// GPU 0 of two machines are two cards: then each says where it is.
const nodes = (one) => [...new Set((one.job.gpus ?? []).map((gpu) => gpu.node))];
const several = (one) => nodes(one).length > 1 && one.load?.gpus?.length > 1;

export function load(one) {
  const box = at("load");
  const now = waits(one) ? null : one.load;
  text(at("node"), waits(one) ? "" : [several(one) ? nodes(one).join(" and ") : one.node ?? one.job.attempts?.at(-1)?.node, "last 2 min"].filter(Boolean).join(", "));
  if (!now) { box.replaceChildren(make("p", "card__b t3", waits(one) ? "It holds no device now. Numbers come when it runs." : "Numbers come when it runs.")); return; }
  const columns = one.series.load;
  const gpus = (one.load.gpus ?? []).map((gpu) => {
    const known = one.job.gpus?.find((other) => other.uuid === gpu.uuid) ?? { index: "", name: gpu.uuid };
    return panel("gpu", `GPU ${known.index}`, several(one) && known.node ? `${card(known.name)}, ${known.node}` : card(known.name), columns.gpus[gpu.uuid] ?? [], 100, `${whole(gpu.utilization)} %`, "busy", [["Memory", `${gib(gpu.memory)} GiB`], ["Temp.", `${whole(gpu.temperature)} °C`], ["Power", `${whole(gpu.power)} W`]]);
  });
  const ranks = one.started?.ranks ?? 1;
  const cpu = panel("cpu", "CPU", `${ranks} rank${ranks > 1 ? "s" : ""}`, columns.cpu, Math.max(100, ...columns.cpu.slice(-60)), `${whole(one.load.cpu)} %`, "of one core", [["Memory", size(one.load.memory)], ["Ranks", String(ranks)], ["Threads", String(one.started?.threads ?? "–")]]);
  box.replaceChildren(...(simulated(one) ? [made(ranks)] : []), ...gpus, cpu);
}

const simulated = (one) => /simulated/.test([one.started?.device, ...(one.job.gpus ?? []).map((gpu) => gpu.name)].join());

function made(ranks) {
  const box = make("div", "note note--wn note--flat");
  const words = make("div");
  words.append(make("b", "", "Simulated GPUs."), ` Their numbers are made up; the job really runs on ${ranks} CPU rank${ranks > 1 ? "s" : ""}.`);
  box.append(icon("flask"), words);
  return box;
}

const card = (name) => name.replace(" (simulated)", "");

function panel(name, title, note, values, most, big, unit, rows) {
  const box = make("div", "gpu num");
  const head = make("div", "gpu__h");
  const value = make("span", "bigv", `${big} `);
  value.append(make("small", "", unit));
  head.append(icon(name), make("b", "", title), make("span", "t3 clip", note), value);
  const four = make("div", "m4");
  rows.forEach(([label, words]) => { const cell = make("div", "", label); cell.append(make("b", "", words)); four.append(cell); });
  box.append(head, spark(values.slice(-60), most, `${title} use over 2 minutes, now ${big}`), four);
  return box;
}

function spark(values, most, words) {
  const svg = "http://www.w3.org/2000/svg";
  const box = document.createElementNS(svg, "svg");
  for (const [key, value] of Object.entries({ class: "sp", viewBox: "0 0 320 40", preserveAspectRatio: "none", role: "img", "aria-label": words })) box.setAttribute(key, value);
  const points = values.length > 1 ? values : [values[0] ?? 0, values[0] ?? 0];
  const path = points.map((value, n) => `${n ? "L" : "M"}${((n * 320) / (points.length - 1)).toFixed(1)} ${(39 - ((value ?? 0) / most) * 37).toFixed(1)}`).join("");
  for (const [name, d] of [["a", `${path}L320 40L0 40Z`], ["l", path]]) {
    const line = document.createElementNS(svg, "path");
    line.setAttribute("class", name);
    line.setAttribute("d", d);
    box.append(line);
  }
  return box;
}

export function facts(one) {
  const { started, needs } = one;
  const now = waits(one) ? null : one.step;
  const ranks = started?.ranks ?? one.job.compute?.uuids?.length ?? one.job.compute?.ranks ?? 1;
  // a simulated GPU's memory is made up: it is no result to hold an estimate against
  const peak = /simulated/.test(started?.device ?? "") ? 0 : one.result?.facts?.peak_memory ?? memory(one);
  const rows = one.data === "table" ? [
    ["Threads", String(started?.threads ?? "–")],
    ...(one.search ? [["Search", one.search.words], ["Best so far", bestTrial(one) ? `trial ${bestTrial(one).number}: ${tried(one, bestTrial(one))}` : "–"]] : []),
    ["Longest", one.epochs ? `${one.epochs.toLocaleString("en")} ${unit(one)}s` : "one piece"],
  ] : [
    ["Speed", now?.rate ? `${now.rate.toFixed(now.rate < 10 ? 1 : 0)} images/s` : "–"],
    ["Input wait", now?.wait === undefined ? "–" : `${whole(now.wait)} % of step time${now.wait < 15 ? ", fine" : ", the data is slower than the device"}`],
    ["Batch", ranks > 1 ? `${one.batch} × ${ranks} = ${one.batch * ranks}` : String(one.batch ?? "–")],
    ["Learning rate", now?.lr ? `${now.lr.toExponential(1)}, ${one.schedule}` : `${one.rate ?? "–"}, ${one.schedule ?? ""}`],
    ["Precision", started?.precision ?? one.job.compute?.precision ?? "–"],
  ];
  rows.push(
    ["Memory", peak ? `${size(peak)} peak${needs ? `, estimate was ${size(needs)}` : ""}` : needs ? `estimate ${size(needs)}` : "–"],
    ["Device", started?.device ?? (one.devices ?? []).join(", ") ?? "–"],
  );
  at("facts").replaceChildren(...rows.flatMap(([label, words]) => [make("dt", "", label), make("dd", "", words || "–")]));
}

const memory = (one) => {
  const seen = one.series.load.memory.filter((value) => value);
  return (one.load?.gpus ?? []).length ? Math.max(...one.load.gpus.map((gpu) => gpu.memory ?? 0)) : seen.length ? Math.max(...seen) : 0;
};

const digits = (value) => (typeof value === "number" ? value.toFixed(4) : "–");
// One event as [level, words]; nothing for what is no line of a log.
export function line({ type, data }, counted = "epoch", cards = {}) {
  switch (type) {
    case "log": return [data.level ?? "info", data.text];
    case "note": return [data.level ?? "info", data.text];
    case "phase": return ["info", data.text];
    case "state": return [data.state === "failed" ? "error" : "info", `${data.state}: ${data.reason}`];
    case "started": return ["info", `on ${data.device}, ${data.ranks} rank${data.ranks > 1 ? "s" : ""} × ${data.threads} thread${data.threads > 1 ? "s" : ""}, ${data.precision}`];
    case "epoch": return [data.best ? "best" : "info", `${counted} ${data.epoch} train ${digits(data.train_loss)} validation ${digits(data.val_loss)} ${Object.entries(data.metrics ?? {}).map(([name, value]) => `${cards[name]?.label ?? name} ${metric(value, cards[name])}`).join(", ")} (${duration(data.seconds)})`];
    case "checkpoint": return ["info", /\/t\d+$/.test(data.path ?? "") ? `kept after trial ${data.epoch}` : data.step ? `checkpoint in epoch ${data.epoch + 1}, step ${data.step} written` : `checkpoint after epoch ${data.epoch} written`];
    case "failed": return ["error", data.message];
    default: return null;
  }
}

// A job tells each move of its state; two that say the same are one line.
function story(one) {
  let last = "";
  return one.story.filter(({ type, data }) => {
    if (type === "phase" && one.search && /^Trial \d+ of /.test(data.text)) return false; // told when it is over
    if (type !== "state") return true;
    const again = last === data.state + data.reason;
    last = data.state + data.reason;
    return !again;
  });
}

const said = (event, one) => (event.type === "trial" ? trialLine(one, event.data) : line(event, unit(one), one.cards));
const clock = (when) => new Date(when).toTimeString().slice(0, 8);

export function logs(one) {
  const box = at("log");
  const rows = story(one).map((event) => [event, said(event, one)]).filter(([, said]) => said);
  for (const level of ["warning", "error"]) text(document.querySelector(`[data-count="${level}"]`), String(rows.filter(([, said]) => said[0] === level).length));
  box.replaceChildren(...rows.map(([event, [level, words]]) => {
    const row = make("div", level);
    const time = make("time", "", clock(event.at));
    row.append(time, make("span", level, level === "warning" ? "warn" : level), make("span", "", words));
    return row;
  }));
  if (at("follow").checked) box.scrollTop = box.scrollHeight;
}

const ICONS = { state: "activity", note: "info", phase: "right", started: "play", checkpoint: "stack", failed: "x", epoch: "award", trial: "award" };

export function events(one) {
  const told = story(one).filter(({ type, data }) => ["state", "note", "phase", "started", "failed"].includes(type) || (["epoch", "trial"].includes(type) && data.best));
  at("events").replaceChildren(...told.slice(-40).reverse().map((event) => {
    const [level, words] = said(event, one);
    const row = make("li");
    const tone = { warning: "wn", error: "er", best: "ok" }[level] ?? "";
    const time = make("time", "num", clock(event.at).slice(0, 5));
    const plain = event.type === "trial" ? `Best so far: ${words}` : event.type === "epoch" ? `Best so far: ${unit(one)} ${event.data.epoch}, ${one.data === "table" ? `loss ${digits(event.data.val_loss)}` : `${one.card?.label ?? one.metric} ${metric(event.data.metrics?.[one.metric], one.card)}`}` : event.type === "state" ? event.data.reason || event.data.state : words;
    row.append(icon(level === "warning" ? "alert-triangle" : ICONS[event.type] ?? "info", tone), make("span", "", plain), time);
    return row;
  }));
}
