// What the training page's charts are drawn from: columns that the events make longer. An attempt
// that goes on from a checkpoint does again what came after it: only what it does now is shown, as
// jobs/series.py does for the first look.
const MOST = 4000;
const STEP = ["epoch", "step", "loss", "lr", "rate"];
const EPOCH = ["epoch", "train_loss", "val_loss", "best", "seconds"];

export function addStep({ steps }, data) {
  cut(steps, (epoch) => epoch >= data.epoch);
  for (const name of STEP) steps[name].push(data[name] ?? null);
  if (steps.epoch.length > MOST) thin(steps);
}

export function addEpoch({ epochs }, data) {
  cutEpochs(epochs, (epoch) => epoch >= data.epoch);
  for (const name of EPOCH) epochs[name].push(data[name] ?? null);
  const rows = epochs.epoch.length;
  for (const name of new Set([...Object.keys(epochs.metrics), ...Object.keys(data.metrics ?? {})])) {
    const column = (epochs.metrics[name] ??= Array(rows - 1).fill(null));
    column.push(data.metrics?.[name] ?? null);
  }
}

// A note tells where an attempt went on; what was learned beyond it is lost, and learned again.
export function goOn(series, at) {
  const beyond = (epoch) => epoch > at + 1e-6;
  cut(series.steps, beyond);
  cutEpochs(series.epochs, beyond);
  series.resumed = [...(series.resumed ?? []).filter((one) => !beyond(one)), at];
}

// A new attempt may run on other devices: what the old ones did is no part of its load.
export function startLoad(series) {
  series.load = { at: [], cpu: [], memory: [], gpus: {} };
}

function cut(columns, gone) {
  let length = columns.epoch.length;
  while (length && gone(columns.epoch[length - 1])) length -= 1;
  for (const column of Object.values(columns)) column.length = length;
}

function cutEpochs({ metrics, ...plain }, gone) {
  cut(plain, gone);
  for (const column of Object.values(metrics)) column.length = plain.epoch.length;
}

function thin(columns) {
  for (const name of Object.keys(columns)) columns[name] = columns[name].filter((_, n, all) => n % 2 === 0 || n === all.length - 1);
}
