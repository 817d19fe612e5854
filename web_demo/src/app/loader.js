// Fetches a model and opens it in the package `edgectc`, in a thread of its own; what fails is told in words.

import { EdgectcError } from "edgectc";
import { WorkerKeyboard } from "edgectc/worker";

/** @typedef {import("edgectc").Word} Word */
/** @typedef {{name: string, title: string, rows: {keys: string, x: number, key_width: number}[]}} LayoutFile */
/** @typedef {{file: string, scheme: string, bytes: number, off: number | null}} Artifact */
/** @typedef {{name: string, decoder: string, artifacts: Artifact[], lexicon: string, language_model: string | null, layouts: LayoutFile[]}} Index */
/** @typedef {{cases: number, traces: {layout: string, points: number[][]}[], prompts: string[]}} Trials */
/** @typedef {{words: Word[], ms: number}} Answer */
/** @typedef {{whole: Word[], begun: Word[], ms: number}} Taps */

/** A model with its keys. Calls are answered in order. */
export class Model {
  /**
   * @param {WorkerKeyboard} keyboard
   * @param {Index} served
   * @param {string} notice why words before are not used, ""
   */
  static async make(keyboard, served, notice) {
    const model = new Model(keyboard, notice);
    for (const layout of served.layouts) if (await model.#fits(layout)) model.layouts.push(layout);
    if (!model.layouts.length) throw new EdgectcError("the lexicon can be typed on none of the model's layouts");
    await model.use(model.layouts[0]);
    return model;
  }

  /**
   * @param {WorkerKeyboard} keyboard
   * @param {string} notice
   */
  constructor(keyboard, notice) {
    this.keyboard = keyboard;
    this.notice = notice;
    /** @type {LayoutFile[]} */ this.layouts = [];
    /** @type {LayoutFile} */ this.layout = { name: "", title: "", rows: [] };
    /** @type {string | null} */ this.text = null; // what it was told last
  }

  /** Takes other keys. @param {LayoutFile} layout */
  async use(layout) {
    await this.keyboard.place(keysOf(layout));
    this.layout = layout;
  }

  /** The letters whose columns the network gives. */
  get letters() {
    return keysOf(this.layout).map(([letter]) => letter).filter(Boolean);
  }

  /**
   * Returns ranked words of a trace.
   * @param {number[][]} points rows x, y, t in milliseconds, in the letter area
   * @param {{nbest?: number, before?: string, moving?: boolean}} how
   * @returns {Promise<Answer>}
   */
  async read(points, { nbest = 5, before = "", moving = false } = {}) {
    const start = performance.now();
    const [, words] = await Promise.all([
      this.#tell(before), this.keyboard.swipe(/** @type {any} */ (points), { nbest, moving }),
    ]);
    return { words, ms: performance.now() - start };
  }

  /**
   * Returns what taps are as a word, and what they may begin.
   * @param {number[][]} points
   * @param {string} before the text before the word
   * @returns {Promise<Taps>}
   */
  async taps(points, before) {
    const start = performance.now();
    const [, whole, begun] = await Promise.all([
      this.#tell(before),
      this.keyboard.tap(/** @type {any} */ (points), { nbest: 5 }),
      this.keyboard.tap(/** @type {any} */ (points), { nbest: 3, moving: true }),
    ]);
    return { whole, begun, ms: performance.now() - start };
  }

  /**
   * Returns words that begin with letters, of none the next word.
   * @param {string} begun
   * @param {string} before the text before them
   * @returns {Promise<Word[]>}
   */
  async complete(begun, before) {
    return (await Promise.all([this.#tell(before), this.keyboard.complete(begun, { nbest: 3 })]))[1];
  }

  /** Makes ready what comes after a text. @param {string} text */
  ready(text) {
    return Promise.all([this.#tell(text), this.keyboard.prepare()]);
  }

  /** Ends its thread. */
  close() {
    this.keyboard.close();
  }

  /** Says what stands before the cursor, where that is news: a message less that a word waits for. @param {string} text */
  async #tell(text) {
    if (text === this.text) return;
    this.text = text;
    try {
      await this.keyboard.before(text);
    } catch (error) {
      this.text = null;
      throw error;
    }
  }

  /** Whether the lexicon has a key for each of its letters. @param {LayoutFile} layout */
  async #fits(layout) {
    if (layout.rows.some(({ keys }) => typeof keys !== "string")) return false; // several letters a key, which is not drawn
    try {
      await this.use(layout);
      return true;
    } catch (error) {
      if (!(error instanceof EdgectcError)) throw error;
      return false;
    }
  }
}

/**
 * Returns the keys of a layout in the letter area, and one as large as it.
 * @param {LayoutFile} layout
 * @returns {import("edgectc").Key[]}
 */
function keysOf({ rows }) {
  const letters = rows.flatMap(({ keys, x, key_width: width }, y) =>
    [...keys].map((letter, i) => /** @type {import("edgectc").Key} */ ([letter, x + i * width, y / rows.length, width, 1 / rows.length])));
  return [["", 0, 0, 1, 1], ...letters.filter(([letter]) => letter !== " ")];
}

/** Returns what the server says it serves. @returns {Promise<Index>} */
export async function index() {
  return (await get("model/index.json", "list of models")).json();
}

/** Returns what the phone kit tries. @returns {Promise<Trials>} */
export async function trials() {
  return (await get("model/trials.json", "list of trials")).json();
}

/**
 * Returns a model with its lexicon; without its language model it goes on, and says so.
 * @param {Index} served
 * @param {string} file
 */
export async function load(served, file) {
  const model = bytes(`model/${file}`, "model");
  const lexicon = bytes(`model/${served.lexicon}`, "lexicon");
  const missing = () => Promise.reject(new EdgectcError("the language model is missing"));
  const context = served.language_model ? bytes(`model/${served.language_model}`, "language model") : missing();
  for (const part of [model, lexicon, context]) part.catch(() => {}); // each is waited for in its turn
  const files = { model: await model, lexicon: await lexicon };
  try {
    return await Model.make(await WorkerKeyboard.open({ ...files, languageModel: await context }), served, "");
  } catch (error) {
    // Whatever else is wrong fails here, too, and says so.
    const keyboard = await WorkerKeyboard.open(files);
    if (!(error instanceof EdgectcError)) throw error;
    return Model.make(keyboard, served, `Words before the one you swipe are not used. ${sentence(error.message)}`);
  }
}

/** @param {string} text what the library said */
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/**
 * @param {string} path
 * @param {string} what
 */
export async function bytes(path, what) {
  const response = await get(path, what);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new EdgectcError(`the ${what} was cut off on the way; reload the page`);
  }
}

/**
 * @param {string} path
 * @param {string} what
 */
async function get(path, what) {
  let response;
  try {
    response = await fetch(path);
  } catch {
    throw new EdgectcError(`the ${what} cannot be fetched: the server does not answer`);
  }
  if (!response.ok) throw new EdgectcError(`the ${what} is missing (${path}, status ${response.status})`);
  return response;
}
