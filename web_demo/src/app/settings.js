// What the user chose: how the keys look and feel, and how much the keyboard does by itself. Names are those of the Android keyboard.

import { recall, store } from "./storage.js";

const HEIGHTS = { low: 0.85, normal: 1, high: 1.15 };
/** What each setting may be, the usual value first; a switch is on or off. @type {Record<string, (string | boolean)[]>} */
const VALUES = {
  theme: ["system", "light", "dark", "contrast"], height: ["normal", "low", "high"], hand: ["both", "left", "right"],
  number_row: [false, true], preview: [true, false], live: [true, false], suggest: [true, false], correct: [true, false],
  haptics: [false, true], sound: [false, true],
};

export class Settings {
  constructor() {
    const held = recall("settings", /** @type {any} */ ({}), (value) => value !== null && typeof value === "object");
    /** @type {Record<string, string | boolean>} */ this.held = {};
    for (const [name, values] of Object.entries(VALUES)) this.held[name] = values.includes(held[name]) ? held[name] : values[0];
    /** @type {((name: string) => void)[]} */ this.followers = [];
    this.#look();
  }

  /** Whether a switch is on. @param {string} name */
  is(name) {
    return this.held[name] === true;
  }

  /**
   * Shows the settings in the fields of a form, by their names, and follows them.
   * @param {HTMLFormElement} form
   */
  show(form) {
    for (const [name, value] of Object.entries(this.held)) {
      const field = /** @type {HTMLInputElement & HTMLSelectElement} */ (form.elements.namedItem(name));
      if (typeof value === "boolean") field.checked = value;
      else field.value = value;
      field.addEventListener("change", () => this.set(name, typeof value === "boolean" ? field.checked : field.value));
    }
  }

  /**
   * @param {string} name
   * @param {string | boolean} value
   */
  set(name, value) {
    this.held[name] = value;
    store("settings", this.held);
    this.#look();
    for (const follow of this.followers) follow(name);
  }

  /** Puts into the page what style sheets alone can do. */
  #look() {
    const { theme, height, hand } = this.held;
    const root = document.documentElement;
    root.dataset.hand = String(hand);
    root.style.setProperty("--tall", String(HEIGHTS[/** @type {"low"} */ (height)]));
    for (const sheet of document.querySelectorAll("link[data-theme], meta[data-theme]")) {
      const place = /** @type {HTMLLinkElement} */ (sheet);
      place.dataset.system ??= place.media;
      place.media = theme === "system" ? place.dataset.system : place.dataset.theme === theme ? "all" : "not all";
    }
  }
}
