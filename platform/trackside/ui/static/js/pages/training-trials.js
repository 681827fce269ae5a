// The search on the training page: the metric of each trial as a dot, the best so far as a line, and
// all trials as a table. A trial that is told again, after a restart, takes the place of the first.
import uPlot from "../../vendor/uplot.esm.js";
import { duration } from "../words.js";
import { colour, legend, metric, say, show } from "./training-charts.js";

export function addTrial({ trials }, data) {
  let length = trials.length;
  while (length && trials[length - 1].number >= data.number) length -= 1;
  trials.length = length;
  trials.push(data);
}

export const bestTrial = (one) => one.series.trials.findLast((trial) => trial.best);

const value = (params, name, words) => {
  const given = params[name];
  if (typeof given === "boolean") return given ? "on" : "off";
  return words.values[given] ?? String(given ?? "–");
};
const settings = (one) => Object.entries(one.search?.params ?? {});
export const tried = (one, trial) => settings(one).map(([name, words]) => `${words.label} ${value(trial.params, name, words)}`).join(", ");

const ENDS = { pruned: "given up", failed: "failed" };

// One line of the log.
export function line(one, trial) {
  const told = trial.state === "done" ? `${one.card?.label ?? one.metric} ${metric(trial.value, one.card)}` : `${ENDS[trial.state]}. ${trial.reason}`;
  return [trial.best ? "best" : trial.state === "failed" ? "warning" : "info", `trial ${trial.number} of ${trial.of}: ${told} (${duration(trial.seconds)})`];
}

// Room around what was found, without the values that the metric cannot take.
export const around = (card) => (least, most) => {
  if (least === null || least === undefined) return [0, 1];
  const room = 0.15 * (most - least) || 0.05 * Math.abs(most) || 0.05;
  const low = least >= 0 ? Math.max(0, least - room) : least - room;
  return [low, card?.higher && most <= 1 ? Math.min(1, most + room) : most + room];
};

export function drawTrials(one, cards) {
  const box = document.querySelector("[data-trials]");
  if (!box) return;
  box.hidden = !one.search;
  box.parentElement.classList.toggle("left--one", !one.search);
  if (!one.search) return;
  const { trials } = one.series;
  const card = cards[one.metric];
  const label = card?.label ?? one.metric;
  const better = (next, now) => (card?.higher ? next > now : next < now);
  let best = null;
  const line_ = trials.map(({ value: found }) => {
    if (typeof found === "number" && (best === null || better(found, best))) best = found;
    return best;
  });
  const data = [trials.map(({ number }) => number), trials.map(({ value: found }) => found ?? null), line_];
  const [s1, s2] = [colour("--s1"), colour("--s2")];
  const series = [
    { label: "trial", stroke: s1, width: 0, paths: () => null, points: { show: true, size: 6, fill: s1, stroke: s1 } },
    { label: "best so far", stroke: s2, width: 2, spanGaps: true, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
  ];
  const peak = bestTrial(one);
  show("trials", one, data, series, false, { unit: "trial", last: one.search.trials, marks: [], range: around(card) });
  const rows = [["--s1", [1, 5], "Each trial", ""], ["--s2", [], "Best so far", metric(best, card)]];
  legend("trials", trials.length ? rows : [], peak ? `trial ${peak.number}; ${trials.length} of ${one.search.trials} trials are done` : one.search.words);
  say("trials", trials.length ? `${label} by trial. ${trials.length} of ${one.search.trials} trials, the best ${metric(best, card)}. Arrow keys read single trials.` : `${label} by trial: nothing yet`);
  const table = document.querySelector('[data-plot-table="trials"]');
  if (!table.hidden) table.replaceChildren(tableOf(one, card));
}

// Newest first: what is tried now stands on top.
export function tableOf(one, card) {
  const made = Object.assign(document.createElement("table"), { className: "tb num" });
  const head = made.createTHead().insertRow();
  ["Trial", card?.label ?? one.metric, ...settings(one).map(([, words]) => words.label), "Time"].forEach((words, n) => head.append(Object.assign(document.createElement("th"), { textContent: words, scope: "col", className: n ? "r" : "" })));
  const body = made.createTBody();
  for (const trial of [...one.series.trials].reverse()) {
    const row = body.insertRow();
    if (trial === bestTrial(one)) row.className = "best";
    const told = trial.state === "done" ? metric(trial.value, card) : ENDS[trial.state];
    [String(trial.number), told, ...settings(one).map(([name, words]) => value(trial.params, name, words)), duration(trial.seconds)].forEach((words, n) => {
      const cell = row.insertCell();
      cell.className = n ? "r" : "";
      cell.textContent = words;
      if (n === 1 && trial.reason) cell.title = trial.reason;
    });
  }
  return made;
}
