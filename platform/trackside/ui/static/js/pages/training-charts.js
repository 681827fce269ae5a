// Loss and validation metrics with uPlot: every step thin, smoothed thick, validation dashed, the best
// epoch as a line. Arrow keys read single epochs; the same numbers stand in a table.
import uPlot from "../../vendor/uplot.esm.js";
import { capital } from "../job-words.js";

const plots = new Map(); // name -> {plot, sign, key}
const DASH = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const SERIES = ["--s3", "--s4", "--s1", "--s5"];
export const colour = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};
const logScale = () => document.querySelector('[name="scale"]:checked')?.value === "log";
const number = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));
export const metric = (value, card) => (value === null || value === undefined ? "–" : card?.percent ? `${(100 * value).toFixed(1)} %` : value.toFixed(3));

// What is counted while it learns; of a table nothing is measured within one.
export const unit = (one) => one.unit ?? "epoch";
const Unit = (one) => capital(unit(one));

export function best(one) {
  const place = one.series.epochs.best.lastIndexOf(true);
  return place < 0 ? null : { epoch: one.series.epochs.epoch[place], place };
}

// Where epochs stand close together their dots would hide the line.
const dots = (one) => () => one.series.epochs.epoch.length <= 60;

export function draw(one, cards) {
  document.querySelector("[data-of]").textContent = one.label;
  loss(one);
  for (const name of ["loss", "metrics"]) {
    const table = document.querySelector(`[data-plot-table="${name}"]`);
    if (table && !table.hidden) table.replaceChildren(tableOf(one, cards, name));
  }
  if (document.querySelector('[data-plot="metrics"]')) metrics(one, cards); // tables have the loss alone
}

// A running mean over a twentieth of the curve: few points are shown as they are.
function smooth(values) {
  const keep = 1 - 1 / Math.min(25, Math.max(1, values.length / 20));
  let last = null;
  return values.map((value) => (value === null ? last : (last = last === null ? value : keep * last + (1 - keep) * value)));
}

function loss(one) {
  const { steps, epochs } = one.series;
  const x = [...new Set([...steps.epoch, ...epochs.epoch])].filter((value) => value !== null).sort((a, b) => a - b);
  const at = new Map(x.map((value, n) => [value, n]));
  const spread = (places, values) => {
    const column = Array(x.length).fill(null);
    places.forEach((place, n) => { if (at.has(place)) column[at.get(place)] = values[n]; });
    return column;
  };
  const each = one.data === "images";
  const soft = each ? smooth(steps.loss) : epochs.train_loss;
  const data = [x, spread(steps.epoch, steps.loss), spread(each ? steps.epoch : epochs.epoch, soft), spread(epochs.epoch, epochs.val_loss)];
  const [s1, s2] = [colour("--s1"), colour("--s2")];
  const series = [
    { label: "every step", stroke: s1, width: 1, alpha: 0.3, spanGaps: true, points: { show: false } },
    { label: "train", stroke: s1, width: 2, spanGaps: true, points: { show: false } },
    { label: "validation", stroke: s2, width: 2, dash: [6, 3], spanGaps: true, points: { show: dots(one), size: 5, fill: s2 } },
  ];
  show("loss", one, data, series, logScale());
  const train = soft.at(-1);
  const validation = epochs.val_loss.at(-1);
  const rows = [["--s1", [], "Train", number(train)], ["--s2", [6, 3], "Validation", number(validation)]];
  legend("loss", x.length ? rows : [], !x.length ? "" : [each ? "thin line: every step, thick line: smoothed" : "", onward(one)].filter(Boolean).join("; "));
  say("loss", x.length ? `Loss by ${unit(one)}. Train ${number(train)}, validation ${number(validation)}. Arrow keys read single ${unit(one)}s.` : `Loss by ${unit(one)}: nothing yet`);
}

// Also in words: the line in the picture is for those who see it.
const onward = ({ series }) => (series.resumed?.length ? `resumed from a checkpoint at epoch ${series.resumed.map((at) => Number(at.toFixed(2))).join(", ")}` : "");

