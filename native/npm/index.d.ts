/** Bytes of a file; or where they are: an address or, in Node, a path. */
export type Source = Uint8Array | ArrayBuffer | URL | string;

/** A letter, "" for none, and its key as it is touched: x, y of the left upper corner, width, height. */
export type Key = readonly [letter: string, x: number, y: number, width: number, height: number];

/** In the unit of the keys, and the time of the touch event in milliseconds from any origin. */
export type Point = readonly [x: number, y: number, tMs: number];

export interface Word {
  text: string;
  /** Natural log. */
  score: number;
  /** Share among the words compared. */
  probability: number;
  /** Whether no better word was missed. */
  exact: boolean;
}

export interface Files {
  /** An artifact of `edgectc export --target native`. */
  model: Source | Promise<Source>;
  /** The .trie that lies beside it; it may be left out where there are languages. */
  lexicon?: Source | Promise<Source>;
  /** The .lm that lies beside it; without it words are ranked without context. */
  languageModel?: Source | Promise<Source> | null;
  /** Further languages that are written at the same time, at most 4 with the model's own, which is the main one. */
  languages?: readonly Language[];
  /** The compiled library, where it does not lie beside this module. */
  wasm?: WebAssembly.Module | null;
  /** Public keys, base64: the model is refused unless one of them signed it. */
  trust?: readonly string[] | null;
  /** Content of the model's .sig file. */
  signature?: string | null;
}

/** The files of a pack of `edgectc language build`. */
export interface Language {
  /** Its language.json; left out where the others are the model's own. */
  index?: Source | Promise<Source> | null;
  lexicon: Source | Promise<Source>;
  languageModel?: Source | Promise<Source> | null;
}

/** What was refused, and why. */
export class EdgectcError extends Error {
  constructor(message: string, reason?: string);
  /** "one_point" (a tap), "off_keyboard" ... where points were no swipe; why a signature was refused; else "". */
  reason: string;
}

/** EDGECTC_ABI of the library that this package was built with. */
export const ABI: number;

/** A keyboard over one model: points go in, ranked words come out. Its memory goes when it does. */
export class Keyboard {
  private constructor();

  /** Checks the seal and the hashes of all files. Throws `EdgectcError`, as all calls do. */
  static open(files: Files): Promise<Keyboard>;

  /** Runs the model's own reference cases on this machine. */
  test(): void;

  /** The probability that the next word is of each language, by name; "own": the model's. */
  languages(): Record<string, number>;

  /** Says where the keys lie now; call it at every change of their place or letters. */
  place(keys: Iterable<Key>): void;

  /** Says what stands before the cursor; `whole`: nothing stands before the text. */
  before(text: string, how?: { whole?: boolean }): void;

  /** Counts uses of a word, new or known, and shows it again if it was hidden. */
  teach(word: string, how?: { uses?: number }): void;

  /** Learns a word that was written, or takes uses below 0 back; false where nothing is learnt: incognito, or it is hidden. What
   * is learnt fades by `today`, and is of the language that it was probably written in. */
  learn(word: string, how?: { uses?: number }): boolean;

  /** Says which day it is, 0 to 1e6 from any origin that stays the same. */
  today(day: number): void;

  /** While it is on, nothing is learnt or taught; where it goes on or off, what was written is forgotten. */
  incognito(on: boolean): void;

  /** Never ranks a word, in whatever case, though it be learnt. */
  hide(word: string): void;

  /** Forgets all about a word that was taught or hidden. */
  forget(word: string): void;

  /** Favours a word, such as a contact's name, by nats, -100 to 100, until told otherwise; 0: no more. `spelling` is another
   * way to swipe it. False if this keyboard's letters cannot type it. No `words()` hold these. */
  favour(word: string, how: { nats: number; spelling?: string | null }): boolean;

  /** Returns the user's words as bytes to keep, which Python reads as a file, too. */
  words(): Uint8Array;

  /** Takes such bytes in place of all the words there are. */
  takeWords(words: Uint8Array): void;

  /** Makes ready what the next swipe would make first; call it when a word was committed. */
  prepare(): void;

  /** Returns the words of the sentence that a text ends in, after "<s>" where it begins there. */
  contextOf(text: string, how?: { whole?: boolean }): string[];

  /** Ranks words, best first; `moving`: the finger still moves. */
  swipe(points: Iterable<Point>, how?: { nbest?: number; moving?: boolean }): Word[];
  /** Corrected words of taps, best first; moving: the word goes on, and of no taps it is the next word. */
  tap(points: Iterable<Point>, how?: { nbest?: number; moving?: boolean }): Word[];
  /** Words that are written in strokes, taps of one point and swipes of more in any order, best first. */
  strokes(strokes: Iterable<Iterable<Point>>, how?: { nbest?: number; moving?: boolean }): Word[];
  /** Words that begin with the letters before the cursor, best first; of "", the next word. */
  complete(begun?: string, how?: { nbest?: number }): Word[];
  /** The letters of the keys that the last taps were nearest to. */
  typed(): string;

  /**
   * What the network gave of the last swipe: natural log, (rows, columns); first the keys with a letter in
   * their order, the blank last.
   */
  logProbs(): { rows: number; columns: number; values: Float32Array };

  /** Whether the lexicon has a word, in any case. */
  knows(word: string): boolean;
}
