// How it does, without what was written: rows of JSON lines that `edgectc report` reads. Off until it is switched on.

import { download } from "./download.js";
import { recall, store } from "./storage.js";

const MOST = 20_000; // rows

/** @typedef {{by: "gesture" | "taps" | "completion" | "next", rank: number, probability?: number, ms?: number, corrected?: boolean, undone?: boolean, foreseen?: boolean}} Entry */

/** @param {any} rows */
const good = (rows) => Array.isArray(rows) && rows.every((row) => typeof row?.by === "string" && typeof row.rank === "number");

export class Ledger {
  /** @param {{on: HTMLInputElement, count: HTMLElement, save: HTMLButtonElement, forget: HTMLButtonElement}} places */
  constructor({ on, count, save, forget }) {
    /** @type {Entry[]} */ this.rows = recall("ledger", [], good);
    this.places = { on, count, save, forget };
    this.head = { edgectc_ledger: 1, host: "web", model: "", artifact: "" };
    on.checked = recall("ledger-on", false);
    on.addEventListener("change", () => store("ledger-on", on.checked));
    save.addEventListener("click", () => this.#save());
    forget.addEventListener("click", () => {
      this.rows = [];
      this.changed();
    });
    this.changed();
  }

  /** Returns the row of a word, which follows what becomes of it; null while nothing is noted. @param {Entry} row */
  add(row) {
    if (!this.places.on.checked) return null;
    if (this.rows.length >= MOST) this.rows.shift();
    this.rows.push(row);
    this.changed();
    return row;
  }

  changed() {
    const { count, save, forget } = this.places;
    const n = this.rows.length;
    const kept = store("ledger", this.rows);
    count.textContent = `${n} word${n === 1 ? "" : "s"}${kept ? "" : ", until this page closes"}`;
    save.disabled = forget.disabled = n === 0;
  }

  /** Returns the file. */
  text() {
    const round = (/** @type {string} */ _, /** @type {any} */ value) => (typeof value === "number" ? Number(value.toFixed(4)) : value);
    return [this.head, ...this.rows].map((row) => `${JSON.stringify(row, round)}\n`).join("");
  }

  #save() {
    download("ledger.jsonl", "application/jsonl", this.text());
  }
}
