// Opening a sealed artifact: docs/host_contract.md, 0.

import { checkOneFile } from "./one_file.js";
import { Refused } from "./refused.js";
import { sha256Hex } from "./sha256.js";
import { checkSignature } from "./signature.js";

export { Refused };

const ANY_VERSION = /\{"edgectc_manifest":(\d{1,9}),"file_sha256":"/g;
const KEYS = new Set([
  "name", "family", "target", "options", "scheme", "opset", "inputs", "output", "frontend", "tokens", "blank_id",
  "separator", "layouts", "decoder", "lexicon", "language_model", "reference", "source", "parity",
]);
const FRONTEND = new Set([
  "type", "max_frames", "min_frames", "ms_per_frame", "keys_per_frame", "time_share", "slots",
  "jump_keys", "rest_ms", "spread_times",
]);

/**
 * Returns where the manifest begins, once the whole file has matched its hash, and the file as text.
 * @param {Uint8Array} bytes
 * @returns {Promise<{start: number, text: string, sha256: string}>}
 */
export async function unseal(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  const found = [...text.matchAll(ANY_VERSION)];
  if (found.length !== 1) {
    throw new Refused(found.length ? "The model has two manifests inside." : "The file is no edgectc model: it has no manifest.");
  }
  const [{ 0: prefix, 1: version, index }] = found;
  if (version !== "1") {
    throw new Refused(`The model has a manifest of version ${version}; this page reads version 1. Update edgectc.`);
  }
  const start = index + prefix.length;
  const stored = text.slice(start, start + 64);
  const open = bytes.slice().fill(48, start, start + 64);
  if (stored !== (await sha256Hex(open))) throw new Refused("The model is damaged: its bytes do not match its hash. Copy or export it again.");
  return { start: index, text, sha256: stored };
}

/**
 * Returns the manifest of an artifact this host can use, after checking the hash over all its bytes.
 * @param {Uint8Array} bytes
 * @param {{trust?: string[] | null, signature?: string | null}} [signed] public keys, base64, one of which must have
 *   signed it, and the content of its .sig file; without keys no signature is asked for
 * @returns {Promise<Record<string, any>>}
 */
export async function openArtifact(bytes, { trust = null, signature = null } = {}) {
  const { start, text, sha256 } = await unseal(bytes);
  if (trust) await checkSignature(sha256, signature, trust);
  let manifest;
  try {
    manifest = JSON.parse(text.slice(start, objectEnd(text, start))).manifest;
  } catch {
    throw new Refused("The model has a malformed manifest. Export it again.");
  }
  check(manifest);
  checkOneFile(bytes);
  return manifest;
}

/**
 * Returns the end of the JSON object that begins at `start`.
 * @param {string} text
 * @param {number} start
 */
function objectEnd(text, start) {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === "\\") i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i + 1;
  }
  throw new Refused("The model has a malformed manifest. Export it again.");
}

/** @param {Record<string, any>} manifest */
function check(manifest) {
  const strange = Object.keys(manifest ?? {}).filter((key) => !KEYS.has(key));
  if (!manifest || strange.length) {
    throw new Refused(`The model's manifest has the key “${strange[0]}”, which this page does not know. Update edgectc.`);
  }
  if (manifest.target !== "onnx") throw new Refused(`The model is for ${manifest.target}; a browser runs .onnx.`);
  const { frontend, decoder } = manifest;
  if (frontend?.type !== "swipe") throw new Refused(`The model takes no swipes but ${frontend?.type}.`);
  const option = Object.keys(frontend).find((key) => !FRONTEND.has(key));
  if (option) throw new Refused(`The model's frontend has the option “${option}”, which this page does not know. Update edgectc.`);
  if (decoder?.type !== "lexicon") throw new Refused(`The model decodes with ${decoder?.type}; a keyboard needs “lexicon”.`);
}

/**
 * Throws unless a file is the one that a manifest names.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {{file: string, sha256: string}} wanted
 * @param {string} what
 */
export async function checkFile(bytes, wanted, what) {
  if ((await sha256Hex(bytes)) !== wanted.sha256) {
    throw new Refused(`The ${what} is not the one this model was made with (${wanted.file}). Serve the right file.`);
  }
}

/**
 * Returns the array of a manifest's or vector's JSON form.
 * @param {{dtype: string, shape: number[], base64: string}} packed
 * @returns {Float32Array | Float64Array | Int32Array}
 */
export function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.base64), (c) => c.charCodeAt(0));
  if (packed.dtype === "float32") return new Float32Array(bytes.buffer);
  if (packed.dtype === "float64") return new Float64Array(bytes.buffer);
  if (packed.dtype === "int32") return new Int32Array(bytes.buffer);
  throw new Refused(`An array has the type ${packed.dtype}.`);
}
