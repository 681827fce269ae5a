// What stands below a box of the Flow, and what is read out of it. Pure: no page.
const KINDS = { train: "Training", score: "Scoring", evaluate: "Evaluation" };
const LONGEST = 20;
const ENDING = 8;

// Cut in the middle: names of a Flow begin alike ("score titanic with xgb", "... with forest").
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - ENDING - 1).trimEnd()}…${text.slice(-ENDING).trimStart()}` : text);
export const whole = (node) => (node.type === "table" ? node.about.table : node.name);
export const title = (node) => short(whole(node));
export const second = (node) => short(node.type === "recipe" ? (KINDS[node.kind] ?? node.kind) : node.sub || "");

export const stateWords = (node) =>
  ({ out_of_date: "out of date", never_run: "not run yet", planned: "not built yet", ready: "up to date" })[node.state] ?? node.state;

// The visible words first, as they stand there; then what only the picture tells. `far`: of a run.
export function said(node, far = "") {
  const seen = [title(node), second(node), far].filter(Boolean).join(" ");
  return [seen, title(node) === node.name ? "" : node.name, node.label.toLowerCase(), stateWords(node)].filter(Boolean).join(", ");
}
