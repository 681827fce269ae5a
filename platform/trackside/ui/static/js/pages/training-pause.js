// Pause, Resume and Move of a session: what can be asked now, and asking it. A pause takes the models
// that wait along, so that none of them starts in the place of the one that was paused.
import { Refused, send } from "../send.js";
import { toast } from "../toasts.js";

const OVER = ["succeeded", "failed", "cancelled"];
const FREE = ["queued", "starting", "running"];
const [pause, resume, move] = ["pause", "resume", "move"].map((name) => document.querySelector(`[data-${name}]`));
const finish = document.querySelector('[data-open="finish"]');
let all = [];

const address = (one, act) => location.pathname.replace(/lab\/.*$/, `jobs/${one.job.id}/${act}/`);

export function giveWay(models, now) {
  if (!pause) return;
  all = models;
  const paused = models.some((one) => one.job.paused && !OVER.includes(one.job.state));
  const free = now && FREE.includes(now.job.state);
  resume.hidden = !paused;
  pause.hidden = paused;
  finish.hidden = paused || !models.some((one) => ["starting", "running"].includes(one.job.state));
  pause.disabled = move.disabled = !free;
  if (now) move.dataset.move = address(now, "move");
}

// Those that wait first: a place that comes free is taken at once.
async function ask(act, chosen, said) {
  const jobs = chosen.filter((one) => !OVER.includes(one.job.state)).sort((one, other) => waits(other) - waits(one));
  pause.disabled = resume.disabled = true;
  try {
    for (const one of jobs) await send(address(one, act)).catch(passed);
    toast(said, "info");
  } catch (problem) {
    toast(`Not everything was done. ${problem.message}`, "error");
  } finally {
    pause.disabled = resume.disabled = false;
  }
}

const waits = (one) => Number(one.job.state === "queued");

// One that has ended, or was asked already, in the meantime.
function passed(problem) {
  if (!(problem instanceof Refused && problem.status === 409)) throw problem;
}

// A search keeps the trials that have ended, and what came after them is done again.
const kept = () => (all.some((one) => one.search && !OVER.includes(one.job.state)) ? "It keeps the trials that have ended and frees its devices; the one that runs begins anew when it is resumed." : "It writes a checkpoint and frees its devices.");

pause?.addEventListener("click", () => ask("pause", all, kept()));
resume?.addEventListener("click", () => ask("resume", all.filter((one) => one.job.paused), "It goes on from its checkpoint as soon as its devices are free."));
