// A model is one file: an ONNX file with a tensor whose values lie in another one is refused.
// docs/bundle_format.md, "One file"; Python's is edgectc/formats/one_file.py.

import { Refused } from "./refused.js";

/** @type {Record<string, Record<number, string>>} kind of message -> field -> kind of the message that it holds */
const ONNX = {
  Model: { 7: "Graph", 20: "Training", 25: "Function" },
  Graph: { 1: "Node", 5: "Tensor", 15: "SparseTensor" },
  Training: { 1: "Graph", 2: "Graph" },
  Function: { 7: "Node", 11: "Attribute" },
  Node: { 5: "Attribute" },
  Attribute: { 5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor" },
  SparseTensor: { 1: "Tensor", 2: "Tensor" },
  Tensor: {},
};
const NAME = 8; // fields of a tensor
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
const MOST_DEPTH = 100;

/**
 * Throws `Refused` for a file with a tensor outside of itself, or that is no ONNX file.
 * @param {Uint8Array} bytes
 */
export function checkOneFile(bytes) {
  if (String.fromCharCode(...bytes.subarray(4, 8)) === "ORTM") malformed();
  walk(bytes, 0, bytes.length, "Model", 0);
}

/** @returns {never} */
function malformed() {
  throw new Refused("The model is no ONNX file. Export it again.");
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} end
 * @param {string} kind
 * @param {number} depth
 */
function walk(bytes, at, end, kind, depth) {
  if (depth > MOST_DEPTH) malformed();
  let outside = false;
  let name = "";
  while (at < end) {
    const tag = varint(bytes, at, end);
    if (tag.value < 8 || tag.value >= 2 ** 32) malformed();
    const field = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    at = tag.end;
    let size = wire === 1 ? 8 : 4;
    if (wire === 0 || wire === 2) {
      const number = varint(bytes, at, end);
      at = number.end;
      if (wire === 0) {
        outside ||= kind === "Tensor" && field === DATA_LOCATION && number.low !== 0;
        continue;
      }
      size = number.value;
    } else if (wire !== 1 && wire !== 5) malformed();
    if (size > end - at) malformed();
    if (wire === 2) {
      if (field in ONNX[kind]) walk(bytes, at, at + size, ONNX[kind][field], depth + 1);
      if (kind === "Tensor" && field === EXTERNAL_DATA) outside = true;
      if (kind === "Tensor" && field === NAME) name = new TextDecoder().decode(bytes.subarray(at, at + size));
    }
    at += size;
  }
  if (outside) throw new Refused(`The values of the model's tensor “${name}” lie in another file. Save the model in one file and export it again.`);
}

/**
 * Returns a number, its low 32 bits, and where it ends.
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} end
 */
function varint(bytes, at, end) {
  let value = 0;
  let low = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (at >= end) malformed();
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (shift < 32) low |= (byte & 127) << shift;
    if (byte < 128) return { value, low, end: at };
  }
  return malformed();
}
