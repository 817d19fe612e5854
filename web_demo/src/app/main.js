// Puts the parts together: keys, text, suggestions, recognizer.

import { BadSwipe } from "../host/frontend.js";
import { Refused } from "../host/manifest.js";
import { Dictionary } from "./dictionary.js";
import { Editor } from "./editor.js";
import { Keyboard, shortTitle } from "./keyboard.js";
import { index, load } from "./loader.js";
import { Panel } from "./panel.js";
import { Recorder } from "./recorder.js";
import { canStore, recall, store } from "./storage.js";
import { Strip } from "./strip.js";

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
/** A keyboard to tap on, before a model brought its own. */
const FIRST = { name: "qwerty", title: "QWERTY", rows: [
  { keys: "qwertyuiop", x: 0, key_width: 0.1 },
  { keys: "asdfghjkl", x: 0.05, key_width: 0.1 },
  { keys: "zxcvbnm", x: 0.15, key_width: 0.1 },
] };
const LIVE_EVERY = 90; // ms between looks at a trace that is still being drawn

/** @type {import("../host/recognizer.js").Recognizer | null} */
let recognizer = null;
/** @type {Promise<unknown>} */
let turn = Promise.resolve(); // the recognizer takes one call at a time
let busy = false;
let looked = 0;
let problem = ""; // why only taps work

const strip = new Strip($("strip"));
const panel = new Panel({ times: $("times"), about: $("about"), heat: $("heat") });
const recorder = new Recorder({ on: $("record"), count: $("recorded"), save: $("save"), forget: $("forget") });
const dictionary = new Dictionary({
  dialog: $("dictionary"), open: $("dictionary-open"), form: $("word-form"), word: $("word"),
  problem: $("word-problem"), list: $("words"),
});
const editor = new Editor($("text"), suggest);
const keyboard = new Keyboard($("keys"), $("trail"), { tap, moving, swiped, cancelled: suggest });

/** Shows what may be chosen where the caret is. */
function suggest() {
  const one = editor.current;
  const typed = editor.typedWord;
  if (one) {
    strip.words(one.words, one.chosen, (place) => {
      const kept = editor.choose(one, place);
      if (kept.row) {
        kept.row.word = kept.words[place].text;
        recorder.changed();
      }
      say(kept.words[place].text);
    });
  } else if (recognizer && [...typed].length > 1 && !dictionary.has(typed)) {
    strip.offer(`Add “${typed}” to your words`, () => {
      strip.hint(dictionary.add(typed) ? `“${typed}” can be swiped now.` : $("word-problem").textContent);
    });
  } else strip.hint(problem ? "Tap the keys to type." : recognizer ? "Slide over the letters, or tap." : "Tap the keys; swiping is being loaded.");
}

/** @param {string} text for a screen reader */
function say(text) {
  $("said").textContent = text;
}

/** @param {string} id of a key that was tapped */
function tap(id) {
  if (id === "shift") return keyboard.shift({ off: "once", once: "lock", lock: "off" }[keyboard.shifted] ?? "off");
  if (id === "symbols") return keyboard.toggleSigns();
  if (id === "backspace") backspace();
  else if (id === "space") editor.put(" ");
  else if (id === "enter") editor.put("\n");
  else editor.tap(cased(id));
  relax();
}

function backspace() {
  const one = editor.current;
  if (one?.row && one.end === editor.area.selectionStart) recorder.drop(one.row);
  editor.backspace();
}

