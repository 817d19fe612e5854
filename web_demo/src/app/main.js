// Puts the parts together: keys, text, suggestions, model.

import { Dictionary } from "./dictionary.js";
import { Editor } from "./editor.js";
import { Keyboard } from "./keyboard.js";
import { shortTitle } from "./keys.js";
import { Ledger } from "./ledger.js";
import { index, load, sentence } from "./loader.js";
import { Panel } from "./panel.js";
import { Recorder } from "./recorder.js";
import { Settings } from "./settings.js";
import { canStore, recall, store } from "./storage.js";
import { Strip } from "./strip.js";
import { Writer } from "./writer.js";

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
/** A keyboard to tap on, before a model brought its own. */
const FIRST = { name: "qwerty", title: "QWERTY", rows: [
  { keys: "qwertyuiop", x: 0, key_width: 0.1 },
  { keys: "asdfghjkl", x: 0.05, key_width: 0.1 },
  { keys: "zxcvbnm", x: 0.15, key_width: 0.1 },
] };
const strip = new Strip($("strip"));
const settings = new Settings();
settings.show($("choices"));
const panel = new Panel({ times: $("times"), about: $("about"), heat: $("heat") });
const recorder = new Recorder({ on: $("record"), count: $("recorded"), save: $("save"), forget: $("forget") });
const dictionary = new Dictionary({
  dialog: $("dictionary"), open: $("dictionary-open"), form: $("word-form"), word: $("word"),
  problem: $("word-problem"), list: $("words"), learn: $("learn"), unlearn: $("unlearn"),
});
const ledger = new Ledger({ on: $("ledger"), count: $("noted"), save: $("ledger-save"), forget: $("ledger-forget") });
const editor = new Editor($("text"), () => writer.suggest());
const keyboard = new Keyboard($("keys"), $("trail"), settings, {
  tap: (id, point) => writer.tap(id, point), chosen: (text) => writer.chosen(text), moving: (points) => writer.moving(points),
  swiped: (points) => writer.swiped(points), cancelled: () => writer.suggest(), cursor: (characters) => writer.cursor(characters),
  deleting: (words, done) => writer.deleting(words, done),
});
const writer = new Writer({ editor, keyboard, strip, recorder, dictionary, settings, ledger, say, failed: problemWith, shown });

/** @param {string} text for a screen reader */
function say(text) {
  $("said").textContent = text;
}

/**
 * @param {import("./loader.js").Answer} answer
 * @param {import("./loader.js").Model} model
 */
async function shown(answer, model) {
  panel.show(answer.ms, { ...(await model.keyboard.logProbs()), letters: model.letters });
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
  writer.model?.close();
  writer.model = null;
  writer.problem = "Swiping is off.";
  $("problem").hidden = false;
  $("problem").textContent = `${sentence(message)} Swiping is off; tapping the keys still works.`;
  state("taps", "Taps only");
  writer.suggest();
}

/** @param {string} name */
async function useLayout(name) {
  const { model } = writer;
  const layout = model?.layouts.find((one) => one.name === name);
  if (!layout || !model) return;
  await model.use(layout);
  keyboard.show(layout);
  store("layout", name);
}

/** Fills the choice of layouts with those that the lexicon can be typed on. */
async function offerLayouts() {
  const { layouts = [] } = writer.model ?? {};
  $("layout").replaceChildren(...layouts.map((one) => new Option(shortTitle(one.title || one.name), one.name)));
  const wanted = recall("layout", layouts[0].name);
  $("layout").value = layouts.some((one) => one.name === wanted) ? wanted : layouts[0].name;
  $("layout").disabled = false;
  await useLayout($("layout").value);
}

/**
 * @param {import("./loader.js").Index} served
 * @param {string} file
 */
async function start(served, file) {
  state("busy", "Loading…");
  try {
    const made = await load(served, file);
    await dictionary.follow(made.keyboard);
    writer.model?.close();
    writer.model = made;
    panel.about(served, file);
    Object.assign(ledger.head, { model: served.name, artifact: file });
    await offerLayouts();
    await warm(made);
    writer.problem = "";
    $("problem").hidden = !made.notice;
    $("problem").textContent = made.notice;
    state("ready", canStore() ? "Ready; all on this device" : "Ready; this browser stores nothing");
    performance.mark("ready");
    writer.suggest();
  } catch (error) {
    problemWith(error);
  }
}

/** The first swipe makes ready what all need, and a browser compiles again what runs often: that time should not be the user's. @param {import("./loader.js").Model} made */
async function warm(made) {
  for (let i = 0; i < 3; i++) await made.read([[0.1, 0.2, 0], [0.5, 0.5, 200], [0.9, 0.2, 400]], { before: editor.head });
}

async function begin() {
  keyboard.show(FIRST);
  $("layout").replaceChildren(new Option(FIRST.title, FIRST.name));
  keyboard.shift("once");
  writer.suggest();
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

settings.followers.push((name) => {
  if (name === "theme") panel.draw();
  if (name === "suggest") writer.suggest();
});
$("settings-open").addEventListener("click", () => $("settings").showModal());
$("layout").addEventListener("change", () => writer.next(() => useLayout($("layout").value)));
$("panel-open").addEventListener("click", () => {
  const shown = $("panel").hidden;
  $("panel").hidden = !shown;
  $("panel-open").setAttribute("aria-expanded", String(shown));
});
$("clear").addEventListener("click", () => {
  editor.put("", 0, editor.area.value.length);
  writer.tapped = writer.corrected = null;
  writer.relax();
});
$("undo").addEventListener("click", () => writer.undo());
$("copy").addEventListener("click", async () => {
  editor.area.select();
  const copied = await navigator.clipboard?.writeText(editor.area.value).then(() => true, () => false);
  if (!copied) document.execCommand("copy");
  strip.hint("Copied.");
});
if (isSecureContext) navigator.serviceWorker?.register("sw.js").catch(() => {}); // without it the page works, but not offline
begin();
