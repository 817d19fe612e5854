// The keys that there are: those of a layout, and pages of signs, digits and emoji around them.

/** @typedef {{id: string, label: string, name: string, x: number, y: number, w: number, kind: string, digit?: string}} Key */

const ICONS = {
  shift: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="m12 4 7.500 8.500H16V19H8v-6.500H4.500z"/></svg>',
  backspace: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 5.500h11v13H9L3.500 12zM12 9.500l5 5m0-5-5 5"/></svg>',
  emoji: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M8 14.500q4 3.500 8 0M9 9.500v.500m6-.500v.500"/></svg>',
  enter: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M19 6v6.500H5.500m4-4-4 4 4 4"/></svg>',
};
/** @typedef {"letters" | "signs" | "more" | "numbers" | `emoji-${number}`} Page */
/** Rows of a page, a last one of seven between two keys; how wide its keys are. @type {Record<string, [string[], number]>} */
const PAGES = {
  signs: [["1234567890", "@#$_&-+()/", "*\"':;!?"], 0.1],
  more: [["~`|•√π÷×§¶", "£¢€¥^°={}\\", "%©®™✓[]"], 0.1],
  numbers: [["+123-", "*456/", "=789%"], 0.2],
};
/** Pages of emoji: a name each, what stands for it, and what is on it. */
const EMOJI = [
  ["faces", "😀", "😀😂🙂😊😉😍😘😎🤔😐🙄😏😴🥱😅🤣🥰🤗😢😭😡😱🥳🤯"],
  ["people and hands", "👍", "👍👎👌✌️🤞👏🙏💪👋🤝🙌👀🤷🤦🙋🏃💃🧑👶👪🫶✊👉👇"],
  ["hearts and signs", "❤️", "❤️🧡💛💚💙💜🖤💔✨🔥💯🎉🎂🎁⭐☀️🌈⚡❄️✅❌❓❗💤"],
  ["animals and food", "🐶", "🐶🐱🐭🐰🦊🐻🐼🐸🐔🐝🌸🌳🍎🍌🍓🍕🍔🍟🍣🍪🍫☕🍺🍷"],
  ["things and places", "🚗", "🚗🚌🚲✈️🚀🏠🏢🏖️⚽🏀🎮🎵🎸📷📱💻💡📚✏️📌📅⏰💰🔑"],
].map(([name, label, all]) => ({ name, label, all: [...new Intl.Segmenter().segment(all)].map((one) => one.segment) }));
const EMOJI_A_ROW = 8;
const NEXT_PAGE = { signs: ["more", "=\\<", "more signs"], more: ["signs", "?123", "signs"], numbers: ["signs", "?#+", "signs"] };

const DIGITS = "1234567890";
const TO_EMOJI = /** @type {[string, string, string, number, string]} */ (["page-emoji-0", ICONS.emoji, "emoji", 0.1, "soft"]);

/** What a long press offers, a character each. @type {Record<string, string>} */
const MORE = Object.fromEntries([
  "aàáâäæãåā", "cçćč", "dð", "eéèêëēė", "iíìîïī", "lł", "nñń", "oóòôöœøõō", "sßśš", "tþ", "uúùûüū", "yýÿ", "zžźż",
  "$€£¥¢", "-–—_", "'’‘", "\"“”«»", "?¿", "!¡", ".…?!,'\":;", ",;:", "(<[{", ")>]}", "+±", "*†★", "/\\", "&§", "%‰", "=≠≈", "0°⁰", "1¹½", "2²", "3³",
].map((all) => [[...all][0], [...all].slice(1).join("")]));

/** Returns what a long press on a key offers. @param {Key} key */
export const more = (key) => (key.digit ?? "") + (MORE[key.id] ?? "");

