// The compiled library: its memory, texts and calls.

import { EdgectcError, read } from "./files.js";

export const ABI = 3; // EDGECTC_ABI of edgectc.h

/** @type {Promise<WebAssembly.Module> | null} */
let module = null;

/** Returns the compiled library that lies beside this file. */
export function compiled() {
  module ??= read(new URL("./library.wasm", import.meta.url), "library.wasm").then((bytes) => WebAssembly.compile(bytes));
  module.catch(() => { module = null; }); // another attempt may do better
  return module;
}

/** One instance, with a memory of its own: what it holds is freed with it. */
export class Library {
  /** @param {WebAssembly.Module} module */
  static async make(module) {
    return new Library(await WebAssembly.instantiate(module, {}));
  }

  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    /** @type {Record<string, any>} */
    this.c = instance.exports;
    this.c._initialize();
    const abi = this.c.edgectc_abi();
    if (abi !== ABI) throw new EdgectcError(`library.wasm has ABI ${abi}, expected ${ABI}; take both from one package`);
  }

  /**
   * @param {string} name
   * @param {...(number | bigint)} values int64 are bigint
   * @returns {number}
   */
  call(name, ...values) {
    return this.c[name](...values);
  }

  /** Returns the memory as it is now; a call that allocates may move it. */
  view() {
    return new DataView(this.c.memory.buffer);
  }

  /** @param {number} size */
  room(size) {
    const at = this.c.malloc(size || 1);
    if (!at) throw new EdgectcError(`no memory for ${size} bytes`);
    return at;
  }

  /** @param {number} at */
  free(at) {
    this.c.free(at);
  }

  /** @param {Uint8Array} bytes */
  put(bytes) {
    const at = this.room(bytes.length);
    new Uint8Array(this.c.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }

  /**
   * Returns what `use` makes of some memory, which is freed.
   * @template T
   * @param {number} size
   * @param {(at: number) => T} use
   * @returns {T}
   */
  with(size, use) {
    const at = this.room(size);
    try {
      return use(at);
    } finally {
      this.free(at);
    }
  }

  /**
   * @template T
   * @param {string} text
   * @param {(at: number) => T} use
   * @returns {T}
   */
  withText(text, use) {
    const bytes = new TextEncoder().encode(`${text}\0`);
    return this.with(bytes.length, (at) => {
      new Uint8Array(this.c.memory.buffer, at, bytes.length).set(bytes);
      return use(at);
    });
  }

  /** @param {number} at of a text that ends in a zero */
  text(at) {
    const bytes = new Uint8Array(this.c.memory.buffer, at);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}
