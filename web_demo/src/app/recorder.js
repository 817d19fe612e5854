// "Record my swipes": rows of JSON lines that the rest of edgectc reads.

import { download } from "./download.js";
import { recall, store } from "./storage.js";

export class Recorder {
  /** @param {{on: HTMLInputElement, count: HTMLElement, save: HTMLButtonElement, forget: HTMLButtonElement}} places */
  constructor({ on, count, save, forget }) {
    /** @type {any[]} */ this.rows = recall("swipes", [], (rows) => Array.isArray(rows) && rows.every((row) => Array.isArray(row?.points)));
    this.places = { on, count, save, forget };
    save.addEventListener("click", () => this.#save());
    forget.addEventListener("click", () => {
      this.rows = [];
      this.changed();
    });
    this.changed();
  }

  /** Whether swipes are recorded. */
  get on() {
    return this.places.on.checked;
  }

  /**
   * Returns the row of a swipe, which follows its corrections; null while nothing is recorded.
   * @param {number[][]} points
   * @param {string} layout
   * @param {string} word
   * @param {string[]} context
   */
  add(points, layout, word, context) {
    if (!this.on) return null;
    const first = points[0][2];
    /** @type {(value: number, digits: number) => number} */
    const round = (value, digits) => Number(value.toFixed(digits)) + 0;
    const rounded = points.map(([x, y, t]) => [round(x, 4), round(y, 4), round(t - first, 1)]);
    const row = { layout, points: rounded, word, user: "me", context };
    this.rows.push(row);
    this.changed();
    return row;
  }

  /** Takes a row back, e.g. as its word was deleted. @param {any} row */
  drop(row) {
    this.rows = this.rows.filter((one) => one !== row);
    this.changed();
  }

  changed() {
    const { count, save, forget } = this.places;
    const n = this.rows.length;
    const kept = store("swipes", this.rows);
    count.textContent = `${n} swipe${n === 1 ? "" : "s"}${kept ? "" : ", until this page closes"}`;
    save.disabled = forget.disabled = n === 0;
  }

  /** Returns the rows as JSON lines. */
  text() {
    return this.rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  }

  #save() {
    download("swipes.jsonl", "application/jsonl", this.text());
  }
}
