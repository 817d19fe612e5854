// Words as letters: docs/host_contract.md, 4.

const APOSTROPHES = "'’‘‛ʼ＇՚׳"; // the first stands for all
const HYPHENS = "-‐‑";
const UNSEEN = /[\u00ad\u2060\ufeff\u200e\u200f]/g; // nobody types them, and they part no word
const CONSONANTS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"; // of Korean keyboards, in the order of Unicode
const VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ";
const FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
// Compound letters, each with the keys that type it.
const COMPOUND = "ㄲㄱㄱ ㄸㄷㄷ ㅃㅂㅂ ㅆㅅㅅ ㅉㅈㅈ ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ ㅒㅑㅣ ㅖㅕㅣ";
const KEYS = new Map(COMPOUND.split(" ").map((entry) => [entry[0], entry.slice(1)]));

/** @param {string} text @param {Set<string>} alphabet */
const holds = (text, alphabet) => [...text].every((c) => alphabet.has(c));

/** @param {string} text */
const plainMarks = (text) => text.replace(/i\u0307/g, "i").replace(UNSEEN, "").replace(new RegExp(`[${APOSTROPHES}]`, "g"), "'");

// By capitals, as they are long: ß is SS, ŉ is ʼN. Not ı, whose capital is that of i.
/** @param {string} text */
const fold = (text) =>
  [...text.normalize("NFC").replaceAll("ẞ", "ß")]
    .map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase().replaceAll("ς", "σ")))
    .join("")
    .normalize("NFC");

/**
 * Returns the letters of a Hangul syllable or compound letter, or null.
 * @param {string} syllable
 * @param {Set<string>} alphabet
 */
function hangul(syllable, alphabet) {
  const parts = syllable.normalize("NFD");
  if (!/^[\u1100-\u11ff\u3131-\u3163]+$/.test(parts)) return null;
  if (holds(parts, alphabet)) return parts;
  const letters = [...parts].map((part) => {
    const code = part.charCodeAt(0);
    return CONSONANTS[code - 0x1100] ?? VOWELS[code - 0x1161] ?? FINALS[code - 0x11a8] ?? part;
  });
  const typed = letters.map((letter) => (alphabet.has(letter) ? letter : KEYS.get(letter) ?? letter)).join("");
  return holds(typed, alphabet) ? typed : null;
}

/**
 * Returns a letter by its parts, or null: "é" as "e", "ế" as "ê" and its accent, if there is one.
 * @param {string} letter
 * @param {Set<string>} alphabet
 */
function decomposed(letter, alphabet) {
  const jamo = hangul(letter, alphabet);
  if (jamo) return jamo;
  let [base, ...marks] = letter.normalize("NFD");
  const left = marks.filter((mark) => {
    const joined = (base + mark).normalize("NFC");
    if ([...joined].length > 1 || !alphabet.has(joined)) return alphabet.has(mark);
    base = joined;
    return false;
  });
  if (!alphabet.has(base)) base = base.toUpperCase();
  return alphabet.has(base) ? base + left.join("") : null;
}

/**
 * Returns what stands for a character that the alphabet lacks, "" for what may be left out, or null.
 * @param {string} c
 * @param {Set<string>} alphabet
 */
function replaced(c, alphabet) {
  if (c === "'" || HYPHENS.includes(c)) return [...(c === "'" ? APOSTROPHES : HYPHENS)].find((kind) => alphabet.has(kind)) ?? "";
  for (const other of [c.toUpperCase(), fold(c)]) if (holds(other, alphabet)) return other;
  return /\p{L}/u.test(c) ? decomposed(c, alphabet) : "";
}

/**
 * Returns the letters to swipe for a word, or null if the alphabet cannot type it.
 * @param {string} word
 * @param {Set<string>} alphabet
 */
export function spell(word, alphabet) {
  const typed = plainMarks(word.normalize("NFC").toLowerCase().normalize("NFC"));
  const parts = [...typed].map((c) => (alphabet.has(c) ? c : replaced(c, alphabet)));
  const spelled = parts.includes(null) ? "" : parts.join("");
  return /[\p{L}\p{N}]/u.test(spelled) ? spelled : null;
}