function metrics(one, cards) {
  const { epochs } = one.series;
  const names = [one.metric, ...Object.keys(epochs.metrics).filter((name) => name !== one.metric && name !== "log_loss")].filter((name) => epochs.metrics[name]).slice(0, 4);
  const data = [epochs.epoch, ...names.map((name) => epochs.metrics[name])];
  const series = names.map((name, n) => ({ label: cards[name]?.label ?? name, stroke: colour(SERIES[n]), width: 2, dash: DASH[n], spanGaps: true, points: { show: dots(one), size: 5, fill: colour(SERIES[n]) } }));
  show("metrics", one, data, series, false);
  const peak = best(one);
  const note = peak && epochs.metrics[one.metric] ? `best ${cards[one.metric]?.label ?? one.metric} ${metric(epochs.metrics[one.metric][peak.place], cards[one.metric])}` : "";
  legend("metrics", names.map((name, n) => [SERIES[n], DASH[n], cards[name]?.label ?? name, metric(epochs.metrics[name].at(-1), cards[name])]), note);
  say("metrics", epochs.epoch.length ? `${names.map((name) => `${cards[name]?.label ?? name} ${metric(epochs.metrics[name].at(-1), cards[name])}`).join(", ")} by epoch. ${note}` : "Validation metrics by epoch: nothing yet");
}

export function say(name, words) {
  const box = document.querySelector(`[data-plot="${name}"]`);
  if (box && !box.dataset.reading) box.setAttribute("aria-label", words);
}

export function legend(name, rows, note) {
  const svg = "http://www.w3.org/2000/svg";
  const spans = rows.map(([tone, dash, label, value]) => {
    const span = document.createElement("span");
    const mark = document.createElementNS(svg, "svg");
    mark.setAttribute("viewBox", "0 0 18 8");
    mark.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(svg, "line");
    for (const [key, at] of Object.entries({ x1: 0, x2: 18, y1: 4, y2: 4, stroke: `var(${tone})`, "stroke-width": 2.25, "stroke-dasharray": dash.join(" ") })) line.setAttribute(key, at);
    mark.append(line);
    const strong = document.createElement("b");
    strong.textContent = value;
    span.append(mark, label, " ", strong);
    return span;
  });
  const more = document.createElement("span");
  more.className = "t3";
  more.textContent = note;
  document.querySelector(`[data-legend="${name}"]`).replaceChildren(...spans, more);
}

// What another model's curve has left; the words that stand where there is none come back.
function clear(box, name) {
  plots.get(name)?.plot.destroy();
  plots.delete(name);
  delete box.dataset.reading;
  box.querySelector(".plot__empty").hidden = false;
}

// `x`: what is counted from left to right, how far it may go, the upright lines, and, where the
// library's own is not meant, the range from bottom to top.
export function show(name, one, data, series, log, x = { unit: unit(one), last: one.epochs ?? 1, marks: marks(one) }) {
  const box = document.querySelector(`[data-plot="${name}"]`);
  if (!box) return;
  if (!data[0].length || !series.length) return clear(box, name);
  if (box.hidden) return;
  const theme = `${document.documentElement.dataset.theme ?? ""}${matchMedia("(prefers-color-scheme: dark)").matches}`;
  const sign = `${one.job.id}|${log}|${theme}|${series.map((line) => line.label)}`;
  const size = { width: box.clientWidth, height: box.clientHeight };
  let held = plots.get(name);
  if (held && held.sign !== sign) { held.plot.destroy(); held = null; }
  if (!held) {
    box.querySelector(".plot__empty").hidden = true;
    held = { sign, x };
    held.plot = new uPlot(options(held, series, log, size), data, box);
    plots.set(name, held);
    read(box, name);
    return;
  }
  held.x = x;
  if (held.plot.width !== size.width || held.plot.height !== size.height) held.plot.setSize(size);
  held.plot.setData(data);
}

function options(held, series, log, size) {
  const grid = { stroke: colour("--grid"), width: 1 };
  const font = "11px Inter Variable, Inter, sans-serif";
  const axis = { stroke: colour("--tx-3"), grid, ticks: { show: false }, font };
  const { last, unit: word } = held.x;
  return {
    ...size,
    padding: [10, 30, 0, 0], // half of the last tick's words
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false, range: (_, least, most) => [0, Math.max(most ?? 1, last <= 60 ? last : Math.min(last, (most ?? 1) * 1.25))] }, y: { distr: log ? 3 : 1, ...(held.x.range && { range: (_, ...ends) => held.x.range(...ends) }) } },
    axes: [{ ...axis, grid: { show: false }, size: 26, values: (_, ticks) => ticks.map(counted(word)) }, { ...axis, size: 46 }],
    series: [{ label: `${word[0].toUpperCase()}${word.slice(1)}` }, ...series],
    hooks: { draw: [(plot) => held.x.marks.forEach((mark) => line(plot, ...mark))], setCursor: [(plot) => tip(plot)] },
  };
}

