// Finger in, words out: the C library as WebAssembly. native/include/edgectc.h says what each call does.

import { EdgectcError, read } from "./files.js";
import { ABI, Library, compiled } from "./library.js";
import { checkSignature, statedHash } from "./signature.js";

/** @typedef {import("./index.js").Files} Files */
/** @typedef {import("./index.js").Language} Language */
/** @typedef {import("./index.js").Key} Key */
/** @typedef {import("./index.js").Point} Point */
/** @typedef {import("./index.js").Word} Word */

export { ABI, EdgectcError };

// Sizes and places of the C structs, in bytes, as 32-bit WebAssembly lays them out.
const KEY = 40; // int32 letter, 4 left out, 4 doubles: x, y, width, height
const POINT = 24; // 3 doubles: x, y, t_ms
const WORD = 32; // char *text, 4 left out, double score, double probability, int32 exact, 4 left out
const FILE = 8; // pointer, size
const MOVING = 1; // EDGECTC_MOVING
const MOST_WORDS = 1000;

/** A keyboard over one model; its types are in index.d.ts. */
export class Keyboard {
  /** @type {Library} */
  #c;
  /** @type {number} */
  #handle;

  /** @param {Files} files */
  static async open({ model, lexicon, languageModel = null, languages = [], wasm = null, trust = null, signature = null }) {
    const own = lexicon === undefined && languages.length ? null : lexicon;
    const reading = [{ model, lexicon: own, "language model": languageModel }, ...languages.map(filesOf)].map(readAll);
    for (const one of reading) one.catch(() => {}); // each is waited for below, in its turn
    const library = await Library.make(wasm ?? (await compiled()));
    const keyboard = new Keyboard(library);
    const read = [];
    for (const one of reading) read.push(await one);
    if (trust) await checkSignature(statedHash(read[0][0]), signature, [...trust]);
    read.forEach((files, i) => keyboard.#give(i ? "add" : "open", files));
    return keyboard;
  }

  /** @param {Library} library */
  constructor(library) {
    if (!(library instanceof Library)) throw new TypeError("make a keyboard with: await Keyboard.open({ model, lexicon })");
    this.#c = library;
    this.#handle = library.call("edgectc_keyboard_new");
    if (!this.#handle) throw new EdgectcError("no memory for a keyboard");
  }

  /**
   * The library keeps the bytes where they lie, as long as this object.
   * @param {string} name of the call
   * @param {(Uint8Array | null)[]} files
   */
  #give(name, files) {
    const table = this.#c.room(FILE * files.length);
    files.forEach((bytes, i) => {
      const at = bytes ? this.#c.put(bytes) : 0;
      this.#c.view().setUint32(table + FILE * i, at, true);
      this.#c.view().setUint32(table + FILE * i + 4, bytes?.length ?? 0, true);
    });
    this.#call(name, table, table + FILE, table + 2 * FILE);
    this.#c.free(table);
  }

  languages() {
    return this.#c.with(8, (share) => {
      /** @type {Record<string, number>} */
      const found = {};
      for (let place = 0, at; (at = this.#c.call("edgectc_keyboard_language", this.#handle, place, share)); place++)
        found[this.#c.text(at)] = this.#c.view().getFloat64(share, true);
      return found;
    });
  }

  test() {
    this.#call("test");
  }

  /** @param {Iterable<Key>} keys */
  place(keys) {
    const rows = Array.from(keys);
    this.#c.with(KEY * rows.length, (at) => {
      const view = this.#c.view();
      rows.forEach((key, i) => {
        const [letter, ...box] = checkedKey(key);
        view.setInt32(at + KEY * i, letter.codePointAt(0) ?? 0, true);
        box.forEach((value, k) => view.setFloat64(at + KEY * i + 8 * (k + 1), value, true));
      });
      this.#call("keys", at, rows.length);
    });
  }

  /**
   * @param {string} text
   * @param {{whole?: boolean}} how
   */
  before(text, { whole = true } = {}) {
    this.#c.withText(plain(text), (at) => this.#call("before", at, Number(whole)));
  }

