// From a finger trace to words: the network by onnxruntime-web, the search by the engine.

import { Engine } from "./engine.js";
import { checkPoints, keyTable, outputLength, readLayout, resample } from "./frontend.js";
import { Refused, checkFile, openArtifact } from "./manifest.js";

/** @typedef {import("./engine.js").Found} Found */
/** @typedef {{words: Found[], logProbs: Float32Array, frames: number, letters: string[], ms: Record<string, number>}} Answer */

export class Recognizer {
  /**
   * Returns a recognizer, or throws `Refused`. Parts may be promises: each is waited for when it is needed, so
   * that the runtime is compiled while the words are checked. `trust` and `signature` are those of `openArtifact`.
   * @param {{ort: any, module: any, artifact: any, lexicon: any, languageModel: any, trust?: string[] | null, signature?: any}} parts
   * @returns {Promise<Recognizer>}
   */
  static async make({ ort, module, artifact, lexicon, languageModel, trust = null, signature = null }) {
    const bytes = await artifact;
    const manifest = await openArtifact(bytes, { trust, signature: await signature });
    if (!manifest.lexicon) throw new Refused("The model names no lexicon; a keyboard needs one.");
    const session = Promise.resolve(ort).then((made) => made.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
    session.catch(() => {}); // told below, unless something else fails first
    const engine = await Engine.make(await module);
    const words = await lexicon;
    await checkFile(words, manifest.lexicon, "lexicon");
    engine.lexicon(words);
    engine.options(manifest.decoder);
    const notice = manifest.language_model ? await context(engine, manifest.language_model, languageModel) : "";
    return new Recognizer(await ort, await session, engine, manifest, notice);
  }

  /**
   * @param {any} ort
   * @param {any} session
   * @param {Engine} engine
   * @param {Record<string, any>} manifest
   * @param {string} notice why words before are not used, ""
   */
  constructor(ort, session, engine, manifest, notice) {
    this.ort = ort;
    this.session = session;
    this.engine = engine;
    this.manifest = manifest;
    this.notice = notice;
    this.hasContext = Boolean(manifest.language_model) && !notice;
    /** @type {import("./frontend.js").Layout[]} */
    this.layouts = manifest.layouts.map(readLayout);
    this.layout = this.layouts[0];
    this.trace = new Float32Array(0);
    this.length = new Int32Array(1);
    this.use(this.layout.name);
  }

  /** Takes another of the model's layouts; throws, and keeps the one it has, if words lack a key. @param {string} name */
  use(name) {
    const layout = this.layouts.find((one) => one.name === name);
    if (!layout) throw new Refused(`The model has no layout “${name}”.`);
    const { slots, max_frames: T } = this.manifest.frontend;
    const table = keyTable(layout, slots);
    const blank = this.manifest.blank_id;
    /** @type {(string | null)[]} */
    const symbols = Array.from({ length: slots + 1 }, (_, k) => layout.letters[k] ?? null);
    symbols[blank] = "<blank>";
    this.engine.columns(symbols, layout);
    this.layout = layout;
    const { Tensor } = this.ort;
    this.trace = new Float32Array(3 * T);
    this.inputs = {
      trace: new Tensor("float32", this.trace, [1, T, 3]),
      length: new Tensor("int32", this.length, [1]),
      keys: new Tensor("float32", table.keys, [1, slots, 2]),
      key_mask: new Tensor("float32", table.mask, [1, slots]),
      key_size: new Tensor("float32", table.size, [1, 2]),
    };
  }

  /**
   * Returns ranked words of a trace. One call at a time.
   * @param {number[][]} points rows x, y, t in milliseconds, in the letter area
   * @param {{nbest?: number, context?: string[], partial?: boolean}} how
   * @returns {Promise<Answer>}
   */
  async read(points, { nbest = 5, context = [], partial = false } = {}) {
    const start = performance.now();
    checkPoints(points);
    const { layout } = this;
    const frames = resample(points, layout, this.manifest.frontend);
    const length = frames.length / 3;
    this.trace.fill(0);
    this.trace.set(frames);
    this.length[0] = length;
    const used = outputLength(length, this.manifest.output);
    const packed = performance.now();
    const { log_probs: output } = await this.session.run(this.inputs);
    const ran = performance.now();
    const logProbs = output.data.subarray(0, used * output.dims[2]);
    this.engine.context(this.hasContext ? context : []);
    const trace = partial ? null : this.trace.subarray(0, 3 * length);
    const words = this.engine.search(logProbs, used, { nbest, partial, trace });
    const done = performance.now();
    const ms = { resample: packed - start, network: ran - packed, search: done - ran, total: done - start };
    return { words, logProbs: logProbs.slice(), frames: used, letters: layout.letters, ms };
  }
}

/**
 * Gives the engine its language model; returns why not, or "".
 * @param {Engine} engine
 * @param {{file: string, sha256: string}} wanted
 * @param {any} languageModel
 */
async function context(engine, wanted, languageModel) {
  try {
    const bytes = await languageModel;
    if (!bytes) throw new Refused("The language model is missing.");
    await checkFile(bytes, wanted, "language model");
    engine.languageModel(bytes);
    return "";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return `Words before the one you swipe are not used. ${error.message}`;
  }
}