// Whole epochs or rounds only; the last tick says what is counted.
const counted = (word) => (tick, n, all) => (!Number.isInteger(tick) ? "" : n && n === all.length - 1 ? `${word} ${tick}` : tick);

// Vertical lines: the best epoch, and where an attempt went on from a checkpoint.
function marks(one) {
  const peak = best(one);
  const resumed = (one.series.resumed ?? []).map((at) => [at, "resumed", [1, 3], 26]);
  return peak ? [...resumed, [peak.epoch, `best, ${unit(one)} ${peak.epoch}`, [4, 4], 12]] : resumed;
}

function line(plot, at, words, dash, below) {
  const { ctx } = plot;
  const x = Math.round(plot.valToPos(at, "x", true));
  const { top, height, left } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--tx-3");
  ctx.setLineDash(dash.map((part) => part * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.textAlign = "left";
  ctx.font = `600 ${11 * devicePixelRatio}px Inter Variable, Inter, sans-serif`;
  const room = ctx.measureText(words).width + 8;
  ctx.fillText(words, x - left > room ? x - room : x + 8, top + below * devicePixelRatio);
  ctx.restore();
}

function tip(plot) {
  let box = plot.over.querySelector(".tip");
  const place = plot.cursor.idx;
  if (place === null || place === undefined || plot.cursor.left < 0) { if (box) box.hidden = true; return; }
  if (!box) { box = Object.assign(document.createElement("div"), { className: "tip num" }); plot.over.append(box); }
  const rows = [`${plot.series[0].label} ${Number(plot.data[0][place]).toFixed(2).replace(/\.?0+$/, "")}`, ...plot.series.slice(1).map((one, n) => {
    const value = plot.data[n + 1][place];
    return value === null || value === undefined ? "" : `${one.label} ${value.toFixed(4)}`;
  })].filter(Boolean);
  box.replaceChildren(...rows.map((words, n) => Object.assign(document.createElement(n ? "span" : "b"), { textContent: words })));
  box.hidden = false;
  const left = plot.cursor.left + 14;
  box.style.left = `${left + box.offsetWidth > plot.over.clientWidth ? plot.cursor.left - box.offsetWidth - 14 : left}px`;
  box.style.top = "18px";
}

function read(box, name) {
  if (box.dataset.keys) return;
  box.dataset.keys = "yes";
  let place = null;
  box.addEventListener("keydown", (event) => {
    const { plot } = plots.get(name) ?? {};
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!plot || !step) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    place = Math.max(0, Math.min(last, (place ?? last) + step));
    plot.setCursor({ left: plot.valToPos(plot.data[0][place], "x"), top: 10 });
    box.dataset.reading = "yes";
    box.setAttribute("aria-label", [...plot.over.querySelectorAll(".tip > *")].map((row) => row.textContent).join(", "));
  });
  box.addEventListener("blur", () => { place = null; delete box.dataset.reading; });
}

// The same numbers as a table instead of the curve.
export function tables(button, one, cards, other) {
  const name = button.dataset.table;
  const plot = document.querySelector(`[data-plot="${name}"]`);
  const table = document.querySelector(`[data-plot-table="${name}"]`);
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  plot.hidden = open;
  table.hidden = !open;
  table.replaceChildren(other ?? tableOf(one, cards, name));
  if (!open) window.dispatchEvent(new Event("resize"));
}

function tableOf(one, cards, name) {
  const { epochs } = one.series;
  const names = Object.keys(epochs.metrics);
  const heads = name === "loss" ? [Unit(one), "Train", "Validation"] : [Unit(one), ...names.map((key) => cards[key]?.label ?? key)];
  const rows = epochs.epoch.map((epoch, n) => (name === "loss" ? [epoch, number(epochs.train_loss[n], 4), number(epochs.val_loss[n], 4)] : [epoch, ...names.map((key) => metric(epochs.metrics[key][n], cards[key]))]));
  const made = document.createElement("table");
  made.className = "tb num";
  const head = made.createTHead().insertRow();
  heads.forEach((words) => head.append(Object.assign(document.createElement("th"), { textContent: words, scope: "col", className: "r" })));
  const body = made.createTBody();
  rows.forEach((row) => { const line_ = body.insertRow(); row.forEach((words) => { const cell = line_.insertCell(); cell.className = "r"; cell.textContent = words; }); });
  return made;
}
