// The list of jobs: rows change where they stand; a job that is new or over loads the page anew.
import { OVER, amount, pill, share, turn } from "../job-words.js";
import { live } from "../live.js";

const table = document.querySelector("table.jobs");
const row = (id) => table.querySelector(`[data-job="${id}"]`);
let asked = false;

live.watch(`project:${table.dataset.project}`, 0, ({ type, data }) => {
  if (type === "gap") anew();
  for (const job of data?.jobs ?? []) show(job);
});

// The queue as everybody sees it: a job that waits says the number of its turn.
live.watch("gpus", 0, ({ type, data }) => {
  if (type !== "gpus") return;
  const places = new Map(data.queue.filter((one) => !one.paused).map((one) => [String(one.id), one.position]));
  for (const line of table.querySelectorAll('[data-state="queued"]')) {
    const place = places.get(line.dataset.job);
    if (!place) continue;
    line.querySelector('[data-f="place"]').textContent = turn(place, data.turns);
    line.querySelector('[data-f="turn"]').hidden = false;
  }
});

function show(job) {
  const line = row(job.id);
  if (!line) {
    if (Number(job.id) > Math.max(...[...table.querySelectorAll("[data-job]")].map((one) => Number(one.dataset.job)))) anew();
    return;
  }
  const now = job.paused && job.state === "queued" ? "paused" : job.state;
  if (line.dataset.state !== now) {
    if (OVER.includes(job.state)) anew();
    line.dataset.state = now;
    line.querySelector('[data-f="state"]').replaceChildren(pill(now));
    if (now !== "queued") line.querySelector('[data-f="turn"]').hidden = true;
  }
  const reason = line.querySelector('[data-f="reason"]');
  reason.textContent = job.reason;
  reason.hidden = !job.reason;
  if (OVER.includes(job.state)) return; // how far it came stands there as the page was loaded
  line.querySelector('[data-f="bar"]').setAttribute("width", share(job.progress).toFixed(1));
  line.querySelector("svg.bar").toggleAttribute("hidden", !job.progress.of);
  line.querySelector('[data-f="progress"]').textContent = amount(job.progress);
}

function anew() {
  if (asked) return;
  asked = true;
  setTimeout(() => location.reload(), 400); // several at once are one load
}