/** @param {string} text */
function cased(text) {
  if (keyboard.shifted === "lock") return text.toUpperCase();
  return keyboard.shifted === "once" ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Shift is for one word or letter, and on by itself where a sentence begins. */
function relax() {
  if (keyboard.shifted !== "lock") keyboard.shift(editor.atStart ? "once" : "off");
}

/** @param {number[][]} points of a trace that goes on */
function moving(points) {
  const now = performance.now();
  if (!recognizer || busy || now - looked < LIVE_EVERY || points.length < 6) return;
  looked = now;
  busy = true;
  turn = read(points.slice(), 3)
    .then((answer) => keyboard.touch && strip.moving(answer.words))
    .catch(() => {}) // a beginning may be no swipe yet
    .finally(() => { busy = false; });
}

/** @param {number[][]} points */
async function swiped(points) {
  if (!recognizer) return strip.hint(problem || "The model is still being loaded; tap the keys.");
  const { layout } = recognizer;
  const context = recognizer.engine.contextOf(editor.head);
  try {
    await turn;
    const answer = await (turn = read(points, 5, context));
    panel.show(answer);
    if (!answer.words.length) return strip.hint("No word for that.");
    const row = recorder.add(points, layout.name, answer.words[0].text, context);
    editor.write(answer.words, row, cased);
    say(answer.words[0].text);
    relax();
    document.body.dispatchEvent(new CustomEvent("word", { detail: answer }));
  } catch (error) {
    if (!(error instanceof BadSwipe)) problemWith(error);
    else strip.hint(error.message);
  }
}

/**
 * @param {number[][]} points
 * @param {number} nbest
 * @param {string[]} [context] of the text before the cursor, if not given
 */
function read(points, nbest, context) {
  if (!recognizer) throw new Refused("There is no model.");
  return recognizer.read(points, { nbest, context: context ?? recognizer.engine.contextOf(editor.head) });
}

// ---- the model -------------------------------------------------------------------------------

/**
 * @param {string} kind ready, busy or taps
 * @param {string} text
 */
function state(kind, text) {
  $("state").dataset.kind = kind;
  const [first, ...rest] = text.split("; ");
  const more = document.createElement("i"); // where there is room
  more.textContent = rest.length ? `; ${rest.join("; ")}` : "";
  $("state").replaceChildren(first, more);
}

/** @param {unknown} error */
function problemWith(error) {
  const message = error instanceof Error ? error.message : String(error);
  recognizer = null;
  problem = "Swiping is off.";
  $("problem").hidden = false;
  $("problem").textContent = `${message} Swiping is off; tapping the keys still works.`;
  state("taps", "Taps only");
  suggest();
}

/** @param {string} name */
function useLayout(name) {
  const file = recognizer?.manifest.layouts.find((/** @type {any} */ one) => one.name === name);
  if (!file || !recognizer) return;
  recognizer.use(name);
  keyboard.show(file);
  store("layout", name);
}

/** Fills the choice of layouts with those that the lexicon can be typed on. */
function offerLayouts() {
  if (!recognizer) return;
  const { layouts, engine } = recognizer;
  const usable = layouts.filter((one) => [...(engine.alphabet ?? [])].every((letter) => one.letters.includes(letter)));
  $("layout").replaceChildren(...usable.map((one) => new Option(shortTitle(one.title || one.name), one.name)));
  const wanted = recall("layout", usable[0]?.name);
  $("layout").value = usable.some((one) => one.name === wanted) ? wanted : usable[0]?.name;
  $("layout").disabled = false;
  useLayout($("layout").value);
}

/**
 * @param {import("./loader.js").Index} served
 * @param {string} file
 */
async function start(served, file) {
  state("busy", "Loading…");
  try {
    const { recognizer: made, size } = await load(served, file);
    await warm(made);
    recognizer?.session.release();
    recognizer = made;
    dictionary.follow(made.engine);
    panel.about(made.manifest, size);
    offerLayouts();
    problem = "";
    $("problem").hidden = !made.notice;
    $("problem").textContent = made.notice;
    state("ready", canStore() ? "Ready; all on this device" : "Ready; this browser stores nothing");
    performance.mark("ready");
    suggest();
  } catch (error) {
    problemWith(error);
  }
}

/** The first run of a network is slow; it should not be the user's. @param {import("../host/recognizer.js").Recognizer} made */
async function warm(made) {
  for (let i = 0; i < 3; i++) await made.read([[0.1, 0.2, 0], [0.5, 0.5, 200], [0.9, 0.2, 400]]);
}

async function begin() {
  keyboard.show(FIRST);
  $("layout").replaceChildren(new Option(FIRST.title, FIRST.name));
  keyboard.shift("once");
  suggest();
  performance.mark("keys");
  try {
    const served = await index();
    $("artifact").replaceChildren(...served.artifacts.map((one) => new Option(`${one.scheme}, ${(one.bytes / 1e6).toFixed(1)} MB`, one.file)));
    $("artifact").disabled = served.artifacts.length < 2;
    $("artifact").addEventListener("change", () => start(served, $("artifact").value));
    await start(served, served.artifacts[0].file);
  } catch (error) {
    problemWith(error);
  }
}

$("layout").addEventListener("change", () => useLayout($("layout").value));
$("panel-open").addEventListener("click", () => {
  const shown = $("panel").hidden;
  $("panel").hidden = !shown;
  $("panel-open").setAttribute("aria-expanded", String(shown));
});
$("clear").addEventListener("click", () => {
  editor.put("", 0, editor.area.value.length);
  relax();
});
$("copy").addEventListener("click", async () => {
  editor.area.select();
  const copied = await navigator.clipboard?.writeText(editor.area.value).then(() => true, () => false);
  if (!copied) document.execCommand("copy");
  strip.hint("Copied.");
});
begin();
