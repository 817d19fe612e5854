// The host code against tests/golden: every stage from the vectors' own input, then all of it at once.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { Engine } from "../src/host/engine.js";
import { checkPoints, readLayout, resample } from "../src/host/frontend.js";
import { openArtifact, unpack, unseal } from "../src/host/manifest.js";
import { checkOneFile } from "../src/host/one_file.js";
import { Recognizer } from "../src/host/recognizer.js";
import { Refused } from "../src/host/refused.js";
import { sha256 } from "../src/host/sha256.js";
import { checkSignature } from "../src/host/signature.js";
import { spell } from "../src/host/words.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
const model = path.join(root, "models/swipe-en");
const site = path.join(root, "edgectc/commands/serving/site");
const golden = (name) => JSON.parse(fs.readFileSync(path.join(root, "tests/golden", name), "ascii"));
const bytes = (...parts) => new Uint8Array(fs.readFileSync(path.join(...parts)));
const decoded = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const wasm = new WebAssembly.Module(bytes(site, "engine.wasm"));

/** Returns words of a context as the language model knows them. */
const said = (engine, words) => words.map((word) => (word === "<s>" ? word : engine.contextOf(word, false)[0]));

function near(actual, expected, tolerance, what) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`);
}

function sameWords(found, wanted, tolerance, name) {
  assert.deepEqual(found.map((one) => one.text), wanted.map((one) => one.text), name);
  found.forEach((one, i) => {
    near(one.score, wanted[i].score, tolerance, `${name} score of ${one.text}`);
    near(one.probability, wanted[i].probability, tolerance, `${name} probability of ${one.text}`);
    assert.ok(one.exact || !wanted[i].exact, name);
  });
}

test("points are refused for the same reasons", () => {
  for (const { name, points, reason } of golden("checks.json").points) {
    const call = () => checkPoints(points.map((row) => row.map(Number)));
    if (reason === null) call();
    else assert.throws(call, (error) => error.reason === reason, name);
  }
});

test("another finger, a coarse clock and rests are taken out alike", () => {
  const { repairs } = golden("checks.json");
  assert.ok(repairs.length > 6);
  for (const { name, frontend, layout, points, frames } of repairs) {
    const keyboard = readLayout(JSON.parse(fs.readFileSync(path.join(root, `edgectc/formats/keyboards/${layout}.json`))));
    const before = JSON.stringify(points);
    const found = resample(points, keyboard, frontend);
    assert.equal(JSON.stringify(points), before);
    const wanted = unpack(frames);
    assert.equal(found.length, wanted.length, name);
    wanted.forEach((value, i) => near(found[i], value, 1e-9, `${name} frame value ${i}`));
  }
});

test("words are spelled alike", () => {
  const { alphabet, words, spellings } = golden("checks.json");
  for (const { text, alphabet: own, spelled } of [...words, ...spellings])
    assert.equal(spell(text, new Set(own ?? alphabet)), spelled, text);
});

test("text becomes a context as stated", async () => {
  const engine = await Engine.make(wasm);
  for (const { name, text, whole, words } of golden("context.json").texts) {
    assert.deepEqual(engine.contextOf(text, whole), words, name);
    assert.deepEqual(engine.contextOf(text.normalize("NFD"), whole), words, name);
  }
});

test("seals hold, and only whole files pass", async () => {
  for (const { name, base64, whole } of golden("checks.json").files) {
    if (whole) await unseal(decoded(base64));
    else await assert.rejects(unseal(decoded(base64)), name);
  }
});

test("a model is one file", () => {
  const kinds = { true: 0, false: 0 };
  for (const { name, base64, refused } of golden("trust.json").onnx) {
    if (refused) assert.throws(() => checkOneFile(decoded(base64)), Refused, name);
    else checkOneFile(decoded(base64));
    kinds[refused]++;
  }
  assert.ok(kinds.true > 10 && kinds.false > 0);
  const named = golden("trust.json").onnx.find((one) => one.name === "initializer");
  assert.throws(() => checkOneFile(decoded(named.base64)), /tensor “w” lie in another file/);
});

test("a model that would open another file is refused, though its seal holds", async () => {
  const data = bytes(model, "artifacts/swipe-en.onnx");
  await openArtifact(data);
  // A second graph with one tensor outside, at the end, as protobuf merges them.
  const tensor = golden("trust.json").onnx.find((one) => one.name === "initializer");
  const sealed = Buffer.concat([data, decoded(tensor.base64)]);
  const mark = '"file_sha256":"';
  const at = sealed.indexOf(mark) + mark.length;
  const open = Buffer.from(sealed).fill("0", at, at + 64);
  sealed.write(createHash("sha256").update(open).digest("hex"), at);
  await assert.rejects(openArtifact(new Uint8Array(sealed)), /tensor “w” lie in another file/);
});

test("signatures are believed or refused for the same reasons", async () => {
  for (const { name, base64, sha256, signature, trust, refused } of golden("trust.json").signatures) {
    const found = await unseal(decoded(base64));
    assert.equal(found.sha256, sha256);
    const call = checkSignature(found.sha256, signature, trust);
    if (refused) await assert.rejects(call, (error) => error instanceof Refused && error.reason === refused, name);
    else await call;
  }
});

test("an artifact is opened with its signature, when keys are given", async () => {
  const data = bytes(model, "artifacts/swipe-en.onnx");
  const [{ trust, signature }] = golden("trust.json").signatures;
  await openArtifact(data, { signature: "nonsense" }); // nobody asked
  await assert.rejects(openArtifact(data, { trust }), (error) => error.reason === "unsigned");
  await assert.rejects(openArtifact(data, { trust, signature }), (error) => error.reason === "changed");
  await assert.rejects(openArtifact(data, { trust: [], signature }), (error) => error.reason === "other_key");
});

test("where signatures cannot be checked, keys refuse by name", async () => {
  const [{ sha256, signature, trust }] = golden("trust.json").signatures;
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const none = { importKey: () => Promise.reject(new Error("NotSupportedError")) };
  try {
    for (const value of [undefined, {}, { subtle: none }]) {
      Object.defineProperty(globalThis, "crypto", { value, configurable: true });
      await assert.rejects(checkSignature(sha256, signature, trust), (error) => error.reason === "cannot_check");
    }
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
});

test("a manifest of a later version is refused, not misread", async () => {
  const data = bytes(model, "artifacts/swipe-en.onnx");
  assert.equal((await openArtifact(data)).name, "swipe-en");
  const sealed = Buffer.from(data);
  sealed.write('"bottom":', sealed.indexOf('"target":'));
  await assert.rejects(openArtifact(new Uint8Array(sealed)), /damaged/);
});

test("a model of another decoder is refused, by the manifest and by the engine", async () => {
  const sealed = Buffer.from(bytes(model, "artifacts/swipe-en.onnx"));
  const mark = '"file_sha256":"';
  sealed.write('"lexikon"', sealed.indexOf('"lexicon"', sealed.indexOf('"decoder":')));
  const at = sealed.indexOf(mark) + mark.length;
  const open = Buffer.from(sealed).fill("0", at, at + 64);
  sealed.write(createHash("sha256").update(open).digest("hex"), at);
  await assert.rejects(openArtifact(new Uint8Array(sealed)), /decodes with lexikon/);
  const engine = await Engine.make(wasm);
  assert.throws(() => engine.options({ type: "beam", beam_size: 8 }), /decodes with beam/);
});

test("our own SHA-256 is SHA-256", () => {
  for (const n of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const data = Uint8Array.from({ length: n }, (_, i) => (i * 7919 + n) & 255);
    assert.equal(Buffer.from(sha256(data)).toString("hex"), createHash("sha256").update(data).digest("hex"), `${n} bytes`);
  }
});

test("the search alone", async () => {
  const { lexicon, language_model: lm, layout, cases } = golden("search.json");
  for (const one of cases) {
    const engine = await Engine.make(wasm);
    engine.lexicon(decoded(lexicon));
    engine.languageModel(decoded(lm));
    engine.options(one.options);
    engine.columns(one.columns, readLayout(layout));
    for (const [text, held] of Object.entries(one.user)) engine.word(text, held.spelled, held);
    engine.context(said(engine, one.context));
    const logProbs = unpack(one.log_probs);
    const trace = one.trace && unpack(one.trace);
    const how = { nbest: one.nbest, partial: one.unfinished, trace };
    sameWords(engine.search(logProbs, one.log_probs.shape[0], how), one.words, 1e-6, one.name);
  }
});

test("the engine refuses what it does not know", async () => {
  const engine = await Engine.make(wasm);
  assert.throws(() => engine.options({ type: "lexicon", lm_wieght: 1 }), /lm_wieght/);
  assert.throws(() => engine.lexicon(decoded("AAAA")), /edgelex1/);
});

/** Returns an engine whose memory is counted: `held()` is how many pieces are in use. */
async function counted() {
  const engine = await Engine.make(wasm);
  const { malloc, free } = engine.c;
  let left = Infinity;
  const pieces = new Set();
  engine.c = {
    ...engine.c,
    malloc: (size) => {
      const at = left-- > 0 ? malloc(size) : 0;
      if (at) pieces.add(at);
      return at;
    },
    free: (at) => {
      pieces.delete(at);
      free(at);
    },
  };
  return { engine, held: () => pieces.size, allow: (n) => (left = n) };
}

test("what is refused, or finds no memory, is freed", async () => {
  const { lexicon, language_model: lm, layout, cases } = golden("search.json");
  const { engine, held, allow } = await counted();
  const damaged = decoded(lm);
  damaged[damaged.length - 1] ^= 1;
  assert.throws(() => engine.lexicon(decoded("AAAA")));
  assert.throws(() => engine.languageModel(damaged));
  assert.equal(held(), 0);
  engine.lexicon(decoded(lexicon));
  engine.languageModel(decoded(lm));
  assert.equal(held(), 2); // read in place
  const one = cases.find((held) => held.trace);
  const call = { nbest: 1, trace: unpack(one.trace) };
  for (const n of [0, 1]) {
    allow(n);
    assert.throws(() => engine.columns(one.columns, readLayout(layout)), /memory/);
    allow(n);
    assert.throws(() => engine.search(unpack(one.log_probs), one.log_probs.shape[0], call), /memory/);
    assert.equal(held(), 2);
  }
  allow(Infinity);
  engine.columns(one.columns, readLayout(layout));
  engine.search(unpack(one.log_probs), one.log_probs.shape[0], call);
  assert.equal(held(), 2);
});

test("the shipped model, stage by stage and end to end", async () => {
  const { model: about, cases } = golden("traces.json");
  const ort = await import("onnxruntime-web");
  ort.env.wasm.numThreads = 1;
  const lexicon = bytes(model, "lexicon.trie");
  const languageModel = bytes(model, "words.lm");
  const artifact = bytes(model, "artifacts/swipe-en.onnx");
  const recognizer = await Recognizer.make({ ort, module: wasm, artifact, lexicon, languageModel });
  assert.deepEqual(recognizer.manifest.decoder, about.decoder);
  for (const one of cases) {
    recognizer.use(one.layout);
    const { layout } = recognizer;
    const frames = resample(one.points, layout, about.frontend);
    unpack(one.frames).forEach((value, i) => near(frames[i], value, 1e-9, `${one.name} frame value ${i}`));
    const answer = await recognizer.read(one.points, { context: one.context });
    const K = layout.letters.length;
    const V = recognizer.manifest.frontend.slots + 1;
    const wanted = unpack(one.log_probs);
    for (let t = 0; t < answer.frames; t++)
      for (let k = 0; k <= K; k++)
        near(answer.logProbs[t * V + (k < K ? k : V - 1)], wanted[t * (K + 1) + k], 1e-4, `${one.name} log_prob ${t} ${k}`);
    sameWords(answer.words, one.words, 1e-3, one.name);
    // The search from the vectors' own numbers.
    recognizer.engine.columns([...layout.letters, "<blank>"], layout);
    recognizer.engine.context(one.context);
    const trace = Float32Array.from(unpack(one.frames));
    sameWords(recognizer.engine.search(wanted, one.log_probs.shape[0], { trace }), one.words, 1e-6, one.name);
    const moving = recognizer.engine.search(wanted, one.log_probs.shape[0], { nbest: 3, partial: true });
    sameWords(moving, one.unfinished, 1e-6, `${one.name} unfinished`);
  }
});
