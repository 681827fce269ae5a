// One job as it goes on: state, progress, log and story; its end loads the page anew.
import { OVER, amount, pill, sentence, share } from "../job-words.js";
import { live } from "../live.js";
import "../move.js";
import { duration } from "../words.js";

const page = document.getElementById("job");
const log = document.getElementById("log");
const follow = document.getElementById("follow");
const story = document.getElementById("story");
const parts = (name) => document.querySelectorAll(`[data-f="${name}"]`);
const tell = (name, text) => parts(name).forEach((part) => (part.textContent = text));
const MOST_LINES = 2000;
let waiting = [];

log.scrollTop = log.scrollHeight;
if (!page.dataset.over) live.watch(`job:${page.dataset.job}`, Number(page.dataset.seq), heard);

function heard({ type, data, at }) {
  if (type === "gap") location.reload();
  else if (type === "progress") progress(data);
  else if (type === "log") line(data);
  else if (type === "state") state(data);
  if (type === "phase") tell("phase", data.text || data.name);
  const words = sentence(type, data);
  if (words) tellStory(words, type, at);
  if (words && ["started", "phase", "note"].includes(type)) line({ text: `${stamp(at)} ${words}` }); // as recipes/said.py prints it
  if (type === "checkpoint") keep();
}

function progress(data) {
  tell("progress", amount(data));
  tell("eta", data.eta ? `${duration(data.eta)} left` : "");
  parts("bar").forEach((bar) => bar.setAttribute("width", share(data).toFixed(2)));
  document.querySelector("[role=progressbar]").setAttribute("aria-valuenow", Math.round(share(data)));
}

function state({ state: now, reason, paused = false }) {
  parts("state").forEach((part) => part.replaceChildren(pill(paused && now === "queued" ? "paused" : now)));
  tell("reason", reason ?? "");
  document.getElementById("reason").hidden = !reason;
  if (now !== "queued") document.querySelector('[data-f="turn"]')?.remove();
  // Its buttons, attempts and checkpoints are others now.
  const anew = now !== page.dataset.state && (now === "queued" || page.dataset.state === "queued" || now === "stopping");
  if (OVER.includes(now) || anew || Boolean(page.dataset.paused) !== paused) setTimeout(() => location.reload(), 300);
}

const stamp = (at) => (at ? new Date(at) : new Date()).toISOString().slice(0, 19).replace("T", " ");

function line({ text }) {
  if (!waiting.length) requestAnimationFrame(flush);
  waiting.push(text);
}

function flush() {
  const before = log.textContent;
  const lines = `${before}${before ? "\n" : ""}${waiting.join("\n")}`.split("\n");
  waiting = [];
  log.textContent = lines.slice(-MOST_LINES).join("\n");
  document.getElementById("log-none").hidden = true;
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

// The table of those that are kept comes from the server; at most once in some seconds.
let asked = false;

function keep() {
  if (asked) return;
  asked = true;
  setTimeout(async () => {
    asked = false;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("checkpoints");
      if (fresh) document.getElementById("checkpoints")?.replaceWith(fresh);
    } catch {
      // the next checkpoint asks again
    }
  }, 3000 + Math.random() * 2000);
}

function tellStory(words, type, at) {
  if (type === "checkpoint") story.querySelector('[data-type="checkpoint"]')?.remove(); // one a page: the newest
  if (story.querySelector("li")?.lastElementChild?.textContent === words) return; // said already
  const item = document.createElement("li");
  item.dataset.type = type;
  const when = document.createElement("span");
  when.className = "t3 s num";
  when.textContent = (at ? new Date(at) : new Date()).toLocaleTimeString("en-GB");
  const what = document.createElement("span");
  what.className = type === "failed" ? "wrap failed" : "wrap";
  what.textContent = words;
  item.append(when, what);
  story.prepend(item);
}
