// The queue of the GPUs page: drawn from the board, reordered by dragging (a finger takes the grip),
// by arrow keys on a job's grip, or by its two buttons. The server decides; until it has answered the list shows the wish.
import { send } from "../send.js";
import { toast } from "../toasts.js";
import { plural, put } from "../words.js";

const list = document.getElementById("queue");
const pattern = document.getElementById("waiting-pattern").content.firstElementChild;
let dragged = null;
let pending = 0; // moves on their way: the board of the moment is older than what is shown
let sending = Promise.resolve();
let current = () => ({ queue: [] });

export function drawQueue(board) {
  if (dragged || pending) return;
  const rows = new Map([...list.children].map((row) => [row.dataset.job, row]));
  const wanted = board.queue.map((job) => fill(rows.get(String(job.id)) ?? pattern.cloneNode(true), job));
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  wanted.forEach((row, place) => {
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
  while (list.children.length > wanted.length) list.lastElementChild.remove();
  if (held?.isConnected && document.activeElement !== held) held.focus();
  document.getElementById("queue-count").textContent = plural(board.waiting, "job");
  document.getElementById("queue-none").hidden = wanted.length > 0;
  document.getElementById("queue-more").hidden = board.waiting <= wanted.length;
}

function fill(row, job) {
  const at = (name) => row.querySelector(`[data-f="${name}"]`);
  row.dataset.job = job.id;
  row.dataset.priority = job.priority;
  row.draggable = job.may_move && !job.paused;
  put(at("position"), job.paused ? "–" : String(job.position));
  put(at("at"), String(job.position));
  for (const one of row.querySelectorAll('[data-f="name"]')) put(one, job.title);
  put(at("link"), job.title);
  if (job.project) at("link").href = `/p/${job.project}/jobs/${job.id}/`;
  else at("link").removeAttribute("href");
  put(at("priority"), `priority ${job.priority}`);
  at("priority").hidden = !job.priority;
  at("paused").hidden = !job.paused;
  at("preemptible").hidden = !job.preemptible;
  put(at("facts"), [`job ${job.id}`, job.user || "Somebody", job.wish].filter(Boolean).join(" · "));
  put(at("reason"), job.reason);
  at("reason").hidden = !job.reason;
  at("acts").hidden = !job.may_move;
  at("grip").hidden = at("up").hidden = at("down").hidden = !row.draggable; // who is paused has no turn
  return row;
}

export function followQueue(board, change) {
  current = board;
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".q");
    const what = event.target.closest("button")?.dataset.f;
    if (what === "up") move(row, -1);
    if (what === "down") move(row, 1);
    if (what === "edit") change(current().queue.find((job) => String(job.id) === row.dataset.job));
  });
  list.addEventListener("keydown", (event) => {
    if (event.target.dataset.f !== "grip") return;
    const steps = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!steps) return;
    event.preventDefault();
    move(event.target.closest(".q"), steps);
  });
  list.addEventListener("dragstart", begin);
  list.addEventListener("dragover", over);
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", (event) => drop(event.dataTransfer.dropEffect !== "none"));
  list.addEventListener("pointerdown", touch);
}

// Those that stand still are the end of the list, and no place to move to.
const turns = () => [...list.children].filter((row) => row.querySelector('[data-f="paused"]').hidden);

function move(row, steps) {
  const rows = turns();
  const from = rows.indexOf(row);
  const to = Math.max(0, Math.min(rows.length - 1, from + steps));
  if (to === from) {
    say(`${title(row)} is ${from ? "last" : "first"} already.`);
    return;
  }
  const held = document.activeElement;
  list.insertBefore(row, to < from ? rows[to] : (rows[to].nextElementSibling ?? null));
  held.focus(); // a node that is put elsewhere loses it
  tell(row, from);
}

function begin(event) {
  const row = event.target.closest?.(".q");
  if (!row?.draggable) return;
  take(row);
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", title(row));
}

function take(row) {
  dragged = { row, after: row.nextElementSibling, from: [...list.children].indexOf(row) };
  row.classList.add("q--drag");
}

// Browsers begin no dragging for a finger, or only after a long press that may be meant for the menu.
function touch(event) {
  const row = event.target.closest('[data-f="grip"]')?.closest(".q");
  if (!row || event.pointerType === "mouse" || dragged) return;
  const stop = new AbortController();
  const end = (done) => {
    stop.abort();
    row.draggable = true;
    drop(done);
  };
  row.draggable = false;
  take(row);
  // At the document: who is put elsewhere while a finger holds it loses the finger.
  const on = (type, heard) => document.addEventListener(type, heard, { signal: stop.signal });
  on("pointermove", ({ clientX, clientY }) => shift(document.elementFromPoint(clientX, clientY), clientY));
  on("pointerup", () => end(true));
  on("pointercancel", () => end(false));
}

function over(event) {
  if (!dragged) return;
  event.preventDefault();
  shift(event.target, event.clientY);
}

function shift(target, y) {
  const row = target?.closest?.(".q");
  if (!row || row === dragged.row || !turns().includes(row)) return;
  const box = row.getBoundingClientRect();
  const below = y > box.top + box.height / 2;
  list.insertBefore(dragged.row, below ? row.nextElementSibling : row);
}

function drop(done) {
  if (!dragged) return;
  const { row, after, from } = dragged;
  dragged = null;
  row.classList.remove("q--drag");
  if (!done) list.insertBefore(row, after);
  else if (row.nextElementSibling !== after) tell(row, from);
}

const title = (row) => row.querySelector('[data-f="link"]').textContent;

function say(text) {
  document.getElementById("said").textContent = text;
}

// It stands where it was put at once; the server's word comes with the next board. Who goes up
// passes the one below, who goes down lets the one above pass.
// Moves are sent one after the other: two on their way at once might arrive in the wrong order.
function tell(row, from) {
  pending += 1;
  const place = [...list.children].indexOf(row);
  const where = place < from ? { before: row.nextElementSibling.dataset.job } : { after: row.previousElementSibling.dataset.job };
  sending = sending.then(() => post(row, where, place + 1));
}

async function post(row, where, place) {
  try {
    await send(`${list.dataset.url}${row.dataset.job}/place/`, where);
    say(`${title(row)} is number ${place} now.`);
  } catch (problem) {
    toast(problem.message, "error");
    say(problem.message);
  } finally {
    pending -= 1;
  }
  if (!pending) await refresh();
}

export async function refresh() {
  try {
    const answer = await fetch(list.dataset.url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (answer.ok) Object.assign(current(), await answer.json());
  } catch {
    // the live board corrects the list when the server is back
  }
  drawQueue(current());
}
