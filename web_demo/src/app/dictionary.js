// The user's words: added ones can be swiped, hidden ones are never suggested.

import { spell } from "../host/words.js";
import { canStore, recall, store } from "./storage.js";

/** @typedef {{count: number, boost: number, hidden: boolean}} Held */

const USES = 30; // a word that a person adds by hand counts as this many uses

export class Dictionary {
  /** @param {{dialog: HTMLDialogElement, open: HTMLElement, form: HTMLFormElement, word: HTMLInputElement, problem: HTMLElement, list: HTMLElement}} places */
  constructor(places) {
    this.places = places;
    /** @type {Record<string, Held>} */ this.words = recall("words", {});
    /** @type {import("../host/engine.js").Engine | null} */ this.engine = null;
    places.open.addEventListener("click", () => {
      this.#render();
      places.dialog.showModal();
    });
    places.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const hide = /** @type {HTMLButtonElement} */ (event.submitter)?.value === "hide";
      if (this.set(places.word.value.trim(), { count: hide ? 0 : USES, boost: 0, hidden: hide })) places.word.value = "";
    });
    this.#render();
  }

  /** Hands all words to another engine. @param {import("../host/engine.js").Engine} engine */
  follow(engine) {
    this.engine = engine;
    for (const [text, held] of Object.entries(this.words)) {
      const spelled = spell(text, engine.alphabet ?? new Set());
      if (spelled) engine.word(text, spelled, held);
    }
  }

  /** @param {string} text */
  add(text) {
    return this.set(text, { count: USES, boost: 0, hidden: false });
  }

  /** @param {string} text */
  has(text) {
    return Object.hasOwn(this.words, text);
  }

  /**
   * Returns whether a word could be changed; null forgets it.
   * @param {string} text
   * @param {Held | null} held
   */
  set(text, held) {
    this.places.problem.textContent = "";
    const alphabet = this.engine?.alphabet ?? new Set("abcdefghijklmnopqrstuvwxyz");
    const spelled = /\s/.test(text) ? null : spell(text, alphabet);
    if (!spelled) {
      this.places.problem.textContent = `“${text}” is no word that this lexicon's letters can spell.`;
      return false;
    }
    this.engine?.word(text, spelled, held ?? { count: 0, boost: 0, hidden: false });
    if (held) this.words[text] = held;
    else delete this.words[text];
    store("words", this.words);
    this.#render();
    return true;
  }

  #render() {
    const { list, problem } = this.places;
    list.replaceChildren(...Object.entries(this.words).map(([text, held]) => this.#row(text, held)));
    if (!canStore()) problem.textContent = "This browser stores nothing here: your words last until the page closes.";
  }

  /**
   * @param {string} text
   * @param {Held} held
   */
  #row(text, held) {
    const row = document.createElement("li");
    row.className = held.hidden ? "hidden" : "";
    const name = document.createElement("b");
    name.textContent = text;
    const note = document.createElement("small");
    note.textContent = held.hidden ? "hidden" : "";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${text}`);
    remove.addEventListener("click", () => this.set(text, null));
    row.append(name, note, remove);
    return row;
  }
}
