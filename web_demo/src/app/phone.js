// The phone kit: what this phone takes and how well it reads its owner, in one file for `edgectc bench --phones`.

import { Keyboard as Library } from "edgectc";

import { download } from "./download.js";
import { Keyboard } from "./keyboard.js";
import { bytes, index, Model, sentence, trials } from "./loader.js";
import { Settings } from "./settings.js";

/** @typedef {{word: string, rank: number, ms: number, layout: string, points: number[][]}} Recorded */

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
const RUNS = 7; // of each trace; the median counts
const TESTS = 15; // runs of the model's own cases
const NEXT = ["thank ", "see you ", "I am going to ", "how are ", "what do you "];

/** @type {WebAssembly.Instance | null} */
let instance = null;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = /** @type {any} */ (async (/** @type {any[]} */ ...given) => {
  instance = await /** @type {any} */ (instantiate).apply(WebAssembly, given); // to know its memory, which the package keeps to itself
  return instance;
});

/** @type {(value: number, digits?: number) => number} */
const round = (value, digits = 3) => Number(value.toFixed(digits)) + 0;
const pause = () => new Promise((done) => setTimeout(done)); // so that the page stays alive
/** @param {number[]} values */
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Returns milliseconds of a call, the median of some. @param {() => unknown} call */
function timed(call, runs = RUNS) {
  return round(middle(Array.from({ length: runs }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  })));
}

/** Returns what is known of this phone. */
async function device() {
  const agent = /** @type {any} */ (navigator).userAgentData;
  const more = await agent?.getHighEntropyValues(["model", "platformVersion"]).catch(() => null);
  const { deviceMemory } = /** @type {any} */ (navigator);
  const brand = agent?.brands?.at(-1);
  const system = more ? `${more.platform} ${more.platformVersion}, ${brand?.brand ?? ""} ${brand?.version ?? ""}` : navigator.userAgent;
  return {
    name: more?.model || "", system: system.replace(/[^\x20-\x7e]/g, "").slice(0, 200),
    cores: navigator.hardwareConcurrency || 1, memory_bytes: deviceMemory ? deviceMemory * 2 ** 30 : null,
  };
}

/** One run of the kit: measured, then swiped. */
class Kit {
  /**
   * @param {import("./loader.js").Index} served
   * @param {import("./loader.js").Trials} given
   */
  constructor(served, given) {
    this.served = served;
    this.given = given;
    /** @type {Recorded[]} */ this.swipes = [];
    /** @type {any} */ this.file = null;
    this.at = 0;
    /** @type {string[]} */ this.prompts = [];
  }

