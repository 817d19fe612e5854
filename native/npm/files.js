// Bytes, from wherever the caller has them.

/** What was refused, and why; `reason` is a word of docs/refusals.md where points were no swipe, else "". */
export class EdgectcError extends Error {
  /**
   * @param {string} message
   * @param {string} [reason]
   */
  constructor(message, reason = "") {
    super(message);
    this.name = "EdgectcError";
    this.reason = reason;
  }
}

/**
 * Returns the bytes of a source: bytes, the promise of some, an address or, in Node, a path.
 * @param {any} source
 * @param {string} what it is, for messages
 * @returns {Promise<any>} Uint8Array; null for null
 */
export async function read(source, what) {
  const given = await source;
  if (given === null) return null;
  if (given instanceof ArrayBuffer) return new Uint8Array(given);
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  if (typeof given !== "string" && !(given instanceof URL))
    throw new EdgectcError(`the ${what} is ${given === undefined ? "missing" : `a ${typeof given}`}, expected its bytes, its address or its path`);
  try {
    return await bytesAt(given);
  } catch (error) {
    throw new EdgectcError(`the ${what} cannot be read (${given}): ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string | URL} place */
async function bytesAt(place) {
  const remote = /^(https?|blob|data):/.test(String(place));
  if (!remote && typeof globalThis.process === "object" && globalThis.process.versions?.node) {
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs/promises");
    const path = /^file:/.test(String(place)) ? new URL(place) : place;
    return new Uint8Array(await readFile(path));
  }
  const response = await fetch(place);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
