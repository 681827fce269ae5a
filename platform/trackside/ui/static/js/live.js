// One stream for all tabs of this browser, through a SharedWorker; where there is none, or it says
// nothing, a Worker of this tab; where there is none either, this page itself.
//   const stop = live.watch("job:12", 45, (event) => …);   event: {type, data, seq}; 45: last seen
//   live.onState((state) => …);                             state: {live, age, retry, slow, asks, out}
// Events `gap` (some were missed: load the page's data anew) and `denied` may come on any topic.
import { put } from "./words.js";

const worker = document.querySelector('meta[name="live-worker"]')?.content;
const LOOK = 5000; // how often a line is looked after; it tells something every 2 s
const MISSES = 2; // so many looks in a row at a line that is silent, and another one is taken
const LINES = [shared, own, inside];
const watchers = new Map(); // topic -> {last, handlers: Set of functions}
const listeners = new Set();
let state = { live: false, age: 0, retry: 0, slow: false, asks: false, out: false };
let port = null;
let kind = 0; // which of LINES
let told = false;
let misses = 0;

function shared() {
  if (!("SharedWorker" in window)) return null;
  const made = new SharedWorker(worker, { type: "module", name: "trackside-live" });
  made.onerror = () => made.port === port && next();
  made.port.start();
  return made.port;
}

function own() {
  if (!("Worker" in window)) return null;
  const made = new Worker(worker, { type: "module" });
  made.onerror = () => made === port && next();
  return made;
}

function inside() {
  const { port1, port2 } = new MessageChannel();
  import("./live-line.js").then(({ Line }) => new Line().accept(port2));
  port1.start();
  return port1;
}

function open() {
  let made = null;
  while (!made && kind < LINES.length) {
    try {
      made = LINES[kind]();
    } catch {
      made = null;
    }
    if (!made) kind += 1;
  }
  port = made;
  if (port) port.onmessage = ({ data }) => receive(data);
}

// The line failed: the next kind of it takes over where this one was.
function next() {
  if (kind >= LINES.length - 1) return;
  port?.terminate?.();
  port?.close?.();
  kind += 1;
  misses = 0;
  open();
  resume();
}

function connect() {
  if (port || !worker) return;
  open();
  document.addEventListener("visibilitychange", () => kind > 0 && port.postMessage({ do: "visible", visible: !document.hidden }));
  addEventListener("pagehide", () => port.postMessage({ do: "bye" }));
  addEventListener("pageshow", (event) => event.persisted && resume());
  setInterval(() => port.postMessage({ do: "here" }), 20000);
  setInterval(look, LOOK);
}

function look() {
  misses = told ? 0 : misses + 1;
  told = false;
  if (misses >= MISSES) next();
}

function resume() {
  for (const [topic, entry] of watchers) port.postMessage({ do: "watch", topic, last: entry.last });
}

function receive(message) {
  told = true;
  if (message.state) {
    state = message.state;
    listeners.forEach((listener) => listener(state));
    document.dispatchEvent(new CustomEvent("live:state", { detail: state }));
    return;
  }
  const entry = watchers.get(message.topic);
  if (!entry) return;
  if (message.event.seq) {
    if (message.event.seq <= entry.last) return; // another tab was behind: seen already
    entry.last = message.event.seq;
  }
  entry.handlers.forEach((handler) => handler(message.event));
}

export const live = {
  watch(topic, last, handler) {
    connect();
    const entry = watchers.get(topic) ?? { last: 0, handlers: new Set() };
    const first = entry.handlers.size === 0;
    if (first) entry.last = last || 0;
    entry.handlers.add(handler);
    watchers.set(topic, entry);
    if (first) port?.postMessage({ do: "watch", topic, last: entry.last });
    return () => {
      entry.handlers.delete(handler);
      if (entry.handlers.size) return;
      watchers.delete(topic);
      port?.postMessage({ do: "leave", topic });
    };
  },
  onState(listener) {
    connect();
    listeners.add(listener);
    listener(state);
    return () => listeners.delete(listener);
  },
};

function words({ live: fresh, age, retry, slow, asks, out }) {
  if (fresh && asks) return "Every few seconds";
  if (fresh && slow) return "Live, with a short delay";
  if (fresh) return "Live";
  if (out) return "Signed out: sign in again to go on";
  if (retry) return `Waiting for the server, numbers ${age} s old, next try in ${retry} s`;
  return "Connecting";
}

// <span data-live> shows whether the numbers on the page are fresh; one that comes later, as in a
// dialog, is given here. The answer ends it.
export function tellFresh(box) {
  return live.onState((now) => {
    box.querySelector(".dot").classList.toggle("dot--ok", now.live);
    box.querySelector(".dot").classList.toggle("dot--live", now.live);
    put(box.querySelector("[data-text]"), words(now));
  });
}

document.querySelectorAll("[data-live]").forEach(tellFresh);
