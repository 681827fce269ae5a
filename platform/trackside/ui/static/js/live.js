// One stream for all tabs of this browser, through a SharedWorker; a tab's own stream where there is
// none.
//   const stop = live.watch("job:12", 45, (event) => …);   event: {type, data, seq}; 45: last seen
//   live.onState((state) => …);                             state: {live, age, retry}
// Events `gap` (some were missed: load the page's data anew) and `denied` may come on any topic.
const worker = document.querySelector('meta[name="live-worker"]')?.content;
const watchers = new Map(); // topic -> Set of functions
const listeners = new Set();
let state = { live: false, age: 0, retry: 0 };
let port = null;

function connect() {
  if (port || !worker) return;
  if ("SharedWorker" in window) {
    const shared = new SharedWorker(worker, { type: "module", name: "trackside-live" });
    port = shared.port;
    port.start();
  } else {
    const own = new Worker(worker, { type: "module" });
    port = own;
    document.addEventListener("visibilitychange", () => port.postMessage({ do: "visible", visible: !document.hidden }));
  }
  port.onmessage = ({ data }) => receive(data);
  addEventListener("pagehide", () => port?.postMessage({ do: "bye" }));
  addEventListener("pageshow", (event) => event.persisted && resume());
  setInterval(() => port.postMessage({ do: "here" }), 20000);
}

function resume() {
  for (const [topic, entry] of watchers) port.postMessage({ do: "watch", topic, last: entry.last });
}

function receive(message) {
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

// <span data-live> shows whether the numbers on the page are fresh.
for (const box of document.querySelectorAll("[data-live]")) {
  live.onState(({ live: fresh, age, retry }) => {
    box.querySelector(".dot")?.classList.toggle("dot--ok", fresh);
    box.querySelector(".dot")?.classList.toggle("dot--live", fresh);
    const text = box.querySelector("[data-text]");
    if (!text) return;
    text.textContent = fresh ? "Live" : retry ? `Waiting for the server, numbers ${age} s old, next try in ${retry} s` : "Connecting";
  });
}
