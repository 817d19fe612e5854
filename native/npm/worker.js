// The same keyboard in a thread of its own: every call is a promise, answered in order.

import { EdgectcError } from "./files.js";

/** @typedef {{say: (message: any) => void, hear: (use: (message: any) => void) => void, failed: (use: (why: string) => void) => void, end: () => void}} Thread */

/** Types are in worker.d.ts. */
export class WorkerKeyboard {
  /** @type {Thread} */
  #worker;
  /** @type {Map<number, {done: (value: any) => void, fail: (error: unknown) => void}>} */
  #waiting = new Map();
  #next = 0;
  #ended = "";

  /** @param {import("./index.js").Files} files */
  static async open(files) {
    const keyboard = new WorkerKeyboard(await start());
    try {
      const languages = await Promise.all((files.languages ?? []).map(settled));
      await keyboard.#ask("open", [{ ...(await settled({ ...files, languages: undefined })), languages }]);
    } catch (error) {
      keyboard.close();
      throw error;
    }
    return keyboard;
  }

  /** @param {Thread} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.hear(({ id, value, error }) => {
      const asked = this.#waiting.get(id); // none when this answer came before
      this.#waiting.delete(id);
      if (error) asked?.fail(new EdgectcError(error.message, error.reason));
      else asked?.done(value);
    });
    worker.failed((message) => this.#end(`the worker ended: ${message}`));
  }

  test() {
    return this.#ask("test", []);
  }

  /** @param {Iterable<import("./index.js").Key>} keys */
  place(keys) {
    return this.#ask("place", [Array.from(keys)]);
  }

  /**
   * @param {string} text
   * @param {{whole?: boolean}} how
   */
  before(text, how = {}) {
    return this.#ask("before", [text, how]);
  }

  prepare() {
    return this.#ask("prepare", []);
  }

  /**
   * @param {string} word
   * @param {{uses?: number}} how
   */
  teach(word, how = {}) {
    return this.#ask("teach", [word, how]);
  }

  /**
   * @param {string} word
   * @param {{uses?: number}} how
   */
  learn(word, how = {}) {
    return this.#ask("learn", [word, how]);
  }

  /** @param {number} day */
  today(day) {
    return this.#ask("today", [day]);
  }

  /** @param {boolean} on */
  incognito(on) {
    return this.#ask("incognito", [on]);
  }

  languages() {
    return this.#ask("languages", []);
  }

  /** @param {string} word */
  hide(word) {
    return this.#ask("hide", [word]);
  }

  /** @param {string} word */
  forget(word) {
    return this.#ask("forget", [word]);
  }

  /**
   * @param {string} word
   * @param {{nats: number, spelling?: string | null}} how
   */
  favour(word, how) {
    return this.#ask("favour", [word, how]);
  }

  words() {
    return this.#ask("words", []);
  }

  /** @param {Uint8Array} words */
  takeWords(words) {
    return this.#ask("takeWords", [words]);
  }

  /** @param {string} word */
  knows(word) {
    return this.#ask("knows", [word]);
  }

  /**
   * @param {string} text
   * @param {{whole?: boolean}} how
   */
  contextOf(text, how = {}) {
    return this.#ask("contextOf", [text, how]);
  }

  logProbs() {
    return this.#ask("logProbs", []);
  }

  /**
   * @param {Iterable<import("./index.js").Point>} points
   * @param {{nbest?: number, moving?: boolean}} how
   */
  swipe(points, how = {}) {
    return this.#ask("swipe", [Array.from(points), how]);
  }

  /**
   * @param {Iterable<import("./index.js").Point>} points
   * @param {{nbest?: number, moving?: boolean}} how
   */
  tap(points, how = {}) {
    return this.#ask("tap", [Array.from(points), how]);
  }

  /**
   * @param {Iterable<Iterable<import("./index.js").Point>>} strokes
   * @param {{nbest?: number, moving?: boolean}} how
   */
  strokes(strokes, how = {}) {
    return this.#ask("strokes", [Array.from(strokes, (stroke) => Array.from(stroke)), how]);
  }

  /**
   * @param {string} begun
   * @param {{nbest?: number}} how
   */
  complete(begun = "", how = {}) {
    return this.#ask("complete", [begun, how]);
  }

  typed() {
    return this.#ask("typed", []);
  }

  close() {
    this.#end("the keyboard was closed");
  }

  /** @param {string} why */
  #end(why) {
    this.#ended ||= why;
    this.#worker.end();
    for (const { fail } of this.#waiting.values()) fail(new EdgectcError(this.#ended));
    this.#waiting.clear();
  }

  /**
   * @param {string} name
   * @param {any[]} values
   * @returns {Promise<any>}
   */
  #ask(name, values) {
    if (this.#ended) return Promise.reject(new EdgectcError(this.#ended));
    const id = this.#next++;
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      try {
        this.#worker.say({ id, name, values });
      } catch (error) { // a value that cannot be sent
        this.#waiting.delete(id);
        fail(error);
      }
    });
  }
}

/**
 * Returns files whose promises were kept, as they go to another thread.
 * @param {Record<string, any>} files
 */
async function settled(files) {
  const entries = Object.entries(files).map(async ([name, source]) => [name, plain(await source)]);
  return Object.fromEntries(await Promise.all(entries));
}

// An address goes to another thread as text, and whole: a worker's base is another than the page's.
/** @param {any} source */
function plain(source) {
  if (source instanceof URL) return source.href;
  return typeof source === "string" && typeof document === "object" ? new URL(source, document.baseURI).href : source;
}

/**
 * Returns a worker of the browser or of Node, with one face.
 * @returns {Promise<Thread>}
 */
async function start() {
  const place = new URL("./worker-side.js", import.meta.url);
  if (typeof Worker === "function") {
    // Chrome holds a worker's messages back until the next frame after a finger lifts, but not those of a BroadcastChannel.
    // Answers come both ways, and the sooner counts. The name is drawn, so that no other page of the origin listens.
    const name = `edgectc-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
    const channel = new BroadcastChannel(name);
    const worker = new Worker(place, { type: "module", name });
    return {
      say: (message) => worker.postMessage(message),
      hear: (use) => {
        worker.onmessage = ({ data }) => use(data);
        channel.onmessage = ({ data }) => use(data);
      },
      failed: (use) => { worker.onerror = (event) => use(event.message ?? "it could not be started"); },
      end: () => {
        worker.terminate();
        channel.close();
      },
    };
  }
  const { Worker: NodeWorker } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:worker_threads");
  const worker = new NodeWorker(place);
  return {
    say: (message) => worker.postMessage(message),
    hear: (use) => worker.on("message", use),
    failed: (use) => worker.on("error", (/** @type {Error} */ error) => use(error.message)),
    end: () => void worker.terminate(),
  };
}
