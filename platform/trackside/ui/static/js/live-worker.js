// The one live stream of this browser. Tabs say which topics they watch and what they saw last; the
// stream carries the union. No byte for 40 s (heartbeats come every 15) or an error closes it; it is
// opened anew after 1, 2, 4 … 30 s with jitter, from the last event that arrived.
const SILENCE = 40000;
const LONGEST = 30000;
const GONE = 70000; // a tab that said nothing for so long is closed
const tabs = new Map(); // port -> {topics: Set, seen}
const last = new Map(); // topic -> last seq that arrived here
const refused = new Set();
let stream = null; // {key, abort}
let fresh = false;
let tries = 0;
let heard = 0;
let retryAt = 0;
let timer = 0;
let hidden = 0;

function wanted() {
  const union = new Set();
  for (const tab of tabs.values()) tab.topics.forEach((topic) => union.add(topic));
  return [...union].filter((topic) => !refused.has(topic));
}

function address(topics) {
  const seen = topics.filter((topic) => topic.startsWith("job:")).map((topic) => `${topic}@${last.get(topic) ?? 0}`);
  const query = new URLSearchParams({ t: topics.join(",") });
  if (seen.length) query.set("last", seen.join(","));
  return `/live/?${query}`;
}

function reopen() {
  clearTimeout(timer);
  const topics = wanted();
  const key = topics.join(",");
  if (stream && key === stream.key) return;
  close();
  if (!topics.length || hidden) return;
  const abort = new AbortController();
  stream = { key, abort };
  heard = Date.now();
  read(topics, abort.signal).then(
    (again) => again && !abort.signal.aborted && failed(),
    () => !abort.signal.aborted && failed(),
  );
}

// Read by hand: unlike an EventSource this sees the heartbeats and the status of a refusal.
async function read(topics, signal) {
  const headers = { Accept: "text/event-stream" };
  const answer = await fetch(address(topics), { headers, signal, credentials: "same-origin", cache: "no-store" });
  if (answer.status === 400 || answer.status === 404) return refuse(topics);
  if (!answer.ok || !answer.body) return true;
  tries = 0;
  fresh = true;
  tell();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return true;
    heard = Date.now();
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    parts.forEach(message);
  }
}

// One topic that may not be read must not silence the others: the newest one is left out.
function refuse(topics) {
  const topic = topics.at(-1);
  refused.add(topic);
  for (const [port, tab] of tabs) if (tab.topics.has(topic)) port.postMessage({ topic, event: { type: "denied", data: null, seq: 0, at: null } });
  close();
  later();
  return false;
}

function message(text) {
  let type = "message";
  const lines = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) type = line.slice(7);
    if (line.startsWith("data: ")) lines.push(line.slice(6));
  }
  if (!lines.length) return;
  let data = null;
  try {
    data = JSON.parse(lines.join("\n"));
  } catch {
    return;
  }
  if (type === "job") pass(`job:${data.job}`, { type: data.type, data: data.data, seq: data.seq, at: data.at ?? null });
  if (type === "gpus") pass("gpus", { type, data, seq: 0, at: null });
  if (type === "project") pass(`project:${data.project}`, { type, data, seq: 0, at: null });
  if (type === "resync") data.topics.forEach((topic) => pass(topic, { type: "gap", data: null, seq: 0, at: null }));
}

function pass(topic, event) {
  if (event.seq) last.set(topic, Math.max(event.seq, last.get(topic) ?? 0));
  for (const [port, tab] of tabs) if (tab.topics.has(topic)) port.postMessage({ topic, event });
}

function failed() {
  close();
  tries += 1;
  const wait = Math.min(LONGEST, 1000 * 2 ** (tries - 1)) * (0.75 + Math.random() / 2);
  retryAt = Date.now() + wait;
  timer = setTimeout(reopen, wait);
  tell();
}

function close() {
  clearTimeout(timer);
  stream?.abort.abort();
  stream = null;
  fresh = false;
}

function tell() {
  const now = Date.now();
  const retry = fresh || !tries ? 0 : Math.max(1, Math.round((retryAt - now) / 1000));
  const state = { live: fresh, age: heard ? Math.round((now - heard) / 1000) : 0, retry };
  for (const port of tabs.keys()) port.postMessage({ state });
}

function hear(port, message) {
  const tab = tabs.get(port) ?? { topics: new Set(), seen: 0 };
  tab.seen = Date.now();
  if (message.do === "bye") {
    tabs.delete(port);
    return later();
  }
  tabs.set(port, tab);
  if (message.do === "watch") {
    // A tab may be behind the others: the stream starts where the slowest one stands.
    const behind = last.has(message.topic) ? Math.min(last.get(message.topic), message.last) : message.last;
    const again = last.has(message.topic) && behind < last.get(message.topic);
    last.set(message.topic, behind ?? 0);
    tab.topics.add(message.topic);
    refused.delete(message.topic);
    if (again) close();
    later();
    tell();
  }
  if (message.do === "leave") {
    tab.topics.delete(message.topic);
    later();
  }
  if (message.do === "visible") {
    clearTimeout(hidden);
    hidden = 0;
    if (message.visible) later();
    else hidden = setTimeout(close, 60000);
  }
  return undefined;
}

let soon = 0;
function later() {
  clearTimeout(soon);
  soon = setTimeout(reopen, 30); // several topics of one page make one stream
}

function accept(port) {
  port.onmessage = ({ data }) => hear(port, data);
}

setInterval(() => {
  const now = Date.now();
  for (const [port, tab] of tabs) if (now - tab.seen > GONE) tabs.delete(port);
  if (stream && now - heard > SILENCE) failed();
  else if (!wanted().length) close();
  tell();
}, 2000);

if ("onconnect" in self) self.onconnect = (event) => accept(event.ports[0]);
else accept(self);