/** Returns a layout's title without its remarks. @param {string} text */
export const shortTitle = (text) => text.split(/[;(]/)[0].trim();

/**
 * Returns the keys of a layout, those that every phone has around the letters too; y 0 is where the letters begin.
 * @param {import("./loader.js").LayoutFile} file
 * @param {boolean} digits whether a row of them stands above the letters
 * @returns {{keys: Key[], above: number, rows: number, letterRows: number}}
 */
export function keysOf(file, digits) {
  /** @type {Key[]} */ const keys = [];
  const letterRows = file.rows.length;
  const title = shortTitle(file.title || file.name);
  const punctuation = [",", "."];
  let spaced = false;
  let wings = false;
  if (digits) place(keys, [...DIGITS].map((digit) => [digit, digit, digit, 0.1, "mark"]), -1);
  file.rows.forEach(({ keys: text, x, key_width: w }, y) => {
    const row = [...text];
    for (let i = 0; i < row.length; i++) {
      if (row[i] !== " ") {
        const digit = !digits && y === 0 && i < 10 ? DIGITS[i] : undefined;
        keys.push({ id: row[i], label: row[i], name: row[i], x: x + i * w, y, w, kind: "letter", ...(digit && { digit }) });
        continue;
      }
      let run = 1;
      while (row[i + run] === " ") run++;
      if (run >= 3) {
        keys.push({ id: "space", label: title, name: "space", x: x + i * w, y, w: run * w, kind: "space" });
        spaced = true;
        i += run - 1;
      } else {
        const mark = punctuation.shift();
        if (mark) keys.push({ id: mark, label: mark, name: mark === "," ? "comma" : "full stop", x: x + i * w, y, w, kind: "mark" });
      }
    }
    const end = x + row.length * w;
    if (!wings && x >= 0.12 && end <= 0.88) {
      wings = true;
      keys.push({ id: "shift", label: ICONS.shift, name: "shift", x: 0, y, w: x - 0.01, kind: "soft" });
      keys.push({ id: "backspace", label: ICONS.backspace, name: "backspace", x: end + 0.01, y, w: 0.99 - end, kind: "soft" });
    } else if (spaced && x >= 0.12) {
      keys.push({ id: "symbols", label: "?123", name: "digits and signs", x: 0, y, w: x - 0.01, kind: "soft" });
      keys.push({ id: "enter", label: ICONS.enter, name: "new line", x: end + 0.01, y, w: 0.99 - end, kind: "soft" });
    }
  });
  if (!spaced) bottom(keys, title, letterRows, wings);
  const above = digits ? 1 : 0;
  return { keys, above, rows: above + letterRows + (spaced ? 0 : 1), letterRows };
}

/**
 * @param {Key[]} keys
 * @param {string} title
 * @param {number} y
 * @param {boolean} wings whether shift and backspace are up among the letters
 */
function bottom(keys, title, y, wings) {
  /** @type {[string, string, string, number, string][]} */
  const row = [
    ["symbols", "?123", "digits and signs", 0.14, "soft"],
    ...(wings ? [] : /** @type {typeof row} */ ([["shift", ICONS.shift, "shift", 0.1, "soft"]])),
    [",", ",", "comma", 0.1, "mark"],
    ...(wings ? /** @type {typeof row} */ ([TO_EMOJI]) : []),
    ["space", title, "space", wings ? 0.4 : 0.32, "space"],
    [".", ".", "full stop", 0.1, "mark"],
    ...(wings ? [] : /** @type {typeof row} */ ([["backspace", ICONS.backspace, "backspace", 0.1, "soft"]])),
    ["enter", ICONS.enter, "new line", wings ? 0.16 : 0.14, "soft"],
  ];
  place(keys, row, y);
}

/**
 * Returns the keys of a page without letters.
 * @param {Page} page
 * @param {string} title
 * @returns {{keys: Key[], above: number, rows: number, letterRows: number}}
 */
export function signsOf(page, title) {
  if (page.startsWith("emoji-")) return emojiOf(Number(page.slice(6)));
  const [rows, w] = PAGES[page];
  const [next, label, name] = NEXT_PAGE[/** @type {"signs"} */ (page)];
  const numbers = page === "numbers";
  /** @type {Key[]} */ const keys = [];
  rows.forEach((row, y) => {
    const start = (1 - row.length * w) / 2;
    [...row].forEach((id, i) => keys.push({ id, label: id, name: id, x: start + i * w, y, w, kind: "letter" }));
  });
  const turn = /** @type {[string, string, string, number, string]} */ ([`page-${next}`, label, name, 0.14, "soft"]);
  const back = /** @type {[string, string, string, number, string]} */ (["backspace", ICONS.backspace, "backspace", 0.14, "soft"]);
  if (!numbers) place(keys, [turn], 2), place(keys, [back], 2, 0.86);
  /** @type {[string, string, string, number, string][]} */
  const bottomRow = [
    ["symbols", "ABC", "letters", 0.14, "soft"],
    ...(numbers ? /** @type {any} */ ([turn, ["space", "␣", "space", 0.1, "space"], ["0", "0", "0", 0.2, "letter"], [".", ".", "full stop", 0.1, "mark"], back])
      : [[",", ",", "comma", 0.1, "mark"], ["page-numbers", "12\n34", "digits", 0.1, "soft"], TO_EMOJI, ["space", title, "space", 0.3, "space"], [".", ".", "full stop", 0.1, "mark"]]),
    ["enter", ICONS.enter, "new line", numbers ? 0.18 : 0.16, "soft"],
  ];
  place(keys, bottomRow, rows.length);
  return { keys, above: 0, rows: rows.length + 1, letterRows: rows.length };
}

/** Returns the keys of a page of emoji. @param {number} at */
function emojiOf(at) {
  /** @type {Key[]} */ const keys = [];
  const w = 1 / EMOJI_A_ROW;
  EMOJI[at].all.forEach((id, i) => keys.push({ id, label: id, name: id, x: (i % EMOJI_A_ROW) * w, y: Math.floor(i / EMOJI_A_ROW), w, kind: "emoji" }));
  const letterRows = EMOJI[at].all.length / EMOJI_A_ROW;
  place(keys, [
    ["symbols", "ABC", "letters", 0.15, "soft"],
    ...EMOJI.map(({ name, label }, i) => /** @type {[string, string, string, number, string]} */ ([`page-emoji-${i}`, label, name, 0.11, i === at ? "soft on" : "soft"])),
    ["backspace", ICONS.backspace, "backspace", 0.15, "soft"],
    ["enter", ICONS.enter, "new line", 0.15, "soft"],
  ], letterRows);
  return { keys, above: 0, rows: letterRows + 1, letterRows };
}

/**
 * @param {Key[]} keys
 * @param {[string, string, string, number, string][]} row id, label, name, width, kind
 * @param {number} y
 * @param {number} x where it begins
 */
function place(keys, row, y, x = 0) {
  for (const [id, label, name, w, kind] of row) {
    keys.push({ id, label, name, x, y, w, kind });
    x += w;
  }
}
