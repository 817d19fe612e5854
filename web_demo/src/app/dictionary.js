// The user's words: added ones can be swiped, hidden ones are never suggested, written ones are learnt if the user lets them be.

import { canStore, recall, store } from "./storage.js";

/** @typedef {{count: number, hidden: boolean}} Held */

const DAY_MS = 86_400_000;
const USES = 30; // a word that a person adds by hand counts as this many uses

/** Whether something is what this page stores. @param {any} words */
const good = (words) => words !== null && typeof words === "object" && !Array.isArray(words) &&
  Object.values(words).every((held) => typeof held?.count === "number" && typeof held.hidden === "boolean");

export class Dictionary {
  /**
   * @param {{dialog: HTMLDialogElement, open: HTMLElement, form: HTMLFormElement, word: HTMLInputElement, problem: HTMLElement, list: HTMLElement,
   *   learn: HTMLInputElement, unlearn: HTMLElement}} places
   */
  constructor(places) {
    this.places = places;
    /** @type {Record<string, Held>} */ this.words = recall("words", {}, good);
    /** @type {import("edgectc/worker").WorkerKeyboard | null} */ this.keyboard = null;
    places.open.addEventListener("click", () => {
      this.#render();
      places.dialog.showModal();
    });
    places.form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const hide = /** @type {HTMLButtonElement} */ (event.submitter)?.value === "hide";
      const text = places.word.value.trim();
      if ((await this.set(text, { count: hide ? 0 : USES, hidden: hide })) && places.word.value.trim() === text) places.word.value = "";
    });
    places.learn.checked = recall("learn", true);
    places.learn.addEventListener("change", () => store("learn", places.learn.checked));
    places.unlearn.addEventListener("click", async () => {
      if (this.none) await this.keyboard?.takeWords(this.none);
      await this.#tellAll();
      await this.#keepBytes();
      places.problem.textContent = "What was learnt is forgotten.";
    });
    this.#render();
  }

  /** Hands all words to another keyboard. @param {import("edgectc/worker").WorkerKeyboard} keyboard */
  async follow(keyboard) {
    this.keyboard = keyboard;
    this.none = await keyboard.words();
    await keyboard.today(Math.floor(Date.now() / DAY_MS));
    const bytes = recall("learnt", "");
    try {
      if (bytes) await keyboard.takeWords(Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0)));
      else await this.#tellAll();
    } catch { // what is stored is nothing that a keyboard takes
      await this.#tellAll();
    }
  }

  /** Learns a word that was written, or takes it back. @param {string} text @param {number} [uses] */
  async learn(text, uses = 1) {
    if (!this.keyboard || !this.places.learn.checked || !(await this.keyboard.knows(text))) return;
    if (await this.keyboard.learn(text, { uses })) await this.#keepBytes();
  }

  async #keepBytes() {
    const bytes = await this.keyboard?.words();
    if (bytes) store("learnt", btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join("")));
  }

  async #tellAll() {
    for (const [text, held] of Object.entries(this.words)) {
      try {
        await this.#tell(text, held);
      } catch {
        delete this.words[text]; // no word that a keyboard takes, wherever it came from
      }
    }
    this.#render();
  }

  /**
   * @param {string} text
   * @param {Held} held
   */
  #tell(text, held) {
    return held.hidden ? this.keyboard?.hide(text) : this.keyboard?.teach(text, { uses: held.count });
  }

  /** Counts a use of a word that a person kept as it was typed. @param {string} text */
  keep(text) {
    return this.set(text, { count: (this.has(text) ? this.words[text].count : 0) + 1, hidden: false });
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
  async set(text, held) {
    this.places.problem.textContent = "";
    if (!/\p{L}/u.test(text) || /\s/.test(text)) {
      this.places.problem.textContent = `“${text}” is no word.`;
      return false;
    }
    try {
      if (this.has(text)) await this.keyboard?.forget(text);
      if (held) await this.#tell(text, held);
    } catch (error) {
      this.places.problem.textContent = error instanceof Error ? error.message : String(error);
      return false;
    }
    if (held) this.words[text] = held;
    else delete this.words[text];
    store("words", this.words);
    await this.#keepBytes();
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
