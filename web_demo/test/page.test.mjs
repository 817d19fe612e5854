// What of the page needs no browser: what it takes from storage.
import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { canStore, recall, store } from "../src/app/storage.js";

const held = new Map();
globalThis.localStorage = /** @type {any} */ ({
  getItem: (/** @type {string} */ name) => held.get(name) ?? null,
  setItem: (/** @type {string} */ name, /** @type {string} */ text) => held.set(name, text),
});

test("what was stored comes back", () => {
  assert.equal(store("layout", "azerty"), true);
  assert.equal(recall("layout", "qwerty"), "azerty");
  assert.equal(recall("other", "qwerty"), "qwerty");
});

test("what is not of the kind that was asked for is left where it is", () => {
  for (const text of ["{", "null", "3", "[]", '{"a":1}']) {
    held.set(held.keys().next().value, text);
    assert.equal(recall("layout", "qwerty"), "qwerty", text);
  }
  assert.equal(canStore(), true);
  assert.deepEqual(recall("layout", [], Array.isArray), []);
});

test("what the page is made of is kept for where there is no network", () => {
  const listed = fs.readFileSync(new URL("../src/sw.js", import.meta.url), "utf8");
  for (const file of fs.readdirSync(new URL("../src/app", import.meta.url))) assert.ok(listed.includes(`"${file.replace(".js", "")}"`), file);
});
