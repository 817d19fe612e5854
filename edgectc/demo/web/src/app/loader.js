// Fetches the model and makes a recognizer; what fails is told in words.

import { Recognizer } from "../host/recognizer.js";
import { Refused } from "../host/manifest.js";

/** @typedef {{name: string, artifacts: {file: string, scheme: string, bytes: number}[], lexicon: string, language_model: string | null, layouts: any[]}} Index */

/** Returns what the server says it serves. @returns {Promise<Index>} */
export async function index() {
  return (await get("model/index.json", "list of models")).json();
}

/**
 * Returns a recognizer for one artifact, and what a person should know about it.
 * @param {Index} served
 * @param {string} file
 */
export async function load(served, file) {
  const [ort, module, artifact, lexicon, languageModel] = await Promise.all([
    runtime(),
    compiled("engine.wasm"),
    bytes(`model/${file}`, "model"),
    bytes(`model/${served.lexicon}`, "lexicon"),
    served.language_model ? bytes(`model/${served.language_model}`, "language model").catch(() => null) : null,
  ]);
  const parts = { ort, module, artifact, lexicon };
  const lost = "Words before the one you swipe are not used: ";
  try {
    const recognizer = await Recognizer.make({ ...parts, languageModel });
    const missing = recognizer.manifest.language_model && !languageModel;
    return { recognizer, size: artifact.length, notice: missing ? `${lost}the language model is missing.` : "" };
  } catch (error) {
    if (!languageModel || !(error instanceof Refused) || !/language model/.test(error.message)) throw error;
    return { recognizer: await Recognizer.make({ ...parts, languageModel: null }), size: artifact.length, notice: lost + error.message };
  }
}

/** @type {Promise<any> | null} */
let ort = null;

function runtime() {
  const url = new URL("../runtime/", import.meta.url);
  ort ??= import(`${url}ort.wasm.min.mjs`).then((made) => {
    made.env.wasm.numThreads = 1; // more would need headers that static hosting lacks
    made.env.wasm.wasmPaths = url.href;
    return made;
  });
  return ort;
}

/** @param {string} path */
async function compiled(path) {
  return WebAssembly.compile(await bytes(path, "keyboard engine"));
}

/**
 * @param {string} path
 * @param {string} what
 */
async function bytes(path, what) {
  const response = await get(path, what);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Refused(`The ${what} was cut off on the way. Reload the page.`);
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
    throw new Refused(`The ${what} cannot be fetched: the server does not answer.`);
  }
  if (!response.ok) throw new Refused(`The ${what} is missing (${path}, status ${response.status}).`);
  return response;
}
