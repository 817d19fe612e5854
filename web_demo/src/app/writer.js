// What fingers write: swiped words, tapped words that are corrected and completed, next words. One after the other.

import { EdgectcError } from "edgectc";

import { Ahead } from "./ahead.js";
import { sentence } from "./loader.js";

/** @typedef {import("edgectc").Word} Word */
/** @typedef {{start: number, text: string, points: number[][]}} Tapped */
/** @typedef {{start: number, end: number, typed: string, entry: any}} Corrected */

const LIVE_EVERY = 90; // ms between looks at a trace that is still being drawn
const INSIDE = "'’-@_/\\#&~=+*^|0123456789"; // parts of a word that is going on, or of an address
const CONTINUES = /[^\s([{<"'“‘„«¿¡\-–—,;!?…\p{Extended_Pictographic}\u{FE0F}]$/u; // what comes after this is no word of its own
const LETTER = /^[\p{L}\p{M}]$/u;

/**
 * Returns a word in the case of what was typed.
 * @param {string} text
 * @param {string} typed
 */
export function like(text, typed) {
  if (typed.length > 1 && typed === typed.toUpperCase()) return text.toUpperCase();
  const first = typed.charAt(0);
  return first !== first.toLowerCase() ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

export class Writer {
  /**
   * @param {{editor: import("./editor.js").Editor, keyboard: import("./keyboard.js").Keyboard, strip: import("./strip.js").Strip,
   *   recorder: import("./recorder.js").Recorder, dictionary: import("./dictionary.js").Dictionary, settings: import("./settings.js").Settings, ledger: import("./ledger.js").Ledger,
   *   say: (text: string) => void, failed: (error: unknown) => void, shown: (answer: any, model: any) => Promise<void>}} parts
   */
  constructor(parts) {
    this.parts = parts;
    /** @type {import("./loader.js").Model | null} */ this.model = null;
    this.problem = ""; // why only taps work
    /** @type {Tapped | null} */ this.tapped = null;
    /** @type {Corrected | null} */ this.corrected = null;
    /** @type {string[]} */ this.foretold = [];
    this.learnt = ""; // word to learn once the next one begins
    this.spaceAt = 0; // when the last space was tapped
    this.turn = Promise.resolve();
    this.waiting = 0;
    this.asked = 0;
    this.looked = 0;
    this.ahead = new Ahead();
  }

  /** Does one thing after the other, in the order of the fingers: at once where nothing is waited for. @param {() => any} act */
  next(act) {
    const free = !this.waiting;
    if (!free) this.ahead.drop(); // what it waits for may be learnt
    document.body.dataset.turns = String(++this.waiting);
    const done = free ? (async () => act())() : this.turn.then(act);
    this.turn = done.catch((error) => this.parts.failed(error)).then(() => {
      document.body.dataset.turns = String(--this.waiting);
    });
    return this.turn;
  }

  /**
   * @param {string} id of a key that was tapped
   * @param {number[]} [point] where, in the letter area
   */
  tap(id, point) {
    return this.next(() => this.#key(id, point));
  }

  /**
   * @param {string} id
   * @param {number[] | undefined} point
   */
  async #key(id, point) {
    const { editor, keyboard } = this.parts;
    if (id === "shift") return keyboard.shift({ off: "once", once: "lock", lock: "off" }[keyboard.shifted] ?? "off");
    if (id === "symbols") return keyboard.turn(keyboard.signs ? "letters" : "signs");
    if (id.startsWith("page-")) return keyboard.turn(/** @type {any} */ (id.slice(5)));
    if (id === "backspace") await this.#backspace();
    else if (LETTER.test(id) && !keyboard.signs) {
      const begins = !this.#held();
      this.#letter(id, point);
      if (begins) await this.#stays(this.#ended());
    }
    else {
      if (INSIDE.includes(id)) this.tapped = id === "'" ? this.tapped : null;
      else await this.#commit();
      if (id === "space") this.#space();
      if (id === "space" && keyboard.signs && keyboard.page !== "numbers") keyboard.turn("letters");
      if (id === "enter") editor.put("\n");
      else if (id !== "space") editor.tap(id);
    }
    if (id !== "space") this.spaceAt = 0;
    this.relax();
    this.suggest();
  }

  /**
   * @param {string} id
   * @param {number[] | undefined} point
   */
  #letter(id, point) {
    const { editor, keyboard } = this.parts;
    const place = point ?? keyboard.middle(id) ?? [0, 0, 0]; // pressed by a keyboard: as meant
    const held = this.#held();
    this.#glued();
    this.corrected = null;
    const within = CONTINUES.test(editor.head) && editor.owed !== editor.area.selectionStart && !editor.current;
    editor.tap(this.#cased(id));
    const letter = editor.head.slice(-1);
    if (within && !held) this.tapped = null; // the rest of a word or an address is left alone
    else if (held) this.tapped = { ...held, text: held.text + letter, points: [...held.points, place] };
    else this.tapped = editor.typedWord === letter ? { start: editor.head.length - 1, text: letter, points: [place] } : null;
  }

  /** Takes a correction back that was made before a full stop which turns out to stand within a word, as in an address. */
  #glued() {
    const { editor } = this.parts;
    const { corrected } = this;
    const at = editor.area.selectionStart;
    if (!corrected || at !== corrected.end + 1 || !/[.:]$/.test(editor.head) || editor.owed === at) return;
    editor.put(corrected.typed, corrected.start, corrected.end);
    editor.area.setSelectionRange(at + corrected.typed.length - (corrected.end - corrected.start), at + corrected.typed.length - (corrected.end - corrected.start));
    if (corrected.entry) corrected.entry.undone = true;
  }

  /**
   * Types what was chosen above a key, as an accent is: no word is put in its place.
   * @param {string} text
   */
  chosen(text) {
    return this.next(async () => {
      const { editor } = this.parts;
      this.corrected = null;
      if (!LETTER.test(text)) await this.#commit();
      this.tapped = null;
      editor.tap(text);
      this.relax();
      this.suggest();
    });
  }

  /** Takes the last change of the text back, and what was noted of it. */
  undo() {
    return this.next(() => {
      const { editor, recorder, ledger } = this.parts;
      const { swiped } = editor;
      if (!editor.undo()) return;
      this.learnt = "";
      this.tapped = this.corrected = null;
      for (const { row, entry } of swiped.filter((one) => !editor.swiped.some((other) => other.start === one.start && other.row === one.row))) {
        if (row) recorder.drop(row);
        if (entry) entry.rank = 0;
      }
      for (const { row, entry, words, chosen } of editor.swiped) {
        if (row) row.word = words[chosen].text;
        if (entry) entry.rank = chosen + 1;
      }
      recorder.changed();
      ledger.changed();
      this.relax();
      this.suggest();
    });
  }

  /** A finger slides over the space bar. @param {number} characters */
  cursor(characters) {
    return this.next(() => {
      this.tapped = this.corrected = null;
      this.parts.editor.step(characters);
      this.relax();
      this.suggest();
    });
  }

  /**
   * A finger slides left from backspace, over so many words; `done`: it was lifted.
   * @param {number} words
   * @param {boolean} done
   */
  deleting(words, done) {
    return this.next(() => {
      const { editor } = this.parts;
      this.tapped = this.corrected = null;
      editor.mark(words);
      if (!done) return;
      if (words) editor.put("");
      this.relax();
      this.suggest();
    });
  }

  /** Returns the word that is being tapped, if the caret is still behind it. */
  #held() {
    const { editor } = this.parts;
    const { tapped } = this;
    if (!tapped || tapped.points.length > 64) return null;
    return editor.typedWord === tapped.text && editor.head.length === tapped.start + tapped.text.length ? tapped : null;
  }

  #space() {
    const { editor } = this.parts;
    const at = editor.area.selectionStart;
    const twice = this.spaceAt && performance.now() - this.spaceAt < 900 && /[\p{L}\p{M}\p{N}]['’"”)]? $/u.test(editor.head);
    if (twice) editor.put(". ", at - 1, at);
    else editor.put(" ");
    this.spaceAt = twice ? 0 : performance.now();
  }

  /** Returns the word that stays as the next one begins, if any; it is to be learnt. */
  #ended() {
    const text = this.learnt;
    this.learnt = "";
    return text;
  }

  /** Learns a word, when the next one is written: nobody waits for it. @param {string} text */
  async #stays(text) {
    if (text) await this.parts.dictionary.learn(text);
  }

  /** Ends the tapped word: it is corrected, if another one is much likelier. */
  async #commit() {
    const { editor, ledger, say, settings } = this.parts;
    const held = this.#held();
    this.tapped = null;
    this.corrected = null;
    if (!held || !this.model) return;
    if (!settings.is("correct")) return void (this.learnt = held.text);
    const before = editor.area.value.slice(0, held.start);
    const { whole, ms } = await this.model.taps(held.points, before);
    if (!whole.length || editor.area.value.slice(held.start, held.start + held.text.length) !== held.text) return;
    const text = like(whole[0].text, held.text);
    const changed = text !== held.text;
    this.learnt = whole[0].text;
    const entry = ledger.add({ by: "taps", rank: 1, probability: whole[0].probability, ms, corrected: changed, ...this.#foreseen(text) });
    if (!changed) return;
    const end = held.start + held.text.length;
    const caret = editor.area.selectionStart;
    editor.put(text, held.start, end);
    if (caret !== end) editor.area.setSelectionRange(caret + text.length - held.text.length, caret + text.length - held.text.length);
    this.corrected = { start: held.start, end: held.start + text.length, typed: held.text, entry };
    say(text);
  }

  /** Takes back a letter, a swiped word, or a correction, whose word is then kept as it was typed. */
  async #backspace() {
    const { editor, dictionary, recorder, ledger } = this.parts;
    const { corrected } = this;
    const at = editor.area.selectionStart;
    this.corrected = null;
    this.learnt = "";
    if (corrected && at > corrected.end && at <= corrected.end + 2 && at === editor.area.selectionEnd) {
      editor.put(corrected.typed, corrected.start, at);
      if (corrected.entry) Object.assign(corrected.entry, { undone: true });
      ledger.changed();
      await dictionary.keep(corrected.typed);
      return;
    }
    const one = editor.current;
    if (one && one.end === at) {
      if (one.row) recorder.drop(one.row);
      if (one.entry) one.entry.rank = 0;
      ledger.changed();
    }
    const held = this.#held();
    editor.backspace();
    this.tapped = held && held.points.length > 1
      ? { ...held, text: held.text.slice(0, -1), points: held.points.slice(0, -1) } : null;
  }

  /** @param {string} text */
  #cased(text) {
    const { shifted } = this.parts.keyboard;
    if (shifted === "lock") return text.toUpperCase();
    return shifted === "once" ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  }

  /** Shift is for one word or letter, and on by itself where a sentence begins. */
  relax() {
    const { keyboard, editor } = this.parts;
    if (keyboard.shifted !== "lock") keyboard.shift(editor.atStart ? "once" : "off");
  }

  // ---- swipes --------------------------------------------------------------------------------

  /** @param {number[][]} points of a trace that goes on */
  async moving(points) {
    const now = performance.now();
    const { editor, settings } = this.parts;
    if (!this.model || this.waiting) return;
    if (!this.tapped && this.ahead.ask(this.model, points, editor.head)) return;
    if (!settings.is("live") || this.ahead.busy || now - this.looked < LIVE_EVERY || points.length < 6) return;
    this.looked = now;
    this.ahead.busy = true;
    const asked = ++this.asked;
    try {
      const { words } = await this.model.read(points, { nbest: 3, before: editor.head, moving: true });
      if (asked === this.asked) this.parts.strip.moving(words);
    } catch (error) {
      if (!(error instanceof EdgectcError && error.reason)) this.parts.failed(error); // a beginning may be no swipe yet
    } finally {
      this.ahead.busy = false;
    }
  }

  /** @param {number[][]} points */
  swiped(points) {
    this.asked++;
    return this.next(() => this.#swipe(points));
  }

  /** @param {number[][]} points */
  async #swipe(points) {
    const { editor, recorder, ledger, strip, say, shown } = this.parts;
    if (!this.model) return strip.hint(this.problem || "The model is still being loaded; tap the keys.");
    const { model } = this;
    if (this.tapped) await this.#commit();
    this.corrected = null;
    const before = editor.head;
    const lifted = performance.now();
    try {
      const [context, { words }] = await Promise.all([recorder.on ? model.keyboard.contextOf(before) : [], this.ahead.take(model, points, before)]);
      const answer = { words, ms: performance.now() - lifted };
      if (!answer.words.length) return strip.hint("No word for that.");
      const [best] = answer.words;
      const row = recorder.add(points, model.layout.name, best.text, context);
      const entry = ledger.add({ by: "gesture", rank: 1, probability: best.probability, ms: answer.ms, ...this.#foreseen(best.text) });
      editor.write(answer.words, { row, entry }, (text) => this.#cased(text));
      const ended = this.#ended();
      this.learnt = best.text;
      document.body.dispatchEvent(new CustomEvent("word", { detail: answer }));
      say(best.text);
      this.relax();
      await this.#stays(ended);
      await shown(answer, model);
      model.ready(editor.head).catch(() => {}); // so that the next swipe finds it ready
    } catch (error) {
      if (!(error instanceof EdgectcError && error.reason)) throw error;
      strip.hint(sentence(error.message));
    }
  }

  // ---- suggestions ---------------------------------------------------------------------------

  /** Shows what may be chosen where the caret is. */
  async suggest() {
    const { editor, settings, strip } = this.parts;
    const asked = ++this.asked;
    const one = editor.current;
    if (one) return strip.words(one.words, one.chosen, (place) => this.#choose(one, place));
    const typed = editor.typedWord;
    if (this.model && !settings.is("suggest")) return strip.three([]);
    if (!this.model || (!typed && !editor.head.trim())) {
      return strip.hint(this.problem ? "Tap the keys to type." : this.model ? "Slide over the letters, or tap." : "Tap the keys; swiping is being loaded.");
    }
    try {
      const offers = typed ? await this.#ofLetters(typed) : await this.#ofNothing();
      if (asked === this.asked) strip.three(offers);
    } catch (error) {
      this.parts.failed(error);
    }
  }

  /** @param {string} typed */
  async #ofLetters(typed) {
    const { editor } = this.parts;
    const held = this.#held();
    const model = /** @type {import("./loader.js").Model} */ (this.model);
    const start = editor.head.length - typed.length;
    const before = editor.head.slice(0, start);
    const { whole, begun } = held ? await model.taps(held.points, before) : { whole: [], begun: await model.complete(typed, before) };
    const texts = [...whole.slice(0, 1), ...begun, ...whole.slice(1)].map((one) => like(one.text, typed));
    const others = [...new Set(texts)].filter((text) => text !== typed).slice(0, 2);
    const corrects = Boolean(held) && texts[0] !== typed;
    const pick = (/** @type {string} */ text, /** @type {number} */ rank) => () => this.next(() => this.#pick("completion", text, start, rank));
    const asTyped = { text: `“${typed}”`, act: () => this.next(() => this.#keep(typed)), main: !corrects };
    const [first, second] = others.map((text, i) => ({ text, act: pick(text, i + 1), main: corrects && !i }));
    return (corrects ? [asTyped, first, second] : [first, asTyped, second]).filter(Boolean);
  }

  async #ofNothing() {
    const { editor, keyboard } = this.parts;
    const model = /** @type {import("./loader.js").Model} */ (this.model);
    const words = (await model.complete("", editor.head)).map((one) => (keyboard.shifted === "off" ? one.text : this.#cased(one.text)));
    this.foretold = words;
    const at = editor.area.selectionStart;
    const offers = words.map((text, i) => ({ text, act: () => this.next(() => this.#pick("next", text, at, i + 1)) }));
    return [offers[1], offers[0], offers[2]].filter(Boolean);
  }

  /**
   * @param {"completion" | "next"} by
   * @param {string} text
   * @param {number} start
   * @param {number} rank
   */
  async #pick(by, text, start, rank) {
    const { editor, ledger, say } = this.parts;
    const ended = by === "next" ? this.#ended() : "";
    this.learnt = text;
    ledger.add({ by, rank, ...(by === "next" ? {} : this.#foreseen(text)) });
    this.tapped = this.corrected = null;
    editor.pick(text, start);
    say(text);
    await this.#stays(ended);
    this.relax();
    this.suggest();
  }

  /** Leaves a word as it was typed, for now and later. @param {string} typed */
  async #keep(typed) {
    const { editor, ledger, dictionary } = this.parts;
    ledger.add({ by: "taps", rank: 1, corrected: false, ...this.#foreseen(typed) });
    if (this.model && !(await this.model.keyboard.knows(typed))) await dictionary.keep(typed);
    this.tapped = this.corrected = null;
    editor.put(" ");
    editor.spaced = editor.area.selectionStart;
    this.relax();
    this.suggest();
  }

  /**
   * @param {import("./editor.js").Swiped} one
   * @param {number} place
   */
  #choose(one, place) {
    const { editor, recorder, ledger, say } = this.parts;
    const kept = editor.choose(one, place);
    if (kept.row) {
      kept.row.word = kept.words[place].text;
      recorder.changed();
    }
    if (kept.entry) {
      kept.entry.rank = place + 1;
      ledger.changed();
    }
    this.learnt = kept.words[place].text;
    say(this.learnt);
  }

  /** Whether a word was among those that were foretold, if any were. @param {string} text */
  #foreseen(text) {
    const { foretold } = this;
    this.foretold = [];
    return foretold.length ? { foreseen: foretold.some((one) => one.toLowerCase() === text.toLowerCase()) } : {};
  }
}
