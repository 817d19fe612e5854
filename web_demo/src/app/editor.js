// The text: where words go, which of them were swiped, and what else they may have been.

/** @typedef {{start: number, end: number, words: import("edgectc").Word[], chosen: number, row: any, entry: any}} Swiped */

const MOST_PAST = 200;

export class Editor {
  /**
   * @param {HTMLTextAreaElement} area
   * @param {() => void} changed
   */
  constructor(area, changed) {
    this.area = area;
    this.changed = changed;
    /** @type {Swiped[]} */ this.swiped = [];
    this.before = area.value;
    this.spaced = -1; // where a space was set by itself, which a mark takes back
    this.owed = -1; // where a letter gets a space before it: behind a mark that ends a swiped word
    /** @type {{value: string, at: number, swiped: Swiped[]}[]} */ this.past = []; // to go back to
    /** @type {number | null} */ this.anchor = null; // where the caret was before words were marked
    area.addEventListener("input", () => this.#typed());
    for (const name of ["click", "keyup"]) area.addEventListener(name, () => changed());
  }

  /** Returns the text before the caret. */
  get head() {
    return this.area.value.slice(0, this.area.selectionStart);
  }

  /** Returns the swiped word that the caret is in or behind, if any. */
  get current() {
    const at = this.area.selectionStart;
    return this.swiped.find(({ start, end }) => start < at && at <= end) ?? null;
  }

  /** Returns the word of typed letters that the caret is behind, if any. */
  get typedWord() {
    return this.current ? "" : (this.head.match(/[\p{L}\p{M}'’]+$/u)?.[0] ?? "");
  }

  /** Returns whether the next letter begins a sentence. */
  get atStart() {
    return /(^|[.!?]["”’)]*\s|\n)\s*$/.test(this.owed === this.area.selectionStart ? `${this.head} ` : this.head);
  }

  /**
   * Puts text in place of start..end and the caret behind it; swiped words there are words no more.
   * @param {string} text
   * @param {number} start
   * @param {number} end
   */
  put(text, start = this.area.selectionStart, end = this.area.selectionEnd) {
    this.#replace(text, start, end);
    this.changed();
  }

  /**
   * @param {string} text
   * @param {number} start
   * @param {number} end
   */
  #replace(text, start, end) {
    this.past.push({ value: this.area.value, at: this.area.selectionEnd, swiped: this.swiped });
    if (this.past.length > MOST_PAST) this.past.shift();
    this.anchor = null;
    this.owed = -1;
    this.area.setRangeText(text, start, end, "end");
    this.#moved(start, end, text.length);
    this.before = this.area.value;
    requestAnimationFrame(() => { this.area.scrollTop = this.area.scrollHeight; }); // at once, the page would be laid out at once
  }

  /** Takes the last change back; returns whether there was one. */
  undo() {
    const last = this.past.pop();
    if (!last) return false;
    this.area.value = this.before = last.value;
    this.swiped = last.swiped;
    this.spaced = -1;
    this.area.setSelectionRange(last.at, last.at);
    this.changed();
    return true;
  }

  /** Moves the caret by so many characters. @param {number} characters */
  step(characters) {
    const { value, selectionStart: at } = this.area;
    const over = [...new Intl.Segmenter().segment(characters < 0 ? value.slice(0, at) : value.slice(at))].map(({ segment }) => segment);
    const moved = (characters < 0 ? over.slice(characters) : over.slice(0, characters)).join("").length;
    const to = at + (characters < 0 ? -moved : moved);
    this.area.setSelectionRange(to, to);
  }

  /** Selects so many words before the caret, of 0 none. @param {number} words */
  mark(words) {
    this.anchor ??= this.area.selectionEnd;
    let start = this.anchor;
    for (let i = 0; i < words; i++) start -= this.area.value.slice(0, start).match(/(\p{L}|\p{M}|\p{N}|['’])+\s*$|[^\s\p{L}\p{N}]+\s*$|\s+$|^$/u)?.[0].length ?? 0;
    this.area.setSelectionRange(start, this.anchor);
    if (!words) this.anchor = null;
  }

  /**
   * Writes the best of some words, with a space before it where one belongs.
   * @param {import("edgectc").Word[]} words
   * @param {{row: any, entry: any}} notes of recorder and ledger
   * @param {(text: string) => string} cased
   */
  write(words, notes, cased) {
    const start = this.area.selectionStart;
    const space = /[^\s(“"'/-]$/.test(this.head) ? " " : "";
    const shown = words.map((one) => ({ ...one, text: cased(one.text) }));
    this.#replace(space + shown[0].text, start, this.area.selectionEnd);
    const from = start + space.length;
    this.swiped.push({ start: from, end: from + shown[0].text.length, words: shown, chosen: 0, ...notes });
    this.changed();
  }

  /**
   * Takes another of a swiped word's candidates.
   * @param {Swiped} one
   * @param {number} place
   */
  choose(one, place) {
    const { text } = one.words[place];
    const kept = { ...one, chosen: place, end: one.start + text.length };
    this.#replace(text, one.start, one.end);
    this.swiped.push(kept);
    this.changed();
    return kept;
  }

  /** @param {string} text a key that was tapped */
  tap(text) {
    const at = this.area.selectionStart;
    if (/^[.,!?;:)]$/.test(text) && this.spaced === at && at === this.area.selectionEnd) {
      this.put(`${text} `, at - 1, at);
      this.spaced = this.area.selectionStart;
      return;
    }
    const behind = this.swiped.find(({ end }) => end === this.area.selectionStart);
    const next = /\p{L}|\p{N}|\p{Extended_Pictographic}/u.test(text) && (behind || this.owed === at);
    this.put((next ? " " : "") + text);
    if (behind && /^[.,!?;:)]$/.test(text)) this.owed = this.area.selectionStart;
  }

  /**
   * Puts a picked word and its space in place of start..caret.
   * @param {string} text
   * @param {number} start
   */
  pick(text, start) {
    const space = start === this.area.selectionStart && /[^\s(“"'/-]$/.test(this.head) ? " " : "";
    this.put(`${space}${text} `, start, this.area.selectionEnd);
    this.spaced = this.area.selectionStart;
  }

  /** Takes back a character, of an emoji all, or the swiped word that the caret is behind. */
  backspace() {
    const { selectionStart: at, selectionEnd: end } = this.area;
    if (at !== end) return this.put("");
    const one = this.swiped.find((word) => word.end === at);
    if (one) return this.put("", one.start - (this.area.value[one.start - 1] === " " ? 1 : 0), at);
    const last = [...this.head].pop();
    const whole = [...new Intl.Segmenter().segment(this.head.slice(-32))].pop()?.segment ?? "";
    if (last) this.put("", at - (/\p{Extended_Pictographic}/u.test(whole) ? whole : last).length, at);
  }

  /** What the browser itself changed. */
  #typed() {
    const [old, now] = [this.before, this.area.value];
    let start = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start++;
    let tail = 0;
    while (tail < old.length - start && tail < now.length - start && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
    this.past.push({ value: old, at: old.length - tail, swiped: this.swiped });
    this.#moved(start, old.length - tail, now.length - tail - start);
    this.before = now;
    this.changed();
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {number} size of what is there now
   */
  #moved(start, end, size) {
    this.swiped = this.swiped
      .filter((one) => one.end <= start || one.start >= end)
      .map((one) => (one.start >= end ? { ...one, start: one.start + size - (end - start), end: one.end + size - (end - start) } : one));
  }
}