  /**
   * @param {string} word
   * @param {{uses?: number}} how
   */
  teach(word, { uses = 1 } = {}) {
    this.#c.withText(plain(word), (at) => this.#call("teach", at, uses));
  }

  /**
   * @param {string} word
   * @param {{uses?: number}} how
   */
  learn(word, { uses = 1 } = {}) {
    return this.#c.withText(plain(word), (at) => this.#call("learn", at, uses)) === 1;
  }

  /** @param {number} day */
  today(day) {
    this.#call("today", day);
  }

  /** @param {boolean} on */
  incognito(on) {
    this.#call("incognito", Number(on));
  }

  /** @param {string} word */
  hide(word) {
    this.#c.withText(plain(word), (at) => this.#call("hide", at));
  }

  /** @param {string} word */
  forget(word) {
    this.#c.withText(plain(word), (at) => this.#call("forget", at));
  }

  /**
   * @param {string} word
   * @param {{nats: number, spelling?: string | null}} how
   */
  favour(word, { nats, spelling = null }) {
    if (typeof nats !== "number") throw new EdgectcError(`nats is ${nats}, expected a number from -100 to 100`);
    const favour = (/** @type {number} */ other) =>
      this.#c.withText(plain(word), (at) => this.#call("favour", at, other, nats)) === 1;
    return spelling === null ? favour(0) : this.#c.withText(plain(spelling), favour);
  }

