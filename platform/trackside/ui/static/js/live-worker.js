// The one EventSource of this browser. Tabs say which topics they watch and what they saw last; the
// stream carries the union. An EventSource gives up for good after a 502, so this opens it anew: no
// byte for 40 s or an error closes it, waits of 1, 2, 4 … 30 s with jitter lie in between.
const SILENCE = 40000;
const LONGEST = 30000;
const GONE = 70000; // a tab that said nothing for so long is closed
const tabs = new Map(); // port -> {topics: Set, seen}
const last = new Map(); // topic -> last seq that arrived here
let source = null;
let open = "";
let tries = 0;
let heard = 0;
let retryAt = 0;
let timer = 0;
let hidden = 0;

function wanted() {
  const union = new Set();
  for (const tab of tabs.values()) tab.topics.forEach((topic) => union.add(topic));
  return [...union].sort();
}

function address(topics) {
  const seen = topics.filter((topic) => last.get(topic)).map((topic) => `${topic}@${last.get(topic)}`);
  const query = new URLSearchParams({ t: topics.join(",") });
  if (seen.length) query.set("last", seen.join(","));
  return `/live/?${query}`;
}

function reopen() {
  const topics = wanted();
  const key = topics.join(",");
  if (source && key === open && source.readyState !== EventSource.CLOSED) return;
  close();
  if (!topics.length || hidden) return;
  open = key;
  heard = Date.now();
  source = new EventSource(address(topics));
  source.onopen = () => {
    tries = 0;
    heard = Date.now();
    tell();
  };
  source.onerror = () => failed();
  for (const type of ["job", "gpus", "project", "gap", "denied", "ping"]) source.addEventListener(type, arrived);
}

function arrived(event) {
  heard = Date.now();
  if (event.type === "ping") return tell();
  let data = null;
  try {
    data = JSON.parse(event.data);
  } catch {
    return undefined;
  }
  const topic = topicOf(event.type, data);
  const seq = data?.seq ?? 0;
  if (seq) last.set(topic, Math.max(seq, last.get(topic) ?? 0));
  const type = event.type === "job" ? data.type : event.type;
  const body = event.type === "job" ? data.data : data;
  const message = { topic, event: { type, data: body, seq, at: data?.at ?? null } };
  for (const [port, tab] of tabs) if (!topic || tab.topics.has(topic)) port.postMessage(message);
  return undefined;
}

function topicOf(type, data) {
  if (data?.topic) return data.topic;
  if (type === "job") return `job:${data.job}`;
  if (type === "project") return data.project ? `project:${data.project}` : onlyOne("project:");
  return type === "gpus" ? "gpus" : "";
}

const onlyOne = (start) => wanted().find((topic) => topic.startsWith(start)) ?? "";

function failed() {
  close();
  tries += 1;
  const wait = Math.min(LONGEST, 1000 * 2 ** (tries - 1)) * (0.75 + Math.random() / 2);
  retryAt = Date.now() + wait;
  clearTimeout(timer);
  timer = setTimeout(reopen, wait);
  tell();
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
  open = "";
}

function tell() {
  const now = Date.now();
  const fresh = source?.readyState === EventSource.OPEN;
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
    last.set(message.topic, behind);
    tab.topics.add(message.topic);
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
  if (source && now - heard > SILENCE) failed();
  else if (!wanted().length) close();
  tell();
}, 2000);

if ("onconnect" in self) self.onconnect = (event) => accept(event.ports[0]);
else accept(self);
