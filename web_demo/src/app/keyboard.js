// The keys on the screen: taps, swipes and long presses on them, what slides from space and backspace, arrow keys among them.

import { Feedback } from "./feedback.js";
import { keysOf, more, shortTitle, signsOf } from "./keys.js";
import { Popup } from "./popup.js";
import { Trail } from "./trail.js";

/** @typedef {import("./keys.js").Key} Key */
/**
 * @typedef {{tap: (id: string, point?: number[]) => void, chosen: (text: string, point: number[]) => void, moving: (points: number[][]) => void,
 *   swiped: (points: number[][]) => void, cancelled: () => void, cursor: (characters: number) => void, deleting: (words: number, done: boolean) => void}} Listener
 */

const TAP = 0.55; // key widths that a finger may stray and still tap
const HOLD_MS = 400; // 2 % of people's swipes begin as slowly, so a finger that goes elsewhere swipes after all
const STILL = 0.2; // key widths that a finger may stray and still hold
const STEP = { space: 0.035, backspace: 0.1 }; // widths of the keys that a finger slides for a character, for a word

export class Keyboard {
  /**
   * @param {HTMLElement} place
   * @param {HTMLCanvasElement} canvas
   * @param {import("./settings.js").Settings} settings
   * @param {Listener} on
   */
  constructor(place, canvas, settings, on) {
    this.place = place;
    this.on = on;
    this.settings = settings;
    this.feedback = new Feedback(settings);
    settings.followers.push((name) => name === "number_row" && this.#render());
    this.trail = new Trail(canvas);
    this.shifted = "off";
    /** @type {import("./keys.js").Page} */ this.page = "letters";
    /** @type {Key[]} */ this.keys = [];
    this.above = 0; // rows above those of letters
    this.rows = 4;
    this.letterRows = 3;
    this.box = { left: 0, top: 0, width: 1, height: 1 };
    /** @type {{id: number, key: Key | null, points: number[][], away: boolean, slid: number, choosing: boolean} | null} */
    this.touch = null;
    /** @type {HTMLElement | undefined} */ this.lit = undefined; // the button under a finger
    /** @type {number | undefined} */ this.held = undefined; // what a finger that stays does
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
        button.classList.toggle("lock", state === "lock");
        button.setAttribute("aria-pressed", String(state !== "off"));
      }
    }
  }

  /** Where the middle of a key is, in the letter area; null for what is no letter now. @param {string} id */
  middle(id) {
    const key = this.signs ? undefined : this.keys.find((one) => one.id === id && one.kind === "letter");
    return key ? [key.x + key.w / 2, (key.y + 0.5) / this.letterRows, 0] : null;
  }

  /** Whether a page of signs is shown. */
  get signs() {
    return this.page !== "letters";
  }

  /** @param {import("./keys.js").Page} page */
  turn(page) {
    this.page = page;
    this.#render();
  }

  /** @param {string} id */
  #cased(id) {
    return this.shifted === "off" || this.signs ? id : id.toUpperCase();
  }

  #render() {
    if (!this.file) return;
    const { keys, above, rows, letterRows } = this.signs ? signsOf(this.page, shortTitle(this.file.title)) : keysOf(this.file, this.settings.is("number_row"));
    this.keys = keys;
    this.above = above;
    this.rows = rows;
    this.letterRows = letterRows;
    const area = document.createElement("div");
    area.className = "area";
    area.style.height = `calc(${rows} * var(--key-height) * var(--tall))`;
    for (const key of keys) area.append(this.#button(key, rows));
    this.place.replaceChildren(area);
    this.area = area;
    this.popup = new Popup(area);
    this.shift(this.shifted);
  }

  /**
   * @param {Key} key
   * @param {number} rows
   */
  #button(key, rows) {
    const button = document.createElement("button");
    const id = key.label;
    Object.assign(button.style, { left: `${100 * key.x}%`, width: `${100 * key.w}%`, top: `${(100 * (key.y + this.above)) / rows}%`, height: `${100 / rows}%` });
    button.type = "button";
    button.className = `key ${key.kind === "mark" ? "soft mark" : key.kind}`;
    button.dataset.id = key.id;
    button.dataset.kind = key.kind;
    button.tabIndex = key === this.keys[0] ? 0 : -1;
    button.setAttribute("aria-label", key.name);
    const face = document.createElement("span");
    if (id.startsWith("<svg")) face.innerHTML = id;
    else face.textContent = key.kind === "letter" ? this.#cased(id) : id;
    button.append(face);
    if (key.digit) button.dataset.digit = key.digit;
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
    const row = box.height / this.rows;
    this.box = { left: box.left, top: box.top + row * this.above, width: box.width, height: row * this.letterRows };
    const point = this.#point(event);
    const target = /** @type {HTMLElement} */ (event.target).closest?.("button");
    const id = target?.dataset.id ?? this.#nearest(point)?.id;
    const key = this.keys.find((one) => one.id === id) ?? null;
    this.touch = { id: event.pointerId, key, points: [point], away: false, slid: 0, choosing: false };
    try {
      this.place.setPointerCapture(event.pointerId);
    } catch { /* a pointer that is gone already */ }
    this.#press(key?.id);
    this.feedback.key();
    if (key?.id === "backspace") this.held = window.setTimeout(() => this.#again(), 420);
    else if (key && more(key)) this.held = window.setTimeout(() => this.#choose(key), HOLD_MS);
    const face = key && (key.kind === "letter" || key.kind === "mark") ? this.#face(key) : null;
    if (key && face && event.pointerType !== "mouse" && this.settings.is("preview")) this.popup?.preview(face, this.#cased(key.label));
    if (key?.kind === "letter" && !this.signs) this.trail.begin(event.clientX, event.clientY);
  }

  #again() {
    this.on.tap("backspace");
    this.held = window.setTimeout(() => this.#again(), 70);
    if (this.touch) this.touch.key = null; // it has done what it was for
  }

  /** @param {Key} key */
  #face(key) {
    return /** @type {HTMLElement | undefined} */ ([...this.place.querySelectorAll("button")].find((one) => one.dataset.id === key.id));
  }

  /** A key was held: what it offers stands above it. @param {Key} key */
  #choose(key) {
    const face = this.#face(key);
    if (!this.touch || this.touch.away || !face || this.#strayed() > STILL) return;
    this.touch.choosing = true;
    this.popup?.offer(face, [...more(key)].map((one) => this.#cased(one)));
  }

  /** A finger slides from space or backspace. @param {PointerEvent} event */
  #slide(event) {
    const { touch } = this;
    const id = /** @type {"space" | "backspace"} */ (touch?.key?.id);
    if (!touch || !STEP[id]) return;
    const over = (this.#point(event)[0] - touch.points[0][0]) / STEP[id];
    const steps = id === "backspace" ? Math.max(0, Math.trunc(-over)) : Math.trunc(over);
    if (steps === touch.slid) return;
    clearTimeout(this.held);
    this.#press(undefined);
    if (id === "space") this.on.cursor(steps - touch.slid);
    else this.on.deleting(steps, false);
    touch.slid = steps;
    touch.away = true;
  }

  /** @param {PointerEvent} event @param {boolean} [up] whether it is the last of its finger */
  #move(event, up = false) {
    const { touch } = this;
    if (!touch || touch.id !== event.pointerId) return;
    if (touch.choosing && this.popup?.move(event.clientX - this.box.left, event.clientY - (this.area?.getBoundingClientRect().top ?? 0))) return this.#record(event);
    touch.choosing = false;
    if (touch.key?.kind !== "letter" || this.signs) return this.#slide(event);
    this.#record(event);
    if (!touch.away && this.#strayed() > TAP) {
      touch.away = true;
      clearTimeout(this.held);
      this.#press(undefined);
    }
    if (touch.away && !up) this.on.moving(touch.points); // what would be shown for a moment only, the word would wait for
  }

  /** How far the finger is from where it went down, in key widths. */
  #strayed() {
    const { points, key } = /** @type {NonNullable<Keyboard["touch"]>} */ (this.touch);
    const [[x0, y0], [x, y]] = [points[0], points[points.length - 1]];
    return Math.hypot((x - x0) / (key?.w ?? 0.1), (y - y0) * this.letterRows);
  }

  /** Takes the points of an event in. @param {PointerEvent} event */
  #record(event) {
    const { touch } = this;
    if (!touch) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const last = touch.points[touch.points.length - 1];
      const point = this.#point(one);
      if (point[2] < last[2] || (point[2] === last[2] && point[0] === last[0] && point[1] === last[1])) continue;
      touch.points.push(point);
      if (!touch.choosing) this.trail.add(one.clientX, one.clientY);
    }
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const { touch } = this;
    if (!touch || touch.id !== event.pointerId) return;
    this.#move(event, true);
    const chosen = touch.choosing ? (this.popup?.chosen ?? "") : "";
    const slid = touch.key?.id === "space" || touch.key?.id === "backspace";
    if (touch.away && !chosen && !slid) this.on.swiped(touch.points); // first: a word waits for it, but for nothing that is drawn
    this.#stop(false);
    if (chosen) this.on.chosen(chosen, touch.points[0]);
    else if (touch.away) touch.key?.id === "backspace" && this.on.deleting(touch.slid, true);
    else if (touch.key) this.on.tap(touch.key.id, touch.points[0]);
  }

  /** @param {boolean} cancelled */
  #stop(cancelled) {
    clearTimeout(this.held);
    if (cancelled && this.touch?.slid && this.touch.key?.id === "backspace") this.on.deleting(0, true);
    this.touch = null;
    this.#press(undefined);
    this.trail.end();
    if (cancelled) this.on.cancelled();
  }

  /** @param {string | undefined} id */
  #press(id) {
    if (id === undefined) this.popup?.hide();
    this.lit?.classList.remove("down");
    this.lit = id === undefined ? undefined : [...this.place.querySelectorAll("button")].find((button) => button.dataset.id === id);
    this.lit?.classList.add("down");
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