  words() {
    const size = this.#call("words", 0, 0n);
    return this.#c.with(size, (at) => {
      this.#call("words", at, BigInt(size));
      return new Uint8Array(this.#c.view().buffer, at, size).slice();
    });
  }

  /** @param {Uint8Array} words */
  takeWords(words) {
    this.#c.with(words.length + FILE, (at) => {
      new Uint8Array(this.#c.view().buffer, at + FILE, words.length).set(words);
      this.#c.view().setUint32(at, at + FILE, true);
      this.#c.view().setUint32(at + 4, words.length, true);
      this.#call("take_words", at);
    });
  }

  prepare() {
    this.#call("prepare");
  }

  /**
   * @param {string} text
   * @param {{whole?: boolean}} how
   */
  contextOf(text, { whole = true } = {}) {
    return this.#c.withText(plain(text), (at) => {
      const room = this.#c.call("edgectc_context", at, Number(whole), 0, 0);
      return this.#c.with(room, (out) => {
        this.#c.call("edgectc_context", at, Number(whole), out, room);
        const words = this.#c.text(out);
        return words ? words.split("\n") : [];
      });
    });
  }

  /**
   * @param {Iterable<Point>} points
   * @param {{nbest?: number, moving?: boolean}} how
   * @returns {Word[]}
   */
  swipe(points, how = {}) {
    return this.#ranked("swipe", points, how);
  }

  /**
   * @param {Iterable<Point>} points
   * @param {{nbest?: number, moving?: boolean}} how
   * @returns {Word[]}
   */
  tap(points, how = {}) {
    return this.#ranked("tap", points, how);
  }

  /**
   * @param {Iterable<Iterable<Point>>} strokes
   * @param {{nbest?: number, moving?: boolean}} how
   * @returns {Word[]}
   */
  strokes(strokes, how = {}) {
    const given = Array.from(strokes, (stroke) => Array.from(stroke));
    return this.#c.with(4 * given.length, (at) => {
      const view = this.#c.view();
      given.forEach((stroke, i) => view.setInt32(at + 4 * i, stroke.length, true));
      return this.#ranked("strokes", given.flat(), how, [at, given.length]);
    });
  }

  /**
   * @param {string} begun
   * @param {{nbest?: number}} how
   * @returns {Word[]}
   */
  complete(begun = "", { nbest = 5 } = {}) {
    return this.#c.withText(plain(begun), (at) => this.#words(nbest, (words, most) => this.#call("complete", at, words, most)));
  }

  typed() {
    return this.#c.text(this.#c.call("edgectc_keyboard_typed", this.#handle));
  }

  /**
   * @param {string} name
   * @param {Iterable<Point>} points
   * @param {{nbest?: number, moving?: boolean}} how
   * @param {number[] | null} counts what the call takes behind the points; their number where nothing is given
   * @returns {Word[]}
   */
  #ranked(name, points, { nbest = 5, moving = false } = {}, counts = null) {
    const rows = Array.from(points, checkedPoint);
    return this.#c.with(POINT * rows.length, (at) => {
      const view = this.#c.view();
      rows.forEach((point, i) => point.forEach((value, k) => view.setFloat64(at + POINT * i + 8 * k, value, true)));
      return this.#words(nbest, (words, most) => this.#call(name, at, ...(counts ?? [rows.length]), moving ? MOVING : 0, words, most));
    });
  }

  /**
   * Returns the words that `write` puts into a table.
   * @param {number} nbest
   * @param {(words: number, most: number) => number} write
   */
  #words(nbest, write) {
    if (!Number.isInteger(nbest) || nbest < 1) throw new EdgectcError(`nbest is ${nbest}, expected a whole number from 1`);
    const most = Math.min(nbest, MOST_WORDS);
    return this.#c.with(WORD * most, (words) => {
      const found = write(words, most);
      return Array.from({ length: found }, (_, i) => this.#word(words + WORD * i));
    });
  }

  logProbs() {
    return this.#c.with(8, (at) => {
      const rows = this.#call("log_probs", at, at + 4);
      const [from, columns] = [this.#c.view().getUint32(at, true), this.#c.view().getInt32(at + 4, true)];
      return { rows, columns, values: new Float32Array(this.#c.view().buffer, from, rows * columns).slice() };
    });
  }

  /** @param {string} word */
  knows(word) {
    return this.#c.withText(plain(word), (at) => this.#call("knows", at)) === 1;
  }

  /**
   * @param {number} at
   * @returns {Word}
   */
  #word(at) {
    const view = this.#c.view();
    return {
      text: this.#c.text(view.getUint32(at, true)),
      score: view.getFloat64(at + 8, true),
      probability: view.getFloat64(at + 16, true),
      exact: view.getInt32(at + 24, true) === 1,
    };
  }

  /**
   * @param {string} name
   * @param {...(number | bigint)} values
   */
  #call(name, ...values) {
    const status = Number(this.#c.call(`edgectc_keyboard_${name}`, this.#handle, ...values));
    if (status >= 0) return status;
    const say = (/** @type {string} */ what) => this.#c.text(this.#c.call(`edgectc_keyboard_${what}`, this.#handle));
    throw new EdgectcError(say("error"), name === "swipe" || name === "strokes" ? say("reason") : "");
  }
}

/** @param {Language} language */
const filesOf = ({ index = null, lexicon, languageModel = null }) => ({ index, lexicon, "language model": languageModel });

/** @param {Record<string, any>} sources */
const readAll = (sources) => Promise.all(Object.entries(sources).map(([what, source]) => read(source, what)));

// As the library takes texts.
/** @param {string} text */
const plain = (text) => String(text).normalize("NFC").replaceAll("\0", " ");

/**
 * @param {Key} key
 * @returns {[string, ...number[]]}
 */
function checkedKey(key) {
  const [letter, ...box] = key ?? /** @type {any} */ ([]);
  const good = typeof letter === "string" && [...letter].length <= 1 && box.length === 4 && box.every((value) => typeof value === "number");
  if (!good) throw new EdgectcError(`a key is ${JSON.stringify(key)}, expected [one letter or "", x, y, width, height]`);
  return [letter, ...box];
}

/** @param {Point} point */
function checkedPoint(point) {
  const row = Array.from(point ?? []);
  if (row.length !== 3 || row.some((value) => typeof value !== "number"))
    throw new EdgectcError(`a point is ${JSON.stringify(point)}, expected [x, y, t_ms]`, "bad_shape");
  return row;
}
