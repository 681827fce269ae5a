// The one live stream of this browser, and what it does when streams do not get through. Tabs say which
// topics they watch and what they saw last; the stream carries the union. No byte for 40 s (heartbeats
// come every 15) or an error closes it; it is opened anew after 1, 2, 4 … 30 s with jitter, from the
// last event that arrived. After two streams that did not live it asks every few seconds instead, and
// tries a stream again from time to time.
//   const line = new Line(); line.accept(port);
// A port hears {do: "watch", topic, last} | {do: "leave", topic} | {do: "here"} | {do: "bye"} |
// {do: "visible", visible} and tells {topic, event} and {state}.
const SILENCE = 40000;
const SHUT = 10000; // what brought no byte for so long after its beginning is held back
const LIVED = 5000; // a stream that ended sooner does not count as one
const SPREAD = 2500; // when the web restarts, its readers do not come back all at once
const LONGEST = 30000;
const GONE = 70000; // a tab that said nothing for so long is closed
const TRIES = 2; // then it asks instead
const ASK = 3000;
const AGAIN = [15000, 300000]; // while it asks: when a stream is tried, at first and at most

export class Line {
  tabs = new Map(); // port -> {topics: Set, seen}
  last = new Map(); // topic -> last seq that arrived here
  refused = new Set();
  stream = null; // {key, abort}
  fresh = false;
  slow = false; // the server hears of changes late
  out = false; // nobody is signed in
  tries = 0;
  asking = 0; // when a stream was tried last; 0: it does not ask
  again = AGAIN[0];
  asks = false; // the way of the newest attempt
  opened = 0;
  guard = 0;
  heard = 0;
  retryAt = 0;
  timer = 0;
  hidden = 0;
  soon = 0;

  constructor() {
    setInterval(() => this.look(), 2000);
  }

  accept(port) {
    port.onmessage = ({ data }) => this.hear(port, data);
    port.start?.();
    port.postMessage({ state: this.state() }); // a tab that hears nothing finds itself another line
  }

  wanted() {
    const union = new Set();
    for (const tab of this.tabs.values()) tab.topics.forEach((topic) => union.add(topic));
    return [...union].filter((topic) => !this.refused.has(topic));
  }

  address(topics) {
    const seen = topics.filter((topic) => topic.startsWith("job:")).map((topic) => `${topic}@${this.last.get(topic) ?? 0}`);
    const query = new URLSearchParams({ t: topics.join(",") });
    if (seen.length) query.set("last", seen.join(","));
    return `/live/?${query}`;
  }

  reopen() {
    clearTimeout(this.timer);
    const topics = this.wanted();
    const key = topics.join(",");
    if (this.stream && key === this.stream.key) return;
    this.close();
    if (!topics.length || this.hidden) return;
    const abort = new AbortController();
    const asks = this.asking > 0 && Date.now() - this.asking < this.again;
    this.stream = { key, abort };
    this.asks = asks;
    this.opened = Date.now();
    this.guard = setTimeout(() => this.failed(), SHUT);
    const act = asks ? this.ask(topics, abort.signal) : this.read(topics, abort.signal);
    act.then(
      (again) => again && !abort.signal.aborted && this.failed(),
      () => !abort.signal.aborted && this.failed(),
    );
  }

  // Read by hand: unlike an EventSource this sees the heartbeats and the status of a refusal.
  async read(topics, signal) {
    const answer = await this.get(this.address(topics), signal, "text/event-stream");
    if (answer.status === 400 || answer.status === 404) return this.refuse(topics);
    if (!answer.ok || !answer.body) return this.turned(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      this.came();
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      parts.forEach((part) => this.message(part));
    }
  }