  /** Measures all that needs no finger. @param {string} name of the phone */
  async measure(name) {
    const { served, given } = this;
    const [artifact] = served.artifacts;
    const context = served.language_model ? await bytes(`model/${served.language_model}`, "language model") : null;
    const files = { model: await bytes(`model/${artifact.file}`, "model"), lexicon: await bytes(`model/${served.lexicon}`, "lexicon"), languageModel: context };
    const start = performance.now();
    const library = await Library.open(files);
    this.library = library;
    this.model = await Model.make(/** @type {any} */ (library), served, "");
    const opened = performance.now() - start;
    await this.#lay(given.traces[0].layout);
    const first = timed(() => library.swipe(/** @type {any} */ (given.traces[0].points)), 1);
    const parity = { cases: given.cases, ...this.#proved() };
    const network = [];
    for (let run = 0; parity.passed && run < TESTS; run++) {
      network.push(round(timed(() => library.test(), 1) / given.cases));
      await pause();
    }
    const swipe = [];
    for (const { layout, points } of given.traces.filter((one) => this.#lays(one.layout))) {
      await this.#lay(layout);
      swipe.push(timed(() => library.swipe(/** @type {any} */ (points))));
      await pause();
    }
    await this.#lay(this.model.layouts[0].name);
    this.prompts = given.prompts.filter((word) => library.knows(word));
    const tap = this.prompts.slice(0, 10).map((word) => timed(() => library.tap(/** @type {any} */ (this.#middles(word)))));
    const next = NEXT.map((text) => timed(() => (library.before(text), library.complete())));
    library.before("");
    this.file = {
      edgectc_phone: 1, host: "web", device: { ...(await device()), name },
      model: { name: served.name, artifact: artifact.file, size_bytes: artifact.bytes }, parity,
      times: { open_ms: round(opened), first_ms: first, swipe_ms: swipe, network_ms: network.length ? network : [0], tap_ms: tap, next_ms: next },
      memory: { bytes: this.#memory(), of: "the library's WebAssembly" }, swipes: this.swipes,
    };
  }

  #proved() {
    try {
      this.library?.test();
      return { passed: true, reason: "" };
    } catch (error) {
      return { passed: false, reason: /** @type {Error} */ (error).message };
    }
  }

  #memory() {
    const memory = instance?.exports.memory;
    return memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : null;
  }

  /** @param {string} name */
  #lays(name) {
    return this.model?.layouts.find((one) => one.name === name);
  }

  /** @param {string} name */
  async #lay(name) {
    const layout = this.#lays(name);
    if (layout) await this.model?.use(layout);
  }

  /** The middles of a word's keys. @param {string} word */
  #middles(word) {
    const rows = /** @type {import("./loader.js").Model} */ (this.model).layout.rows;
    return [...word].map((letter) => {
      const y = rows.findIndex(({ keys }) => keys.includes(letter));
      const { x, key_width: width, keys } = rows[y];
      return [x + (keys.indexOf(letter) + 0.5) * width, (y + 0.5) / rows.length, 0];
    });
  }

  /** Reads a swipe of the word that is asked for; returns what came out first, "" for no swipe. @param {number[][]} points */
  swiped(points) {
    const start = performance.now();
    let words;
    try {
      words = /** @type {Library} */ (this.library).swipe(/** @type {any} */ (points));
    } catch {
      return "";
    }
    const ms = round(performance.now() - start);
    const word = this.prompts[this.at++];
    const rows = points.map(([x, y, t]) => [round(x, 4), round(y, 4), round(t - points[0][2], 1)]);
    const rank = words.findIndex((one) => one.text.toLowerCase() === word) + 1;
    this.swipes.push({ word, rank, ms, layout: this.model?.layout.name ?? "", points: rows });
    return words[0]?.text ?? "–";
  }
}

/**
 * @param {string} kind
 * @param {string} text
 */
function state(kind, text) {
  $("state").dataset.kind = kind;
  $("state").textContent = text;
}

/** @param {string} step of begin, ask, done */
function show(step) {
  for (const id of ["begin", "ask", "done"]) $(id).hidden = id !== step;
  $("keyboard").hidden = step !== "ask";
}

/** @param {unknown} error */
function problem(error) {
  $("problem").hidden = false;
  $("problem").textContent = sentence(error instanceof Error ? error.message : String(error));
  state("taps", "Stopped");
}

/** @param {Kit} kit */
function ask(kit) {
  if (kit.at >= kit.prompts.length) return finish(kit);
  $("place").textContent = `Swipe this word, ${kit.at + 1} of ${kit.prompts.length}`;
  $("prompt").textContent = kit.prompts[kit.at];
}

/** @param {Kit} kit */
function finish(kit) {
  const { parity, times, swipes } = kit.file;
  const right = swipes.filter((/** @type {Recorded} */ one) => one.rank === 1).length;
  const rows = [
    ["The model's own cases", parity.passed ? `${parity.cases} of ${parity.cases} right` : parity.reason],
    ["A swipe", `${middle(times.swipe_ms)} ms`],
    ["A word of taps", `${middle(times.tap_ms)} ms`],
    ["Opened in", `${times.open_ms} ms`],
    ["Your swipes", swipes.length ? `${right} of ${swipes.length} right at first` : "none"],
  ];
  $("figures").replaceChildren(...rows.flatMap(([name, value]) => {
    const [term, held] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    held.textContent = value;
    return [term, held];
  }));
  show("done");
  state("ready", "Done");
}

async function begin() {
  const [served, given, here] = [await index(), await trials(), await device()];
  const kit = new Kit(served, given);
  const keys = new Keyboard($("keys"), $("trail"), new Settings(), {
    tap: () => { $("heard").textContent = "That was a tap: slide over the letters."; }, moving: () => {}, cancelled: () => {},
    chosen: () => {}, cursor: () => {}, deleting: () => {},
    swiped: (points) => {
      const heard = kit.swiped(points);
      $("heard").textContent = heard ? `Heard: ${heard}` : "That was no swipe; once more.";
      ask(kit);
    },
  });
  $("name").value = here.name;
  $("start").addEventListener("click", async () => {
    $("start").disabled = true;
    state("busy", "Measuring…");
    await pause();
    try {
      await kit.measure($("name").value.replace(/[^\x20-\x7e]/g, "").trim() || "a phone");
    } catch (error) {
      return problem(error);
    }
    keys.show(/** @type {Model} */ (kit.model).layout);
    state("ready", "Measured");
    show("ask");
    ask(kit);
  });
  $("skip").addEventListener("click", () => (kit.at++, ask(kit)));
  $("finish").addEventListener("click", () => finish(kit));
  $("save").addEventListener("click", () => download("edgectc-phone.json", "application/json", `${JSON.stringify(kit.file)}\n`));
  $("start").disabled = false;
  state("ready", "Ready");
}

begin().catch(problem);
