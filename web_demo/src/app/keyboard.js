// The keys: where they lie, taps and swipes on them, arrow keys among them.

import { Trail } from "./trail.js";

/** @typedef {{id: string, label: string, name: string, x: number, y: number, w: number, kind: string}} Key */

const ICONS = {
  shift: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="m12 4 7.500 8.500H16V19H8v-6.500H4.500z"/></svg>',
  backspace: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 5.500h11v13H9L3.500 12zM12 9.500l5 5m0-5-5 5"/></svg>',
  enter: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M19 6v6.500H5.500m4-4-4 4 4 4"/></svg>',
};
const SYMBOLS = ["1234567890", "-/:;()$&@\"", ".,?!'#%*+="];
const TAP = 0.55; // key widths that a finger may stray and still tap

/** Returns a layout's title without its remarks. @param {string} text */
export const shortTitle = (text) => text.split(/[;(]/)[0].trim();

/**
 * Returns the keys of a layout, those that every phone has around the letters too.
 * @param {import("./loader.js").LayoutFile} file
 * @returns {{keys: Key[], rows: number, letterRows: number}}
 */
export function keysOf(file) {
  /** @type {Key[]} */ const keys = [];
  const letterRows = file.rows.length;
  const title = shortTitle(file.title || file.name);
  const punctuation = [",", "."];
  let spaced = false;
  let wings = false;
  file.rows.forEach(({ keys: text, x, key_width: w }, y) => {
    const row = [...text];
    for (let i = 0; i < row.length; i++) {
      if (row[i] !== " ") {
        keys.push({ id: row[i], label: row[i], name: row[i], x: x + i * w, y, w, kind: "letter" });
        continue;
      }
      let run = 1;
      while (row[i + run] === " ") run++;
      if (run >= 3) {
        keys.push({ id: "space", label: title, name: "space", x: x + i * w, y, w: run * w, kind: "space" });
        spaced = true;
        i += run - 1;
      } else {
        const mark = punctuation.shift();
        if (mark) keys.push({ id: mark, label: mark, name: mark === "," ? "comma" : "full stop", x: x + i * w, y, w, kind: "mark" });
      }
    }
    const end = x + row.length * w;
    if (!wings && x >= 0.12 && end <= 0.88) {
      wings = true;
      keys.push({ id: "shift", label: ICONS.shift, name: "shift", x: 0, y, w: x - 0.01, kind: "soft" });
      keys.push({ id: "backspace", label: ICONS.backspace, name: "backspace", x: end + 0.01, y, w: 0.99 - end, kind: "soft" });
    } else if (spaced && x >= 0.12) {
      keys.push({ id: "symbols", label: "?123", name: "digits and signs", x: 0, y, w: x - 0.01, kind: "soft" });
      keys.push({ id: "enter", label: ICONS.enter, name: "new line", x: end + 0.01, y, w: 0.99 - end, kind: "soft" });
    }
  });
  if (!spaced) bottom(keys, title, letterRows, wings);
  return { keys, rows: letterRows + (spaced ? 0 : 1), letterRows };
}

/**
 * @param {Key[]} keys
 * @param {string} title
 * @param {number} y
 * @param {boolean} wings whether shift and backspace are up among the letters
 */
function bottom(keys, title, y, wings) {
  /** @type {[string, string, string, number, string][]} */
  const row = [
    ["symbols", "?123", "digits and signs", 0.14, "soft"],
    ...(wings ? [] : /** @type {typeof row} */ ([["shift", ICONS.shift, "shift", 0.1, "soft"]])),
    [",", ",", "comma", 0.1, "mark"],
    ["space", title, "space", wings ? 0.5 : 0.32, "space"],
    [".", ".", "full stop", 0.1, "mark"],
    ...(wings ? [] : /** @type {typeof row} */ ([["backspace", ICONS.backspace, "backspace", 0.1, "soft"]])),
    ["enter", ICONS.enter, "new line", wings ? 0.16 : 0.14, "soft"],
  ];
  let x = 0;
  for (const [id, label, name, w, kind] of row) {
    keys.push({ id, label, name, x, y, w, kind });
    x += w;
  }
}

/** @param {string} title the keys for digits and signs */
const symbols = (title) => keysOf({
  name: "symbols", title, rows: SYMBOLS.map((keys) => ({ keys, x: 0, key_width: 0.1 })),
});

export class Keyboard {
  /**
   * @param {HTMLElement} place
   * @param {HTMLCanvasElement} canvas
   * @param {{tap: (id: string, point?: number[]) => void, moving: (points: number[][]) => void, swiped: (points: number[][]) => void, cancelled: () => void}} on
   */
  constructor(place, canvas, on) {
    this.place = place;
    this.on = on;
    this.trail = new Trail(canvas);
    this.shifted = "off";
    this.signs = false;
    /** @type {Key[]} */ this.keys = [];
    this.rows = 4;
    this.letterRows = 3;
    this.box = { left: 0, top: 0, width: 1, height: 1 };
    /** @type {{id: number, key: Key | null, points: number[][], away: boolean} | null} */
    this.touch = null;
    /** @type {number | undefined} */ this.repeat = undefined;
    place.addEventListener("pointerdown", (event) => this.#down(event));
    place.addEventListener("pointermove", (event) => this.#move(event));
    place.addEventListener("pointerup", (event) => this.#up(event));
    place.addEventListener("pointercancel", () => this.#stop(true));
    place.addEventListener("contextmenu", (event) => event.preventDefault());
    place.addEventListener("click", (event) => event.detail === 0 && this.#pressed(event));
    place.addEventListener("keydown", (event) => this.#arrows(event));
  }

  /** @param {import("./loader.js").LayoutFile} file */
  show(file) {
    this.file = file;
    this.#render();
  }

  /** @param {string} state off, once or lock */
  shift(state) {
    this.shifted = state;
    for (const button of this.place.querySelectorAll("button")) {
      if (button.dataset.kind === "letter") button.firstElementChild && (button.firstElementChild.textContent = this.#cased(button.dataset.id ?? ""));
      if (button.dataset.id === "shift") {
        button.classList.toggle("on", state !== "off");
        button.setAttribute("aria-pressed", String(state !== "off"));
      }
    }
  }

  /** Where the middle of a key is, in the letter area; null for what is no letter now. @param {string} id */
  middle(id) {
    const key = this.signs ? undefined : this.keys.find((one) => one.id === id && one.kind === "letter");
    return key ? [key.x + key.w / 2, (key.y + 0.5) / this.letterRows, 0] : null;
  }

  toggleSigns() {
    this.signs = !this.signs;
    this.#render();
  }

  /** @param {string} id */
  #cased(id) {
    return this.shifted === "off" || this.signs ? id : id.toUpperCase();
  }

  #render() {
    if (!this.file) return;
    const { keys, rows, letterRows } = this.signs ? symbols(this.file.title) : keysOf(this.file);
    this.keys = keys;
    this.rows = rows;
    this.letterRows = letterRows;
    const area = document.createElement("div");
    area.className = "area";
    area.style.height = `calc(${rows} * var(--key-height))`;
    for (const key of keys) area.append(this.#button(key, rows));
    this.place.replaceChildren(area);
    this.area = area;
    this.shift(this.shifted);
  }

  /**
   * @param {Key} key
   * @param {number} rows
   */
  #button(key, rows) {
    const button = document.createElement("button");
    const id = key.id === "symbols" && this.signs ? "ABC" : key.label;
    Object.assign(button.style, { left: `${100 * key.x}%`, width: `${100 * key.w}%`, top: `${(100 * key.y) / rows}%`, height: `${100 / rows}%` });
    button.type = "button";
    button.className = `key ${key.kind === "mark" ? "soft mark" : key.kind}`;
    button.dataset.id = key.id;
    button.dataset.kind = key.kind;
    button.tabIndex = key === this.keys[0] ? 0 : -1;
    button.setAttribute("aria-label", key.id === "symbols" && this.signs ? "letters" : key.name);
    const face = document.createElement("span");
    if (id.startsWith("<svg")) face.innerHTML = id;
    else face.textContent = key.kind === "letter" ? this.#cased(id) : id;
    button.append(face);
    return button;
  }

  /**
   * Returns x, y in the letter area and t of an event.
   * @param {PointerEvent} event
   */
  #point(event) {
    const { left, top, width, height } = this.box;
    return [(event.clientX - left) / width, (event.clientY - top) / height, event.timeStamp];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.area || event.button > 0) return;
    event.preventDefault(); // the text keeps the focus
    if (this.touch) {
      if (this.touch.away) return; // a second finger has no say in a swipe
      const { key, points } = this.touch; // two thumbs: the next key is down before the last one is up
      this.#stop(false);
      if (key) this.on.tap(key.id, points[0]);
    }
    const box = this.area.getBoundingClientRect();
    this.box = { left: box.left, top: box.top, width: box.width, height: (box.height * this.letterRows) / this.rows };
    const point = this.#point(event);
    const target = /** @type {HTMLElement} */ (event.target).closest?.("button");
    const id = target?.dataset.id ?? this.#nearest(point)?.id;
    const key = this.keys.find((one) => one.id === id) ?? null;
    this.touch = { id: event.pointerId, key, points: [point], away: false };
    try {
      this.place.setPointerCapture(event.pointerId);
    } catch { /* a pointer that is gone already */ }
    this.#press(key?.id);
    if (key?.id === "backspace") this.repeat = window.setTimeout(() => this.#again(), 420);
    if (key?.kind === "letter" && !this.signs) this.trail.begin(event.clientX, event.clientY);
  }

  #again() {
    this.on.tap("backspace");
    this.repeat = window.setTimeout(() => this.#again(), 70);
    if (this.touch) this.touch.key = null; // it has done what it was for
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { touch } = this;
    if (!touch || touch.id !== event.pointerId || touch.key?.kind !== "letter" || this.signs) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const last = touch.points[touch.points.length - 1];
      const point = this.#point(one);
      if (point[2] < last[2] || (point[2] === last[2] && point[0] === last[0] && point[1] === last[1])) continue;
      touch.points.push(point);
      this.trail.add(one.clientX, one.clientY);
    }
    const [x, y] = touch.points[touch.points.length - 1];
    const [x0, y0] = touch.points[0];
    const far = Math.hypot((x - x0) / (touch.key?.w ?? 0.1), (y - y0) * this.letterRows);
    if (!touch.away && far > TAP) {
      touch.away = true;
      this.#press(undefined);
    }
    if (touch.away) this.on.moving(touch.points);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const { touch } = this;
    if (!touch || touch.id !== event.pointerId) return;
    this.#move(event);
    this.#stop(false);
    if (touch.away) this.on.swiped(touch.points);
    else if (touch.key) this.on.tap(touch.key.id, touch.points[0]);
  }

  /** @param {boolean} cancelled */
  #stop(cancelled) {
    clearTimeout(this.repeat);
    this.touch = null;
    this.#press(undefined);
    this.trail.end();
    if (cancelled) this.on.cancelled();
  }

  /** @param {string | undefined} id */
  #press(id) {
    for (const button of this.place.querySelectorAll("button")) button.classList.toggle("down", button.dataset.id === id);
  }

  /** @param {number[]} point */
  #nearest([x, y]) {
    const away = (/** @type {Key} */ key) =>
      Math.hypot(x - key.x - key.w / 2, (y * this.letterRows - key.y - 0.5) * 0.1);
    return this.keys.reduce((best, key) => (away(key) < away(best) ? key : best));
  }

  /** A key that was pressed by a keyboard or a screen reader. @param {Event} event */
  #pressed(event) {
    const id = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.id;
    if (id) this.on.tap(id);
  }

  /** @param {KeyboardEvent} event */
  #arrows(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = this.keys.find((key) => key.id === /** @type {HTMLElement} */ (event.target).dataset?.id);
    if (!step || !from || !this.keys.length) return;
    event.preventDefault();
    const [dx, dy] = step;
    const cost = (/** @type {Key} */ key) => {
      const x = (key.x + key.w / 2 - from.x - from.w / 2) * 10;
      const y = key.y - from.y;
      const along = x * dx + y * dy;
      return along < 0.3 ? Infinity : along + 2.5 * Math.abs(x * dy + y * dx);
    };
    const next = this.keys.reduce((best, key) => (cost(key) < cost(best) ? key : best));
    if (cost(next) === Infinity) return;
    for (const button of this.place.querySelectorAll("button")) {
      button.tabIndex = button.dataset.id === next.id ? 0 : -1;
      if (button.tabIndex === 0) button.focus();
    }
  }
}