  // The same messages in answers that end: for proxies that hold a stream back.
  async ask(topics, signal) {
    const answer = await this.get(`${this.address(topics)}&once=1`, signal, "text/plain");
    if (answer.status === 400 || answer.status === 404) return this.refuse(topics);
    if (!answer.ok) return this.turned(answer);
    const text = await answer.text();
    if (signal.aborted) return false;
    this.came();
    this.tries = 0;
    text.split("\n\n").forEach((part) => this.message(part));
    this.stream = null;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reopen(), ASK);
    return false;
  }

  get(address, signal, accept) {
    const headers = { Accept: `${accept}, application/json` };
    return fetch(address, { headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" });
  }

  turned(answer) {
    this.out = answer.status === 401;
    return true;
  }

  came() {
    this.heard = Date.now();
    clearTimeout(this.guard);
    if (this.fresh) return;
    this.fresh = true;
    this.out = false;
    this.tell();
  }

  // One topic that may not be read must not silence the others: the newest one is left out.
  refuse(topics) {
    const topic = topics.at(-1);
    this.refused.add(topic);
    for (const [port, tab] of this.tabs) if (tab.topics.has(topic)) port.postMessage({ topic, event: { type: "denied", data: null, seq: 0, at: null } });
    this.close();
    this.later();
    return false;
  }

  message(text) {
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
    if (type === "job") this.pass(`job:${data.job}`, { type: data.type, data: data.data, seq: data.seq, at: data.at ?? null });
    if (type === "gpus") this.pass("gpus", { type, data, seq: 0, at: null });
    if (type === "project") this.pass(`project:${data.project}`, { type, data, seq: 0, at: null });
    if (type === "resync") data.topics.forEach((topic) => this.pass(topic, { type: "gap", data: null, seq: 0, at: null }));
    if (type === "degraded") { this.slow = data.degraded; this.tell(); }
  }

  pass(topic, event) {
    if (event.seq) this.last.set(topic, Math.max(event.seq, this.last.get(topic) ?? 0));
    for (const [port, tab] of this.tabs) if (tab.topics.has(topic)) port.postMessage({ topic, event });
  }

  failed() {
    const asked = this.asks;
    const lived = this.fresh && !asked && Date.now() - this.opened > LIVED;
    this.close();
    this.tries = lived ? 1 : this.tries + 1;
    if (lived) this.again = AGAIN[0];
    if (lived) this.asking = 0;
    else if (this.asking && !asked) this.again = Math.min(this.again * 2, AGAIN[1]);
    if (!asked && !lived && (this.asking || this.tries >= TRIES)) this.asking = Date.now();
    const wait = lived ? 300 + Math.random() * SPREAD : Math.min(LONGEST, 1000 * 2 ** (this.tries - 1)) * (0.75 + Math.random() / 2);
    this.retryAt = Date.now() + wait;
    this.timer = setTimeout(() => this.reopen(), wait);
    this.tell();
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.guard);
    this.stream?.abort.abort();
    this.stream = null;
    this.fresh = false;
  }

  state() {
    const now = Date.now();
    const retry = this.fresh || !this.tries ? 0 : Math.max(1, Math.round((this.retryAt - now) / 1000));
    const age = this.heard ? Math.round((now - this.heard) / 1000) : 0;
    return { live: this.fresh, age, retry, slow: this.slow, asks: this.fresh && this.asks, out: this.out };
  }

  tell() {
    const state = this.state();
    for (const port of this.tabs.keys()) port.postMessage({ state });
  }

  hear(port, message) {
    const tab = this.tabs.get(port) ?? { topics: new Set(), seen: 0 };
    tab.seen = Date.now();
    if (message.do === "bye") {
      this.tabs.delete(port);
      this.later();
      return;
    }
    this.tabs.set(port, tab);
    if (message.do === "watch") this.watch(tab, message);
    if (message.do === "leave") {
      tab.topics.delete(message.topic);
      this.later();
    }
    if (message.do === "visible") {
      clearTimeout(this.hidden);
      this.hidden = 0;
      if (message.visible) this.later();
      else this.hidden = setTimeout(() => this.close(), 60000);
    }
  }

  // A tab may be behind the others: the stream starts where the slowest one stands.
  watch(tab, { topic, last }) {
    const known = this.last.get(topic);
    const behind = known === undefined ? last : Math.min(known, last);
    this.last.set(topic, behind ?? 0);
    tab.topics.add(topic);
    this.refused.delete(topic);
    if (known !== undefined && behind < known) this.close();
    this.later();
    this.tell();
  }

  later() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.reopen(), 30); // several topics of one page make one stream
  }

  look() {
    const now = Date.now();
    for (const [port, tab] of this.tabs) if (now - tab.seen > GONE) this.tabs.delete(port);
    if (this.stream && this.fresh && now - this.heard > SILENCE) this.failed();
    else if (!this.wanted().length) this.close();
    this.tell();
  }
}
