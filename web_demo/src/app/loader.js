// Fetches the model and makes a recognizer; what fails is told in words.

import { Recognizer } from "../host/recognizer.js";
import { Refused } from "../host/manifest.js";

/** @typedef {{name: string, artifacts: {file: string, scheme: string, bytes: number}[], lexicon: string, language_model: string | null, layouts: any[]}} Index */

/** Returns what the server says it serves. @returns {Promise<Index>} */
export async function index() {
  return (await get("model/index.json", "list of models")).json();
}

/**
 * Returns a recognizer for one artifact, and the artifact's bytes.
 * @param {Index} served
 * @param {string} file
 */
export async function load(served, file) {
  const parts = {
    ort: runtime(),
    module: bytes("engine.wasm", "keyboard engine").then((code) => WebAssembly.compile(code)),
    artifact: bytes(`model/${file}`, "model"),
    lexicon: bytes(`model/${served.lexicon}`, "lexicon"),
    languageModel: served.language_model ? bytes(`model/${served.language_model}`, "language model") : null,
  };
  for (const part of Object.values(parts)) part?.catch(() => {}); // each is waited for in its turn
  const recognizer = await Recognizer.make(parts);
  return { recognizer, size: (await parts.artifact).length };
}

/** @type {Promise<any> | null} */
let ort = null;

/** Returns onnxruntime-web; its code is fetched beside all else. */
function runtime() {
  const url = new URL("../runtime/", import.meta.url).href;
  ort ??= Promise.all([
    import(`${url}ort.wasm.min.mjs`),
    bytes("runtime/ort-wasm-simd-threaded.wasm", "runtime"),
  ]).then(([made, code]) => {
    made.env.wasm.numThreads = 1; // more would need headers that static hosting lacks
    made.env.wasm.wasmPaths = url;
    made.env.wasm.wasmBinary = code.buffer;
    return made;
  });
  return ort;
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
