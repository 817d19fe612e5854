// Puts the parts together: keys, text, suggestions, model.

import { EdgectcError } from "edgectc";

import { Dictionary } from "./dictionary.js";
import { Editor } from "./editor.js";
import { Keyboard, shortTitle } from "./keyboard.js";
import { index, load, sentence } from "./loader.js";
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

/** @type {import("./loader.js").Model | null} */
let model = null;
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
  } else if (model && [...typed].length > 1 && !dictionary.has(typed) && !model.keyboard.knows(typed)) {
    strip.offer(`Add “${typed}” to your words`, () => {
      strip.hint(dictionary.add(typed) ? `“${typed}” can be swiped now.` : $("word-problem").textContent);
    });
  } else strip.hint(problem ? "Tap the keys to type." : model ? "Slide over the letters, or tap." : "Tap the keys; swiping is being loaded.");
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
  if (!model || now - looked < LIVE_EVERY || points.length < 6) return;
  looked = now;
  try {
    strip.moving(model.read(points, { nbest: 3, before: editor.head, moving: true }).words);
  } catch (error) {
    if (!(error instanceof EdgectcError && error.reason)) problemWith(error); // a beginning may be no swipe yet
  }
}

/** @param {number[][]} points */
function swiped(points) {
  if (!model) return strip.hint(problem || "The model is still being loaded; tap the keys.");
  const context = model.keyboard.contextOf(editor.head);
  try {
    const answer = model.read(points, { before: editor.head });
    panel.show(answer.ms, { ...model.keyboard.logProbs(), letters: model.letters });
    if (!answer.words.length) return strip.hint("No word for that.");
    const row = recorder.add(points, model.layout.name, answer.words[0].text, context);
    editor.write(answer.words, row, cased);
    say(answer.words[0].text);
    relax();
    model.keyboard.before(editor.head); // so that the next swipe finds it ready
    model.keyboard.prepare();
    document.body.dispatchEvent(new CustomEvent("word", { detail: answer }));
  } catch (error) {
    if (error instanceof EdgectcError && error.reason) strip.hint(sentence(error.message));
    else problemWith(error);
  }
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
  model = null;
  problem = "Swiping is off.";
  $("problem").hidden = false;
  $("problem").textContent = `${sentence(message)} Swiping is off; tapping the keys still works.`;
  state("taps", "Taps only");
  suggest();
}

/** @param {string} name */
function useLayout(name) {
  const layout = model?.layouts.find((one) => one.name === name);
  if (!layout || !model) return;
  model.use(layout);
  keyboard.show(layout);
  store("layout", name);
}

/** Fills the choice of layouts with those that the lexicon can be typed on. */
function offerLayouts() {
  if (!model) return;
  const { layouts } = model;
  $("layout").replaceChildren(...layouts.map((one) => new Option(shortTitle(one.title || one.name), one.name)));
  const wanted = recall("layout", layouts[0].name);
  $("layout").value = layouts.some((one) => one.name === wanted) ? wanted : layouts[0].name;
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
    const made = await load(served, file);
    warm(made);
    model = made;
    dictionary.follow(made.keyboard);
    panel.about(served, file);
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

/** A browser compiles again what runs often; that time should not be the user's. @param {import("./loader.js").Model} made */
function warm(made) {
  for (let i = 0; i < 3; i++) made.read([[0.1, 0.2, 0], [0.5, 0.5, 200], [0.9, 0.2, 400]]);
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
