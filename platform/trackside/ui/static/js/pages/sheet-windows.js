// Windows of a table's rows: fetched when they come into sight, a few at once, the oldest forgotten.
import { Refused } from "../send.js";

const ROWS = 100;
const COLUMNS = 40;
const KEPT = 80;
const AT_ONCE = 3;
const REST = 60; // ms that the view rests before it asks: what flies past is not fetched

export class Windows {
  constructor(url, facts, changed) {
    this.url = url;
    this.facts = facts;
    this.changed = changed;
    this.kept = new Map(); // key: rows; in the order of their use
    this.under = new Set();
    this.queue = [];
    this.trouble = "";
    this.wait = 0; // ms until a failed window is asked for again
    this.until = 0; // Infinity: it makes no sense to ask again
  }

  // The text of a cell, null for a missing value, undefined while it is not there yet.
  cell(row, column) {
    const found = this.kept.get(key(row, column));
    return found === undefined ? undefined : (found[row % ROWS]?.[column % COLUMNS] ?? null);
  }

  // What is in sight: [first, end) and [left, right).
  want(first, end, left, right) {
    this.queue = [];
    for (let row = first - (first % ROWS); row < end; row += ROWS) {
      for (let column = left - (left % COLUMNS); column < right; column += COLUMNS) {
        const name = key(row, column);
        const found = this.kept.get(name);
        if (found === undefined) this.queue.push([row, column]);
        else {
          this.kept.delete(name);
          this.kept.set(name, found);
        }
      }
    }
    clearTimeout(this.timer);
    if (this.queue.length) this.timer = setTimeout(() => this.next(), this.kept.size ? REST : 0);
  }

  next() {
    if (Date.now() < this.until) return;
    for (const [row, column] of this.queue) {
      if (this.under.size >= AT_ONCE) return;
      if (!this.under.has(key(row, column)) && !this.kept.has(key(row, column))) this.fetch(row, column);
    }
  }

  async fetch(row, column) {
    const name = key(row, column);
    this.under.add(name);
    try {
      const asked = new URLSearchParams({ offset: row, limit: ROWS, first: column, count: COLUMNS, v: this.facts.version });
      const answer = await fetch(`${this.url}?${asked}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
      const told = await answer.json().catch(() => null);
      if (!answer.ok || !told?.rows) throw new Refused(told?.error?.message || `The server answered ${answer.status}.`, answer.status);
      this.keep(name, told.rows);
      this.trouble = "";
      this.wait = 0;
    } catch (error) {
      this.failed(error);
    } finally {
      this.under.delete(name);
    }
    this.next();
    this.changed();
  }

  failed(error) {
    this.trouble = error instanceof Refused ? error.message : "The connection broke; it is tried again.";
    const asked = error instanceof Refused && error.status < 500;
    this.wait = Math.min(30_000, 2 * (this.wait || 500));
    this.until = asked ? Infinity : Date.now() + this.wait;
    if (!asked) setTimeout(this.changed, this.wait);
  }

  keep(name, rows) {
    this.kept.set(name, rows);
    while (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}

const key = (row, column) => `${Math.floor(row / ROWS)}:${Math.floor(column / COLUMNS)}`;
