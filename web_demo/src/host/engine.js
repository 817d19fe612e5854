// The C engine as WebAssembly: one line a function, see native/include/edgectc.h.

import { Refused } from "./manifest.js";

/** @typedef {{text: string, score: number, probability: number, exact: boolean}} Found */

const RENAMED = 1; // EDGECTC_RENAMED
/** @type {Set<string>} old names of options that were reported */
const renamed = new Set();

export class Engine {
  /**
   * Returns an engine without words.
   * @param {WebAssembly.Module} module
   */
  static async make(module) {
    const instance = await WebAssembly.instantiate(module, {});
    return new Engine(instance);
  }

  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    this.c = /** @type {Record<string, any>} */ (instance.exports);
    this.c._initialize();
    this.engine = this.c.edgectc_engine_new();
    if (!this.engine) throw new Refused("There is no memory for the keyboard's words.");
  }

  /** @param {Uint8Array} bytes a .trie, checked and kept */
  lexicon(bytes) {
    this.#give("lexicon", bytes);
    this.alphabet = new Set(this.#letters(bytes));
  }

  /** @param {Uint8Array} bytes a .lm, checked and kept */
  languageModel(bytes) {
    this.#give("language_model", bytes);
  }

  /** @param {Record<string, any>} decoder a preset; unknown keys are refused */
  options(decoder) {
    if (decoder.type !== undefined && decoder.type !== "lexicon") {
      throw new Refused(`The model decodes with ${decoder.type}; this engine is “lexicon”.`);
    }
    for (const [name, value] of Object.entries(decoder)) {
      if (name === "type") continue;
      if (value !== null && typeof value !== "number") throw new Refused(`The preset's ${name} is no number.`);
      this.#withText(name, (at) => {
        // A preset that was sealed by an older version may have an option's old name.
        if (this.#call("option", at, value ?? NaN) === RENAMED && !renamed.has(name)) {
          renamed.add(name);
          console.info(`edgectc: ${this.#why()}`);
        }
      });
    }
  }

  /**
   * @param {(string | null)[]} symbols letter of each column, "<blank>", or null
   * @param {{letters: string[], centres: number[][], width: number, height: number}} layout
   */
  columns(symbols, layout) {
    const places = new Map(layout.letters.map((letter, k) => [letter, layout.centres[k]]));
    const codes = Int32Array.from(symbols, (s) => (s === "<blank>" ? -1 : s ? /** @type {number} */ (s.codePointAt(0)) : 0));
    const centres = Float64Array.from(symbols.flatMap((s) => places.get(s ?? "") ?? [0, 0]));
    const held = this.#copy(codes);
    let others = 0;
    try {
      others = this.#copy(centres);
      this.#call("columns", held, others, codes.length, layout.width, layout.height);
    } finally {
      this.c.free(held);
      this.c.free(others);
    }
  }

  /**
   * @param {string} text
   * @param {string} spelled
   * @param {{count: number, boost: number, hidden: boolean}} held
   */
  word(text, spelled, { count, boost, hidden }) {
    this.#withText(text, (at) => this.#withText(spelled, (other) => this.#call("word", at, other, count, boost, Number(hidden))));
  }

  /**
   * Returns the words of the sentence that a text ends in, as `context` takes them, after "<s>" where
   * its beginning is known.
   * @param {string} text all that stands before the cursor
   * @param {boolean} whole whether nothing stands before that
   * @returns {string[]}
   */
  contextOf(text, whole = true) {
    let words = "";
    this.#withText(text.normalize("NFC").replaceAll("\0", " "), (at) => {
      const room = this.c.edgectc_context(at, Number(whole), 0, 0);
      const out = this.#copy(new Uint8Array(room));
      try {
        this.c.edgectc_context(at, Number(whole), out, room);
        words = this.#text(out);
      } finally {
        this.c.free(out);
      }
    });
    return words ? words.split("\n") : [];
  }

  /** @param {string[]} words as `contextOf` returns them */
  context(words) {
    this.#withText(words.join("\n"), (at) => this.#call("context", at));
  }

  /**
   * Returns ranked words.
   * @param {Float32Array} logProbs (frames, columns)
   * @param {number} frames
   * @param {{nbest?: number, partial?: boolean, trace?: Float32Array | null}} how
   * @returns {Found[]}
   */
  search(logProbs, frames, { nbest = 5, partial = false, trace = null } = {}) {
    const held = this.#copy(logProbs);
    let path = 0;
    try {
      if (trace) {
        path = this.#copy(trace);
        this.#call("trace", path, trace.length / 3);
      }
      const n = this.#call("search", held, frames, nbest, Number(partial));
      return Array.from({ length: n }, (_, i) => ({
        text: this.#text(this.c.edgectc_engine_text(this.engine, i)),
        score: this.c.edgectc_engine_figure(this.engine, i, 0),
        probability: this.c.edgectc_engine_figure(this.engine, i, 1),
        exact: this.c.edgectc_engine_figure(this.engine, i, 4) === 1,
      }));
    } finally {
      this.c.free(held);
      this.c.free(path);
    }
  }

  /**
   * Hands a file over, whose bytes the engine reads in place unless it refuses them.
   * @param {string} name
   * @param {Uint8Array} bytes
   */
  #give(name, bytes) {
    const at = this.#copy(bytes);
    try {
      this.#call(name, at, bytes.length);
    } catch (error) {
      this.c.free(at);
      throw error;
    }
  }

  /**
   * @param {string} name
   * @param {...number} values
   */
  #call(name, ...values) {
    const status = this.c[`edgectc_engine_${name}`](this.engine, ...values);
    if (status < 0) {
      const why = this.#why();
      throw new Refused(`${why[0].toUpperCase()}${why.slice(1)}.`);
    }
    return status;
  }

  #why() {
    return this.#text(this.c.edgectc_engine_error(this.engine));
  }

  /** @param {ArrayBufferView} array */
  #copy(array) {
    const at = this.c.malloc(array.byteLength || 1);
    if (!at) throw new Refused("There is not enough memory.");
    new Uint8Array(this.c.memory.buffer, at, array.byteLength).set(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
    return at;
  }

  /**
   * @param {string} text
   * @param {(at: number) => void} use
   */
  #withText(text, use) {
    const at = this.#copy(new TextEncoder().encode(`${text}\0`));
    try {
      use(at);
    } finally {
      this.c.free(at);
    }
  }

  /** @param {number} at */
  #text(at) {
    const bytes = new Uint8Array(this.c.memory.buffer, at);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }

  /** @param {Uint8Array} bytes of a .trie that was checked */
  #letters(bytes) {
    const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8, true));
    return JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + size))).letters;
  }
}
