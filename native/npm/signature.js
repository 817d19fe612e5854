// Who made a model: docs/bundle_format.md, "Signature". The platform's own Ed25519 checks it.

import { EdgectcError } from "./files.js";

const KEYS = ["algorithm", "public_key", "schema_version", "sha256", "signature"];

/**
 * Returns the hash that a model's seal states; whether it holds is checked when the model is opened.
 * @param {Uint8Array} model
 */
export function statedHash(model) {
  const mark = new TextEncoder().encode('{"edgectc_manifest":1,"file_sha256":"');
  for (let at = model.lastIndexOf(mark[0]); at >= 0; at = at ? model.lastIndexOf(mark[0], at - 1) : -1) {
    if (mark.every((byte, i) => model[at + i] === byte)) return new TextDecoder().decode(model.subarray(at + mark.length, at + mark.length + 64));
  }
  throw new EdgectcError("The model has no manifest, so nobody can have signed it.", "malformed");
}

/**
 * Throws `EdgectcError`, with its `reason`, unless a signature is of this hash and by one of the keys.
 * @param {string} sha256 the hash that the model's seal states
 * @param {string | null | undefined} text content of the .sig file, null if there is none
 * @param {string[]} trust public keys, base64 of 32 bytes each
 */
export async function checkSignature(sha256, text, trust) {
  if (text === null || text === undefined) throw new EdgectcError("The model is not signed. Ask its maker for the .sig file.", "unsigned");
  const { public_key: key, sha256: signed, signature } = parsed(text);
  if (!trust.includes(key)) throw new EdgectcError("The model is signed with a key that is not trusted here.", "other_key");
  if (signed !== sha256) throw new EdgectcError("The model was changed after it was signed. Get the model and its .sig file again.", "changed");
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) throw new EdgectcError("Signatures cannot be checked here: a browser does so on https pages and on this computer only.", "cannot_check");
  const message = new TextEncoder().encode(`edgectc signature 1\nartifact\n${sha256}\n`);
  let imported;
  try {
    imported = await subtle.importKey("raw", bytes(key), "Ed25519", false, ["verify"]);
  } catch {
    throw new EdgectcError("Signatures cannot be checked here: there is no Ed25519. Use Chrome 137, Firefox 130, Safari 17, Node 18 or later.", "cannot_check");
  }
  if (!(await subtle.verify("Ed25519", imported, bytes(signature), message))) {
    throw new EdgectcError("The model's signature was not made with the key that it names. Do not use it.", "wrong");
  }
}

/** @param {string} text */
function parsed(text) {
  let values;
  try {
    values = JSON.parse(text);
    const known = Object.keys(values).sort().join() === KEYS.join() && values.schema_version === 1 && values.algorithm === "ed25519";
    if (known && /^[0-9a-f]{64}$/.test(values.sha256) && bytes(values.public_key).length === 32 && bytes(values.signature).length === 64) {
      return values;
    }
  } catch {
    values = null;
  }
  throw new EdgectcError("The model's .sig file is malformed, or of a newer version. Get it again, or update edgectc.", "malformed");
}

/** @param {string} base64 */
const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
